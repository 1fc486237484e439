"""A cache of inflated objects that packs share: bounded by bytes, the least recently used go first.

Reading a delta needs its base, and the next object that is asked for is likely a delta of the same
base or of the object just made. Objects are named by (pack number, offset), so that no id has to be
known for the ones in the middle of a chain.
"""

from __future__ import annotations

from collections import OrderedDict

__all__ = ["BaseCache"]

_COST_BYTES = 200  # what an object costs beside its bytes: key, tuple, slot


class BaseCache:
    """Inflated objects by (pack, offset): the least recently used go when the bytes run out."""

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._held_bytes = 0
        # Not a plain dict: finding its first key takes the longer, the more were dropped before it.
        self._objects: OrderedDict[tuple[int, int], tuple[int, bytes]] = OrderedDict()
        self._packs = 0

    def new_pack(self) -> int:
        """Return a number for one more pack that shares this cache."""
        self._packs += 1
        return self._packs

    def get(self, key: tuple[int, int]) -> tuple[int, bytes] | None:
        """Return type code and bytes, and make them the last to go."""
        found = self._objects.get(key)
        if found is not None:
            self._objects.move_to_end(key)
        return found

    def put(self, key: tuple[int, int], type_code: int, data: bytes) -> None:
        """Take an object in, unless it alone is more than half of the cache."""
        size = len(data) + _COST_BYTES
        if size > self._bytes_max >> 1 or key in self._objects:
            return
        self._objects[key] = (type_code, data)
        self._held_bytes += size
        while self._held_bytes > self._bytes_max:
            _, (_, dropped) = self._objects.popitem(last=False)
            self._held_bytes -= len(dropped) + _COST_BYTES

    def clear(self) -> None:
        """Forget everything."""
        self._objects.clear()
        self._held_bytes = 0
