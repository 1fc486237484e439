"""Changes to an input: of its raw bytes, or of the pieces that its shape takes it apart into."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from packcore.errors import PackcoreError

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from tests.fuzz.target import Target

__all__ = ["change_bytes", "mutate"]

_ODD_BYTES = (b"\0", b"\x7f", b"\x80", b"\xff", b"\n", b" ", b"\r\n", b"\x1b", b"/", b"=", b":", b'"', b"\\")
_ODD_NUMBERS = (b"0", b"-1", b"2147483648", b"9223372036854775808", b"18446744073709551616", b"1e999", b"NaN")
_RAW_SHARE = 0.25
"""Of the mutations, those that change raw bytes of an input that has a shape."""


def mutate(one: Target, data: bytes, chance: Random, change: Callable[[bytes], bytes]) -> bytes:
    """Return a changed input. `change` mutates plain bytes: libFuzzer's way, or `change_bytes`."""
    if one.shape is not None and chance.random() > _RAW_SHARE:
        try:
            pieces = one.shape.split(data)
        except (ValueError, IndexError, EOFError, OSError, zlib.error, PackcoreError):
            pieces = []
        if pieces:
            return one.shape.join(_changed(pieces, one, chance, change))[: one.bytes_max]
    return _with_word(data, one, chance, change)[: one.bytes_max]


def _changed(
    pieces: list[bytes], one: Target, chance: Random, change: Callable[[bytes], bytes]
) -> list[bytes]:
    at = chance.randrange(len(pieces))
    kind = chance.randrange(10)
    if kind == 0:
        del pieces[at]
    elif kind == 1:
        pieces.insert(chance.randrange(len(pieces) + 1), pieces[at])
    elif kind == 2:
        other = chance.randrange(len(pieces))
        pieces[at], pieces[other] = pieces[other], pieces[at]
    else:
        pieces[at] = _with_word(pieces[at], one, chance, change)
    return pieces


def _with_word(data: bytes, one: Target, chance: Random, change: Callable[[bytes], bytes]) -> bytes:
    if chance.random() > 0.2:
        return change(data)
    word = chance.choice(one.words + _ODD_NUMBERS if one.words else _ODD_NUMBERS)
    at = chance.randrange(len(data) + 1)
    return data[:at] + word + data[at + chance.choice((0, 0, len(word))) :]


def change_bytes(data: bytes, chance: Random) -> bytes:
    """Return the bytes with one change: a bit, a number, a range taken out, repeated or made long."""
    at = chance.randrange(len(data) + 1)
    kind = chance.randrange(8)
    size = min(1 << chance.randrange(6), len(data) - at)
    if kind == 0 and at < len(data):
        return data[:at] + bytes([data[at] ^ 1 << chance.randrange(8)]) + data[at + 1 :]
    if kind == 1:
        return data[:at] + chance.choice(_ODD_BYTES) + data[at:]
    if kind == 2:
        return data[:at] + data[at + size :]
    if kind == 3:
        start = chance.randrange(len(data) + 1)
        return data[:at] + data[start : start + (1 << chance.randrange(8))] + data[at:]
    if kind == 4:
        return data[:at] + chance.randbytes(size) + data[at + size :]
    if kind == 5:
        number = chance.choice((0, 1, 0x7F, 0x80, 0xFF, 0x7FFFFFFF, 0x80000000, (1 << 63) - 1, 1 << 63))
        width = chance.choice((1, 2, 4, 8))
        return data[:at] + (number & (1 << 8 * width) - 1).to_bytes(width, "big") + data[at + width :]
    if kind == 6:
        return data[:at] + data[at : at + 1] * chance.choice((2, 16, 256, 1024)) + data[at:]
    return data[:at]
