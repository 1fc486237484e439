"""One hook's run: its input from a file, or a conversation; its words as they come, its end within a time.

A hook gets a process group of its own. At the limit the whole group is ended, by SIGTERM and then by SIGKILL.
What a hook leaves running is not waited for: its output is no longer read a moment after the hook's own end.
"""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import threading
from contextlib import suppress
from functools import partial
from typing import IO, TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

__all__ = ["HookEnd", "run_hook", "talk_to_hook"]

_POLITE_SECONDS = 2.0
_BLOCK_BYTES = 4096


class HookEnd(NamedTuple):
    """How a hook ended."""

    passed: bool
    """Whether it exited with 0."""
    words: str = ""
    """Why it could not be run, or was ended."""


def run_hook(
    program: Path,
    arguments: Sequence[str],
    given: bytes,
    *,
    folder: Path,
    environment: Mapping[str, str],
    seconds: float,
    say: Callable[[str], None],
) -> HookEnd:
    """Run a hook in `folder` with `given` as its input; `say` gets its lines, both streams', as they come."""
    with tempfile.TemporaryFile() as source:
        source.write(given)
        source.seek(0)
        process = _begun(
            program,
            *arguments,
            folder=folder,
            environment=environment,
            stdin=source,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
    if isinstance(process, HookEnd):
        return process
    assert process.stdout is not None
    heard = _hearing(process.stdout, say)
    try:
        code = process.wait(seconds)
    except subprocess.TimeoutExpired:
        return _too_late(program, seconds)
    else:
        return HookEnd(passed=code == 0)
    finally:
        if process.returncode is None:
            _end(process)
        heard.join(_POLITE_SECONDS)
        if not heard.is_alive():
            process.stdout.close()


def talk_to_hook(
    program: Path,
    talk: Callable[[Callable[[bytes], None], Iterator[bytes]], None],
    *,
    folder: Path,
    environment: Mapping[str, str],
    seconds: float,
    say: Callable[[str], None],
) -> HookEnd:
    """Run a hook in `folder` while `talk` writes to it and reads from it; `say` gets its standard error.

    `talk` gets a function that sends and an iterator of what comes in. A hook that takes too long is ended,
    which ends both.
    """
    process = _begun(
        program,
        folder=folder,
        environment=environment,
        bufsize=0,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    if isinstance(process, HookEnd):
        return process
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    heard = _hearing(process.stderr, say)
    is_late = threading.Event()

    def end_late() -> None:
        is_late.set()
        _end(process)

    limit = threading.Timer(seconds, end_late)
    limit.daemon = True
    limit.start()
    try:
        talk(partial(_send_all, process.stdin), _blocks(process.stdout))
        process.stdin.close()
        code = process.wait()
    finally:
        limit.cancel()
        if process.returncode is None:
            _end(process)
        process.stdin.close()
        process.stdout.close()
        heard.join(_POLITE_SECONDS)
        if not heard.is_alive():
            process.stderr.close()
    if is_late.is_set():
        return _too_late(program, seconds)
    return HookEnd(passed=code == 0)


def _begun(
    program: Path, *arguments: str, folder: Path, environment: Mapping[str, str], **streams: Any
) -> subprocess.Popen[bytes] | HookEnd:
    """Start a hook in a group of its own; return why if it can't be run."""
    try:
        return subprocess.Popen(
            [program, *arguments], cwd=folder, env=dict(environment), start_new_session=True, **streams
        )
    except OSError as error:
        return HookEnd(passed=False, words=f"the hook {program.name} can't be run: {error.strerror}")


def _hearing(output: IO[bytes], say: Callable[[str], None]) -> threading.Thread:
    """Return a thread that says each line of the output as it comes."""
    heard = threading.Thread(target=_pass_on, args=(output, say), name="hook", daemon=True)
    heard.start()
    return heard


def _too_late(program: Path, seconds: float) -> HookEnd:
    return HookEnd(passed=False, words=f"the hook {program.name} was ended after {seconds:g} seconds")


def _send_all(pipe: IO[bytes], data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[pipe.write(view) :]


def _blocks(output: IO[bytes]) -> Iterator[bytes]:
    while block := os.read(output.fileno(), _BLOCK_BYTES):
        yield block


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a hook and what it has started in its group."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(_POLITE_SECONDS)


def _pass_on(output: IO[bytes], say: Callable[[str], None]) -> None:
    """Say each line when it has ended, and a long one in pieces."""
    line = b""
    while block := os.read(output.fileno(), _BLOCK_BYTES):
        *lines, line = (line + block).split(b"\n")
        for whole in lines:
            say(whole.decode("utf-8", "replace"))
        if len(line) >= _BLOCK_BYTES:
            say(line.decode("utf-8", "replace"))
            line = b""
    if line:
        say(line.decode("utf-8", "replace"))
