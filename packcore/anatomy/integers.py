"""The integers of a pack, byte by byte and bit by bit (gitformat-pack; see `packcore.varint`).

size    more 1 │ 7 bits        lowest bits first
ofs     more 1 │ 7 bits        highest bits first, and each further byte adds one
fixed   four or eight bytes, big-endian
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from packcore.anatomy.model import Bit, Part

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["bits_of", "fixed", "varint"]


def bits_of(byte: int, *fields: tuple[str, int]) -> tuple[Bit, ...]:
    """Name the bits of a byte, most significant first, from pairs of name and width.

    >>> [f"{name}={value:0{width}b}" for name, width, value in
    ...     bits_of(0xBC, ("more", 1), ("type", 3), ("size", 4))]
    ['more=1', 'type=011', 'size=1100']
    """
    named = []
    left = 8
    for name, width in fields:
        left -= width
        named.append(Bit(name, width, byte >> left & ((1 << width) - 1)))
    return tuple(named)


def varint(name: str, data: bytes, start: int, value: int, note: str = "") -> Part:
    """Make the part for a varint, with its bytes as leaves; `data` is the varint, `start` its position."""

    def make() -> Iterator[Part]:
        for at, byte in enumerate(data):
            more = "more bytes follow" if byte & 0x80 else "the last byte"
            yield Part(
                f"byte {at + 1}",
                start + at,
                start + at + 1,
                byte & 0x7F,
                note=more,
                bits=bits_of(byte, ("more", 1), (name, 7)),
            )

    return Part(name, start, start + len(data), value, note, _make_parts=make)


def fixed(name: str, data: bytes, start: int, note: str = "") -> Part:
    """Make the leaf for a big-endian number, which is all of `data`."""
    return Part(name, start, start + len(data), int.from_bytes(data, "big"), note)
