"""The bytes of the files beside a pack: .idx (versions 1 and 2) and .rev (gitformat-pack).

.idx 2   signature │ version │ fan-out │ ids │ CRC-32s │ offsets │ far offsets │ two digests
.idx 1   fan-out │ (offset, id) ... │ two digests
.rev     RIDX │ version │ hash │ positions │ two digests
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from packcore.anatomy.digests import digest_before
from packcore.anatomy.integers import fixed
from packcore.anatomy.model import Anatomy, Part
from packcore.ids import SHA1, SHA256
from packcore.pack.index import FAR_OFFSET, INDEX_SIGNATURE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from packcore.ids import ObjectFormat

__all__ = ["REVERSE_SIGNATURE", "index_anatomy", "index_format", "reverse_index_anatomy"]

REVERSE_SIGNATURE = b"RIDX"
_FAN_OUT_BYTES = 1024


def index_format(data: memoryview) -> ObjectFormat:
    """Return the hash of an index, derived from its size, which the tables must fill; SHA-1 if unclear."""
    head = 8 if bytes(data[:4]) == INDEX_SIGNATURE else 0
    count = int.from_bytes(data[head + _FAN_OUT_BYTES - 4 : head + _FAN_OUT_BYTES], "big")
    for object_format in (SHA1, SHA256):
        digest_size = object_format.digest_size
        tables = count * (digest_size + (8 if head else 4))
        left = len(data) - head - _FAN_OUT_BYTES - tables - 2 * digest_size
        if left == 0 or (head and 0 < left <= 8 * count and left % 8 == 0):
            return object_format
    return SHA1


def index_anatomy(data: memoryview, title: str, object_format: ObjectFormat | None = None) -> Anatomy:
    """Return the tree over the bytes of an index; the size tells the object format, unless it is given."""
    tables = _Tables(data, object_format or index_format(data))
    head = bytes(data[:4]) == INDEX_SIGNATURE
    make = tables.version_2 if head else tables.version_1
    note = f"version {2 if head else 1}"
    return _anatomy(title, "index", data, note, make)


def reverse_index_anatomy(data: memoryview, title: str) -> Anatomy:
    """Return the tree over the bytes of a reverse index."""
    object_format = SHA256 if bytes(data[8:12]) == b"\0\0\0\2" else SHA1
    return _anatomy(title, "reverse index", data, "", _Tables(data, object_format).reverse)


def _anatomy(
    title: str, name: str, data: memoryview, note: str, make: Callable[[], Iterator[Part]]
) -> Anatomy:
    root = Part(name, 0, len(data), note=note, _make_parts=make)
    return Anatomy(title, root, lambda start, end: bytes(data[start:end]))


class _Tables:
    """Cuts an index into its tables; anything that does not fit becomes a part with a fault."""

    def __init__(self, data: memoryview, object_format: ObjectFormat) -> None:
        self._data = data
        self._format = object_format
        self._digest_size = object_format.digest_size

    def version_2(self) -> Iterator[Part]:
        yield Part("signature", 0, min(4, len(self._data)), note="0xff, then tOc: no fan-out starts this way")
        if len(self._data) < 8 + _FAN_OUT_BYTES:
            yield self._cut_off(4, "it ends within its head")
            return
        version = self._number(4)
        yield Part("version", 4, 8, version, fault="" if version == 2 else "versions 1 and 2 are known")
        yield self._fan_out(8)
        count = self._number(8 + _FAN_OUT_BYTES - 4)
        position = 8 + _FAN_OUT_BYTES
        for name, width, make in (
            ("ids", self._digest_size, self._id),
            ("CRC-32s", 4, self._crc),
            ("offsets", 4, self._offset),
        ):
            end = position + count * width
            if end > len(self._data):
                yield self._cut_off(position, f"{count:,} {name} do not fit")
                return
            yield self._table(name, position, width, count, make)
            position = end
        far_count = max(len(self._data) - 2 * self._digest_size - position, 0) // 8
        if far_count:
            yield self._table("far offsets", position, 8, far_count, self._far)
        yield from self._digests(position + 8 * far_count)

    def version_1(self) -> Iterator[Part]:
        if len(self._data) < _FAN_OUT_BYTES:
            yield self._cut_off(0, "it is too short for an index")
            return
        yield self._fan_out(0)
        count = self._number(_FAN_OUT_BYTES - 4)
        width = 4 + self._digest_size
        end = _FAN_OUT_BYTES + count * width
        if end > len(self._data):
            yield self._cut_off(_FAN_OUT_BYTES, f"{count:,} entries do not fit")
            return
        yield self._table("entries", _FAN_OUT_BYTES, width, count, self._entry)
        yield from self._digests(end)

    def reverse(self) -> Iterator[Part]:
        if len(self._data) < 12 + 2 * self._digest_size:
            yield self._cut_off(0, "it is too short for a reverse index")
            return
        yield Part("signature", 0, 4, "RIDX")
        yield fixed("version", bytes(self._data[4:8]), 4)
        yield fixed("hash", bytes(self._data[8:12]), 8, self._format.name)
        count = (len(self._data) - 12 - 2 * self._digest_size) // 4
        yield self._table("positions", 12, 4, count, self._position)
        yield from self._digests(12 + 4 * count)

    def _number(self, start: int) -> int:
        return int.from_bytes(self._data[start : start + 4], "big")

    def _cut_off(self, start: int, fault: str) -> Part:
        return Part("damage", start, len(self._data), fault=fault)

    def _table(self, name: str, start: int, width: int, count: int, make: Callable[[int, int], Part]) -> Part:
        def rows() -> Iterator[Part]:
            for row in range(count):
                yield make(row, start + row * width)

        return Part(name, start, start + count * width, count, f"{count:,} x {width} bytes", _make_parts=rows)

    def _fan_out(self, start: int) -> Part:
        def rows() -> Iterator[Part]:
            before = 0
            for first in range(256):
                at = start + 4 * first
                count = self._number(at)
                fault = "" if count >= before else "it must not fall"
                note = f"ids that start with a byte up to {first:02x}"
                yield Part(f"{first:02x}", at, at + 4, count, note, fault)
                before = count

        return Part("fan-out", start, start + _FAN_OUT_BYTES, note="256 x 4 bytes", _make_parts=rows)

    def _id(self, row: int, start: int) -> Part:
        raw = bytes(self._data[start : start + self._digest_size])
        return Part(f"id {row}", start, start + self._digest_size, raw, raw.hex())

    def _crc(self, row: int, start: int) -> Part:
        crc = self._number(start)
        return Part(f"CRC-32 {row}", start, start + 4, crc, f"{crc:08x}, of the entry as stored")

    def _offset(self, row: int, start: int) -> Part:
        offset = self._number(start)
        note = f"place {offset - FAR_OFFSET} of the far offsets" if offset >= FAR_OFFSET else "in the pack"
        return Part(f"offset {row}", start, start + 4, offset, note)

    def _far(self, row: int, start: int) -> Part:
        return fixed(f"far offset {row}", bytes(self._data[start : start + 8]), start, "in the pack")

    def _position(self, row: int, start: int) -> Part:
        return fixed(f"position {row}", bytes(self._data[start : start + 4]), start, "in the order of ids")

    def _entry(self, row: int, start: int) -> Part:
        end = start + 4 + self._digest_size
        raw = bytes(self._data[start + 4 : end])

        def parts() -> Iterator[Part]:
            yield fixed("offset", bytes(self._data[start : start + 4]), start, "in the pack")
            yield Part("id", start + 4, end, raw, raw.hex())

        return Part(f"entry {row}", start, end, raw, raw.hex(), _make_parts=parts)

    def _digests(self, start: int) -> Iterator[Part]:
        middle, end = start + self._digest_size, start + 2 * self._digest_size
        if end > len(self._data):
            yield self._cut_off(start, "it ends within its digests")
            return
        raw = bytes(self._data[start:middle])
        yield Part("pack's digest", start, middle, raw, raw.hex())
        right = digest_before(self._data, middle, self._format)
        own = bytes(self._data[middle:end])
        fault = "" if own == right else f"the bytes before it give {right.hex()}"
        yield Part("own digest", middle, end, own, own.hex(), fault)
        if end < len(self._data):
            yield Part("extra bytes", end, len(self._data), fault="nothing may follow the digests")
