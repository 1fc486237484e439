"""The indexes of all packs as one, in memory, for many look-ups one by one if there is no multi-pack-index.

    first byte of an id     the next four bytes of each id, sorted      their places: 8 bytes each

Asking pack by pack costs one look-up for each pack, and an object that is in none costs them all. Here the
number of packs doesn't matter, and even for a single pack a look-up takes half the time. A part is made when
the first id with its first byte is looked up. It costs 12 bytes for each of its objects, of a single pack 4.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from packcore.store.packfile import PackFile

__all__ = ["MergedIndex"]

_PACK_SHIFT = 32
"""A place is a pack's number, and below it the position of the id in the pack's index."""
_POSITION_MASK = (1 << _PACK_SHIFT) - 1
_HEAD_SHIFT = 64

_Part = tuple["array[int]", "Sequence[int]"]
"""The heads of ids, ascending, and their places."""


class MergedIndex:
    """One index over open packs. If several have an object, the first of them counts."""

    def __init__(self, packs: Sequence[PackFile]) -> None:
        self._packs = packs
        self._parts: list[_Part | None] = [None] * 256

    def find(self, oid: bytes) -> tuple[PackFile, int] | None:
        """Return the pack that has an object, and its offset there. Raises CorruptIndex."""
        heads, places = self._parts[oid[0]] or self._made(oid[0])
        head = int.from_bytes(oid[1:5], "big")
        at = bisect_left(heads, head)
        while at < len(heads) and heads[at] == head:
            place = places[at]
            pack = self._packs[place >> _PACK_SHIFT]
            offset = pack.index.offset_of(oid, place & _POSITION_MASK)
            if offset >= 0:
                return pack, offset
            at += 1
        return None

    def _made(self, first: int) -> _Part:
        part = self._of_one(first) if len(self._packs) == 1 else None
        self._parts[first] = part = part or self._sorted(first)
        return part

    def _of_one(self, first: int) -> _Part | None:
        """Return the part of a single pack; None if its ids are out of order, as in a damaged index."""
        positions, heads = self._packs[0].index.heads(first)
        as_list = heads.tolist()
        return (heads, positions) if as_list == sorted(as_list) else None

    def _sorted(self, first: int) -> _Part:
        found: list[int] = []
        for number, pack in enumerate(self._packs):
            positions, heads = pack.index.heads(first)
            start = number << _PACK_SHIFT
            places = range(start + positions.start, start + positions.stop)
            found += [head << _HEAD_SHIFT | place for head, place in zip(heads, places, strict=True)]
        found.sort()
        mask = (1 << _HEAD_SHIFT) - 1
        heads = array("I", [one >> _HEAD_SHIFT for one in found])
        return heads, array("Q", [one & mask for one in found])
