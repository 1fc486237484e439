"""The indexes of many packs as one, in memory: for look-ups one by one where git left no multi-pack-index.

    first byte of an id     ids of all packs, sorted: 20 or 32 bytes each     their places: 8 bytes each

Asking pack by pack costs one look-up for each pack, and an object that is in none costs them all. Here the
number of packs doesn't matter. A part is made when the first id with its first byte is looked up; it costs
about one microsecond and 28 bytes for each of its objects.
"""

from __future__ import annotations

from array import array
from math import isqrt
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from packcore.store.packfile import PackFile

__all__ = ["MergedIndex"]

_PACK_SHIFT = 32


class _Part(NamedTuple):
    ids: bytes
    places: array[int]
    reach: int
    """How far from the expected position an id hardly ever is."""


class MergedIndex:
    """One index over open packs. If several have an object, the first of them counts."""

    def __init__(self, packs: Sequence[PackFile]) -> None:
        self._packs = packs
        self._parts: list[_Part | None] = [None] * 256

    def find(self, oid: bytes) -> tuple[PackFile, int] | None:
        """Return the pack that has an object, and its offset there. Raises CorruptIndex."""
        part = self._parts[oid[0]] or self._made(oid[0])
        ids, size = part.ids, len(oid)
        count = len(part.places)
        # Ids are evenly spread, so nearly all are close to the expected position.
        guess = count * int.from_bytes(oid[1:4], "big") >> 24
        start, stop = max(guess - part.reach, 0), min(guess + part.reach, count)
        nearby = ids[start * size : stop * size]
        found = nearby.find(oid)
        if found >= 0 and not found % size:
            position = start + found // size
        elif found < 0 and (start == 0 or nearby[:size] < oid) and (stop == count or nearby[-size:] > oid):
            return None
        else:
            position = _halve(ids, oid, count)
            if position < 0:
                return None
        place = part.places[position]
        pack = self._packs[place >> _PACK_SHIFT]
        return pack, pack.index.offset(place & (1 << _PACK_SHIFT) - 1)

    def _made(self, first: int) -> _Part:
        place_of: dict[bytes, int] = {}
        for number in range(len(self._packs) - 1, -1, -1):
            positions, ids = self._packs[number].index.part(first)
            pack_place = number << _PACK_SHIFT
            # Of an id that comes twice in a pack, the first position counts.
            place_of.update(zip(reversed(ids), range(pack_place + positions.stop - 1, -1, -1), strict=False))
        ids = sorted(place_of)
        part = self._parts[first] = _Part(
            b"".join(ids), array("q", map(place_of.__getitem__, ids)), 12 + 2 * isqrt(len(ids))
        )
        return part


def _halve(ids: bytes, oid: bytes, count: int) -> int:
    """Return the position of an id by binary search, -1 if it isn't there."""
    size = len(oid)
    low, high = 0, count
    while low < high:
        middle = (low + high) >> 1
        if ids[middle * size : (middle + 1) * size] < oid:
            low = middle + 1
        else:
            high = middle
    return low if ids[low * size : (low + 1) * size] == oid else -1
