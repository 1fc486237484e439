"""The sliding window: which recent object introduced a chunk, and the bytes of recent objects.

    fingerprint -> object          two tables, a young and an old one
    young full: old is dropped, young becomes old, a new young one begins

So entries that were neither added nor looked up for a while are dropped, at no cost per entry, and memory is
always bounded. A fingerprint maps to the newest object that introduced its chunk. Objects that merely still
have it are not recorded, which keeps the tables forty times smaller than one entry for each line of each
version.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import OrderedDict
from itertools import repeat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

__all__ = ["BYTES_PER_CHUNK", "ChunkIndex", "ObjectCache", "SizeOrder"]

BYTES_PER_CHUNK = 112
"""Memory for one entry: a dict slot in a table about half full, and the fingerprint as an int."""
_HELD_COST_BYTES = 120
"""Memory for a cached object on top of its bytes."""


class ChunkIndex:
    """Maps fingerprints of chunks to the object that introduced them."""

    def __init__(self, memory_bytes: int) -> None:
        self._young_max = max(1024, memory_bytes // BYTES_PER_CHUNK // 2)
        self._young: dict[int, int] = {}
        self._old: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def add(self, fingerprints: Iterable[int], index: int) -> None:
        """Record that object `index` introduced these chunks; of several objects, the last one counts."""
        self._young.update(zip(fingerprints, repeat(index)))
        if len(self._young) > self._young_max:
            self._old = self._young
            self._young = {}

    def look_up(self, fingerprints: Iterable[int]) -> list[int | None]:
        """Return for each fingerprint the object that introduced it, or None."""
        young = self._young.get
        if not self._old:
            return list(map(young, fingerprints))
        old = self._old.get
        return [young(fingerprint, old(fingerprint)) for fingerprint in fingerprints]

    def get(self, fingerprint: int) -> int | None:
        """Return the object for one fingerprint, or None."""
        return self._young.get(fingerprint, self._old.get(fingerprint))


class ObjectCache:
    """A cache of object bytes that drops the least recently used first.

    Its keys are ids, so several searches over one store can share it, however each numbers its objects.
    """

    def __init__(self, memory_bytes: int) -> None:
        self.memory_bytes = memory_bytes
        self._held_bytes = 0
        self._data: OrderedDict[bytes, bytes] = OrderedDict()

    def reader(self, read: Callable[[int], bytes], oids: Sequence[bytes]) -> Callable[[int], bytes]:
        """Return a function that returns the bytes of an object by index, from memory or by `read`."""
        # A closure, because it is called five times for each object of a search.
        known, used, take_in = self._data.get, self._data.move_to_end, self._take_in

        def read_cached(index: int) -> bytes:
            oid = oids[index]
            data = known(oid)
            if data is None:
                data = read(index)
                take_in(oid, data)
            else:
                used(oid)
            return data

        return read_cached

    def _take_in(self, oid: bytes, data: bytes) -> None:
        self._data[oid] = data
        self._held_bytes += len(data) + _HELD_COST_BYTES
        while self._held_bytes > self.memory_bytes and len(self._data) > 1:
            self._held_bytes -= len(self._data.popitem(last=False)[1]) + _HELD_COST_BYTES


class SizeOrder:
    """The versions of one path by size: those of similar size are often similar, whatever the history says.

    Paths are searched one after another; a new one replaces the one before.
    """

    def __init__(self) -> None:
        self._path = -1
        self._sizes: list[tuple[int, int]] = []

    def add(self, path: int, size: int, index: int) -> None:
        """Record a version of `size` bytes."""
        if path != self._path:
            self._path = path
            self._sizes = []
        insort(self._sizes, (size, index))

    def nearest(self, path: int, size: int, count: int) -> list[int]:
        """Return up to `count` versions of the path, nearest in size first."""
        if path != self._path:
            return []
        place = bisect_left(self._sizes, (size, -1))
        around = self._sizes[max(0, place - count) : place + count]
        return [index for _, index in sorted((abs(other - size), index) for other, index in around)[:count]]
