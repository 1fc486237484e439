"""The lines of a check's report, in the words of `git fsck`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from packcore.ids import ObjectId

__all__ = ["FindingKind", "FsckFinding", "error", "notice"]

_Damage = Literal["object", "unreadable", "broken link", "missing", "ref", "shortcut"]
_Information = Literal["notice", "dangling", "unreachable", "root", "tagged"]
FindingKind = _Damage | _Information


class FsckFinding(NamedTuple):
    """One line (or two) of the report."""

    text: str
    """The text that `git fsck` prints."""
    is_error: bool
    """Whether it means that the repository is broken: then the command fails."""
    kind: FindingKind
    oid: ObjectId | None


def error(what: object, kind: FindingKind, oid: ObjectId | None = None) -> FsckFinding:
    """Return the line for something that is broken."""
    return FsckFinding(f"error: {what}", is_error=True, kind=kind, oid=oid)


def notice(what: str) -> FsckFinding:
    """Return a line that says something worth knowing."""
    return FsckFinding(f"notice: {what}", is_error=False, kind="notice", oid=None)
