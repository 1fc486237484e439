"""Applying a delta of any size in blocks: base, delta and target may each be too large for memory.

    base      read where a copy asks for it, at most 64 KiB at a time
    delta     comes in blocks of any size
    target    goes out in blocks of 64 KiB

The format is drawn in `packcore.delta.codec`, which does the same with all three in memory, much faster.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from packcore.delta.codec import (
    COPY_BYTES_MAX,
    DELTA_BYTES_MIN,
    DELTA_HEAD_BYTES_MAX,
    copy_fault,
    too_short,
)
from packcore.errors import CorruptData
from packcore.varint import decode_size

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

__all__ = ["apply_delta_blocks"]

_PIECE_BYTES = 64 * 1024


def apply_delta_blocks(
    read_base: Callable[[int, int], bytes], base_size: int, delta: Iterable[bytes]
) -> Iterator[bytes]:
    """Yield the target in blocks of at most 64 KiB, for objects too large for memory.

    `read_base(offset, size)` returns bytes of the base (never more than 64 KiB are asked for);
    `delta` comes in blocks of any size. Raises CorruptData as `apply_delta` does, in part only after
    some of the target was yielded.
    """
    source = _DeltaSource(delta)
    said_base_size, target_size = source.read_sizes()
    if said_base_size != base_size:
        raise CorruptData(f"a delta is for a base of {said_base_size} bytes; this one has {base_size}")
    left = target_size
    pieces: list[bytes] = []
    held = 0
    while (instruction := source.read_instruction()) is not None:
        insert, offset, size = instruction
        left -= size
        if left < 0 or (insert is None and offset + size > base_size):
            raise CorruptData(copy_fault(offset, size, base_size, target_size, left))
        while size:
            take = min(size, _PIECE_BYTES - held)
            # An insert is never cut twice: 127 bytes cross at most one end of a block.
            pieces.append(read_base(offset, take) if insert is None else insert[offset : offset + take])
            offset += take
            size -= take
            held += take
            if held == _PIECE_BYTES:
                yield b"".join(pieces)
                pieces.clear()
                held = 0
    if left:
        raise CorruptData(f"a delta makes {target_size - left} of its {target_size} bytes")
    if pieces:
        yield b"".join(pieces)


class _DeltaSource:
    """Reads a delta's head and instructions from blocks, holding little more than one block."""

    def __init__(self, blocks: Iterable[bytes]) -> None:
        self._blocks = iter(blocks)
        self._buffer = b""
        self._position = 0

    def _fill(self, count: int) -> bool:
        """Try to have `count` bytes at hand; tell whether they are."""
        if len(self._buffer) - self._position >= count:
            return True
        parts = [self._buffer[self._position :]]
        held = len(parts[0])
        for block in self._blocks:
            parts.append(block)
            held += len(block)
            if held >= count:
                break
        self._buffer = b"".join(parts)
        self._position = 0
        return held >= count

    def read_sizes(self) -> tuple[int, int]:
        self._fill(DELTA_HEAD_BYTES_MAX)
        if len(self._buffer) < DELTA_BYTES_MIN:
            raise CorruptData(too_short(len(self._buffer)))
        base_size, position = decode_size(self._buffer, self._position)
        target_size, self._position = decode_size(self._buffer, position)
        return base_size, target_size

    def read_instruction(self) -> tuple[bytes | None, int, int] | None:
        """Return (insert bytes or None, offset, size) of the next instruction; None at the end."""
        if not self._fill(1):
            return None
        op = self._buffer[self._position]
        if op & 0x80:
            if not self._fill(1 + (op & 0x7F).bit_count()):
                raise CorruptData("a delta ends within a copy instruction")
            position = self._position + 1
            offset = size = 0
            for bit in range(7):
                if op >> bit & 1:
                    byte = self._buffer[position]
                    position += 1
                    if bit < 4:
                        offset |= byte << 8 * bit
                    else:
                        size |= byte << 8 * (bit - 4)
            self._position = position
            return None, offset, size or COPY_BYTES_MAX
        if not op:
            raise CorruptData("a delta has instruction 0, which is reserved")
        if not self._fill(1 + op):
            raise CorruptData("a delta ends within an insert instruction")
        start = self._position + 1
        self._position = start + op
        return self._buffer[start : start + op], 0, op
