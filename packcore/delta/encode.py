"""Turn matches into the bytes of a delta.

    base size | target size | instruction, instruction, ...

    insert    0nnnnnnn  n bytes of data                       1 <= n <= 127
    copy      1sssoooo  offset bytes, size bytes              one bit for each byte that isn't zero

    o: up to four offset bytes; s: up to two size bytes (the format allows a third, which git doesn't
    write and neither do we); all little-endian. A size of 0x10000 is written without any size byte.

A match is (target start, base start, length). Matches come in target order and don't overlap. The bytes
between them are inserted as they are.

>>> delta_from_matches(10, b"hello world", [(0, 2, 6)]).hex(" ")
'0a 0b 91 02 06 05 77 6f 72 6c 64'

Specified in gitformat-pack, "Deltified representation". Copies longer than 0x10000 are left out on purpose,
because old readers refuse them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from packcore.delta.codec import empty_delta
from packcore.varint import encode_size

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["COPY_BYTES_MAX", "INSERT_BYTES_MAX", "OFFSET_MAX", "Match", "delta_from_matches"]

Match = tuple[int, int, int]
"""Target start, base start, length."""

COPY_BYTES_MAX = 0x10000
INSERT_BYTES_MAX = 127
OFFSET_MAX = 0xFFFFFFFF

_BYTE = tuple(bytes((value,)) for value in range(256))


def delta_from_matches(base_size: int, target: bytes, matches: Iterable[Match]) -> bytes:
    """Return the delta that makes `target` from a base of `base_size` bytes, using these matches.

    Matches that start beyond 4 GiB in the base can't be written as copies, so their bytes are inserted.
    """
    target_size = len(target)
    if not target_size:
        return empty_delta(base_size)
    pieces = [encode_size(base_size), encode_size(target_size)]
    append = pieces.append
    position = 0
    # This loop runs once for each instruction of a pack, so it avoids calls wherever it can.
    for target_start, base_start, length in matches:
        if base_start + length > OFFSET_MAX:
            continue
        while position < target_start:
            size = target_start - position
            if size > INSERT_BYTES_MAX:  # noqa: PLR1730 - min() is a call, and no loop is hotter
                size = INSERT_BYTES_MAX
            append(_BYTE[size])
            append(target[position : position + size])
            position += size
        while length > 0:
            size = length if length < COPY_BYTES_MAX else COPY_BYTES_MAX  # noqa: FURB136 - as above
            fields = base_start | (size & 0xFFFF) << 32
            opcode = 0x80
            if fields & 0xFF:
                opcode |= 0x01
            if fields & 0xFF00:
                opcode |= 0x02
            if fields & 0xFF0000:
                opcode |= 0x04
            if fields & 0xFF000000:
                opcode |= 0x08
            if fields & 0xFF00000000:
                opcode |= 0x10
            if fields & 0xFF0000000000:
                opcode |= 0x20
            append(_BYTE[opcode])
            append(fields.to_bytes(6, "little").replace(b"\0", b""))
            base_start += size
            position += size
            length -= size
    while position < target_size:
        size = min(target_size - position, INSERT_BYTES_MAX)
        append(_BYTE[size])
        append(target[position : position + size])
        position += size
    return b"".join(pieces)
