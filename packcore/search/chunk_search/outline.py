"""A blob as its chunks: which ones a delta leaves over, and roughly what another base would leave over.

    left_by     matches  ->  the chunks that they don't cover: what the blob introduced
    cost_on     a base   ->  the bytes of the blob's chunks that the base doesn't have

`cost_on` runs before any matching. C code does all of its work, in a third of the time of a match. It is an
estimate: chunks that count as left over may still be matched in part, and a repeated chunk counts once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from packcore.delta.chunks import cut, cut_all, has_lines
from packcore.limits import KIB

if TYPE_CHECKING:
    from collections.abc import Iterable

    from packcore.delta.encode import Match

__all__ = ["Outline", "literal_of"]

_QUICK_BYTES = 32 * KIB
"""Cutting data without lines takes half as long as matching it, so longer data is simply matched."""


class Outline:
    """The chunks of a blob: lines or pieces, depending on the whole blob."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self._by_lines = has_lines(data, 0, len(data))
        self._chunks: set[bytes] | None = None

    def is_quick_on(self, bases: Iterable[bytes]) -> bool:
        """Return whether calling `cost_on` for these bases is quicker than matching them."""
        return self._by_lines or max(map(len, (self.data, *bases))) <= _QUICK_BYTES

    def left_by(self, matches: list[Match] | None) -> list[bytes]:
        """Return the chunks that a delta holds literally, without those too short to carry information."""
        data = self.data
        return cut(data if matches is None else literal_of(data, matches), by_lines=self._by_lines)

    def cost_on(self, base: bytes) -> int:
        """Return the estimated cost of a delta on this base."""
        data, by_lines = self.data, self._by_lines
        chunks = self._chunks
        if chunks is None:
            chunks = self._chunks = set(cut_all(data, 0, len(data), by_lines=by_lines))
        left = chunks.difference(cut_all(base, 0, len(base), by_lines=by_lines))
        return sum(map(len, left)) + len(left)


def literal_of(data: bytes, matches: list[Match]) -> bytes:
    """Return what the matches leave over, as pieces separated by newlines."""
    pieces = []
    position = 0
    for start, _, length in matches:
        if start > position:
            pieces.append(data[position:start])
        position = start + length
    if position < len(data):
        pieces.append(data[position:])
    return b"\n".join(pieces)
