"""The same call of git and of packcore, for commands that take git's place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support import run_git

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result

__all__ = ["assert_same", "run_both"]


def run_both(
    packcore: Callable[..., Result], path: Path, *words: str, stdin: bytes = b""
) -> tuple[Result, bytes]:
    """Run a command with both; return our result and git's stdout. Both must succeed, or neither.

    `words` are the command and its arguments, as git takes them.
    """
    theirs = run_git(*words, cwd=path, stdin=stdin)
    ours = packcore(words[0], path, *words[1:], stdin=stdin)
    assert bool(ours.exit_code) == bool(theirs.returncode), ours.stderr
    return ours, theirs.stdout


def assert_same(packcore: Callable[..., Result], path: Path, *words: str, stdin: bytes = b"") -> Result:
    """Compare what both print; return our result."""
    ours, theirs = run_both(packcore, path, *words, stdin=stdin)
    assert ours.stdout_bytes == theirs
    return ours
