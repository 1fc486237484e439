r"""The pack index (.idx), versions 1 and 2: maps an id to the start of its entry (gitformat-pack).

    version 2   ff 't' 'O' 'c'  0 0 0 2                 signature, version
                fan-out       256 x 4   [b]: how many ids start with a byte <= b
                ids           n x 20    in order (32 with sha256)
                CRC-32        n x 4     of each entry's bytes in the pack
                offsets       n x 4     top bit set: the rest is an index into the next table
                far offsets   m x 8     those from 0x80000000 on
                pack's digest, digest of all this
    version 1   fan-out; n x (offset 4, id 20); pack's digest, digest of all this

Integers are big-endian. There are three ways to identify an object, and they are never mixed: `position` (in
the order of ids), pack offset, and id.

`packcore.pack.index_write` writes both.
"""

from __future__ import annotations

import mmap
import os
import sys
from array import array
from itertools import repeat
from math import isqrt
from typing import TYPE_CHECKING

from packcore.errors import CorruptIndex
from packcore.ids import ObjectId
from packcore.limits import BLOCK_BYTES
from packcore.pack.mapping import give_back

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from packcore.ids import ObjectFormat

__all__ = ["FAN_OUT_BYTES", "FAR_OFFSET", "INDEX_SIGNATURE", "PackIndex", "big_endian", "open_index"]

INDEX_SIGNATURE = b"\xfftOc"
FAR_OFFSET = 0x80000000
"""Offsets from here on are stored in the table of far offsets."""
FAN_OUT_BYTES = 1024
"""256 counts: how many ids start with each byte or a lower one."""
_AT_ONCE = 1 << 16  # at most this many ids are separate objects at a time
_FEW = 16  # fewer than one id in 16 are looked up one by one
_WHOLE_BYTES_MAX = 256 * 1024  # a smaller index is read, not mapped: a map costs a file descriptor


class PackIndex:
    """Look-ups in one index, over a map or bytes. `path` is for errors.

    The constructor checks signature, sizes and fan-out (CorruptIndex), so that no look-up can leave the
    bytes. `verify` reads everything, and also checks the digest and the order of ids.
    """

    def __init__(self, data: bytes | mmap.mmap, object_format: ObjectFormat, path: str) -> None:
        self.object_format = object_format
        self.path = path
        self._data = data
        self.version = 2 if data[:4] == INDEX_SIGNATURE else 1
        digest_size = object_format.digest_size
        header_bytes = 8 if self.version == 2 else 0
        if len(data) < header_bytes + FAN_OUT_BYTES + 2 * digest_size:
            raise self._corrupt("it is too short for an index")
        if self.version == 2 and data[4:8] != b"\0\0\0\2":
            raise self._corrupt(f"it has version {int.from_bytes(data[4:8], 'big')}; 1 and 2 are known")
        table = header_bytes + FAN_OUT_BYTES
        self._fan_out = big_endian("I", data[header_bytes:table])
        if any(a > b for a, b in zip(self._fan_out, self._fan_out[1:], strict=False)):
            raise self._corrupt("its fan-out table does not rise")
        count = self._fan_out[255]
        self._count = count
        if self.version == 2:
            self._stride = digest_size
            self._ids = table
            self._crcs = table + count * digest_size
            self._offsets = self._crcs + count * 4
            self._far = self._offsets + count * 4
        else:
            self._stride = digest_size + 4
            self._ids = table + 4
            self._offsets = table
            self._far = table + count * self._stride
        far_bytes = len(data) - 2 * digest_size - self._far
        if far_bytes < 0 or far_bytes % 8 or far_bytes > (8 * count if self.version == 2 else 0):
            raise self._corrupt(f"it has {len(data)} bytes, which does not fit {count} objects")
        self._far_count = far_bytes // 8
        self._last_found: tuple[Sequence[bytes], Sequence[int]] = ((), ())
        self._reach = 12 + 2 * isqrt(count >> 8)
        self.pack_checksum = bytes(data[-2 * digest_size : -digest_size])
        """The trailer of the pack that this index belongs to."""

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[ObjectId]:
        digest_size = self.object_format.digest_size
        ids = self._ids
        for start in range(ids, ids + self._count * self._stride, self._stride):
            yield ObjectId(self._data[start : start + digest_size])

    def find(self, oid: bytes) -> int:
        """Return the position of an id (the first one if the pack has it twice), or -1.

        Ids are digests and evenly spread, so the search looks close to the expected position first, in a few
        kilobytes. If the id isn't there, it falls back to a binary search.
        """
        digest_size = len(oid)
        if digest_size != self.object_format.digest_size:
            return -1
        first = oid[0]
        low = self._fan_out[first - 1] if first else 0
        end = self._fan_out[first]
        guess = low + ((end - low) * int.from_bytes(oid[1:4], "big") >> 24)
        start = guess - self._reach
        start = max(start, low)
        stop = guess + self._reach
        stop = min(stop, end)
        stride = self._stride
        nearby = self._data[self._ids + start * stride : self._ids + stop * stride]
        found = nearby.find(oid)
        if found > 0 and not found % stride:
            return start + found // stride
        if (
            found < 0
            and (start == low or nearby[:digest_size] < oid)
            and (stop == end or nearby[-stride:][:digest_size] > oid)
        ):
            return -1
        return self._halve(oid, low, end)

    def _halve(self, oid: bytes, low: int, end: int) -> int:
        data, stride, ids, digest_size = self._data, self._stride, self._ids, len(oid)
        high = end
        while low < high:
            middle = (low + high) >> 1
            start = ids + middle * stride
            if data[start : start + digest_size] < oid:
                low = middle + 1
            else:
                high = middle
        start = ids + low * stride
        return low if low < end and data[start : start + digest_size] == oid else -1

    def part(self, first: int) -> tuple[range, list[bytes]]:
        """Return the positions of the ids with this first byte, and these ids."""
        low, end = self._fan_out[first - 1] if first else 0, self._fan_out[first]
        digest_size, stride = self.object_format.digest_size, self._stride
        block = self._data[self._ids + low * stride : self._ids + end * stride]
        return range(low, end), [block[at : at + digest_size] for at in range(0, len(block), stride)]

    def heads(self, first: int) -> tuple[range, array[int]]:
        """Return the positions of the ids with this first byte, and the next four bytes of each id."""
        low, end = self._fan_out[first - 1] if first else 0, self._fan_out[first]
        stride = self._stride
        start = self._ids + low * stride + 1
        block = self._data[start : start + (end - 1 - low) * stride + 4] if low < end else b""
        return range(low, end), big_endian("I", block)[:: stride // 4]

    def offset_of(self, oid: bytes, position: int) -> int:
        """Return what `offset` does if this is the id at the position; -1 if it isn't."""
        start = self._ids + position * self._stride
        return self.offset(position) if self._data[start : start + len(oid)] == oid else -1

    def find_range(self, low: bytes, high: bytes) -> range:
        """Return the positions of the ids from `low` up to `high`, both given as raw bytes of any length."""
        return range(self._lower_bound(low), self._lower_bound(high + b"\xff" * 32))

    def _lower_bound(self, prefix: bytes) -> int:
        digest_size = self.object_format.digest_size
        low, high = 0, self._count
        while low < high:
            middle = (low + high) >> 1
            start = self._ids + middle * self._stride
            if self._data[start : start + digest_size] < prefix:
                low = middle + 1
            else:
                high = middle
        return low

    def oid(self, position: int) -> ObjectId:
        """Return the id at a position."""
        start = self._ids + position * self._stride
        return ObjectId(self._data[start : start + self.object_format.digest_size])

    def oids_at(self, positions: Sequence[int]) -> bytes:
        """Return the ids at many positions, one behind the other."""
        size, stride = self.object_format.digest_size, self._stride
        ids = self._data[self._ids : self._ids + self._count * stride]
        return b"".join(
            b"".join([ids[at * stride : at * stride + size] for at in positions[start : start + _AT_ONCE]])
            for start in range(0, len(positions), _AT_ONCE)
        )

    def find_offset(self, oid: bytes) -> int:
        """Return the pack offset of the entry of an id, or -1. Raises CorruptIndex as `offset` does."""
        position = self.find(oid)
        return self.offset(position) if position >= 0 else -1

    def find_offsets(self, oids: Sequence[bytes]) -> Sequence[int]:
        """Return the pack offset of each id's entry, or -1 for ids that are not here: many in one call.

        It caches the last result, because callers ask several times about one list: what the objects are, how
        they are stored, and where to read them.
        """
        if len(oids) * _FEW < self._count:
            return [self.find_offset(oid) for oid in oids]
        asked, found = self._last_found
        if asked != oids:
            found = self._find_many(oids)
            self._last_found = list(oids), found  # a copy, so that nothing changes it
        return found

    def _find_many(self, oids: Sequence[bytes]) -> array[int]:
        found = array("q", repeat(-1, len(oids)))
        offsets = self.offsets()
        wanted: list[list[int]] = [[] for _ in range(256)]
        for number, oid in enumerate(oids):
            wanted[oid[0]].append(number)
        # One first byte at a time, so that only a few ids exist as objects.
        low = 0
        for numbers, end in zip(wanted, self._fan_out, strict=True):
            if numbers:
                _, ids = self.part(oids[numbers[0]][0])
                ids.reverse()  # of a duplicate id, the first position counts
                places = dict(zip(ids, range(end - 1, low - 1, -1), strict=False))
                for number in numbers:
                    position = places.get(oids[number])
                    if position is not None:
                        found[number] = offsets[position]
            low = end
        return found

    def offset(self, position: int) -> int:
        """Return the pack offset of the entry.

        Raises CorruptIndex for a far offset that isn't there, or that is beyond the end of any file.
        """
        start = self._offsets + position * (4 if self.version == 2 else self._stride)
        offset = int.from_bytes(self._data[start : start + 4], "big")
        if offset & FAR_OFFSET and self.version == 2:
            far = offset - FAR_OFFSET
            if far >= self._far_count:
                raise self._corrupt(
                    f"object {self.oid(position).hex()} has far offset {far}, which isn't there"
                )
            start = self._far + far * 8
            offset = int.from_bytes(self._data[start : start + 8], "big")
            if offset >> 63:
                raise self._corrupt(
                    f"object {self.oid(position).hex()} is at offset {offset}, beyond the end of any file"
                )
        return offset

    def crc32(self, position: int) -> int | None:
        """Return the CRC-32 of the entry's bytes; None in version 1."""
        if self.version == 1:
            return None
        start = self._crcs + position * 4
        return int.from_bytes(self._data[start : start + 4], "big")

    def offsets(self) -> array[int]:
        """Return all offsets by position."""
        if self.version == 1 or self._far_count:
            return array("Q", map(self.offset, range(self._count)))
        near = big_endian("I", self._data[self._offsets : self._far])
        if near and max(near) >= FAR_OFFSET:
            return array("Q", map(self.offset, range(self._count)))
        return array("Q", near)

    def pack_order(self) -> tuple[array[int], array[int]]:
        """Return all positions, and all offsets, in the order of the pack."""
        offsets = self.offsets()
        positions = array("I", sorted(range(self._count), key=offsets.__getitem__))
        return positions, array("Q", map(offsets.__getitem__, positions))

    def crcs(self) -> array[int] | None:
        """Return all CRC-32 values by position; None in version 1."""
        return None if self.version == 1 else big_endian("I", self._data[self._crcs : self._offsets])

    def verify(self) -> None:
        """Read everything and check the digest, the order of ids and the fan-out. Raises CorruptIndex."""
        data = self._data
        digest_size = self.object_format.digest_size
        digest = self.object_format.new_hash()
        end = len(data) - digest_size
        for start in range(0, end, BLOCK_BYTES):
            digest.update(data[start : min(start + BLOCK_BYTES, end)])
        if digest.digest() != data[len(data) - digest_size :]:
            raise self._corrupt("its digest does not match its bytes")
        for first in range(256):
            _, ids = self.part(first)
            if ids and (ids != sorted(ids) or not ids[0][0] == ids[-1][0] == first):
                self._check_order()
        self.offsets()

    def _check_order(self) -> None:
        previous = b""
        for position, oid in enumerate(self):
            if oid < previous:
                raise self._corrupt(f"its ids are out of order at position {position}")
            first = oid[0]
            if not (self._fan_out[first - 1] if first else 0) <= position < self._fan_out[first]:
                raise self._corrupt(f"its fan-out table does not fit id {oid.hex()}")
            previous = oid

    def has_twins(self) -> bool:
        """Return whether an id is here more than once."""
        return any(len({*ids}) < len(ids) for ids in (self.part(first)[1] for first in range(256)))

    def has_bytes(self, blocks: Iterable[bytes]) -> bool:
        """Return whether the file consists of these blocks, as those of `write_index_v2` for its pack."""
        data = self._data
        end = 0
        for block in blocks:
            start, end = end, end + len(block)
            if data[start:end] != block:
                return False
        return end == len(data)

    def give_back(self) -> None:
        """Give the resident pages of the map back to the system, after everything was read."""
        if isinstance(self._data, mmap.mmap):
            give_back(self._data)

    def close(self) -> None:
        """Release the map."""
        if isinstance(self._data, mmap.mmap):
            self._data.close()

    def _corrupt(self, message: str) -> CorruptIndex:
        return CorruptIndex(message, path=self.path)


def open_index(path: Path, object_format: ObjectFormat) -> PackIndex:
    """Map an index file. Raises CorruptIndex, and OSError if it can't be opened."""
    with path.open("rb") as file:
        if os.fstat(file.fileno()).st_size <= _WHOLE_BYTES_MAX:
            return PackIndex(file.read(_WHOLE_BYTES_MAX), object_format, str(path))
        try:
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except (ValueError, OSError) as error:
            raise CorruptIndex(f"it can't be mapped: {error}", path=str(path)) from None
    try:
        return PackIndex(data, object_format, str(path))
    except CorruptIndex:
        data.close()
        raise


def big_endian(typecode: str, data: bytes) -> array[int]:
    """Return big-endian integers as an array ("I": 4 bytes each, "Q": 8)."""
    values: array[int] = array(typecode)
    values.frombytes(data)
    if sys.byteorder == "little":
        values.byteswap()
    return values
