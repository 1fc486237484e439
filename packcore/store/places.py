"""Reads many objects by number: the place of each is looked up once.

    places = Places(cache)
    numbers = places.find(packs, oids)                          one place for each id
    read = places.reader(packs, oids, numbers, ...)             read(number) -> bytes

An object found in a pack is read from there without using the index again: an open pack stays readable,
whatever happens to its files. Any other object, or one whose entry there is damaged, is read by its id, which
tries every other place and reports what is wrong.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

from packcore.store.base import DAMAGE
from packcore.store.base_cache import OFFSET_BITS, OFFSET_MASK

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from packcore.ids import ObjectId
    from packcore.store.base import StoredObject
    from packcore.store.base_cache import BaseCache
    from packcore.store.packfile import PackFile

__all__ = ["Places"]

_FEW = 16
"""Fewer than one object in this many are looked up one by one."""


class Places:
    """The places of objects, in packs that may share a cache."""

    def __init__(self, cache: BaseCache) -> None:
        self._cache = cache
        self._elsewhere: dict[ObjectId, int] = {}
        """Negative numbers, for the cache, of requested objects that are in no pack."""

    def find(self, packs: Sequence[PackFile], oids: Sequence[ObjectId]) -> array[int]:
        """Return the place of each object in the first of these packs that has it. Raises CorruptIndex."""
        places = self.in_packs(packs, oids)
        for number in [number for number, place in enumerate(places) if not place]:
            places[number] = self._elsewhere.setdefault(oids[number], -1 - len(self._elsewhere))
        return places

    def in_packs(self, packs: Sequence[PackFile], oids: Sequence[ObjectId]) -> array[int]:
        """Return what `find` does, but 0 for an object that is in none of these packs."""
        places = array("q", bytes(8 * len(oids)))
        if len(packs) > 1 and len(oids) * _FEW >= sum(map(len, packs)):
            _find_in_all(packs, oids, places)
            return places
        left: Sequence[int] = range(len(oids))
        for pack in packs:
            if left:
                offsets = pack.index.find_offsets([oids[number] for number in left])
                for number, offset in zip(left, offsets, strict=True):
                    if 0 <= offset <= OFFSET_MASK:
                        places[number] = pack.first_place + offset
                left = [number for number in left if not places[number]]
        return places

    def storage_order(self, packs: Sequence[PackFile], oids: Sequence[ObjectId]) -> list[ObjectId]:
        """Return the ids pack by pack and by offset; those in no pack come last, in the given order."""
        places = self.in_packs(packs, oids)
        number_of = {pack.first_place >> OFFSET_BITS: number for number, pack in enumerate(packs)}
        held = [number for number, place in enumerate(places) if place]
        held.sort(key=lambda n: (number_of[places[n] >> OFFSET_BITS], places[n] & OFFSET_MASK))
        return [oids[number] for number in held] + [
            oid for oid, at in zip(oids, places, strict=True) if not at
        ]

    def reader(
        self,
        packs: Iterable[PackFile],
        oids: Sequence[ObjectId],
        places: Sequence[int],
        *,
        check: Callable[[int, int, bytes], None],
        more_bytes: int,
        read_one: Callable[[ObjectId], StoredObject],
    ) -> Callable[[int], bytes]:
        """Return a function that returns objects' bytes by number; see `packcore.store.bulk.reader_of`.

        It raises as `read_one`, which reads by id what no pack has.
        """
        cache = self._cache
        cache.widen(more_bytes)
        by_number = {pack.first_place >> OFFSET_BITS: pack for pack in packs}

        def load(number: int) -> tuple[int, bytes]:
            place = places[number]
            if place >= 0:
                try:
                    return by_number[place >> OFFSET_BITS].read_at(place & OFFSET_MASK)
                except DAMAGE:
                    pass  # read by its id, perhaps from another pack
            found = read_one(oids[number])
            cache.put(place, found)
            return found

        return cache.reader(places, load, check)


def _find_in_all(packs: Sequence[PackFile], oids: Sequence[ObjectId], places: array[int]) -> None:
    """Fill in the places of many objects: each id of each pack is read once, however many packs there are."""
    wanted: list[list[int]] = [[] for _ in range(256)]
    for number, oid in enumerate(oids):
        wanted[oid[0]].append(number)
    lying = [(pack, pack.index.offsets()) for pack in reversed(packs)]
    for first, numbers in enumerate(wanted):
        if not numbers:
            continue
        found: dict[bytes, int] = {}
        for pack, offsets in lying:
            positions, ids = pack.index.part(first)
            # Of an id that comes twice in a pack, the first position counts.
            ids.reverse()
            found.update(
                (oid, pack.first_place + offset)
                for oid, offset in zip(ids, reversed(offsets[positions.start : positions.stop]), strict=True)
                if offset <= OFFSET_MASK
            )
        for number in numbers:
            places[number] = found.get(oids[number], 0)
