r"""Strict checks of one object, with the message ids, severities and words of `git fsck`.

    check_object(ObjectType.TAG, data, SHA1)  ->  [Finding("missingTaggerEntry", INFO, "invalid format - …")]

Severities are git's defaults (git-fsck, "fsck.<msg-id>"): FATAL and ERROR always count as errors, WARN
does under `strict`, INFO is shown and never counts, IGNORE isn't shown. Like git's, the check of a commit
or a tag stops at the first finding that is an error, since what follows can't be told apart any more.

Trees are also checked for names that a file system may take for `.git` (NTFS: any case, `git~1`, dots
and spaces behind, a stream's `:`; HFS+: ignorable characters in between). Which blobs are `.gitmodules`
and `.gitattributes` is found by `special_blobs`; their contents are checked in `packcore.check_special`.

>>> from packcore.ids import SHA1
>>> [finding.message_id for finding in check_object(ObjectType.TREE, b"100644 .GIT\0" + b"\1" * 20, SHA1)]
['hasDotgit']
"""

from __future__ import annotations

import re
from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple

from packcore.errors import CorruptObject
from packcore.ids import ObjectFormat
from packcore.objects import (
    MODE_DIRECTORY,
    MODE_GITLINK,
    MODE_SYMLINK,
    MODE_TYPE_MASK,
    ObjectType,
    tree_rows,
)
from packcore.refs import decode_ref_name, is_valid_ref_name

if TYPE_CHECKING:
    from packcore.ids import ObjectFormat, ObjectId

__all__ = ["Finding", "Severity", "check_object", "special_blobs"]


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


def check_object(
    type_: ObjectType, data: bytes, object_format: ObjectFormat, *, strict: bool = False
) -> list[Finding]:
    """Return what is wrong with an object, worst order aside, as git finds it; IGNORE is left out.

    `strict` also reports the old group-writable mode 100664. Never raises on any bytes.
    """
    if type_ is ObjectType.TREE:
        return _check_tree(data, object_format, strict=strict)
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


_TREE_TEXTS = {
    "nullSha1": "contains entries pointing to null sha1",
    "fullPathname": "contains full pathnames",
    "emptyName": "contains empty pathname",
    "hasDot": "contains '.'",
    "hasDotdot": "contains '..'",
    "hasDotgit": "contains '.git'",
    "zeroPaddedFilemode": "contains zero-padded file modes",
    "badFilemode": "contains bad file modes",
    "duplicateEntries": "contains duplicate file entries",
    "treeNotSorted": "not properly sorted",
    "largePathname": "contains excessively large pathname",
    "gitmodulesSymlink": ".gitmodules is a symbolic link",
    "gitattributesSymlink": ".gitattributes is a symlink",
    "gitignoreSymlink": ".gitignore is a symlink",
    "mailmapSymlink": ".mailmap is a symlink",
    "badTree": "cannot be parsed as a tree",
}
"""In the order in which git reports them; each at most once a tree, bar the symlinks."""

_NAME_BYTES_MAX = 4096
_GOOD_MODES = frozenset((0o100755, 0o100644, MODE_SYMLINK, MODE_DIRECTORY, MODE_GITLINK))
_OLD_MODE = 0o100664
_NTFS_DOTGIT = re.compile(rb"(?:\.git|git~1)[. ]*(?:\Z|[\\/:])", re.IGNORECASE)
_HFS_IGNORABLE = re.compile("[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]")
_SYMLINK_MESSAGES = {
    b"gitmodules": "gitmodulesSymlink",
    b"gitattributes": "gitattributesSymlink",
    b"gitignore": "gitignoreSymlink",
    b"mailmap": "mailmapSymlink",
}


def _ntfs_forms(name: bytes, fallback: bytes) -> re.Pattern[bytes]:
    """Match what NTFS may take for a dot-file: its long name, its short names ~1 to ~4, its hashed ones."""
    hashed = b"|".join(
        re.escape(fallback[:length]) + b"~[1-9][0-9]{%d}" % (6 - length) for length in range(7)
    )
    long_and_short = rb"\.%s|%s~[1-4]" % (name, name[:6])
    return re.compile(rb"(?:%s|%s)[. ]*(?:\Z|:)" % (long_and_short, hashed), re.IGNORECASE)


_NTFS_SPECIAL = {
    b"gitmodules": _ntfs_forms(b"gitmodules", b"gi7eba"),
    b"gitattributes": _ntfs_forms(b"gitattributes", b"gi7d29"),
    b"gitignore": _ntfs_forms(b"gitignore", b"gi250a"),
    b"mailmap": _ntfs_forms(b"mailmap", b"maba30"),
}
_MAYBE_SPECIAL = re.compile(rb"[.~]|\\|[^\x00-\x7f]")


def _check_tree(data: bytes, object_format: ObjectFormat, *, strict: bool) -> list[Finding]:
    try:
        rows = tree_rows(data, object_format)
    except CorruptObject:
        return [finding("badTree", _TREE_TEXTS["badTree"])]
    found: set[str] = set()
    symlinks: list[str] = []
    for mode_digits, name, oid in rows:
        mode = int(mode_digits, 8)
        if oid == object_format.zero:
            found.add("nullSha1")
        if mode_digits.startswith(b"0"):
            found.add("zeroPaddedFilemode")
        if mode not in _GOOD_MODES and (strict or mode != _OLD_MODE):
            found.add("badFilemode")
        found.update(_check_name(name))
        if mode & MODE_TYPE_MASK == MODE_SYMLINK:
            symlinks += [_SYMLINK_MESSAGES[kind] for kind in _special_kinds(name)]
    found.update(_check_order(rows))
    in_order = [finding(*pair) for pair in _TREE_TEXTS.items() if pair[0] in found]
    return [finding(message_id, _TREE_TEXTS[message_id]) for message_id in symlinks] + in_order


def _check_name(name: bytes) -> list[str]:
    if not name:
        return ["emptyName"]
    found = []
    if b"/" in name:
        found.append("fullPathname")
    if name == b".":
        found.append("hasDot")
    if name == b"..":
        found.append("hasDotdot")
    if _is_dotgit(name):
        found.append("hasDotgit")
    if len(name) > _NAME_BYTES_MAX:
        found.append("largePathname")
    return found


def _is_dotgit(name: bytes) -> bool:
    if not _MAYBE_SPECIAL.search(name):
        return False
    if _hfs_name(name) == b".git":
        return True
    return any(_NTFS_DOTGIT.match(part) for part in _backslash_parts(name))


def _backslash_parts(name: bytes) -> list[bytes]:
    """Return the parts between backslashes, which are separators to Windows; all but the last keep theirs."""
    parts = name.split(b"\\")
    return [*(part + b"\\" for part in parts[:-1]), parts[-1]]


def _hfs_name(name: bytes) -> bytes:
    """Return the name as HFS+ compares it, as far as it matters here."""
    if name.isascii():
        return name.lower().partition(b"/")[0]
    text = _HFS_IGNORABLE.sub("", name.decode("utf-8", "replace"))
    return text.lower().partition("/")[0].encode("utf-8", "replace")


def _special_kinds(name: bytes) -> list[bytes]:
    """Return which dot-files of git's a file system may take this name for."""
    if not _MAYBE_SPECIAL.search(name):
        return []
    plain = _hfs_name(name)
    parts = _backslash_parts(name)
    return [
        kind
        for kind, pattern in _NTFS_SPECIAL.items()
        if plain == b"." + kind or any(pattern.match(part) for part in parts)
    ]


def _check_order(rows: list[tuple[bytes, bytes, ObjectId]]) -> set[str]:
    """Compare neighbours as git sorts them: a folder's name as if it ended in a slash."""
    found: set[str] = set()
    previous = b""
    names: set[bytes] = set()
    for position, (mode, name, _) in enumerate(rows):
        key = name + b"/" if int(mode, 8) & MODE_TYPE_MASK == MODE_DIRECTORY else name
        if name in names:
            found.add("duplicateEntries")
        elif position and previous > key:
            found.add("treeNotSorted")
        names.add(name)
        previous = key
    return found


def special_blobs(data: bytes, object_format: ObjectFormat) -> list[tuple[bytes, ObjectId]]:
    """Return the (kind, id) of a tree's entries that are `.gitmodules` or `.gitattributes` to somebody.

    Kind is b"gitmodules" or b"gitattributes". Symbolic links are left out: `check_object` reports these.
    """
    found: list[tuple[bytes, ObjectId]] = []
    for mode, name, oid in tree_rows(data, object_format):
        if _MAYBE_SPECIAL.search(name) and int(mode, 8) & MODE_TYPE_MASK != MODE_SYMLINK:
            kinds = _special_kinds(name)
            found += [(kind, oid) for kind in (b"gitmodules", b"gitattributes") if kind in kinds]
    return found
