"""EWAH: sets of numbers as bits, in 64-bit words, with runs of equal words as counts (gitformat-bitmap).

    bits (4)  words (4)  the words (8 each)  place of the last marker (4)

    a marker    bit 0: the bit that the run repeats    32 bits: words in the run    31 bits: literal words
                then the literal words follow; the first bit of a word is bit 0

In memory a set is a Python integer: bit n stands for the number n, and `|` `&` `~` are the operations.

>>> data = encode_ewah(0b1011, 64)
>>> data.hex(" ", 4)
'00000040 00000002 00000002 00000000 00000000 0000000b 00000000'
>>> decode_ewah(data, 0, 64)
(11, 28)
"""

from __future__ import annotations

import sys
from array import array
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["EwahFault", "decode_ewah", "encode_ewah", "set_bits", "skip_ewah"]

_RUN_BITS = 0xFFFFFFFF
_RUN_MAX = (1 << 32) - 1
_LITERALS_MAX = (1 << 31) - 1
_FULL = (1 << 64) - 1


class EwahFault(ValueError):
    """The bytes are not a set of the allowed size."""


def skip_ewah(data: bytes, at: int) -> int:
    """Return the end of the set that begins at `at`. Raises EwahFault if that is not within the data."""
    end = at + 12 + 8 * int.from_bytes(data[at + 4 : at + 8], "big")
    if at + 12 > len(data) or end > len(data):
        raise EwahFault("a set of bits is cut off")
    return end


def decode_ewah(data: bytes, at: int, bits_max: int) -> tuple[int, int]:
    """Return the set that begins at `at`, and its end. Raises EwahFault for more than `bits_max`."""
    end = skip_ewah(data, at)
    words = array("Q", data[at + 8 : end - 4])
    if sys.byteorder == "little":
        words.byteswap()
    left = (bits_max + 63) // 64
    parts: list[bytes] = []
    place = 0
    while place < len(words):
        marker = words[place]
        run, literals = marker >> 1 & _RUN_BITS, marker >> 33
        left -= run + literals
        place += 1
        if left < 0 or place + literals > len(words):
            raise EwahFault("a set of bits is larger than there are objects")
        parts += (
            (b"\xff" if marker & 1 else b"\0") * (8 * run),
            _little_endian(words[place : place + literals]),
        )
        place += literals
    found = int.from_bytes(b"".join(parts), "little")
    if found >> bits_max:
        # A run of ones may fill the last word; git accepts that.
        found &= (1 << bits_max) - 1
    return found, end


def _little_endian(words: array[int]) -> bytes:
    if sys.byteorder == "big":
        words.byteswap()
    return words.tobytes()


def encode_ewah(numbers: int, bits: int) -> bytes:
    """Return a set as git writes it; `bits` is how many numbers there are."""
    count = (bits + 63) // 64
    words = array("Q", numbers.to_bytes(8 * count, "little"))
    if sys.byteorder == "big":
        words.byteswap()
    out = array("Q")
    place = marker_place = 0
    while True:
        fill = words[place] if place < count and words[place] in (0, _FULL) else None
        start = place
        while place < count and words[place] == fill and place - start < _RUN_MAX:
            place += 1
        run, start = place - start, place
        while place < count and words[place] not in (0, _FULL) and place - start < _LITERALS_MAX:
            place += 1
        marker_place = len(out)
        out.append((fill == _FULL) | run << 1 | (place - start) << 33)
        out.extend(words[start:place])
        if place >= count:
            break
    head = bits.to_bytes(4, "big") + len(out).to_bytes(4, "big")
    if sys.byteorder == "little":
        out.byteswap()
    return head + out.tobytes() + marker_place.to_bytes(4, "big")


def set_bits(bits: int) -> Iterable[int]:
    """Yield the numbers of a set, lowest first."""
    data = bits.to_bytes((bits.bit_length() + 7) // 8, "little")
    for start, byte in enumerate(data):
        if byte:
            yield from _BITS_OF[byte] if not start else [8 * start + bit for bit in _BITS_OF[byte]]


_BITS_OF = tuple(tuple(bit for bit in range(8) if byte >> bit & 1) for byte in range(256))
