"""Which tests need POSIX: those whose file speaks of what Windows lacks.

The mark `posix` follows from the file itself, so that no list can be forgotten. It covers a whole file; a
test that needs POSIX among others that don't gets a file of its own, or a `skipif` with its reason.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_WORDS = re.compile(
    r"""
      \b(?:import|from)\ (?:fcntl|grp|pty|pwd|resource|termios)\b
    | \bos\.(?:fork|geteuid|getuid|killpg|mkfifo|pread|setsid|umask)\b
    | \bsignal\.(?:SIGKILL|SIGSTOP|SIGCONT|SIGHUP|SIGUSR1|SIGPIPE)\b
    | \b(?:os\.symlink|symlink_to|\.chmod|os\.chmod)\(
    | \bpreexec_fn\b | \bpass_fds\b
    | /proc/ | /dev/full | [#]!/bin/sh | \bAF_UNIX\b
    """,
    re.VERBOSE,
)


@cache
def words_of_posix(path: Path) -> tuple[str, ...]:
    """Return the words of POSIX that a file of tests uses, each once, sorted."""
    if path.suffix != ".py" or "tests" not in path.parts:
        return ()
    return tuple(sorted({match[0].strip() for match in _WORDS.finditer(path.read_text(encoding="utf-8"))}))
