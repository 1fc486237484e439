"""A cache of inflated objects that packs share: bounded by bytes, the least recently used go first.

    place       pack number << 48 | offset      an entry of a pack
                below zero                      what lies in no pack: the store numbers it

Reading a delta needs its base, and the next object that is asked for is likely a delta of the same
base or of the object just made. Objects are named by their places, so that no id has to be known for
the ones in the middle of a chain. A search reads through the same cache: what it asks for next is often
what was made on the way to the last.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["OFFSET_BITS", "OFFSET_MASK", "BaseCache"]

OFFSET_BITS = 48
"""Bits of a place that are the offset in the pack; the number of the pack stands above."""
OFFSET_MASK = (1 << OFFSET_BITS) - 1
_COST_BYTES = 200  # what an object costs beside its bytes: key, tuple, slot


class BaseCache:
    """Inflated objects by place: the least recently used go when the bytes run out."""

    def __init__(self, bytes_max: int) -> None:
        self._least_bytes_max = self._bytes_max = bytes_max
        self._held_bytes = 0
        # Not a plain dict: finding its first key takes the longer, the more were dropped before it.
        self._objects: OrderedDict[int, tuple[int, bytes]] = OrderedDict()
        self._packs = 0

    def new_pack(self) -> int:
        """Return the place of offset 0 in one more pack that shares this cache."""
        self._packs += 1
        return self._packs << OFFSET_BITS

    def widen(self, more_bytes: int) -> None:
        """Hold so much more than at first: the share of memory of who reads by `reader`."""
        self._bytes_max = max(self._bytes_max, self._least_bytes_max + more_bytes)

    def get(self, place: int) -> tuple[int, bytes] | None:
        """Return type code and bytes, and make them the last to go."""
        found = self._objects.get(place)
        if found is not None:
            self._objects.move_to_end(place)
        return found

    def put(self, place: int, made: tuple[int, bytes]) -> None:
        """Take an object in, type code and bytes, unless it alone is more than half of the cache."""
        size = len(made[1]) + _COST_BYTES
        if size > self._bytes_max >> 1 or place in self._objects:
            return
        self._objects[place] = made
        self._held_bytes += size
        while self._held_bytes > self._bytes_max:
            _, (_, dropped) = self._objects.popitem(last=False)
            self._held_bytes -= len(dropped) + _COST_BYTES

    def reader(
        self,
        places: Sequence[int],
        load: Callable[[int], tuple[int, bytes]],
        check: Callable[[int, int, bytes], None],
    ) -> Callable[[int], bytes]:
        """Return a function that gives the bytes of the object at `places[number]`, from here or by `load`.

        `load` puts in here what it reads. `check(number, type code, bytes)` hears of each object when it
        is read for the first time.
        """
        # A closure: it is called five times for each object of a search.
        known, used = self._objects.get, self._objects.move_to_end
        unread = bytearray(b"\1") * len(places)

        def read(number: int) -> bytes:
            place = places[number]
            found = known(place)
            if found is None:
                found = load(number)
            else:
                used(place)
            if unread[number]:
                check(number, *found)
                unread[number] = 0
            return found[1]

        return read

    def clear(self) -> None:
        """Forget everything."""
        self._objects.clear()
        self._held_bytes = 0
