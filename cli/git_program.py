"""The git that called us, asked for what only it knows: configuration, names of objects, its own fetch."""

from __future__ import annotations

import contextlib
import subprocess
from typing import IO, TYPE_CHECKING

from transport.errors import RemoteError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["config", "fetch_pack", "resolve"]

_GIT = "git"
"""Git puts the folder of its own programs first on the PATH of its helpers."""


def config() -> bytes:
    """Return what `git config -z --list` prints: all files, `-c` options and variables; b"" without a git."""
    return _output("config", "-z", "--list") or b""


def resolve(expression: str) -> str | None:
    """Return the id in hex of what an expression names, or None."""
    found = _output("rev-parse", "--verify", "--quiet", "--end-of-options", expression)
    return None if found is None else found.decode("ascii", "replace").strip()


def _output(*words: str) -> bytes | None:
    try:
        done = subprocess.run([_GIT, *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=False)
    except OSError:
        return None
    return done.stdout if done.returncode == 0 else None


def fetch_pack(words: Sequence[str], talk: Callable[[IO[bytes], IO[bytes]], None]) -> bytes:
    """Run `git fetch-pack`, let `talk` write to it and read from it, and return the rest of its output.

    Raises RemoteError where it fails, and what `talk` raises.
    """
    with subprocess.Popen(
        [_GIT, "fetch-pack", *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            talk(process.stdin, process.stdout)
            rest = process.stdout.read()
        except BrokenPipeError:
            rest = b""  # what it ended with, it has said itself
        except BaseException:
            process.kill()
            raise
        finally:
            _close(process.stdin)
    if process.returncode != 0:
        raise RemoteError(f"git fetch-pack failed (exit code {process.returncode})")
    return rest


def _close(stream: IO[bytes]) -> None:
    with contextlib.suppress(BrokenPipeError):
        stream.close()
