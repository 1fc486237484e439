"""The multi-pack-index: one table with the place of each object of many packs.

    MIDX 01 hash chunks bases packs (4)    objects/pack/multi-pack-index
    PNAM  sorted names of the .idx files, each ended by NUL
    OIDF OIDL
    OOFF  for each object: the number of its pack (4), its offset there (4), or 80000000 + a row of LOFF
    LOFF  offsets of eight bytes
    RIDX  the rows in the order of the bitmap's bits: pack by pack, the preferred one first, by offset

An object in several packs is in the table once. Specified in gitformat-pack. The table is used only for packs
that are open: if a named pack is gone, or another was added since, look-ups work as usual.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, NamedTuple

from packcore.store.bitmap import Bitmap
from packcore.store.chunk_file import ChunkFile, IdTable, map_shortcut
from packcore.store.ewah import set_bits

if TYPE_CHECKING:
    import mmap
    from collections.abc import Iterator
    from pathlib import Path

    from packcore.ids import ObjectFormat, ObjectId

__all__ = ["MIDX_NAME", "MidxBitmap", "MultiPackIndex", "open_midx_bitmap", "read_multi_pack_index"]

MIDX_NAME = "multi-pack-index"
_HEADER_BYTES = 12
_FAR = 0x80000000
_NAME_BYTES_MAX = 4096


class Place(NamedTuple):
    """The place of an object."""

    pack_number: int
    offset: int


class MultiPackIndex:
    """Look-ups in one table. Raises CorruptShortcut for rows that point outside."""

    def __init__(self, data: bytes | mmap.mmap, object_format: ObjectFormat, path: str) -> None:
        self.file = ChunkFile(data, object_format, path, signature=b"MIDX", header=_HEADER_BYTES)
        self.path = path
        self.ids = IdTable(self.file)
        self.count = self.ids.count
        self.checksum = bytes(data[self.file.end :])
        """The digest, which names the bitmap."""
        self.names = self._read_names(int.from_bytes(data[8:12], "big"))
        """The packs' sorted names without folder and suffix."""
        self._places, _ = self.file.chunk(b"OOFF", 8 * self.count)
        self._far = self.file.chunk(b"LOFF") if self.file.has(b"LOFF") else (0, 0)

    def _read_names(self, count: int) -> list[str]:
        start, end = self.file.chunk(b"PNAM")
        if end - start > count * (_NAME_BYTES_MAX + 1) + 4:
            raise self.file.fault("its names of packs are too long")
        names = bytes(self.file.data[start:end]).split(b"\0")
        if len(names) <= count or any(names[count:]):
            raise self.file.fault(f"it does not name {count} packs")
        found = names[:count]
        if found != sorted(set(found)) or any(b"/" in name or not name.endswith(b".idx") for name in found):
            raise self.file.fault("its names of packs are out of order, or no names of indexes")
        return [name.removesuffix(b".idx").decode("utf-8", "surrogateescape") for name in found]

    def __len__(self) -> int:
        return self.count

    def find(self, oid: bytes) -> Place | None:
        """Return the place of an object; None if it isn't in the table."""
        row = self.ids.find(oid)
        return None if row < 0 else self.place(row)

    def place(self, row: int) -> Place:
        """Return the place of the object in a row."""
        at = self._places + 8 * row
        both = int.from_bytes(self.file.data[at : at + 8], "big")
        number, offset = both >> 32, both & 0xFFFFFFFF
        if number >= len(self.names):
            raise self.file.fault(f"a row names pack {number}, and there are {len(self.names)}")
        start, end = self._far
        if offset & _FAR and start:
            far = start + 8 * (offset - _FAR)
            if far >= end or (end - start) % 8:
                raise self.file.fault("a far offset is not there")
            offset = int.from_bytes(self.file.data[far : far + 8], "big")
        return Place(number, offset)

    def rows_in_order(self) -> array[int] | None:
        """Return the rows in the order of the bitmap's bits; None if the table doesn't have it.

        Raises CorruptShortcut if it does not name each row once.
        """
        if not self.file.has(b"RIDX"):
            return None
        rows = self.file.numbers(*self.file.chunk(b"RIDX", 4 * self.count))
        seen = bytearray(self.count)
        for row in rows:
            if row >= self.count or seen[row]:
                raise self.file.fault("its order of objects does not name each once")
            seen[row] = 1
        return rows

    def places(self) -> Iterator[tuple[ObjectId, Place]]:
        """Yield every object and its place, for checks."""
        for row in range(self.count):
            yield self.ids.oid(row), self.place(row)

    def check_file(self) -> None:
        """Check the digest and the order of ids. Raises CorruptShortcut."""
        self.file.check_digest()
        if (position := self.ids.first_disorder()) is not None:
            raise self.file.fault(f"its ids are out of order at position {position}")

    def close(self) -> None:
        """Release the map. Idempotent."""
        self.file.close()


class MidxBitmap:
    """What some commits reach, over the objects of a multi-pack-index; as `PackBitmap`."""

    def __init__(self, bitmap: Bitmap, index: MultiPackIndex, rows: array[int]) -> None:
        self._bitmap = bitmap
        self._index = index
        self._rows = rows
        self.object_count = index.count
        self.of_type = bitmap.of_type
        self._bits = array("I", bytes(4 * index.count))
        for bit, row in enumerate(rows):
            self._bits[row] = bit

    def reached_from(self, oid: ObjectId) -> int | None:
        """Return what a commit reaches, including itself; None if it has no set."""
        row = self._index.ids.find(oid)
        return None if row < 0 else self._bitmap.reached_from(row)

    def commits(self) -> list[ObjectId]:
        """Return the commits that have a set."""
        return [self._index.ids.oid(row) for row in self._bitmap.rows]

    def bit_of(self, oid: bytes) -> int:
        """Return the bit of an object, or -1 if it isn't in the table."""
        row = self._index.ids.find(oid)
        return -1 if row < 0 else self._bits[row]

    def oids(self, bits: int) -> Iterator[ObjectId]:
        """Yield the objects of a set, in the order of the bits."""
        for bit in set_bits(bits):
            yield self._index.ids.oid(self._rows[bit])


def read_multi_pack_index(directory: Path, object_format: ObjectFormat) -> MultiPackIndex | None:
    """Open the table of a folder of packs; None if there is none.

    Raises CorruptShortcut, and RepositoryError for a file that can't be opened.
    """
    path = directory / MIDX_NAME
    data = map_shortcut(path)
    return None if data is None else MultiPackIndex(data, object_format, str(path))


def open_midx_bitmap(index: MultiPackIndex, directory: Path) -> MidxBitmap | None:
    """Open the table's bitmap; None if there is none, or the table has no bit order. Raises as above."""
    path = directory / f"{MIDX_NAME}-{index.checksum.hex()}.bitmap"
    data = map_shortcut(path)
    rows = index.rows_in_order() if data is not None else None
    if data is None or rows is None:
        return None
    bitmap = Bitmap(
        bytes(data),
        index.file.object_format,
        str(path),
        checksum=index.checksum,
        object_count=index.count,
    )
    return MidxBitmap(bitmap, index, rows)
