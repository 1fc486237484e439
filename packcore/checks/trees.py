"""Strict checks of a tree: order, modes, and names that cause trouble when the tree is checked out.

A file system may treat another name as `.git`: NTFS ignores case, knows `git~1`, and allows dots, spaces or
the `:` of a stream after the name and a backslash before it; HFS+ ignores some characters in between. The
same applies to `.gitmodules` and the other files that git reads: `special_blobs` finds their blobs under all
names.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from packcore.checks.findings import Finding, finding
from packcore.errors import CorruptObject
from packcore.ids import ObjectId
from packcore.objects import (
    LARGE_TREE_BYTES,
    MODE_DIRECTORY,
    MODE_GITLINK,
    MODE_SYMLINK,
    iter_rows,
    mode_kind,
    row_chunks,
    tree_rows,
)

if TYPE_CHECKING:
    from packcore.ids import ObjectFormat

__all__ = ["TreeSurvey", "check_tree", "has_odd_name", "special_blobs", "survey_entries", "survey_tree"]

_Row = tuple[bytes, bytes, ObjectId]

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
"""In the order in which git reports them, each at most once per tree, except the symlinks."""

_NAME_BYTES_MAX = 4096
_SLASH = ord("/")
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

_READ_BY_GIT = (b"gitmodules", b"gitattributes")
"""The dot-files whose blobs are checked too."""


def _ntfs_forms(name: bytes, fallback: bytes) -> re.Pattern[bytes]:
    """Match names that NTFS may treat as a dot-file: its long name, its short names ~1 to ~4, hashed ones."""
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
_MAYBE_SPECIAL = re.compile(rb"git|mailmap|~|\\|[^\x00-\x7f]", re.IGNORECASE)
_MAYBE_ODD = re.compile(rb"git(?!ignore\0|hub\0)|mailmap|~|\\|[^\x00-\x7f]|/|\0\.{0,2}(?=\0)", re.IGNORECASE)
"""Searched in all names of a tree together, with NULs around each: most trees need no closer look."""
_USUAL_MODES = frozenset((b"100644", b"100755", b"40000", b"120000", b"160000"))


def check_tree(data: bytes, object_format: ObjectFormat, *, strict: bool) -> list[Finding]:
    """Return the findings for the bytes of a tree. No bytes make this raise."""
    return survey_tree(data, object_format, strict=strict).findings


def survey_tree(
    data: bytes, object_format: ObjectFormat, *, strict: bool, rows: list[_Row] | None = None
) -> TreeSurvey:
    """Return the results of `check_tree` and `special_blobs` from one pass over the names. Never raises.

    `rows` are the parsed entries of the tree, if the caller has them.
    """
    seen = _Seen(object_format.zero if bytes(object_format.zero) in data else None, strict=strict)
    try:
        if rows is None and len(data) >= LARGE_TREE_BYTES:
            _check_in_chunks(data, object_format, seen)
        else:
            rows = tree_rows(data, object_format) if rows is None else rows
            seen.take(rows)
            seen.found |= _check_order(rows)
    except CorruptObject:
        return _UNPARSABLE
    return _survey(seen)


def survey_entries(rows: list[_Row], object_format: ObjectFormat, *, strict: bool) -> TreeSurvey:
    """Return what `survey_tree` finds in some entries of a tree, apart from their order."""
    seen = _Seen(object_format.zero, strict=strict)
    seen.take(rows)
    return _survey(seen)


def _survey(seen: _Seen) -> TreeSurvey:
    if "emptyName" in seen.found:
        return _UNPARSABLE._replace(why="empty filename in tree entry")  # git's parser stops there
    in_order = [finding(*pair) for pair in _TREE_TEXTS.items() if pair[0] in seen.found] if seen.found else []
    symlinks = [finding(message_id, _TREE_TEXTS[message_id]) for message_id in seen.symlinks]
    return TreeSurvey(symlinks + in_order, seen.special)


class TreeSurvey(NamedTuple):
    """The findings for a tree, and its special blobs."""

    findings: list[Finding]
    special: list[tuple[bytes, ObjectId]]
    """The result of `special_blobs`; empty for bytes that are not a tree."""
    why: str = ""
    """What git's parser says of bytes that are not a tree, if it is worth a line of its own."""


_UNPARSABLE = TreeSurvey([finding("badTree", _TREE_TEXTS["badTree"])], [])


class _Seen:
    """What was found in the entries, each checked separately."""

    def __init__(self, zero: ObjectId | None, *, strict: bool) -> None:
        """`zero` is the zero id if its bytes occur in the tree; only then are the ids of entries checked."""
        self.found: set[str] = set()
        self.symlinks: list[str] = []
        self.special: list[tuple[bytes, ObjectId]] = []
        self._zero = zero
        self._strict = strict

    def take(self, rows: list[_Row]) -> None:
        """Check some entries."""
        found, zero = self.found, self._zero
        if zero is not None and any(oid == zero for _, _, oid in rows):
            found.add("nullSha1")
        for mode_digits in {mode for mode, _, _ in rows} - _USUAL_MODES:
            found.update(_check_mode(mode_digits, strict=self._strict))
        if _may_be_odd(rows):
            for mode_digits, name, oid in rows:
                found.update(_check_name(name))
                if not _MAYBE_SPECIAL.search(name):
                    continue
                kinds = _special_kinds(name)
                if mode_kind(mode_digits) == MODE_SYMLINK:
                    self.symlinks += [_SYMLINK_MESSAGES[kind] for kind in kinds]
                else:
                    self.special += [(kind, oid) for kind in _READ_BY_GIT if kind in kinds]


def _check_in_chunks(data: bytes, object_format: ObjectFormat, seen: _Seen) -> None:
    """Check a large tree without having all of its entries in memory."""
    in_order, last_key = True, list[bytes]()
    for rows in row_chunks(data, object_format):
        seen.take(rows)
        keys = [*last_key, *_sort_keys(rows)]
        # Only entries that begin with the same name can come between a file and a folder of one name.
        in_order = in_order and keys == sorted(keys) and not any(map(bytes.startswith, keys[1:], keys))
        last_key = keys[-1:]
    if not in_order:
        order = _Order()
        for mode, name, _ in iter_rows(data, object_format):
            order.take(mode, name)
        seen.found |= order.found


def _sort_keys(rows: list[_Row]) -> list[bytes]:
    folders = {mode for mode in {mode for mode, _, _ in rows} if mode_kind(mode) == MODE_DIRECTORY}
    return [name + b"/" if mode in folders else name for mode, name, _ in rows]


def _may_be_odd(rows: list[_Row]) -> bool:
    names = [name for _, name, _ in rows]
    if any(mode_kind(mode) == MODE_SYMLINK for mode in {mode for mode, _, _ in rows}):
        return True  # then even .gitignore needs a check
    if has_odd_name(b"\0%s\0" % b"\0".join(names)):
        return True
    return len(max(names, key=len, default=b"")) > _NAME_BYTES_MAX


def has_odd_name(names: bytes) -> bool:
    """Return whether names, each followed by NUL, need a closer look: one may have a meaning to git."""
    return _MAYBE_ODD.search(names) is not None


def _check_mode(mode_digits: bytes, *, strict: bool) -> list[str]:
    found = ["zeroPaddedFilemode"] if mode_digits.startswith(b"0") else []
    mode = int(mode_digits, 8) & 0xFFFF  # git keeps only these bits
    if mode not in _GOOD_MODES and (strict or mode != _OLD_MODE):
        found.append("badFilemode")
    return found


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
    """Return the parts between backslashes, which separate paths on Windows; all but the last keep theirs."""
    parts = name.split(b"\\")
    return [*(part + b"\\" for part in parts[:-1]), parts[-1]]


def _hfs_name(name: bytes) -> bytes:
    """Return the name as HFS+ compares it, as far as that matters here."""
    if name.isascii():
        return name.lower().partition(b"/")[0]
    text = _HFS_IGNORABLE.sub("", name.decode("utf-8", "replace"))
    return text.lower().partition("/")[0].encode("utf-8", "replace")


def _special_kinds(name: bytes) -> list[bytes]:
    """Return which of git's dot-files a file system may mistake this name for."""
    if not _MAYBE_SPECIAL.search(name):
        return []
    plain = _hfs_name(name)
    parts = _backslash_parts(name)
    return [
        kind
        for kind, pattern in _NTFS_SPECIAL.items()
        if plain == b"." + kind or any(pattern.match(part) for part in parts)
    ]


def _check_order(rows: list[_Row]) -> set[str]:
    keys = _sort_keys(rows)
    names = [name for _, name, _ in rows]
    # A slash within a name would compare as the one that stands behind a folder.
    if keys == sorted(keys) and len({*names}) == len(names) and b"/" not in b"\0".join(names):
        return set()
    order = _Order()
    for mode, name, _ in rows:
        order.take(mode, name)
    return order.found


class _Order:
    """Compares neighbours as git does: the name of a folder sorts as if it ended in a slash.

    So a file and a folder of one name may have others between them. A name that repeats for any other reason
    is out of order.
    """

    def __init__(self) -> None:
        self.found: set[str] = set()
        self._files: list[bytes] = []  # names that a folder may still repeat
        self._previous: tuple[bytes, bytes] | None = None

    def take(self, next_mode: bytes, next_name: bytes) -> None:
        """Compare an entry with the one before it."""
        previous, self._previous = self._previous, (next_mode, next_name)
        if previous is None:
            return
        mode, name = previous
        size = min(len(name), len(next_name))
        if name[:size] != next_name[:size]:
            if name > next_name:
                self.found.add("treeNotSorted")
            return
        byte, next_byte = _byte_at(name, size, mode), _byte_at(next_name, size, next_mode)
        may_be_double = next_byte == _SLASH and 0 < byte < _SLASH
        if name == next_name or (may_be_double and _takes_name_of(self._files, next_name)):
            self.found.add("duplicateEntries")
        elif byte >= next_byte:
            self.found.add("treeNotSorted")
        elif not byte and next_byte < _SLASH:
            self._files.append(name)


def _byte_at(name: bytes, at: int, mode: bytes) -> int:
    """Return a byte of the sort key of a name: after the name a slash for a folder, a zero for others."""
    if at < len(name):
        return name[at]
    return _SLASH if mode_kind(mode) == MODE_DIRECTORY else 0


def _takes_name_of(files: list[bytes], folder: bytes) -> bool:
    """Return whether a folder has the name of a file before it; drop files that no later one can match."""
    while files:
        name = files.pop()
        rest = folder[len(name) :]
        if not folder.startswith(name):
            continue
        if not rest:
            return True
        if rest[0] < _SLASH:
            files.append(name)
            break
    return False


def special_blobs(data: bytes, object_format: ObjectFormat) -> list[tuple[bytes, ObjectId]]:
    """Return (kind, id) of the entries that any file system may treat as `.gitmodules` or `.gitattributes`.

    Kind is b"gitmodules" or b"gitattributes". Symbolic links are left out: `check_object` reports those.
    """
    seen = _Seen(None, strict=False)
    for rows in row_chunks(data, object_format):
        seen.take(rows)
    return seen.special
