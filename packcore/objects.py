r"""Object types, and parsing of commits, trees and tags: as much as walks, checks and displays need.

    commit   tree <hex>\n  (parent <hex>\n)*  author …\n  committer …\n  (other headers)  \n  message
    tree     (<octal mode> SP <name> NUL <raw id>)*
    tag      object <hex>\n  type <type>\n  tag <name>\n  tagger …\n  (other headers)  \n  message

Parsing is tolerant: real histories have commits without author, modes such as `040000` and `100664`, tags
without tagger, unknown headers, and text in any encoding. Only the links between objects must be correct,
since a walk can't continue without them; the rest is returned as it is. `packcore.checks.objects` is the
strict one. git has no written specification of these formats; its fsck.c and the "Git Objects" chapter of its
book come closest.

>>> from packcore.ids import SHA1
>>> [(f"{e.mode:o}", e.name, e.oid.hex()[:4]) for e in iter_tree(b"100644 a.c\0" + b"\x12" * 20, SHA1)]
[('100644', b'a.c', '1212')]
"""

from __future__ import annotations

import re
from binascii import unhexlify
from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple

from packcore.errors import CorruptObject
from packcore.ids import SHA1, SHA256, ObjectFormat, ObjectId

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "CHUNK_BYTES",
    "LARGE_TREE_BYTES",
    "MODE_DIRECTORY",
    "MODE_GITLINK",
    "MODE_SYMLINK",
    "MODE_TYPE_MASK",
    "Commit",
    "CommitLinks",
    "ObjectType",
    "Tag",
    "TreeEntry",
    "commit_links",
    "iter_rows",
    "iter_tree",
    "mode_kind",
    "parse_commit",
    "parse_tag",
    "row_chunks",
    "tag_target",
    "tree_rows",
]

LARGE_TREE_BYTES = 1 << 20
"""Trees of at least this size are read in chunks; smaller ones, which is nearly all, as a whole."""
CHUNK_BYTES = 1 << 18
MODE_TYPE_MASK = 0o170000
MODE_DIRECTORY = 0o040000
MODE_SYMLINK = 0o120000
MODE_GITLINK = 0o160000
"""A commit of another repository (a submodule): never followed, never sent."""


class ObjectType(IntEnum):
    """The four types of object; the numbers are the type bits of pack entries."""

    COMMIT = 1
    TREE = 2
    BLOB = 3
    TAG = 4

    @property
    def label(self) -> bytes:
        """The name that is printed and hashed into the id: b"commit", b"tree", b"blob", b"tag"."""
        return _LABELS[self]

    @classmethod
    def from_label(cls, label: bytes) -> ObjectType:
        """Return the type for a name. Raises ValueError for any other name."""
        try:
            return _TYPES[label]
        except KeyError:
            raise ValueError(f"unknown object type {label[:20]!r}") from None


_LABELS = {
    ObjectType.COMMIT: b"commit",
    ObjectType.TREE: b"tree",
    ObjectType.BLOB: b"blob",
    ObjectType.TAG: b"tag",
}
_TYPES = {label: type_ for type_, label in _LABELS.items()}


class TreeEntry(NamedTuple):
    """One line of a tree."""

    mode: int
    name: bytes
    oid: ObjectId

    @property
    def is_tree(self) -> bool:
        """Whether it is a directory."""
        return self.mode & MODE_TYPE_MASK == MODE_DIRECTORY

    @property
    def is_gitlink(self) -> bool:
        """Whether it is a commit of another repository (a submodule)."""
        return self.mode & MODE_TYPE_MASK == MODE_GITLINK


class CommitLinks(NamedTuple):
    """The parts of a commit that a walk needs."""

    tree: ObjectId
    parents: tuple[ObjectId, ...]
    date: int
    """The committer date in seconds since 1970; 0 if it can't be parsed."""


class Commit(NamedTuple):
    """A commit, with its texts as they are."""

    tree: ObjectId
    parents: tuple[ObjectId, ...]
    author: bytes
    """`Name <mail> seconds zone`, or b"" if the line is missing."""
    committer: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    """Further headers in order (encoding, gpgsig, mergetag …), with folded lines joined by newlines."""
    message: bytes

    @property
    def date(self) -> int:
        """The committer date in seconds since 1970; 0 if it can't be parsed."""
        return _identity_date(self.committer)


class Tag(NamedTuple):
    """An annotated tag, with its texts as they are."""

    target: ObjectId
    target_type: ObjectType
    name: bytes
    tagger: bytes
    """b"" if the line is missing, as in the oldest tags."""
    headers: tuple[tuple[bytes, bytes], ...]
    message: bytes


_DATE = re.compile(rb"> *(-?[0-9]{1,18})(?:[ \n]|\Z)")
_HEAD = {
    fmt.name: re.compile(
        rb"tree ([0-9a-f]{%d})\n(?:parent [0-9a-f]{%d}\n){0,8}" % (fmt.hex_size, fmt.hex_size)
    )
    for fmt in (SHA1, SHA256)
}
_PLAIN_COMMIT = {
    fmt.name: re.compile(
        rb"tree ([0-9a-f]{%d})\n(?:parent ([0-9a-f]{%d})\n)?author [^\n]*\n"
        rb"committer [^\n>]*> *([0-9]{1,18})(?: [^\n>]*)?\n" % (fmt.hex_size, fmt.hex_size)
    )
    for fmt in (SHA1, SHA256)
}
"""All that a walk needs of nearly any commit, in one match. Any other is taken apart step by step."""
_MORE_PARENTS = {
    fmt.name: re.compile(rb"(?:parent [0-9a-f]{%d}\n){1,1000}" % fmt.hex_size) for fmt in (SHA1, SHA256)
}
"""Bounded, because `re` stores each repetition of a group, and a commit may have a hundred thousand
parents."""
_TAG_HEAD = re.compile(rb"object ([^\n]*)\ntype ([^\n]*)(?:\n(?! )|\Z)")
_HEADER_END = re.compile(rb"\n(?! )")
"""A line that begins with a blank continues the header before it."""
_ROW = {
    # The second branch consumes everything from the first error on, so that any input takes only one pass;
    # without it, each digit of garbage would start a search of its own.
    fmt.name: re.compile(rb"([0-7]{1,11}) ([^\0]*)\0(.{%d})|.+" % fmt.digest_size, re.DOTALL)
    for fmt in (SHA1, SHA256)
}


def commit_links(data: bytes, object_format: ObjectFormat, oid: ObjectId | None = None) -> CommitLinks:
    """Return the tree, parents and date of a commit without parsing the rest.

    `oid` is only for the error message. Raises CorruptObject if the first lines are not valid links.
    """
    if plain := _PLAIN_COMMIT[object_format.name].match(data):
        tree, parent, date = plain.groups()
        parents = (ObjectId(unhexlify(parent)),) if parent else ()
        return CommitLinks(ObjectId(unhexlify(tree)), parents, int(date))
    match = _HEAD[object_format.name].match(data)
    if match is None:
        raise CorruptObject("a commit must begin with its tree and parents", oid=_show(oid))
    size = object_format.hex_size
    first = match.end(1) + 8  # behind the newline and "parent ", which each line has besides its id
    end = match.end()
    while data.startswith(b"parent ", end):
        more = _MORE_PARENTS[object_format.name].match(data, end)
        if more is None:
            raise CorruptObject("a parent line is malformed", oid=_show(oid))
        end = more.end()
    ids = tuple([ObjectId(unhexlify(data[at : at + size])) for at in range(first, end, size + 8)])
    return CommitLinks(ObjectId(unhexlify(match[1])), ids, _commit_date(data, end))


def _commit_date(data: bytes, start: int) -> int:
    line = data.find(b"\ncommitter ", start - 1)
    headers_end = data.find(b"\n\n", start - 1)
    if line < 0 or 0 <= headers_end < line:
        return 0
    end = data.find(b"\n", line + 1)
    return _identity_date(data[line : end if end > 0 else len(data)])


def _identity_date(line: bytes) -> int:
    # Start at the last ">", because names and mail addresses may contain anything.
    match = _DATE.match(line, line.rfind(b">")) if b">" in line else None
    return int(match[1]) if match else 0


def parse_commit(data: bytes, object_format: ObjectFormat, oid: ObjectId | None = None) -> Commit:
    """Parse a commit tolerantly. Raises CorruptObject if tree or parents don't parse."""
    links = commit_links(data, object_format, oid)
    headers, message = _split_headers(data)
    rest = headers[1 + len(links.parents) :]
    return Commit(
        tree=links.tree,
        parents=links.parents,
        author=_first(rest, b"author"),
        committer=_first(rest, b"committer"),
        headers=tuple(pair for pair in rest if pair[0] not in (b"author", b"committer")),
        message=message,
    )


def parse_tag(data: bytes, object_format: ObjectFormat, oid: ObjectId | None = None) -> Tag:
    """Parse a tag tolerantly. Raises CorruptObject if its target or type don't parse."""
    target, target_type = tag_target(data, object_format, oid)
    headers, message = _split_headers(data)
    rest = headers[2:]
    return Tag(
        target=target,
        target_type=target_type,
        name=_first(rest, b"tag"),
        tagger=_first(rest, b"tagger"),
        headers=tuple(pair for pair in rest if pair[0] not in (b"tag", b"tagger")),
        message=message,
    )


def tag_target(
    data: bytes, object_format: ObjectFormat, oid: ObjectId | None = None
) -> tuple[ObjectId, ObjectType]:
    """Return the target of a tag without parsing the rest. Raises CorruptObject as `parse_tag` does."""
    match = _TAG_HEAD.match(data)
    if match is None:
        raise CorruptObject("a tag must begin with its object and type", oid=_show(oid))
    try:
        return object_format.from_hex(match[1]), ObjectType.from_label(match[2])
    except ValueError as error:
        raise CorruptObject(str(error), oid=_show(oid)) from None


def _split_headers(data: bytes) -> tuple[list[tuple[bytes, bytes]], bytes]:
    head, _, message = data.partition(b"\n\n") if not data.startswith(b"\n") else (b"", b"", data[1:])
    headers = []
    for header in _HEADER_END.split(head.rstrip(b"\n")):
        name, _, value = header.partition(b" ")
        headers.append((name, value.replace(b"\n ", b"\n")))
    return headers, message


def _first(headers: list[tuple[bytes, bytes]], name: bytes) -> bytes:
    return next((value for key, value in headers if key == name), b"")


def tree_rows(
    data: bytes, object_format: ObjectFormat, oid: ObjectId | None = None
) -> list[tuple[bytes, bytes, ObjectId]]:
    """Return the entries of a tree as (mode in octal digits, name, id): the fast way, for walks.

    Raises CorruptObject if the bytes are not a complete tree.
    """
    rows: list[tuple[bytes, bytes, ObjectId]] = _ROW[object_format.name].findall(data)
    if rows and not rows[-1][0]:
        raise CorruptObject("a tree entry is malformed", oid=_show(oid))
    return rows


def iter_rows(
    data: bytes, object_format: ObjectFormat, oid: ObjectId | None = None
) -> Iterator[tuple[bytes, bytes, ObjectId]]:
    """Yield the entries of a tree as `tree_rows` returns them, one at a time: for very large trees.

    Raises CorruptObject when it reaches a malformed entry.
    """
    for rows in row_chunks(data, object_format, oid):
        yield from rows


def row_chunks(
    data: bytes, object_format: ObjectFormat, oid: ObjectId | None = None
) -> Iterator[list[tuple[bytes, bytes, ObjectId]]]:
    """Yield the entries of a tree as `tree_rows` returns them, in lists of `CHUNK_BYTES` for a large tree.

    So it is read as fast as a small one, without having all entries in memory. Raises CorruptObject when it
    reaches a malformed entry.
    """
    find = _ROW[object_format.name].findall
    size = len(data)
    start, span = 0, CHUNK_BYTES if size >= LARGE_TREE_BYTES else size
    while start < size:
        end = start + span
        rows: list[tuple[bytes, bytes, ObjectId]] = find(data, start, end)
        if not rows[-1][0]:  # malformed from here on, unless the end of the chunk cuts the entry
            if end >= size:
                raise CorruptObject("a tree entry is malformed", oid=_show(oid))
            rows.pop()
        elif end >= size:
            yield rows
            return
        if rows:
            yield rows
            start += sum(map(len, [mode for mode, _, _ in rows]))
            start += sum(map(len, [name for _, name, _ in rows]))
            start += len(rows) * (object_format.digest_size + 2)  # the id, a blank and a NUL
            span = CHUNK_BYTES
        else:
            span *= 2  # a name longer than a chunk


def iter_tree(data: bytes, object_format: ObjectFormat, oid: ObjectId | None = None) -> Iterator[TreeEntry]:
    """Yield the entries of a tree in order. Raises CorruptObject before the first if malformed."""
    for mode, name, entry_oid in tree_rows(data, object_format, oid):
        yield TreeEntry(int(mode, 8), name, entry_oid)


_MODE_KINDS: dict[bytes, int] = {}
_MODE_KINDS_MAX = 256
"""Real trees use only a few spellings of modes; the others of a hostile tree are computed each time."""


def mode_kind(mode_digits: bytes) -> int:
    """Return the type bits (MODE_DIRECTORY, MODE_GITLINK, ...) of a mode from `tree_rows`."""
    kind = _MODE_KINDS.get(mode_digits)
    if kind is None:
        kind = int(mode_digits, 8) & MODE_TYPE_MASK
        if len(_MODE_KINDS) < _MODE_KINDS_MAX:
            _MODE_KINDS[mode_digits] = kind
    return kind


def _show(oid: ObjectId | None) -> str:
    return oid.hex() if oid is not None else "?"
