r"""The bytes of an object: commit and tag headers, tree entries, blobs (see `packcore.objects`).

    commit, tag   header line ... │ empty line │ message
    header line   keyword │ value │ line feed       a line that starts with a blank continues the last one
    author ...    name │ mail │ seconds │ zone
    tree          (mode │ blank │ name │ NUL │ id) ...

>>> tree = b"100644 a.c\0" + bytes(20)
>>> [(part.name, part.note) for part in object_anatomy(ObjectType.TREE, tree, 20).root.parts()]
[('tree entry', 'a.c: a file')]
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from packcore.anatomy.model import Anatomy, Part
from packcore.objects import (
    MODE_DIRECTORY,
    MODE_GITLINK,
    MODE_SYMLINK,
    MODE_TYPE_MASK,
    ObjectType,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["object_anatomy"]

_IDENTITY = re.compile(rb"(?s)([^<\n]*)(<[^>\n]*>)( +)(-?[0-9]{1,18})( +)([+-][0-9]{4})\Z")
_TREE_ENTRY = re.compile(rb"(?s)([0-7]{1,11})( )([^\0]+)(\0)")
_KINDS = {
    MODE_DIRECTORY: "a directory",
    MODE_SYMLINK: "a symbolic link",
    MODE_GITLINK: "a commit of another repository",
}
_IDENTITIES = (b"author", b"committer", b"tagger")
_IDS = (b"tree", b"parent", b"object")


def object_anatomy(type_: ObjectType, data: bytes, digest_size: int, title: str = "") -> Anatomy:
    """Return the tree over the bytes of an object, without the `<type> <size>NUL` that is hashed first."""
    name = type_.label.decode()
    make: Callable[[], Iterator[Part]] | None = None
    if type_ is ObjectType.TREE:
        make = lambda: _tree(data, digest_size)  # noqa: E731 -- one of two, and either is short
    elif type_ is not ObjectType.BLOB:
        make = lambda: _message_object(data)  # noqa: E731
    note = f"{len(data):,} bytes"
    root = Part(name, 0, len(data), None if make else data, note, _make_parts=make)
    return Anatomy(title or name, root, lambda start, end: data[start:end])


def _tree(data: bytes, digest_size: int) -> Iterator[Part]:
    position = 0
    while position < len(data):
        match = _TREE_ENTRY.match(data, position)
        end = match.end() + digest_size if match else 0
        if match is None or end > len(data):
            yield Part("damage", position, len(data), fault="these bytes are not a tree entry")
            return
        kind = _KINDS.get(int(match[1], 8) & MODE_TYPE_MASK, "a file")
        note = f"{_text(match[3])}: {kind}"
        yield Part("tree entry", position, end, _text(match[3]), note, _make_parts=_entry(match, end))
        position = end


def _entry(match: re.Match[bytes], end: int) -> Callable[[], Iterator[Part]]:
    def make() -> Iterator[Part]:
        yield Part("mode", *match.span(1), value=_text(match[1]), note="in octal digits")
        yield Part("blank", *match.span(2))
        yield Part("name", *match.span(3), value=_text(match[3]))
        yield Part("NUL", *match.span(4))
        start = match.end()
        raw = match.string[start:end]
        yield Part("id", start, end, raw, raw.hex())

    return make


def _message_object(data: bytes) -> Iterator[Part]:
    position = 0
    while position < len(data):
        if data.startswith(b"\n", position):
            yield Part("empty line", position, position + 1, note="end of the headers")
            position += 1
            break
        end = data.find(b"\n", position) + 1
        if end == 0:
            yield Part("damage", position, len(data), fault="a header line without an end")
            return
        # A line that starts with a blank continues the header before it.
        while data.startswith(b" ", end) and (further := data.find(b"\n", end) + 1):
            end = further
        yield _header(data, position, end)
        position = end
    if position < len(data):
        yield Part("message", position, len(data), data[position:])


def _header(data: bytes, start: int, end: int) -> Part:
    line = data[start : end - 1]
    keyword, blank, value = line.partition(b" ")

    def make() -> Iterator[Part]:
        value_start = start + len(keyword) + len(blank)
        yield Part("keyword", start, value_start, _text(keyword))
        if keyword in _IDENTITIES and (match := _IDENTITY.match(value)):
            yield from _identity(match, value_start)
        elif value:
            name = "id" if keyword in _IDS else "value"
            yield Part(name, value_start, end - 1, _text(value))
        yield Part("line feed", end - 1, end)

    first_line = value.partition(b"\n")[0]
    return Part(_text(keyword) or "header", start, end, _text(first_line), _make_parts=make)


def _identity(match: re.Match[bytes], start: int) -> Iterator[Part]:
    names = ("name", "mail", "blank", "seconds", "blank", "zone")
    for group, name in enumerate(names, 1):
        first, last = match.span(group)
        if first == last:
            continue
        note = "since 1970, UTC" if name == "seconds" else ""
        value = int(match[group]) if name == "seconds" else _text(match[group]).strip()
        yield Part(name, start + first, start + last, value, note)


def _text(data: bytes) -> str:
    return data.decode("utf-8", "backslashreplace")
