"""The bytes of a pack: header, entries, trailer (gitformat-pack; see `packcore.pack.format`).

    header     signature │ version │ count
    entry      type and size │ base, of a delta │ zlib stream
    trailer    digest of all before it

If there is an index beside the pack, it provides the ids of the entries and, after damage, the offset where
reading can continue. Without it, the first broken entry hides all that follows, because the next entry starts
at the end of a stream that was read completely.
"""

from __future__ import annotations

import bisect
from typing import TYPE_CHECKING, NamedTuple

from packcore.anatomy.delta import delta_anatomy
from packcore.anatomy.digests import digest_before
from packcore.anatomy.integers import bits_of, fixed, varint
from packcore.anatomy.model import Anatomy, Part
from packcore.anatomy.objects import object_anatomy
from packcore.anatomy.streams import measure, stream_part
from packcore.deflate import inflate_at
from packcore.errors import CorruptData, CorruptPack, LimitExceeded
from packcore.ids import SHA1, ObjectId
from packcore.limits import MIB
from packcore.objects import ObjectType
from packcore.pack.format import (
    OFS_DELTA,
    PACK_HEADER_BYTES,
    PACK_SIGNATURE,
    REF_DELTA,
    TYPE_NAMES,
    decode_entry_header,
)
from packcore.varint import decode_ofs

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from packcore.ids import ObjectFormat
    from packcore.pack.index import PackIndex

__all__ = ["Entry", "PackAnatomy"]

_HELD_BYTES_MAX = 64 * MIB
"""Larger objects are not inflated to show their content."""


class Entry(NamedTuple):
    """The decoded header of one entry, and the offsets of its pieces."""

    offset: int
    number: int
    """Its number in the pack, from 0; -1 if damage before it hides that."""
    type_code: int
    size: int
    """Inflated size: of the object, or of the delta."""
    header_end: int
    payload_offset: int
    base_offset: int | None
    base_oid: ObjectId | None
    oid: ObjectId | None
    """None without an index."""

    @property
    def type_name(self) -> str:
        """`commit`, ..., `ofs-delta`, `ref-delta`."""
        return TYPE_NAMES[self.type_code]

    @property
    def is_delta(self) -> bool:
        """Whether its stream is a delta."""
        return self.type_code in (OFS_DELTA, REF_DELTA)


class PackAnatomy:
    """The tree over a pack. `data` is a map or bytes; `index` is the index of the pack, or None."""

    def __init__(
        self,
        data: memoryview,
        *,
        title: str,
        object_format: ObjectFormat = SHA1,
        index: PackIndex | None = None,
    ) -> None:
        self.title = title
        self.object_format = object_format
        self.index = index
        self._data = data
        self._digest_size = object_format.digest_size
        self._offsets: list[int] = []
        self._oids: dict[int, ObjectId] = {}
        if index is not None:
            for position in range(len(index)):
                self._oids[index.offset(position)] = index.oid(position)
            self._offsets = sorted(self._oids)

    @property
    def anatomy(self) -> Anatomy:
        """The tree."""
        root = Part("pack", 0, len(self._data), note=f"{len(self._data):,} bytes", _make_parts=self._parts)
        return Anatomy(self.title, root, lambda start, end: bytes(self._data[start:end]))

    @property
    def count(self) -> int:
        """The number of entries according to the header; 0 if the header is cut off."""
        head = self._data[:PACK_HEADER_BYTES]
        return int.from_bytes(head[8:], "big") if len(head) == PACK_HEADER_BYTES else 0

    def entry_at(self, offset: int, number: int = -1) -> Entry:
        """Decode the header of the entry at `offset`. Raises CorruptPack."""
        type_code, size, header_end = decode_entry_header(self._data, offset)
        base_offset = base_oid = None
        payload = header_end
        if type_code == OFS_DELTA:
            try:
                distance, payload = decode_ofs(self._data, header_end)
            except CorruptData as error:
                raise CorruptPack(str(error), offset=header_end) from None
            base_offset = offset - distance
            if distance == 0 or base_offset < PACK_HEADER_BYTES:
                raise CorruptPack("the delta's base lies outside the pack's entries", offset=header_end)
        elif type_code == REF_DELTA:
            payload += self._digest_size
            base_oid = ObjectId(bytes(self._data[header_end:payload]))
            if len(base_oid) < self._digest_size:
                raise CorruptPack("it ends within an entry's header", offset=len(self._data))
        oid = self._oids.get(offset)
        return Entry(offset, number, type_code, size, header_end, payload, base_offset, base_oid, oid)

    def stream_of(self, entry: Entry) -> bytes:
        """Inflate the stream of an entry. Raises CorruptPack, and LimitExceeded above 64 MiB."""
        if entry.size > _HELD_BYTES_MAX:
            raise LimitExceeded(
                f"the entry at offset {entry.offset} has {entry.size:,} bytes; only up to "
                f"{_HELD_BYTES_MAX:,} are shown inside",
                limit="object_bytes",
            )
        try:
            return inflate_at(self._data, entry.payload_offset, entry.size)[0]
        except CorruptData as error:
            raise CorruptPack(str(error), offset=entry.offset) from None

    def find(self, prefix: str) -> list[int]:
        """Return the offsets of all entries whose id in the index starts with these hex digits."""
        return [offset for offset in self._offsets if self._oids[offset].hex().startswith(prefix)]

    def end_of(self, entry: Entry) -> int:
        """Return where an entry ends; this reads its whole stream."""
        return measure(self._data, entry.payload_offset, entry.size).end

    def base_of(self, entry: Entry) -> Entry | None:
        """Return the entry of a delta's base; None for a whole object or a base outside this pack.

        Raises CorruptPack if there is no valid header at the base.
        """
        if entry.base_offset is not None:
            return self.entry_at(entry.base_offset)
        if entry.base_oid is not None and self.index is not None:
            offset = self.index.find_offset(entry.base_oid)
            return self.entry_at(offset) if offset >= 0 else None
        return None

    def _parts(self) -> Iterator[Part]:
        data = self._data
        if bytes(data[:4]) != PACK_SIGNATURE or len(data) < PACK_HEADER_BYTES:
            yield Part("damage", 0, len(data), fault="a pack starts with PACK, a version and a count")
            return
        yield Part("header", 0, PACK_HEADER_BYTES, self.count, self._header_note(), _make_parts=self._header)
        position = yield from self._entries()
        yield from self._trailer(position)

    def _header_note(self) -> str:
        return f"version {int.from_bytes(self._data[4:8], 'big')}, {self.count:,} entries"

    def _header(self) -> Iterator[Part]:
        data = self._data
        yield Part("signature", 0, 4, bytes(data[:4]).decode("latin-1"))
        version = int.from_bytes(data[4:8], "big")
        fault = "" if version in (2, 3) else "versions 2 and 3 are known"
        yield Part("version", 4, 8, version, fault=fault)
        yield fixed("count", bytes(data[8:12]), 8, "entries")

    def _entries(self) -> Generator[Part, None, int]:
        """Yield the entries; return where they end."""
        position, number = PACK_HEADER_BYTES, 0
        entries_end = len(self._data) - self._digest_size
        while number < self.count and not self._is_trailer(position):
            part, is_whole = self._entry(position, number)
            if is_whole:
                yield part
                position, number = part.end, number + 1
                continue
            # With an index, continue at the next entry; without one, nothing up to the trailer is readable.
            following = bisect.bisect_right(self._offsets, position)
            resumed = (
                self._offsets[following] if following < len(self._offsets) else max(entries_end, part.end)
            )
            resumed = min(resumed, len(self._data))
            if part.end > resumed:
                part = Part("damage", position, resumed, fault=part.fault)
            yield part
            if part.end < resumed:
                why = "not readable: without an index, the next entry is found only behind a complete one"
                yield Part("damage", part.end, resumed, fault=why if following >= len(self._offsets) else "")
            position, number = resumed, following if following < len(self._offsets) else self.count
        if number < self.count:
            fault = f"the header says {self.count:,} entries, and there are {number:,}"
            yield Part("end of entries", position, position, fault=fault)
        return position

    def _is_trailer(self, position: int) -> bool:
        """Return whether the rest from `position` on is empty or the correct digest."""
        left = bytes(self._data[position : position + self._digest_size + 1])
        return not left or (
            len(left) == self._digest_size and left == digest_before(self._data, position, self.object_format)
        )

    def _entry(self, offset: int, number: int) -> tuple[Part, bool]:
        """Return the part for the entry at `offset`, and whether the entry is complete."""
        try:
            entry = self.entry_at(offset, number)
        except CorruptPack as error:
            end = min(max(error.offset or 0, offset) + 1, len(self._data))
            return Part("damage", offset, end, fault=error.reason), False
        stream = measure(self._data, entry.payload_offset, entry.size)
        note = f"{entry.type_name}, {entry.size:,} bytes"
        if entry.base_offset is not None:
            note += f", base at {entry.base_offset}"
        elif entry.base_oid is not None:
            note += f", base {entry.base_oid.hex()}"

        def make() -> Iterator[Part]:
            yield self._type_and_size(entry)
            yield from self._base(entry)
            yield stream_part(self._data, entry.payload_offset, stream, lambda: self._content(entry))

        end = stream.end
        part = Part("entry", offset, end, entry.oid or entry.number, note, stream.fault, _make_parts=make)
        return part, stream.ended

    def _type_and_size(self, entry: Entry) -> Part:
        def make() -> Iterator[Part]:
            for at in range(entry.offset, entry.header_end):
                byte = self._data[at]
                first = at == entry.offset
                fields = (("more", 1), ("type", 3), ("size", 4)) if first else (("more", 1), ("size", 7))
                note = entry.type_name if first else "further bits of the size"
                yield Part(
                    f"byte {at - entry.offset + 1}", at, at + 1, byte, note, bits=bits_of(byte, *fields)
                )

        note = f"{entry.type_name} of {entry.size:,} bytes, inflated"
        return Part("type and size", entry.offset, entry.header_end, entry.size, note, _make_parts=make)

    def _base(self, entry: Entry) -> Iterator[Part]:
        start, end = entry.header_end, entry.payload_offset
        if entry.base_offset is not None:
            distance = entry.offset - entry.base_offset
            note = f"the base starts {distance:,} bytes before, at {entry.base_offset}"
            yield varint("base distance", bytes(self._data[start:end]), start, distance, note)
        elif entry.base_oid is not None:
            yield Part("base id", start, end, entry.base_oid, entry.base_oid.hex())

    def _content(self, entry: Entry) -> Anatomy:
        data = self.stream_of(entry)
        if entry.is_delta:
            return delta_anatomy(data)
        return object_anatomy(ObjectType(entry.type_code), data, self._digest_size)

    def _trailer(self, start: int) -> Iterator[Part]:
        end = min(start + self._digest_size, len(self._data))
        found = bytes(self._data[start:end])
        if found:
            fault = ""
            if len(found) < self._digest_size:
                fault = f"cut off: a trailer has {self._digest_size} bytes"
            elif (right := digest_before(self._data, start, self.object_format)) != found:
                fault = f"the bytes before it give {right.hex()}"
            note = f"{self.object_format.name} of all before it"
            yield Part("trailer", start, end, found, note if not fault else "", fault)
        if end < len(self._data):
            yield Part("extra bytes", end, len(self._data), fault="nothing may follow the trailer")
