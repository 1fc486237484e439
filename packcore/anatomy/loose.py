"""The bytes of a loose object: a zlib stream of `<type> <size>NUL` and the object (gitrepository-layout)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from packcore.anatomy.model import Anatomy, Part
from packcore.anatomy.objects import object_anatomy
from packcore.anatomy.streams import measure, stream_part
from packcore.deflate import inflate_at, inflate_head
from packcore.errors import CorruptData, LimitExceeded
from packcore.ids import SHA1
from packcore.limits import MIB
from packcore.objects import ObjectType

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packcore.ids import ObjectFormat

__all__ = ["loose_anatomy"]

_HEAD = re.compile(rb"([a-z]+)( )([0-9]{1,18})(\0)")
_HEAD_BYTES_MAX = 32
_HELD_BYTES_MAX = 64 * MIB


def loose_anatomy(data: memoryview, title: str, object_format: ObjectFormat = SHA1) -> Anatomy:
    """Return the tree over the file of a loose object."""

    def parts() -> Iterator[Part]:
        try:
            head = _HEAD.match(inflate_head(data, 0, _HEAD_BYTES_MAX))
        except CorruptData as error:
            yield Part("damage", 0, len(data), fault=str(error))
            return
        if head is None:
            yield Part("damage", 0, len(data), fault="what comes out does not start with a type and a size")
            return
        size = head.end() + int(head[3])
        stream = measure(data, 0, size)
        yield stream_part(data, 0, stream, lambda: _content(data, size, object_format))
        if stream.end < len(data):
            yield Part("extra bytes", stream.end, len(data), fault="nothing may follow the stream")

    root = Part("loose object", 0, len(data), note=f"{len(data):,} bytes", _make_parts=parts)
    return Anatomy(title, root, lambda start, end: bytes(data[start:end]))


def _content(data: memoryview, size: int, object_format: ObjectFormat) -> Anatomy:
    if size > _HELD_BYTES_MAX:
        raise LimitExceeded(
            f"the object has {size:,} bytes; only up to {_HELD_BYTES_MAX:,} are shown inside",
            limit="object_bytes",
        )
    whole = inflate_at(data, 0, size)[0]
    head = _HEAD.match(whole)
    assert head is not None, "measured before"

    def parts() -> Iterator[Part]:
        yield Part("header", 0, head.end(), head[0], "hashed with the rest", _make_parts=header)
        inner = _object(head[1], whole[head.end() :], object_format.digest_size)
        yield _moved(inner.root, head.end(), name="body")

    def header() -> Iterator[Part]:
        names = ("type", "blank", "size", "NUL")
        for group, name in enumerate(names, 1):
            value = head[group].decode() if name in ("type", "size") else None
            yield Part(name, *head.span(group), value=value)

    root = Part("object", 0, len(whole), note=object_format.new_hash(whole).hexdigest(), _make_parts=parts)
    return Anatomy("object", root, lambda start, end: whole[start:end])


def _object(label: bytes, data: bytes, digest_size: int) -> Anatomy:
    try:
        return object_anatomy(ObjectType.from_label(label), data, digest_size)
    except ValueError as error:
        damage = Part("damage", 0, len(data), fault=str(error))
        return Anatomy("object", damage, lambda start, end: data[start:end])


def _moved(part: Part, by: int, *, name: str = "") -> Part:
    """Return the same tree with its ranges moved by `by` bytes."""

    def parts() -> Iterator[Part]:
        for inner in part.parts():
            yield _moved(inner, by)

    return Part(
        name or part.name, part.start + by, part.end + by, part.value, part.note, part.fault, part.bits,
        _make_parts=None if part.is_leaf else parts,
    )  # fmt: skip
