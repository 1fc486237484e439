"""One zlib stream in a file (RFC 1950): header, deflate data, checksum, and where it breaks.

    header    CINFO 4 CM 4 │ FLEVEL 2 FDICT 1 FCHECK 5
    data      deflate blocks (RFC 1951): the first three bits say how the first one is coded
    checksum  Adler-32 of the inflated bytes, big-endian

The blocks themselves are not shown, because their parts are bits, not bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from packcore.anatomy.integers import bits_of, fixed
from packcore.anatomy.model import Part
from packcore.deflate import InflateError, new_inflater
from packcore.limits import BLOCK_BYTES, MIB

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from packcore.anatomy.model import Anatomy

__all__ = ["MeasuredStream", "measure", "stream_part"]

_BLOCK_KINDS = ("stored bytes", "a block with fixed Huffman codes", "a block with Huffman codes of its own")
_HEADER_BYTES = 2
_CHECKSUM_BYTES = 4
_BEYOND_BYTES_MAX = 64 * MIB
"""If a stream is longer than its header says, read at most this much more to find its end."""


class MeasuredStream(NamedTuple):
    """The result of reading a stream to its end; the inflated bytes are not kept."""

    end: int
    """Behind its last byte, or where it breaks."""
    made: int
    """The number of inflated bytes."""
    fault: str
    ended: bool
    """Whether its last byte was found: even a stream of the wrong size may be complete."""


def measure(data: memoryview, start: int, size: int) -> MeasuredStream:
    """Read the stream at `start`, which should inflate to `size` bytes; no bytes make this raise."""
    inflater: Any = new_inflater()
    position, made = start, 0
    while not inflater.eof:
        if position >= len(data):
            end = len(data)
            fault = f"the file ends at {end}, when {made:,} of {size:,} bytes came out"
            return MeasuredStream(end, made, fault, False)
        piece = data[position : position + BLOCK_BYTES]
        before = inflater.copy()
        try:
            produced = len(inflater.decompress(piece, BLOCK_BYTES))
        except InflateError as error:
            end = _break_point(before, data, position)
            reason = str(error).rpartition(": ")[2][:80]
            return MeasuredStream(end, made, f"the stream breaks at byte {end - 1}: {reason}", False)
        rest = inflater.unused_data if inflater.eof else inflater.unconsumed_tail
        position += len(piece) - len(rest)
        made += produced
        if made > size + _BEYOND_BYTES_MAX:
            return MeasuredStream(
                position, made, f"it inflates to far more than its header's {size:,} bytes", False
            )
    fault = "" if made == size else f"it inflates to {made:,} bytes, and its header says {size:,}"
    return MeasuredStream(position, made, fault, True)


def _break_point(inflater: Any, data: memoryview, position: int) -> int:
    """Inflate a broken piece byte by byte; return the position behind the byte that breaks it."""
    while position < len(data):
        try:
            inflater.decompress(data[position : position + 1], BLOCK_BYTES)
        except InflateError:
            return position + 1
        position += 1
    return position


def stream_part(
    data: memoryview, start: int, stream: MeasuredStream, make_content: Callable[[], Anatomy] | None
) -> Part:
    """Make the part for a measured stream; `make_content` inflates it when its content is needed."""
    stored = stream.end - start
    note = f"{stored:,} bytes hold {stream.made:,}"
    if stream.made:
        note += f" ({stored / stream.made:.0%})"
    return Part(
        "zlib stream",
        start,
        stream.end,
        stream.made,
        note,
        stream.fault,
        _make_parts=lambda: _parts(data, start, stream),
        _make_content=None if stream.fault else make_content,
    )


def _parts(data: memoryview, start: int, stream: MeasuredStream) -> Iterator[Part]:
    end = stream.end
    head_end = min(start + _HEADER_BYTES, end)
    for at in range(start, head_end):
        fields = (("CINFO", 4), ("CM", 4)) if at == start else (("FLEVEL", 2), ("FDICT", 1), ("FCHECK", 5))
        note = _window_note(data[at]) if at == start else f"level {data[at] >> 6} of 3"
        yield Part(
            f"zlib header {at - start + 1}", at, at + 1, data[at], note, bits=bits_of(data[at], *fields)
        )
    data_end = end if stream.fault else max(end - _CHECKSUM_BYTES, head_end)
    if data_end > head_end:
        kind = data[head_end] >> 1 & 3
        note = f"starts with {_BLOCK_KINDS[kind]}" if kind < len(_BLOCK_KINDS) else ""
        yield Part("deflate data", head_end, data_end, stream.made, note, stream.fault)
    if end > data_end:
        yield fixed("Adler-32", bytes(data[data_end:end]), data_end, "of what comes out")


def _window_note(byte: int) -> str:
    return f"deflate with a window of {1 << (byte >> 4) + 8:,} bytes" if byte & 15 == 8 else "not deflate"
