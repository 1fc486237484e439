r"""Strict checks of one object, with the message ids, severities and words of `git fsck`.

    check_object(ObjectType.TAG, data, SHA1)  ->  [Finding("missingTaggerEntry", INFO, "invalid format - …")]

Severities are git's defaults (git-fsck, "fsck.<msg-id>"): FATAL and ERROR always count as errors, WARN
does under `strict`, INFO is shown and never counts, IGNORE isn't shown. Like git's, the check of a commit
or a tag stops at the first finding that is an error, since what follows can't be told apart any more.

A tree's checks are in `packcore.checks.trees`, those of `.gitmodules` and `.gitattributes` in
`packcore.checks.special`.

>>> from packcore.ids import SHA1
>>> [finding.message_id for finding in check_object(ObjectType.TREE, b"100644 .GIT\0" + b"\1" * 20, SHA1)]
['hasDotgit']
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from packcore.checks.findings import Finding, Severity, finding
from packcore.checks.trees import check_tree, special_blobs
from packcore.objects import ObjectType
from packcore.refs import decode_ref_name, is_valid_ref_name

if TYPE_CHECKING:
    from packcore.ids import ObjectFormat

__all__ = ["Finding", "Severity", "check_object", "special_blobs"]


def check_object(
    type_: ObjectType, data: bytes, object_format: ObjectFormat, *, strict: bool = False
) -> list[Finding]:
    """Return what is wrong with an object, worst order aside, as git finds it; IGNORE is left out.

    `strict` also reports the old group-writable mode 100664. Never raises on any bytes.
    """
    if type_ is ObjectType.TREE:
        return check_tree(data, object_format, strict=strict)
    if type_ is ObjectType.BLOB:
        return []
    header = _check_headers(data)
    if header is not None:
        return [header]
    scan = _Scan(data, object_format)
    found = _check_commit(scan) if type_ is ObjectType.COMMIT else _check_tag(scan)
    return [one for one in found if one.severity is not Severity.IGNORE]


def _check_headers(data: bytes) -> Finding | None:
    end = data.find(b"\n\n")
    nul = data.find(b"\0", 0, end if end >= 0 else len(data))
    if nul >= 0:
        return finding("nulInHeader", f"unterminated header: NUL at offset {nul}")
    if end < 0 and not data.endswith(b"\n"):
        return finding("unterminatedHeader", "unterminated header")
    return None


class _Scan:
    """A place in an object's header lines."""

    def __init__(self, data: bytes, object_format: ObjectFormat) -> None:
        self.data = data
        self.at = 0
        self._oid_line = re.compile(rb"[0-9a-fA-F]{%d}\n" % object_format.hex_size)

    def skip(self, prefix: bytes) -> bool:
        if not self.data.startswith(prefix, self.at):
            return False
        self.at += len(prefix)
        return True

    def skip_id(self) -> bool:
        match = self._oid_line.match(self.data, self.at)
        if match:
            self.at = match.end()
        return match is not None

    def line(self) -> bytes | None:
        """Take the rest of the line; None where no newline ends it."""
        end = self.data.find(b"\n", self.at)
        if end < 0:
            return None
        line = self.data[self.at : end]
        self.at = end + 1
        return line

    def identity(self) -> Finding | None:
        """Take an identity's line; say what is wrong with it."""
        line = self.line()
        # There is always a newline: the headers were checked to end in one.
        return _check_identity(line if line is not None else b"")


def _check_commit(scan: _Scan) -> list[Finding]:
    if not scan.skip(b"tree "):
        return [finding("missingTree", "invalid format - expected 'tree' line")]
    if not scan.skip_id():
        return [finding("badTreeSha1", "invalid 'tree' line format - bad sha1")]
    while scan.skip(b"parent "):
        if not scan.skip_id():
            return [finding("badParentSha1", "invalid 'parent' line format - bad sha1")]
    authors = 0
    while scan.skip(b"author "):
        authors += 1
        if wrong := scan.identity():
            return [wrong]
    if authors < 1:
        return [finding("missingAuthor", "invalid format - expected 'author' line")]
    if authors > 1:
        return [finding("multipleAuthors", "invalid format - multiple 'author' lines")]
    if not scan.skip(b"committer "):
        return [finding("missingCommitter", "invalid format - expected 'committer' line")]
    if wrong := scan.identity():
        return [wrong]
    if b"\0" in scan.data:
        return [finding("nulInCommit", "NUL byte in the commit object body")]
    return []


def _check_tag(scan: _Scan) -> list[Finding]:
    if not scan.skip(b"object "):
        return [finding("missingObject", "invalid format - expected 'object' line")]
    if not scan.skip_id():
        return [finding("badObjectSha1", "invalid 'object' line format - bad sha1")]
    if not scan.skip(b"type "):
        return [finding("missingTypeEntry", "invalid format - expected 'type' line")]
    line = scan.line()
    if line is None:
        return [finding("missingType", "invalid format - unexpected end after 'type' line")]
    if line not in (b"commit", b"tree", b"blob", b"tag"):
        return [finding("badType", "invalid 'type' value")]
    if not scan.skip(b"tag "):
        return [finding("missingTagEntry", "invalid format - expected 'tag' line")]
    line = scan.line()
    if line is None:
        return [finding("missingTag", "invalid format - unexpected end after 'type' line")]
    found: list[Finding] = []
    if not is_valid_ref_name("refs/tags/" + decode_ref_name(line)):
        found.append(finding("badTagName", f"invalid 'tag' name: {decode_ref_name(line)}"))
    if not scan.skip(b"tagger "):
        found.append(finding("missingTaggerEntry", "invalid format - expected 'tagger' line"))
    elif wrong := scan.identity():
        return [*found, wrong]
    if scan.at < len(scan.data) and not scan.skip(b"\n"):
        found.append(finding("extraHeaderEntry", "invalid format - extra header(s) after 'tagger'"))
    return found


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
