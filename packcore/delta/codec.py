r"""Deltas: how one object is made from another (gitformat-pack, "Deltified representation").

    delta    base size │ target size │ instruction ...         sizes as `packcore.varint.encode_size`
    copy     1 zyx dcba │ offset bytes a b c d that are there │ size bytes x y z that are there
    insert   0 nnnnnnn  │ n bytes to take as they are           n = 1 to 127
    0x00     reserved: an error

A set bit means that its byte follows; a clear bit means that the byte is zero and left out. Size 0 in a
copy means 0x10000 bytes.

Copy 5 bytes from offset 6, then insert "!":

      91       06      05      01      21
    1 001 0001 offset  size  0 0000001 "!"

>>> delta = encode_delta(11, 6, [Copy(6, 5), Insert(b"!")])
>>> delta.hex(" ")
'0b 06 91 06 05 01 21'
>>> apply_delta(b"hello world", delta)
b'world!'
>>> list(iter_instructions(delta))
[Copy(offset=6, size=5), Insert(data=b'!')]

This module only writes and reads deltas; `packcore.delta.make` finds good ones. All readers check bounds,
both sizes and the minimum length that git accepts, and raise CorruptData.
"""

from __future__ import annotations

from io import BytesIO
from struct import Struct
from struct import error as StructError  # noqa: N812 -- it is a class
from typing import TYPE_CHECKING, NamedTuple

from packcore.errors import CorruptData
from packcore.varint import INTEGER_MAX, decode_size, encode_size

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = [
    "COPY_BYTES_MAX",
    "DELTA_BYTES_MIN",
    "DELTA_HEAD_BYTES_MAX",
    "INSERT_BYTES_MAX",
    "Copy",
    "Insert",
    "Instruction",
    "TargetTooLarge",
    "apply_delta",
    "copy_fault",
    "delta_sizes",
    "empty_delta",
    "encode_copy",
    "encode_delta",
    "encode_insert",
    "iter_instructions",
    "too_short",
]

COPY_BYTES_MAX = 0x10000
"""Most bytes in one copy that we write. Three size bytes could say more, but git writes only two."""
INSERT_BYTES_MAX = 127
"""Most bytes in one insert: its size has seven bits."""
DELTA_BYTES_MIN = 4
"""git refuses shorter deltas (delta.h, DELTA_SIZE_MIN). Only a delta of an empty target could be shorter."""
DELTA_HEAD_BYTES_MAX = 20
"""The two sizes never take more bytes than this."""
_STRETCH_BYTES = 64 * 1024
_VIEW_FROM_BYTES = 8 * 1024  # from here on, copying a slice twice costs more than a memoryview

# The names say how many offset bytes and how many size bytes follow the first byte of a copy.
_TWO_AND_ONE = Struct("<HB").unpack_from
_THREE_AND_ONE = Struct("<HBB").unpack_from
_TWO_AND_TWO = Struct("<HH").unpack_from
_THREE_AND_TWO = Struct("<HBH").unpack_from


class TargetTooLarge(CorruptData):
    """The target of a delta is larger than the caller wants in memory."""


class Copy(NamedTuple):
    """Copy `size` bytes of the base, starting at `offset`."""

    offset: int
    size: int


class Insert(NamedTuple):
    """Insert these bytes."""

    data: bytes


Instruction = Copy | Insert


def encode_copy(offset: int, size: int) -> bytes:
    """Return one copy instruction; `offset` is below 2**32, `size` from 1 to 0x10000 bytes."""
    coded = bytearray(b"\x80")
    for bit in range(4):
        if byte := offset >> 8 * bit & 0xFF:
            coded[0] |= 1 << bit
            coded.append(byte)
    for bit in range(2):
        if byte := size >> 8 * bit & 0xFF:
            coded[0] |= 0x10 << bit
            coded.append(byte)
    return bytes(coded)


def encode_insert(data: bytes) -> bytes:
    """Return insert instructions for `data`, of any length."""
    coded = bytearray()
    for start in range(0, len(data), INSERT_BYTES_MAX):
        piece = data[start : start + INSERT_BYTES_MAX]
        coded.append(len(piece))
        coded += piece
    return bytes(coded)


def encode_delta(base_size: int, target_size: int, instructions: Iterable[Instruction]) -> bytes:
    """Return the delta made of these instructions; copies and inserts that are too long are split."""
    if not target_size:
        return empty_delta(base_size)
    coded = bytearray(encode_size(base_size) + encode_size(target_size))
    for instruction in instructions:
        if isinstance(instruction, Insert):
            coded += encode_insert(instruction.data)
            continue
        offset, size = instruction
        while size > 0:
            coded += encode_copy(offset, min(size, COPY_BYTES_MAX))
            offset += COPY_BYTES_MAX
            size -= COPY_BYTES_MAX
    return bytes(coded)


def empty_delta(base_size: int) -> bytes:
    """Return the delta of an empty target for a base of this size: two sizes, padded to the minimum length.

    >>> empty_delta(5).hex(" ")
    '05 80 80 00'
    """
    head = encode_size(base_size)
    return head + b"\x80" * (DELTA_BYTES_MIN - 1 - len(head)) + b"\0"


def delta_sizes(delta: bytes | memoryview) -> tuple[int, int]:
    """Return the sizes of base and target in bytes, as the head of the delta states them.

    The first `DELTA_HEAD_BYTES_MAX` bytes of a delta are enough. Raises CorruptData.
    """
    base_size, position = decode_size(delta, 0)
    target_size, _ = decode_size(delta, position)
    return base_size, target_size


def iter_instructions(delta: bytes) -> Iterator[Instruction]:
    """Yield the instructions of a delta in order; raise CorruptData where they break the format."""
    if len(delta) < DELTA_BYTES_MIN:
        raise CorruptData(too_short(len(delta)))
    _, position = decode_size(delta, 0)
    _, position = decode_size(delta, position)
    while position < len(delta):
        op = delta[position]
        position += 1
        if op & 0x80:
            fields = [0] * 7
            for bit in range(7):
                if op >> bit & 1:
                    if position >= len(delta):
                        raise CorruptData("a delta ends within a copy instruction")
                    fields[bit] = delta[position]
                    position += 1
            size = int.from_bytes(bytes(fields[4:]), "little")
            yield Copy(int.from_bytes(bytes(fields[:4]), "little"), size or COPY_BYTES_MAX)
        elif op:
            if position + op > len(delta):
                raise CorruptData("a delta ends within an insert instruction")
            yield Insert(bytes(delta[position : position + op]))
            position += op
        else:
            raise CorruptData("a delta has instruction 0, which is reserved")


def apply_delta(
    base: bytes | memoryview, delta: bytes | memoryview, *, target_bytes_max: int = INTEGER_MAX
) -> bytes:
    """Return the target that `delta` makes of `base`.

    The target never grows longer than the head of the delta states. Raises CorruptData if an instruction is
    out of bounds or a size is wrong. Raises TargetTooLarge before doing any work if the head states more
    than `target_bytes_max`.
    """
    try:
        # Sizes below 16 KiB are read inline, others by a call.
        base_size, byte = delta[0], delta[1]
        position = 1
        if base_size >= 0x80:
            base_size += (byte << 7) - 0x80
            position = 2
            if byte >= 0x80:
                base_size, position = decode_size(delta, 0)
        target_size, byte = delta[position], delta[position + 1]
        if target_size < 0x80:
            position += 1
        elif byte < 0x80:
            target_size += (byte << 7) - 0x80
            position += 2
        else:
            target_size, position = decode_size(delta, position)
    except IndexError:  # the delta of an empty target may end with its sizes
        base_size, position = decode_size(delta, 0)
        target_size, position = decode_size(delta, position)
    if base_size != len(base):
        raise CorruptData(f"a delta is for a base of {base_size} bytes; this one has {len(base)}")
    if target_size > target_bytes_max:
        raise TargetTooLarge(f"a delta makes {target_size} bytes")
    # One flat loop: it runs once for each instruction of each delta of every pack that is read.
    pieces: list[bytes | memoryview] = []
    append = pieces.append
    view: memoryview | None = None
    joined: BytesIO | None = None
    end = len(delta)
    if end < DELTA_BYTES_MIN:
        raise CorruptData(too_short(end))
    left = target_size
    two_and_one, three_and_one = _TWO_AND_ONE, _THREE_AND_ONE
    two_and_two, three_and_two = _TWO_AND_TWO, _THREE_AND_TWO
    try:
        while position < end:
            # A long delta is applied in stretches, which bounds the number of pending pieces.
            stretch_end = min(position + _STRETCH_BYTES, end)
            while position < stretch_end:
                op = delta[position]
                position += 1
                if op < 0x80:
                    if not op:
                        raise CorruptData("a delta has instruction 0, which is reserved")
                    stop = position + op
                    left -= op
                    if left < 0:
                        raise CorruptData(f"a delta makes more than its {target_size} bytes")
                    append(delta[position:stop])
                    position = stop
                    continue
                # Four of the 128 forms of a copy account for nearly all copies.
                if op == 0x93:
                    offset, size = two_and_one(delta, position)
                    position += 3
                elif op == 0x97:
                    offset, high, size = three_and_one(delta, position)
                    offset |= high << 16
                    position += 4
                elif op == 0xB3:
                    offset, size = two_and_two(delta, position)
                    position += 4
                elif op == 0xB7:
                    offset, high, size = three_and_two(delta, position)
                    offset |= high << 16
                    position += 5
                else:
                    offset = size = 0
                    if op & 0x01:
                        offset = delta[position]
                        position += 1
                    if op & 0x02:
                        offset |= delta[position] << 8
                        position += 1
                    if op & 0x04:
                        offset |= delta[position] << 16
                        position += 1
                    if op & 0x08:
                        offset |= delta[position] << 24
                        position += 1
                    if op & 0x10:
                        size = delta[position]
                        position += 1
                    if op & 0x20:
                        size |= delta[position] << 8
                        position += 1
                    if op & 0x40:
                        size |= delta[position] << 16
                        position += 1
                # Size 0 means 64 KiB, with any number of size bytes.
                if not size:
                    size = 0x10000
                left -= size
                stop = offset + size
                if stop > base_size or left < 0:
                    raise CorruptData(copy_fault(offset, size, base_size, target_size, left))
                if size < _VIEW_FROM_BYTES:
                    append(base[offset:stop])
                else:
                    if view is None:
                        view = memoryview(base)
                    append(view[offset:stop])
            if position < end:
                if joined is None:
                    joined = BytesIO()
                joined.write(b"".join(pieces))
                pieces.clear()
    except (IndexError, StructError):
        raise CorruptData("a delta ends within a copy instruction") from None
    if position != end:
        raise CorruptData("a delta ends within an insert instruction")
    if left:
        raise CorruptData(f"a delta makes {target_size - left} of its {target_size} bytes")
    if joined is None:
        return b"".join(pieces)
    joined.write(b"".join(pieces))
    return joined.getvalue()


def too_short(delta_bytes: int) -> str:
    """Return the message for a delta of fewer bytes than git accepts."""
    return f"a delta of {delta_bytes} bytes; none is shorter than {DELTA_BYTES_MIN}"


def copy_fault(offset: int, size: int, base_size: int, target_size: int, left: int) -> str:
    """Return the message for an instruction that makes too much or copies out of bounds."""
    if left < 0:
        return f"a delta makes more than its {target_size} bytes"
    return f"a delta copies bytes {offset} to {offset + size} of a base of {base_size} bytes"
