"""A cache of inflated objects that packs share: bounded in bytes, dropping the least recently used first.

    place       pack number << 48 | offset      an entry of a pack
                below zero                      an object in no pack: the store numbers it

Reading a delta needs its base, and the next object read is likely a delta of the same base or of the object
just made. Places name the objects, so the ids of those in the middle of a chain need not be known. A search
reads through the same cache: its next object was often made on the way to the last one.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["OFFSET_BITS", "OFFSET_MASK", "BaseCache"]

OFFSET_BITS = 48
"""Low bits of a place that hold the offset in the pack; the pack's number is above them."""
OFFSET_MASK = (1 << OFFSET_BITS) - 1
_COST_BYTES = 200  # cost of an object in addition to its bytes: key, tuple, slot


class BaseCache:
    """Inflated objects by place; drops the least recently used when the bytes run out."""

    def __init__(self, bytes_max: int) -> None:
        self._least_bytes_max = self._bytes_max = bytes_max
        self._held_bytes = 0
        # Not a plain dict: finding its first key gets slower with each key dropped before it.
        self._objects: OrderedDict[int, tuple[int, bytes]] = OrderedDict()
        self._packs = 0

    def new_pack(self) -> int:
        """Add a pack that shares this cache; return the place of its offset 0."""
        self._packs += 1
        return self._packs << OFFSET_BITS

    def widen(self, more_bytes: int) -> None:
        """Hold this many bytes more than the initial limit: the memory of those who read with `reader`."""
        self._bytes_max = max(self._bytes_max, self._least_bytes_max + more_bytes)

    def get(self, place: int) -> tuple[int, bytes] | None:
        """Return type code and bytes, and mark them as most recently used."""
        found = self._objects.get(place)
        if found is not None:
            self._objects.move_to_end(place)
        return found

    def put(self, place: int, made: tuple[int, bytes]) -> None:
        """Store an object, type code and bytes, unless it alone exceeds half of the cache."""
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
        """Return a function that gives the bytes of the object at `places[number]`, from here or from `load`.

        `load` puts what it reads into this cache. `check(number, type code, bytes)` is called for each object
        the first time it is read.
        """
        # A closure, since a search calls it five times for each object.
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
