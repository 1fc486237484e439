"""Where the entries of one pack begin and end, in pack order.

    entry_index       0        1        2                 position in the pack
    sorted offset     12       151      890               where the entry starts
    position          7        0        3                 its row in the .idx, which is in order of ids

An entry ends at the start of the next one or of the trailer. All of this is computed on first use: copying
entries needs it, reading objects doesn't.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING

from packcore.errors import CorruptPack

if TYPE_CHECKING:
    from packcore.ids import ObjectId
    from packcore.pack.index import PackIndex

__all__ = ["PackOrder"]


class PackOrder:
    """The order of one pack; `name` is for errors, `entries_end` is where its trailer starts."""

    def __init__(self, index: PackIndex, *, name: str, entries_end: int) -> None:
        self._index = index
        self._name = name
        self._entries_end = entries_end
        self._positions: array[int] | None = None
        self._offsets: array[int] | None = None
        self._crcs: array[int] | None = None
        self._copied = -1  # the entry whose CRC-32 was read last

    def __len__(self) -> int:
        return len(self._index)

    def know(self, positions: array[int], sorted_offsets: array[int]) -> None:
        """Take a known order, such as that of a pack just received."""
        self._positions, self._offsets = positions, sorted_offsets

    @property
    def offsets(self) -> array[int]:
        """Return where the entries start, in pack order."""
        if self._offsets is None:
            self._offsets = array("Q", sorted(self._index.offsets()))
        return self._offsets

    @property
    def positions(self) -> array[int]:
        """Return the rows of the .idx, in pack order."""
        if self._positions is None:
            self._positions, self._offsets = self._index.pack_order()
        return self._positions

    def entry_index(self, offset: int) -> int:
        """Return which entry starts at `offset`. Raises CorruptPack if none does."""
        sorted_offsets = self.offsets
        entry_index = bisect_left(sorted_offsets, offset)
        if entry_index == len(sorted_offsets) or sorted_offsets[entry_index] != offset:
            raise CorruptPack("its index knows no entry there", offset=offset, pack=self._name)
        return entry_index

    def oid_at(self, offset: int) -> ObjectId:
        """Return the id of the object whose entry starts at `offset`."""
        return self._index.oid(self.positions[self.entry_index(offset)])

    def crc_at(self, offset: int) -> int | None:
        """Return the entry's CRC-32 from the index; None if the index (version 1) has none."""
        if self._crcs is None and self._index.version > 1:
            by_position = self._index.crcs()
            assert by_position is not None
            self._crcs = array("I", map(by_position.__getitem__, self.positions))
        if self._crcs is None:
            return None
        # Entries are mostly copied in pack order.
        sorted_offsets = self.offsets
        entry_index = self._copied + 1
        if entry_index == len(sorted_offsets) or sorted_offsets[entry_index] != offset:
            entry_index = self.entry_index(offset)
        self._copied = entry_index
        return self._crcs[entry_index]

    def end_of(self, offset: int) -> int:
        """Return where the entry that starts at `offset` ends."""
        sorted_offsets = self.offsets
        # Skip entries with the same offset, which only a damaged index has.
        following = bisect_right(sorted_offsets, sorted_offsets[self.entry_index(offset)])
        end = sorted_offsets[following] if following < len(sorted_offsets) else self._entries_end
        if end > self._entries_end:
            raise CorruptPack("its index names an entry behind the pack's end", offset=end, pack=self._name)
        return end
