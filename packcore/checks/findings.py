"""Findings of strict checks: message id, severity and words, as `git fsck` has them (git-fsck's manual)."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

__all__ = ["Finding", "Severity", "finding"]


class Severity(IntEnum):
    """How bad a finding is; higher is worse."""

    IGNORE = 0
    INFO = 1
    WARN = 2
    ERROR = 3
    FATAL = 4

    def is_error(self, *, strict: bool) -> bool:
        """Whether it makes a check fail."""
        return self >= (Severity.WARN if strict else Severity.ERROR)


_SEVERITIES = {
    "nulInHeader": Severity.FATAL,
    "unterminatedHeader": Severity.FATAL,
    "emptyName": Severity.WARN,
    "fullPathname": Severity.WARN,
    "hasDot": Severity.WARN,
    "hasDotdot": Severity.WARN,
    "hasDotgit": Severity.WARN,
    "largePathname": Severity.WARN,
    "nullSha1": Severity.WARN,
    "nulInCommit": Severity.WARN,
    "zeroPaddedFilemode": Severity.WARN,
    "badFilemode": Severity.INFO,
    "badTagName": Severity.INFO,
    "gitattributesSymlink": Severity.INFO,
    "gitignoreSymlink": Severity.INFO,
    "gitmodulesParse": Severity.INFO,
    "mailmapSymlink": Severity.INFO,
    "missingTaggerEntry": Severity.INFO,
    "extraHeaderEntry": Severity.IGNORE,
}
"""What is not named here is an ERROR."""


class Finding(NamedTuple):
    """One thing that is wrong with an object."""

    message_id: str
    severity: Severity
    text: str


def finding(message_id: str, text: str) -> Finding:
    """Make a finding of git's severity for this message."""
    return Finding(message_id, _SEVERITIES.get(message_id, Severity.ERROR), text)
