"""Findings of strict checks: message id, severity and text, as in `git fsck` (see its manual)."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["BY_DEFAULT", "MESSAGE_IDS", "Finding", "Severities", "Severity", "finding"]


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
    "badReftableTableName": Severity.WARN,
    "emptyPackedRefsFile": Severity.INFO,
    "refMissingNewline": Severity.INFO,
    "symlinkRef": Severity.INFO,
    "symrefTargetIsNotARef": Severity.INFO,
    "trailingRefContent": Severity.INFO,
    "badFilemode": Severity.INFO,
    "badTagName": Severity.INFO,
    "gitattributesSymlink": Severity.INFO,
    "gitignoreSymlink": Severity.INFO,
    "gitmodulesParse": Severity.INFO,
    "mailmapSymlink": Severity.INFO,
    "missingTaggerEntry": Severity.INFO,
    "extraHeaderEntry": Severity.IGNORE,
}
"""Any other message is an ERROR."""


_MESSAGE_IDS = """
    baddate baddateoverflow bademail badfilemode badgpgsig badheadercontinuation badheadtarget badname
    badobjectsha1 badpackedrefentry badpackedrefheader badparentsha1 badrefcontent badreferentname
    badreffiletype badrefname badrefoid badreftabletablename badtagname badtimezone badtree badtreesha1
    badtype duplicateentries emptyname emptypackedrefsfile extraheaderentry fullpathname gitattributesblob
    gitattributeslarge gitattributeslinelength gitattributesmissing gitattributessymlink gitignoresymlink
    gitmodulesblob gitmoduleslarge gitmodulesmissing gitmodulesname gitmodulesparse gitmodulespath
    gitmodulessymlink gitmodulesupdate gitmodulesurl hasdot hasdotdot hasdotgit largepathname
    mailmapsymlink missingauthor missingcommitter missingemail missingnamebeforeemail missingobject
    missingspacebeforedate missingspacebeforeemail missingtag missingtagentry missingtaggerentry
    missingtree missingtype missingtypeentry multipleauthors nulincommit nulinheader nullsha1
    packedrefentrynotterminated packedrefunsorted refmissingnewline symlinkref symreftargetisnotaref
    trailingrefcontent treenotsorted unknowntype unterminatedheader zeropaddeddate zeropaddedfilemode
"""
MESSAGE_IDS = frozenset(_MESSAGE_IDS.split())
"""Every message id of git fsck, in lower case, including those of findings that no check here makes."""


class Finding(NamedTuple):
    """One thing that is wrong with an object."""

    message_id: str
    severity: Severity
    text: str


def finding(message_id: str, text: str) -> Finding:
    """Make a finding with git's severity for this message."""
    return Finding(message_id, _SEVERITIES.get(message_id, Severity.ERROR), text)


class Severities:
    """The severity of each message: git's defaults, with changes from `fsck.<msg-id>` settings."""

    def __init__(self, changed: Mapping[str, Severity] | None = None, *, strict: bool = False) -> None:
        """Apply `changed` (by message id, in any case) to the defaults; `strict` makes warnings errors.

        Raises ValueError with the message id if a fatal finding would become less than an error.
        """
        self._changed = {message_id.lower(): severity for message_id, severity in (changed or {}).items()}
        self._strict = strict
        for message_id, severity in _SEVERITIES.items():
            chosen = self._changed.get(message_id.lower(), Severity.ERROR)
            if severity is Severity.FATAL and chosen < Severity.ERROR:
                raise ValueError(message_id)

    def of(self, message_id: str) -> Severity:
        """Return the severity of a message."""
        severity = self._changed.get(message_id.lower())
        if severity is None:
            severity = _SEVERITIES.get(message_id, Severity.ERROR)
            return Severity.ERROR if self._strict and severity is Severity.WARN else severity
        return severity

    def judged(self, findings: Iterable[Finding]) -> list[Finding]:
        """Return the findings with these severities, without the ignored ones."""
        judged = (found._replace(severity=self.of(found.message_id)) for found in findings)
        return [found for found in judged if found.severity is not Severity.IGNORE]


BY_DEFAULT = Severities()
"""The severities of `git fsck` without settings."""
