"""What is known about each entry of a pack while it is indexed: flat arrays, a few bytes per entry.

    offsets   8   where its header starts            sizes    8   of the object, once resolved
    crcs      4   CRC-32 of its bytes in the pack    types    1   of the object, once resolved, else 0
    oids  20/32   its id, once resolved, else zero   bases    4   entry index of its base, or -1
                                                     depths   2   deltas between it and a whole object
    = 47 bytes per entry with sha1; a dict of tuples would take some 500

Entries are in pack order and identified by `entry_index`. A pack may have the same object twice, as git
allows: both entries stay, side by side in the index.
"""

from __future__ import annotations

import mmap
from array import array
from bisect import bisect_left
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from packcore.ids import ObjectId

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from packcore.ids import ObjectFormat

__all__ = ["PackTable"]


class PackTable:
    """The entries of one pack. Filled by the indexer, completed by the resolver, then only read."""

    def __init__(self, object_format: ObjectFormat) -> None:
        self.object_format = object_format
        self.offsets = array("Q")
        self.crcs = array("I")
        self.types = bytearray()
        self.sizes = array("Q")
        self.oids = bytearray()
        self.bases = array("i")
        self.depths = array("H")
        self.pack_bytes = 0
        """The size of the whole pack, including the trailer."""
        self.checksum = b""
        """The pack's trailer."""
        self._distinct = False  # whether sorting found no duplicate ids

    def __len__(self) -> int:
        return len(self.offsets)

    def append(self, offset: int, crc: int, size: int) -> int:
        """Add an entry whose object is not known yet; return its index."""
        self.offsets.append(offset)
        self.crcs.append(crc)
        self.sizes.append(size)
        self.types.append(0)
        self.oids += self.object_format.zero
        self.bases.append(-1)
        self.depths.append(0)
        return len(self.offsets) - 1

    def set_object(self, entry_index: int, type_: int, oid: ObjectId) -> None:
        """Record which object the entry is."""
        digest_size = self.object_format.digest_size
        self.types[entry_index] = type_
        self.oids[entry_index * digest_size : (entry_index + 1) * digest_size] = oid

    @contextmanager
    def shared(self) -> Iterator[Callable[[], None]]:
        """Put what resolving fills in into memory that is shared with processes forked meanwhile.

        Yields what to call to keep what they wrote; otherwise everything is as before.
        """
        own: tuple[Any, ...] = self.types, self.sizes, self.depths, self.oids
        columns = [_shared(column) for column in own]
        self.types, self.sizes, self.depths, self.oids = columns

        def keep() -> None:
            for column, written in zip(own, columns, strict=True):
                memoryview(column)[:] = written

        try:
            yield keep
        finally:
            self.types, self.sizes, self.depths, self.oids = own

    def children(self) -> tuple[array[int], array[int]]:
        """Return for each entry its first child and its next sibling, -1 for none, by their bases."""
        first_child, next_sibling = array("i", [-1]) * len(self), array("i", [-1]) * len(self)
        for entry_index, base_index in enumerate(self.bases):
            if base_index >= 0:
                next_sibling[entry_index] = first_child[base_index]
                first_child[base_index] = entry_index
        return first_child, next_sibling

    def complete_deltas(self) -> None:
        """Give deltas the types of their bases, which come before them, and their depths."""
        types, depths = self.types, self.depths
        for entry_index, base_index in enumerate(self.bases):
            if base_index >= 0:
                types[entry_index] = types[base_index]
                depths[entry_index] = depths[base_index] + 1

    def oid(self, entry_index: int) -> ObjectId:
        """Return the id of an entry."""
        digest_size = self.object_format.digest_size
        return ObjectId(bytes(self.oids[entry_index * digest_size : (entry_index + 1) * digest_size]))

    def end_offset(self, entry_index: int) -> int:
        """Return where the entry ends."""
        if entry_index + 1 < len(self.offsets):
            return self.offsets[entry_index + 1]
        return self.pack_bytes - self.object_format.digest_size

    def index_at(self, offset: int, before: int) -> int:
        """Return the index of the entry at `offset` among the first `before` entries, or -1."""
        entry_index = bisect_left(self.offsets, offset, 0, before)
        return entry_index if entry_index < before and self.offsets[entry_index] == offset else -1

    def sorted_by_id(self) -> array[int]:
        """Return all entry indices in the order of an index: by id, then by pack order."""
        digest_size = self.object_format.digest_size
        oids = bytes(self.oids)  # slicing bytes takes half the time
        self._distinct = True
        # In 256 parts, so that only a part of the ids exists as objects at any time.
        parts = [array("I") for _ in range(256)]
        put = [part.append for part in parts]
        for entry_index, first in enumerate(oids[::digest_size]):
            put[first](entry_index)
        order = array("I")
        for part in parts:
            ids = {i: oids[i * digest_size : (i + 1) * digest_size] for i in part}
            order.extend(sorted(part, key=ids.__getitem__))
            if len({*ids.values()}) < len(ids):
                self._distinct = False
        return order

    def duplicates(self, order: array[int]) -> Iterator[tuple[int, int]]:
        """Yield pairs of entries that are the same object, given `sorted_by_id`."""
        if self._distinct:
            return
        digest_size = self.object_format.digest_size
        oids = self.oids
        last = -1
        previous = b""
        for entry_index in order:
            oid = bytes(oids[entry_index * digest_size : (entry_index + 1) * digest_size])
            if oid == previous:
                yield last, entry_index
            previous = oid
            last = entry_index


def _shared(column: bytearray | array[int]) -> Any:
    """Return a copy of a column that can be written to, but can't grow."""
    view = memoryview(column)
    mapped = mmap.mmap(-1, view.nbytes)
    mapped[:] = view.tobytes()
    return memoryview(mapped).cast(view.format)  # type: ignore[call-overload]
