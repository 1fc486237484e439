"""A blob as its chunks: those that a delta leaves over, and what another base would leave over about.

    left_by     matches  ->  the chunks that they don't cover: what the blob brought in
    cost_on     a base   ->  the bytes of the blob's chunks, less those of the base's

The latter is asked before anything is matched: C code alone answers it, in a third of the time of a match.
It is a guess, since what counts as left over may yet be matched in part, and what comes twice counts once.
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
"""Data without lines is cut in as much time as half a match takes: what is longer had better be matched."""


class Outline:
    """The chunks of a blob: lines, or pieces, as the whole of it says."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self._by_lines = has_lines(data, 0, len(data))
        self._chunks: set[bytes] | None = None

    def is_quick_on(self, bases: Iterable[bytes]) -> bool:
        """Tell whether to ask `cost_on` of these is quicker than to match them."""
        return self._by_lines or max(map(len, (self.data, *bases))) <= _QUICK_BYTES

    def left_by(self, matches: list[Match] | None) -> list[bytes]:
        """Return the chunks that a delta holds literally, those too short to say anything left out."""
        data = self.data
        return cut(data if matches is None else literal_of(data, matches), by_lines=self._by_lines)

    def cost_on(self, base: bytes) -> int:
        """Return about what a delta on the base would cost."""
        data, by_lines = self.data, self._by_lines
        chunks = self._chunks
        if chunks is None:
            chunks = self._chunks = set(cut_all(data, 0, len(data), by_lines=by_lines))
        left = chunks.difference(cut_all(base, 0, len(base), by_lines=by_lines))
        return sum(map(len, left)) + len(left)


def literal_of(data: bytes, matches: list[Match]) -> bytes:
    """Return what the matches leave over, the pieces parted by newlines."""
    pieces = []
    position = 0
    for start, _, length in matches:
        if start > position:
            pieces.append(data[position:start])
        position = start + length
    if position < len(data):
        pieces.append(data[position:])
    return b"\n".join(pieces)
