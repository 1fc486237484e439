"""Reads the heads of many entries of one pack: how objects are stored, and what they are."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

from packcore.deflate import InflateError, new_inflater
from packcore.objects import ObjectType
from packcore.pack.format import OFS_DELTA, PACK_HEADER_BYTES
from packcore.pack.mapping import RESIDENT_BYTES
from packcore.store.base import ObjectHeader, RawEntry

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from packcore.ids import ObjectId
    from packcore.pack.index import PackIndex
    from packcore.pack.mapping import PackSource
    from packcore.store.base import PackBytes
    from packcore.store.pack_order import PackOrder

__all__ = ["PackListing"]

_TYPES = (None, *ObjectType)
_SIZE_SHIFT_MAX = 53
"""A size that needs more bits is odd."""
_STREAM_BYTES = 256
"""Bytes of a zlib stream that nearly always yield the first bytes of a delta, including Huffman tables."""
_DELTA_HEAD_BYTES = 10
"""The two sizes of a delta are seldom longer."""


class PackListing:
    """Reads the heads of many entries of one pack. `PackFile.listing` makes it.

    The answer for an odd entry is None, as for an object that isn't in the pack. The caller then reads that
    entry alone, and the error says what is wrong.
    """

    def __init__(self, pack: PackBytes, index: PackIndex, source: PackSource, order: PackOrder) -> None:
        self._pack = pack
        self._index = index
        self._source = source
        self._data = source.view
        self._order = order
        offsets = order.offsets
        self._offsets = offsets[: bisect_left(offsets, source.entries_end)]
        self._offsets.append(source.entries_end)

    def raws(self, oids: Sequence[ObjectId], places: Sequence[int] | None = None) -> list[RawEntry | None]:
        """Return the entries of these objects; `places` are their offsets, if known."""
        pack, positions, offsets = self._pack, self._order.positions, self._offsets
        oid_at = self._index.oid
        found: list[RawEntry | None] = [None] * len(oids)
        for number, offset, rank, _, size, base_rank, payload in self._heads(oids, places):
            base = None if base_rank < 0 else oid_at(positions[base_rank])
            found[number] = RawEntry(pack, offset, payload, offsets[rank + 1], size, base)
        return found

    def headers(
        self, oids: Sequence[ObjectId], places: Sequence[int] | None = None
    ) -> list[ObjectHeader | None]:
        """Return type and size of these objects; `places` are their offsets, if known."""
        data = self._data
        found: list[ObjectHeader | None] = [None] * len(oids)
        types = bytearray(len(self._offsets))
        for number, _, rank, code, size, base_rank, payload in self._heads(oids, places):
            if base_rank >= 0:
                # A base comes before its deltas, so its type is already known if it was requested.
                code = types[base_rank] or self._type_of(base_rank)
                size = _target_size(data[payload : payload + _STREAM_BYTES])
            types[rank] = code
            if code and size >= 0:
                found[number] = ObjectHeader(_TYPES[code], size)
        return found

    def _type_of(self, rank: int) -> int:
        """Return the type of an entry that was not requested, through its chain; 0 if the chain is odd."""
        while rank >= 0:
            code, _, base_rank, _ = self._head(self._offsets[rank], rank)
            if base_rank == -1:
                return code
            rank = base_rank  # always less
        return 0

    def _heads(
        self, oids: Sequence[ObjectId], places: Sequence[int] | None
    ) -> Iterator[tuple[int, int, int, int, int, int, int]]:
        """Yield the regular entries in pack order: number in `oids`, offset, rank, and `_head`'s result."""
        offsets, head = self._offsets, self._head
        places = self._index.find_offsets(oids) if places is None else places
        numbers = sorted([n for n, place in enumerate(places) if place >= 0], key=places.__getitem__)
        end = offsets[-1]
        rank = -1
        give_back_at = RESIDENT_BYTES
        for number in numbers:
            offset = places[number]
            rank += 1
            if offset > give_back_at:
                self._source.give_back()
                give_back_at = offset + RESIDENT_BYTES
            if not PACK_HEADER_BYTES <= offset < end:
                continue
            if offsets[rank] != offset:  # doesn't directly follow the previous one
                rank = bisect_left(offsets, offset)
            code, size, base_rank, payload = head(offset, rank)
            if base_rank >= -1 and payload < offsets[rank + 1]:
                yield number, offset, rank, code, size, base_rank, payload

    def _head(self, offset: int, rank: int) -> tuple[int, int, int, int]:
        """Return type code, size of the stream, rank of the base, and where the stream starts.

        The base's rank is -1 for a whole object, -2 for an odd entry or a ref-delta.
        """
        data, offsets = self._data, self._offsets
        try:
            byte = data[offset]
            code = byte >> 4 & 7
            size = byte & 0x0F
            position, shift = offset + 1, 4
            while byte >= 0x80 and shift < _SIZE_SHIFT_MAX:
                byte = data[position]
                position += 1
                size |= (byte & 0x7F) << shift
                shift += 7
            if byte >= 0x80:
                return 0, 0, -2, 0
            if code == OFS_DELTA:
                byte = data[position]
                position += 1
                distance = byte & 0x7F
                while byte >= 0x80 and distance < offset:
                    byte = data[position]
                    position += 1
                    distance = distance + 1 << 7 | byte & 0x7F
                base_rank = bisect_left(offsets, offset - distance, 0, rank)
                if base_rank < rank and offsets[base_rank] == offset - distance:
                    return code, size, base_rank, position
            elif 0 < code < 5:
                return code, size, -1, position
        except IndexError:
            pass  # the pack ends here
        return 0, 0, -2, 0


def _target_size(stream: memoryview) -> int:
    """Return the target's size from the start of a delta's zlib stream; -1 if it isn't in there."""
    try:
        head = new_inflater().decompress(stream, _DELTA_HEAD_BYTES)
        position = 0
        while head[position] >= 0x80:
            position += 1
        position += 1
        byte = head[position]
        size = byte & 0x7F
        shift = 7
        while byte >= 0x80:
            position += 1
            byte = head[position]
            size |= (byte & 0x7F) << shift
            shift += 7
    except (InflateError, IndexError):
        return -1
    return size
