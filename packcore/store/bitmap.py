"""Reachability bitmaps: for some commits of a pack, everything that they reach, as a set of bits.

    BITM 00 01  flags (2)  entries (4)  the pack's digest
    four sets               which objects are commits, trees, blobs, tags        packcore.store.ewah
    for each entry          row of the commit in the .idx (4), xor (1), flags (1), a set
    (a table of entries)    flag 10
    (hashes of names)       flag 4: one for each object, of its path (4)
    digest                  over everything before it

Bit n is the n-th object in pack order. An entry with xor k is stored as the difference from the k-th entry
before it. Specified in gitformat-bitmap. A bitmap without flag 1 is ignored: its pack need not be closed, so
a set could be incomplete.

A wrong bit would hide a needed object. So opening a bitmap always checks its digest: a millisecond for a
million bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from packcore.errors import CorruptShortcut
from packcore.limits import MIB
from packcore.objects import ObjectType
from packcore.store.ewah import EwahFault, decode_ewah, skip_ewah

if TYPE_CHECKING:
    from collections.abc import Sequence

    from packcore.ids import ObjectFormat

__all__ = ["BITMAP_SIGNATURE", "Bitmap"]

BITMAP_SIGNATURE = b"BITM"
FULL = 1
NAME_HASHES = 4
LOOKUP_TABLE = 16
_XOR_MAX = 160
_TYPES = (ObjectType.COMMIT, ObjectType.TREE, ObjectType.BLOB, ObjectType.TAG)
_ENTRY_BYTES = 6
_LOOKUP_BYTES = 16
_DECODED_BYTES_MAX = 16 * MIB


class Bitmap:
    """The sets of one file, over the objects of one pack or of a multi-pack-index."""

    def __init__(
        self, data: bytes, object_format: ObjectFormat, path: str, *, checksum: bytes, object_count: int
    ) -> None:
        """Open a file's bytes; `checksum` is that of the pack. Raises CorruptShortcut."""
        self.path = path
        self.object_count = object_count
        self._data = data
        size = object_format.digest_size
        if len(data) < 12 + 2 * size or data[:4] != BITMAP_SIGNATURE:
            raise self._fault("it does not begin with BITM")
        if data[4:6] != b"\0\1":
            raise self._fault(f"it has version {int.from_bytes(data[4:6], 'big')}; 1 is known")
        flags = int.from_bytes(data[6:8], "big")
        if not flags & FULL:
            raise self._fault("its sets may leave something out")
        if data[12 : 12 + size] != checksum:
            raise self._fault("it is made for another pack")
        self._decoded: dict[int, int] = {}
        """Sets by the number of their entry: most are stored as what differs from an earlier one."""
        self._decoded_max = max(2, _DECODED_BYTES_MAX * 8 // (object_count + 1))
        count = int.from_bytes(data[8:12], "big")
        self._end = len(data) - size
        self._end -= 4 * object_count if flags & NAME_HASHES else 0
        self._end -= _LOOKUP_BYTES * count if flags & LOOKUP_TABLE else 0
        if self._end < 12 + size:
            raise self._fault("corrupted bitmap index: it is too short for its tables")
        self._type_places: list[int] = []
        at = 12 + size
        for _ in _TYPES:
            self._type_places.append(at)
            at = self._skip(at)
        self._entries: list[tuple[int, int]] = []
        """For each entry: where its set begins, and how far back the entry is that it differs from."""
        self._numbers: dict[int, int] = {}
        """The number of each entry by the row of its commit."""
        for number in range(count):
            row, xor = int.from_bytes(data[at : at + 4], "big"), data[at + 4] if at + 4 < self._end else 0
            if row >= object_count or xor > min(number, _XOR_MAX):
                raise self._fault(f"entry {number} names what is not there")
            self._numbers[row] = number
            self._entries.append((at + _ENTRY_BYTES, xor))
            at = self._skip(at + _ENTRY_BYTES)
        # After the places, since a file that was cut off says more clearly what is wrong with it.
        if object_format.new_hash(data[:-size]).digest() != data[-size:]:
            raise self._fault("its bytes have another digest than it says")

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def rows(self) -> Sequence[int]:
        """The rows of the commits that have a set."""
        return list(self._numbers)

    def of_type(self, type_: ObjectType) -> int:
        """Return the set of the objects of a type."""
        return self._decode(self._type_places[_TYPES.index(type_)])

    def reached_from(self, row: int) -> int | None:
        """Return what the commit of that row reaches, including itself; None if it has no set."""
        number = self._numbers.get(row)
        if number is None:
            return None
        first, found = number, 0
        while True:
            if (known := self._decoded.get(number)) is not None:
                found ^= known
                break
            place, xor = self._entries[number]
            found ^= self._decode(place)
            if not xor:
                break
            number -= xor
        if first not in self._decoded:
            if len(self._decoded) >= self._decoded_max:
                del self._decoded[next(iter(self._decoded))]
            self._decoded[first] = found
        return found

    def _skip(self, at: int) -> int:
        try:
            end = skip_ewah(self._data, at)
        except EwahFault as error:
            raise self._fault(f"corrupt ewah bitmap: {error}") from None
        if end > self._end:
            raise self._fault("corrupt ewah bitmap: its sets run into its end")
        return end

    def _decode(self, at: int) -> int:
        try:
            return decode_ewah(self._data, at, self.object_count)[0]
        except EwahFault as error:
            raise self._fault(f"corrupt ewah bitmap: {error}") from None

    def _fault(self, message: str) -> CorruptShortcut:
        return CorruptShortcut(message, path=self.path)
