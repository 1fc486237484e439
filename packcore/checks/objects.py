r"""Strict checks of one object, with the message ids, severities and texts of `git fsck`.

    check_object(ObjectType.TAG, data, SHA1)  ->  [Finding("missingTaggerEntry", INFO, "invalid format - …")]

Severities are git's defaults (git-fsck, "fsck.<msg-id>"): FATAL and ERROR always count as errors, WARN
does under `strict`, INFO is shown but never counts, IGNORE isn't shown. Settings change them (`Severities`).
As in git, the check of a commit or tag stops at the first finding that is an error, because the rest can no
longer be parsed reliably.

`packcore.checks.trees` checks trees; `packcore.checks.special` checks `.gitmodules` and `.gitattributes`.

>>> from packcore.ids import SHA1
>>> [finding.message_id for finding in check_object(ObjectType.TREE, b"100644 .GIT\0" + b"\1" * 20, SHA1)]
['hasDotgit']
"""

from __future__ import annotations

import re
from binascii import unhexlify
from typing import TYPE_CHECKING

from packcore.checks.findings import BY_DEFAULT, Finding, Severities, Severity, finding
from packcore.checks.trees import check_tree, special_blobs
from packcore.ids import ObjectId
from packcore.objects import ObjectType
from packcore.refs import decode_ref_name, is_valid_ref_name

if TYPE_CHECKING:
    from packcore.ids import ObjectFormat

__all__ = ["Finding", "Severity", "check_object", "links_of_sound_commit", "special_blobs"]

_IDENTITY = rb"[^<>\n]* <[^<>\n]*> (?:0|[1-9][0-9]{0,17}) [+-][0-9]{4}\n"
_SOUND_COMMIT = {
    size: re.compile(
        rb"tree ([0-9a-f]{%d})\n((?:parent [0-9a-f]{%d}\n){0,8})author %scommitter %s"
        % (size, size, _IDENTITY, _IDENTITY)
    )
    for size in (40, 64)
}
"""A commit as nearly all are."""


def check_object(
    type_: ObjectType,
    data: bytes,
    object_format: ObjectFormat,
    *,
    strict: bool = False,
    severities: Severities = BY_DEFAULT,
) -> list[Finding]:
    """Return the findings for an object in the order in which git reports them, without IGNORE.

    `strict` also reports the old group-writable mode 100664. No bytes make this raise.
    """
    if type_ is ObjectType.TREE:
        found = check_tree(data, object_format, strict=strict)
        return found if severities is BY_DEFAULT else severities.judged(found)
    if type_ is ObjectType.BLOB:
        return []
    scan = _Scan(data, object_format, severities)
    if not _check_headers(scan):
        _check_commit(scan) if type_ is ObjectType.COMMIT else _check_tag(scan)
    return scan.found


def links_of_sound_commit(data: bytes, object_format: ObjectFormat) -> list[ObjectId] | None:
    """Return the tree and the parents of a commit as nearly all are, in which `check_object` finds nothing.

    None if it may be another.
    """
    size = object_format.hex_size
    match = _SOUND_COMMIT[size].match(data)
    if match is None or b"\0" in data or not (b"\n\n" in data or data.endswith(b"\n")):
        return None
    first, end = match.span(2)
    # Each id is behind "parent ", and ends in a newline.
    parents = [ObjectId(unhexlify(data[at + 7 : at + 7 + size])) for at in range(first, end, size + 8)]
    return [ObjectId(unhexlify(match[1])), *parents]


def _check_headers(scan: _Scan) -> bool:
    """Check that the header lines end; return whether git stops here."""
    data = scan.data
    end = data.find(b"\n\n")
    nul = data.find(b"\0", 0, end if end >= 0 else len(data))
    if nul >= 0:
        return scan.report("nulInHeader", f"unterminated header: NUL at offset {nul}")
    if end < 0 and not data.endswith(b"\n"):
        return scan.report("unterminatedHeader", "unterminated header")
    return False


class _Scan:
    """A position in the header lines of an object, and the findings so far."""

    def __init__(self, data: bytes, object_format: ObjectFormat, severities: Severities) -> None:
        self.data = data
        self.at = 0
        self.found: list[Finding] = []
        self._severities = severities
        self._oid_line = re.compile(rb"[0-9a-fA-F]{%d}\n" % object_format.hex_size)

    def report(self, message_id: str, text: str) -> bool:
        """Add a finding; return whether it is an error, after which git checks no further."""
        severity = self._severities.of(message_id)
        if severity is not Severity.IGNORE:
            self.found.append(Finding(message_id, severity, text))
        return severity.is_error(strict=False)

    def skip(self, prefix: bytes) -> bool:
        if not self.data.startswith(prefix, self.at):
            return False
        self.at += len(prefix)
        return True

    def has_bad_id(self, message_id: str, text: str) -> bool:
        """Consume the line of an id; return whether it is invalid and that is an error."""
        match = self._oid_line.match(self.data, self.at)
        if match:
            self.at = match.end()
            return False
        self.line()
        return self.report(message_id, text)

    def line(self) -> bytes | None:
        """Consume and return the rest of the line, or None if no newline ends it."""
        end = self.data.find(b"\n", self.at)
        if end < 0:
            return None
        line = self.data[self.at : end]
        self.at = end + 1
        return line

    def has_bad_identity(self) -> bool:
        """Consume the line of an identity; return whether it has a problem that is an error."""
        line = self.line()
        # There is always a newline, because the headers were checked to end in one.
        wrong = _check_identity(line if line is not None else b"")
        return wrong is not None and self.report(wrong.message_id, wrong.text)


def _check_commit(scan: _Scan) -> None:
    if not scan.skip(b"tree "):
        scan.report("missingTree", "invalid format - expected 'tree' line")
        return
    if scan.has_bad_id("badTreeSha1", "invalid 'tree' line format - bad sha1"):
        return
    while scan.skip(b"parent "):
        if scan.has_bad_id("badParentSha1", "invalid 'parent' line format - bad sha1"):
            return
    authors = 0
    while scan.skip(b"author "):
        authors += 1
        if scan.has_bad_identity():
            return
    if authors < 1 and scan.report("missingAuthor", "invalid format - expected 'author' line"):
        return
    if authors > 1 and scan.report("multipleAuthors", "invalid format - multiple 'author' lines"):
        return
    if not scan.skip(b"committer "):
        scan.report("missingCommitter", "invalid format - expected 'committer' line")
        return
    if not scan.has_bad_identity() and b"\0" in scan.data:
        scan.report("nulInCommit", "NUL byte in the commit object body")


def _check_tag(scan: _Scan) -> None:
    if not scan.skip(b"object "):
        scan.report("missingObject", "invalid format - expected 'object' line")
        return
    if scan.has_bad_id("badObjectSha1", "invalid 'object' line format - bad sha1"):
        return
    if not scan.skip(b"type "):
        scan.report("missingTypeEntry", "invalid format - expected 'type' line")
        return
    line = scan.line()
    if line is None:
        scan.report("missingType", "invalid format - unexpected end after 'type' line")
        return
    if line not in (b"commit", b"tree", b"blob", b"tag") and scan.report("badType", "invalid 'type' value"):
        return
    if not scan.skip(b"tag "):
        scan.report("missingTagEntry", "invalid format - expected 'tag' line")
        return
    line = scan.line()
    if line is None:
        scan.report("missingTag", "invalid format - unexpected end after 'type' line")
        return
    _check_tag_from_its_name_on(scan, line)


def _check_tag_from_its_name_on(scan: _Scan, name: bytes) -> None:
    shown = decode_ref_name(name)
    is_bad = not is_valid_ref_name("refs/tags/" + shown)
    if is_bad and scan.report("badTagName", f"invalid 'tag' name: {shown}"):
        return
    if not scan.skip(b"tagger "):
        if scan.report("missingTaggerEntry", "invalid format - expected 'tagger' line"):
            return
    elif scan.has_bad_identity():
        return
    if scan.at < len(scan.data) and not scan.skip(b"\n"):
        scan.report("extraHeaderEntry", "invalid format - extra header(s) after 'tagger'")


_DATE_MAX = (1 << 63) - 1
_IDENTITY_TAIL = re.compile(rb"([0-9]+)(.?)", re.DOTALL)
_ZONE = re.compile(rb"[+-][0-9]{4}\Z")


def _check_identity(line: bytes) -> Finding | None:
    """Check `Name <mail> seconds zone`."""

    def wrong(message_id: str, what: str) -> Finding:
        return finding(message_id, f"invalid author/committer line - {what}")

    if line.startswith(b"<"):
        return wrong("missingNameBeforeEmail", "missing space before email")
    at = _next_bracket(line, 0)
    if line[at : at + 1] == b">":
        return wrong("badName", "bad name")
    if line[at : at + 1] != b"<":
        return wrong("missingEmail", "missing email")
    if line[at - 1 : at] != b" ":
        return wrong("missingSpaceBeforeEmail", "missing space before email")
    at = _next_bracket(line, at + 1)
    if line[at : at + 1] != b">":
        return wrong("badEmail", "bad email")
    if line[at + 1 : at + 2] != b" ":
        return wrong("missingSpaceBeforeDate", "missing space before date")
    rest = line[at + 2 :].lstrip(b" \t")
    match = _IDENTITY_TAIL.match(rest)
    if match is None:
        return wrong("badDate", "bad date")
    digits, behind = match.groups()
    if digits[:1] == b"0" and rest[1:2] != b" ":
        return wrong("zeroPaddedDate", "zero-padded date")
    if len(digits) > 19 or int(digits) > _DATE_MAX:
        return wrong("badDateOverflow", "date causes integer overflow")
    if behind != b" ":
        return wrong("badDate", "bad date")
    if not _ZONE.match(rest, match.end()):
        return wrong("badTimezone", "bad time zone")
    return None


def _next_bracket(line: bytes, start: int) -> int:
    places = [place for place in (line.find(b"<", start), line.find(b">", start)) if place >= 0]
    return min(places, default=len(line))
