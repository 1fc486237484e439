"""The bitmap of a pack, and the places of the pack's objects: ids to bits, and bits to ids.

    id -> row of the .idx -> offset -> place in the pack = bit        one id: bisect the .rev, if any
    bit -> row -> id                                                  many: compute the pack order

The .rev is only trusted if an offset is found where it should be.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from packcore.errors import CorruptShortcut
from packcore.limits import MIB
from packcore.store.bitmap import Bitmap
from packcore.store.chunk_file import map_shortcut
from packcore.store.ewah import set_bits

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packcore.ids import ObjectId
    from packcore.objects import ObjectType
    from packcore.store.packfile import PackFile

__all__ = ["PackBitmap", "open_pack_bitmap"]

_BYTES_MAX = 512 * MIB
_REV_HEADER_BYTES = 12
_MANY = 32
"""Compute the bits of all objects once more than one object in this many was looked up."""


class PackBitmap:
    """What some commits of a pack reach. Raises CorruptShortcut if bitmap or .rev don't fit the pack."""

    def __init__(self, bitmap: Bitmap, pack: PackFile, reverse_index: bytes | None) -> None:
        self._bitmap = bitmap
        self._pack = pack
        self._rows = reverse_index
        """The .rev; None if there is none of the right size."""
        self.object_count = bitmap.object_count
        self._asked = 0
        self._bits: array[int] | None = None
        """The bit of each row, after many look-ups."""

    def reached_from(self, oid: ObjectId) -> int | None:
        """Return what a commit reaches, including itself; None if it has no set."""
        row = self._pack.index.find(oid)
        return None if row < 0 else self._bitmap.reached_from(row)

    def commits(self) -> list[ObjectId]:
        """Return the commits that have a set."""
        return [self._pack.index.oid(row) for row in self._bitmap.rows]

    def of_type(self, type_: ObjectType) -> int:
        """Return the set of the objects of a type."""
        return self._bitmap.of_type(type_)

    def bit_of(self, oid: bytes) -> int:
        """Return the bit of an object, or -1 if it isn't in the pack."""
        index = self._pack.index
        row = index.find(oid)
        if row < 0:
            return -1
        if self._bits is not None:
            return self._bits[row]
        self._asked += 1
        if self._asked * _MANY > self.object_count:
            self._bits = array("I", bytes(4 * self.object_count))
            for bit, placed in enumerate(self._pack.order.positions):
                self._bits[placed] = bit
        offset = index.offset(row)
        if self._rows is None:
            return bisect_left(self._sorted_offsets, offset)
        rows, low, high = self._rows, 0, self.object_count
        while low < high:
            middle = (low + high) >> 1
            at = _REV_HEADER_BYTES + 4 * middle
            other = int.from_bytes(rows[at : at + 4], "big")
            if other == row:
                return middle
            if other >= self.object_count:
                break
            if index.offset(other) < offset:
                low = middle + 1
            else:
                high = middle
        raise CorruptShortcut("it does not hold the pack's objects in their order", path=self._rev_path)

    @cached_property
    def _sorted_offsets(self) -> list[int]:
        return sorted(self._pack.index.offsets())

    @property
    def _rev_path(self) -> str:
        return str(Path(self._pack.name).with_suffix(".rev"))

    def oids(self, bits: int) -> Iterator[ObjectId]:
        """Yield the objects of a set, in the order of the pack."""
        positions, oid = self._pack.order.positions, self._pack.index.oid
        for bit in set_bits(bits):
            yield oid(positions[bit])


def open_pack_bitmap(pack: PackFile) -> PackBitmap | None:
    """Open the bitmap beside a pack; None if there is none. Raises CorruptShortcut, RepositoryError."""
    path = Path(pack.name).with_suffix(".bitmap")
    data = map_shortcut(path)
    if data is None:
        return None
    if len(data) > _BYTES_MAX:
        raise CorruptShortcut(f"it is larger than {_BYTES_MAX} bytes", path=str(path))
    index = pack.index
    bitmap = Bitmap(
        bytes(data),
        pack.object_format,
        str(path),
        checksum=index.pack_checksum,
        object_count=len(index),
    )
    reverse = map_shortcut(path.with_suffix(".rev"))
    size = _REV_HEADER_BYTES + 4 * len(index) + 2 * pack.object_format.digest_size
    return PackBitmap(bitmap, pack, bytes(reverse) if reverse is not None and len(reverse) == size else None)
