"""Apply a delta in blocks, where base, delta and target may each be too large for memory.

    base      read where a copy needs it, at most 64 KiB at a time
    delta     comes in blocks of any size
    target    goes out in blocks of at most 64 KiB

`packcore.delta.codec` describes the format. It does the same with all three in memory, twice as fast.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from packcore.delta.codec import (
    DELTA_BYTES_MIN,
    DELTA_HEAD_BYTES_MAX,
    INSERT_BYTES_MAX,
    copy_fault,
    too_short,
)
from packcore.errors import CorruptData
from packcore.limits import BLOCK_BYTES
from packcore.varint import decode_size

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

__all__ = ["apply_delta_blocks"]


def apply_delta_blocks(
    read_base: Callable[[int, int], bytes], base_size: int, delta: Iterable[bytes]
) -> Iterator[bytes]:
    """Yield the target in blocks of at most 64 KiB, for objects too large for memory.

    `read_base(offset, size)` returns bytes of the base; `size` is never more than 64 KiB. The blocks of
    `delta` may have any size. Raises CorruptData as `apply_delta` does, but possibly after part of the
    target was yielded.
    """
    blocks = iter(delta)
    data, position, target_size = _read_head(blocks, base_size)
    left = target_size
    pieces: list[bytes] = []
    append = pieces.append
    held = 0
    # One flat loop, as in `apply_delta`: it runs once for each instruction.
    for block in chain(blocks, (None,)):
        if block is None:
            end = len(data)
        else:
            data = data[position:] + block
            position = 0
            end = len(data) - INSERT_BYTES_MAX  # any instruction that begins before this is complete
        try:
            while position < end:
                op = data[position]
                position += 1
                if op < 0x80:
                    if not op:
                        raise CorruptData("a delta has instruction 0, which is reserved")
                    stop = position + op
                    left -= op
                    if left < 0:
                        raise CorruptData(f"a delta makes more than its {target_size} bytes")
                    if held + op > BLOCK_BYTES:
                        yield b"".join(pieces)
                        pieces.clear()
                        held = 0
                    append(data[position:stop])
                    held += op
                    position = stop
                    continue
                offset = size = 0
                if op & 0x01:
                    offset = data[position]
                    position += 1
                if op & 0x02:
                    offset |= data[position] << 8
                    position += 1
                if op & 0x04:
                    offset |= data[position] << 16
                    position += 1
                if op & 0x08:
                    offset |= data[position] << 24
                    position += 1
                if op & 0x10:
                    size = data[position]
                    position += 1
                if op & 0x20:
                    size |= data[position] << 8
                    position += 1
                if op & 0x40:
                    size |= data[position] << 16
                    position += 1
                if not size:
                    size = 0x10000
                left -= size
                if left < 0 or offset + size > base_size:
                    raise CorruptData(copy_fault(offset, size, base_size, target_size, left))
                held += size
                if held > BLOCK_BYTES:
                    if pieces:
                        yield b"".join(pieces)
                        pieces.clear()
                    while size > BLOCK_BYTES:
                        yield read_base(offset, BLOCK_BYTES)
                        offset += BLOCK_BYTES
                        size -= BLOCK_BYTES
                    held = size
                append(read_base(offset, size))
        except IndexError:
            raise CorruptData("a delta ends within a copy instruction") from None
    if position != len(data):
        raise CorruptData("a delta ends within an insert instruction")
    if left:
        raise CorruptData(f"a delta makes {target_size - left} of its {target_size} bytes")
    if pieces:
        yield b"".join(pieces)


def _read_head(blocks: Iterator[bytes], base_size: int) -> tuple[bytes, int, int]:
    """Return the first bytes of a delta, the offset of its instructions in them, and the target's size."""
    data = b""
    for block in blocks:
        data += block
        if len(data) >= DELTA_HEAD_BYTES_MAX:
            break
    if len(data) < DELTA_BYTES_MIN:
        raise CorruptData(too_short(len(data)))
    stated_base_size, position = decode_size(data, 0)
    target_size, position = decode_size(data, position)
    if stated_base_size != base_size:
        raise CorruptData(f"a delta is for a base of {stated_base_size} bytes; this one has {base_size}")
    return data, position, target_size
