"""Objects of one pack that are all copied unchanged, and the bytes of the pack that they form.

    requested ids  -> places in the pack, sorted        all must be there
    entry heads    -> bases                             each read once; a base must be requested, too
    bytes          -> all of the pack: blocks of 64 KiB, not inspected
                      a part: entry by entry            new head if the distance to its base changes

The result equals writing the entries one by one. Deltas by id become deltas by distance, as everywhere. If a
head is odd, the caller falls back to the slow path, which reports what is wrong.

The CRC-32 shows damage of an entry before it is written. If a whole pack goes out, damage shows at the end:
the digest, which is computed anyway, must be the pack's own. Only if it isn't are the CRC-32s checked, to
find the entry; checking them first would cost more than copying. No trailer follows.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from itertools import islice
from typing import TYPE_CHECKING

from packcore.deflate import crc32, deflate_blocks, level_for
from packcore.errors import CorruptPack
from packcore.limits import BLOCK_BYTES
from packcore.pack.blocks import gather
from packcore.pack.format import (
    OFS_DELTA,
    PACK_HEADER_BYTES,
    REF_DELTA,
    encode_entry_header,
    encode_pack_header,
)
from packcore.pack.mapping import RESIDENT_BYTES
from packcore.store.base import ObjectHeader, RawEntry
from packcore.varint import encode_ofs

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from packcore.ids import ObjectId
    from packcore.pack.mapping import PackSource
    from packcore.store.pack_order import PackOrder
    from packcore.store.packfile import PackFile

__all__ = ["PackPart"]

_SIZE_BYTES_MAX = 9
"""A size that needs more, beyond 60 bits, is odd."""
_TYPE_BITS = 0x70
_OFS_DELTA_BITS = OFS_DELTA << 4
_REF_DELTA_BITS = REF_DELTA << 4
_WHOLE_BITS = frozenset({0x10, 0x20, 0x30, 0x40})
_FIRST = 16
"""Ids to look up first: a listing begins with the newest, where a pack most likely lacks something."""


class PackPart:
    """Objects in pack order. `PackPart.of` finds them."""

    def __init__(self, pack: PackFile, heads: _Heads) -> None:
        self.delta_count = len(heads.bases) - heads.bases.count(-1)
        self.bases: Sequence[int] = heads.bases
        """For each object, the position of its base among these; -1 for a whole one."""
        self._pack = pack
        self._source, self._order = pack.source, pack.order
        self._heads = heads
        self.is_whole_pack = (
            not heads.named_by_id
            and len(heads.offsets) == len(pack)
            and heads.offsets[0] == PACK_HEADER_BYTES
            and pack.source.slice(0, PACK_HEADER_BYTES) == encode_pack_header(len(pack))
        )
        """Whether the output is the pack's bytes from first to last."""

    @classmethod
    def of(cls, pack: PackFile, oids: Collection[ObjectId]) -> PackPart | None:
        """Find these objects; None if one isn't there, a base isn't among them, or a head is odd."""
        if not 0 < len(oids) <= len(pack) or not all(oid in pack for oid in islice(oids, _FIRST)):
            return None
        oids = list(oids)
        places = pack.index.find_offsets(oids)
        try:
            heads = _Heads(pack.source, pack.order, oids, places)
        except (IndexError, KeyError):  # the pack ends there, or no requested entry starts there
            return None
        return cls(pack, heads)

    @property
    def byte_count(self) -> int:
        """The size of the output without its trailer, but for heads whose size changes."""
        return PACK_HEADER_BYTES + sum(self._heads.ends) - sum(self._heads.offsets)

    def copy_singly(self) -> None:
        """Write entry by entry even for the whole pack: a damaged entry may be replaced."""
        self.is_whole_pack = False

    def blocks(self, block_bytes: int) -> Iterator[bytes]:
        """Yield the pack of these objects, without its trailer, in blocks of at most `block_bytes`."""
        if not self.is_whole_pack:
            yield from gather(((piece, 0) for piece in self._pieces()), block_bytes)
            return
        end = self._source.entries_end
        for start in range(0, end, block_bytes):
            yield self._source.slice(start, min(start + block_bytes, end))

    def check(self, digest: bytes) -> None:
        """Check the digest of what `blocks` yielded. Raises CorruptPack if that was the whole pack, damaged.

        The error names the entry if that is known.
        """
        pack = self._pack
        if not self.is_whole_pack or digest == pack.index.pack_checksum:
            return
        for _ in self._pieces():
            pass  # the CRC-32 of each is checked on the way
        raise CorruptPack(
            f"its trailer says {pack.index.pack_checksum.hex()}, its bytes give {digest.hex()}",
            pack=pack.name,
        )

    def _pieces(self) -> Iterator[bytes]:
        """Yield the pack's header, then the entries in pieces of about 64 KiB."""
        pack, slice_of, crc_at = self._pack, self._source.slice, self._order.crc_at
        check_crc = pack.copier.check_crc
        heads = self._heads
        ready = [encode_pack_header(len(self))]
        ready_bytes = position = len(ready[0])
        shifts = array("q")  # how far each entry moves
        # Once for each entry of listings of any size, so all is in one loop.
        for offset, end, payload, base in zip(
            heads.offsets, heads.ends, heads.payloads, heads.bases, strict=True
        ):
            shift = position - offset
            shifts.append(shift)
            is_large = end - offset > BLOCK_BYTES
            data = slice_of(offset, payload if is_large else end)
            try:
                if is_large:
                    blocks = pack.copy_payload(RawEntry(pack, offset, payload, end, 0, None))
                else:
                    check_crc(crc32(data), crc_at(offset), offset)
            except CorruptPack as error:
                yield b"".join(ready)
                ready, ready_bytes = [], 0
                for block in self._entry_by_another_copy(offset, error):
                    yield block
                    position += len(block)
                continue
            if base >= 0 and (data[0] & _TYPE_BITS == _REF_DELTA_BITS or shifts[base] != shift):
                head = _ofs_head(data, position - (heads.offsets[base] + shifts[base]))
                ready.append(head)
                position += len(head) - (payload - offset)
                data = data[payload - offset :]
            ready.append(data)
            position += end - offset
            ready_bytes += len(data)
            if is_large:
                yield b"".join(ready)
                yield from blocks
                ready, ready_bytes = [], 0
            elif ready_bytes >= BLOCK_BYTES:
                yield b"".join(ready)
                ready, ready_bytes = [], 0
        yield b"".join(ready)

    def _entry_by_another_copy(self, offset: int, error: CorruptPack) -> Iterator[bytes]:
        """Yield a new, whole entry from another copy for a damaged one; raise `error` if there is none."""
        pack = self._pack
        oid = self._order.oid_at(offset)
        found = None if pack.copies is None else pack.copies.header_checked(oid)
        if pack.copies is None or found is None:
            raise error
        yield encode_entry_header(found.type, found.size)
        yield from deflate_blocks(pack.copies.stream(oid), level_for(found.type, pack.limits.compression))

    def __len__(self) -> int:
        return len(self._heads.offsets)

    def objects(self) -> Iterator[tuple[ObjectId, ObjectHeader, RawEntry]]:
        """Yield each object's id, its type and size, and its entry. Raises CorruptData."""
        pack = self._pack
        oids = list(map(self._order.oid_at, self._heads.offsets))
        listing = pack.listing()
        for oid, header, lying in zip(oids, listing.headers(oids), listing.raws(oids), strict=True):
            raw = lying or pack.raw_found(oid, pack.index.find_offset(oid))
            yield oid, header or pack.header(oid), raw


class _Heads:
    """What the heads of entries say, in pack order. Raises IndexError or KeyError for irregular ones."""

    def __init__(
        self, source: PackSource, order: PackOrder, oids: Sequence[ObjectId], places: Sequence[int]
    ) -> None:
        self.offsets = array("q", sorted(places))
        self.ends = _ends(self.offsets, order, source.entries_end)
        self.payloads = array("Q")
        """Where each zlib stream starts."""
        self.bases = array("i")
        """The base's position among these; -1 for a whole object."""
        self.named_by_id = False
        """Whether a base is named by its id."""
        self._look(source, oids, places)

    def _look(self, source: PackSource, oids: Sequence[ObjectId], places: Sequence[int]) -> None:
        data, offsets = source.view, self.offsets
        place_of: dict[bytes, int] = {}
        digest_size = len(oids[0])
        add_base, add_payload = self.bases.append, self.payloads.append
        previous = -1
        give_back_at = RESIDENT_BYTES
        # Once for each entry of listings of any size, so all is in one loop.
        for rank, (offset, end) in enumerate(zip(offsets, self.ends, strict=True)):
            if offset == previous:
                raise KeyError(offset)  # an object is requested twice
            previous = offset
            if offset > give_back_at:
                source.give_back()
                give_back_at = offset + RESIDENT_BYTES
            byte = data[offset]
            bits = byte & _TYPE_BITS
            position = offset + 1
            if byte >= 0x80:
                while byte >= 0x80 and position < offset + _SIZE_BYTES_MAX:
                    byte = data[position]
                    position += 1
                if not 0 < byte < 0x80:
                    raise KeyError(offset)  # longer than necessary, or than allowed
            if bits == _OFS_DELTA_BITS:
                byte = data[position]
                position += 1
                distance = byte & 0x7F
                while byte >= 0x80 and distance < offset:
                    byte = data[position]
                    position += 1
                    distance = distance + 1 << 7 | byte & 0x7F
                base = bisect_left(offsets, offset - distance, 0, rank)
                if offsets[base] != offset - distance:
                    raise KeyError(offset)  # its base is not among these, or lies behind it
            elif bits in _WHOLE_BITS:
                base = -1
            elif bits == _REF_DELTA_BITS:
                if not place_of:
                    place_of.update(zip(oids, places, strict=True))
                base = bisect_left(offsets, place_of[bytes(data[position : position + digest_size])])
                if base >= rank:
                    raise KeyError(offset)  # its base lies behind it
                position += digest_size
            else:
                raise KeyError(offset)  # no type has this code
            if position >= end:
                raise KeyError(offset)  # no room for a stream
            add_base(base)
            add_payload(position)
        self.named_by_id = bool(place_of)


def _ends(offsets: array[int], order: PackOrder, entries_end: int) -> array[int]:
    """Return where each of these entries ends. Raises KeyError if one is not in the pack."""
    if offsets[0] < PACK_HEADER_BYTES or offsets[-1] >= entries_end:
        raise KeyError(offsets[0])
    if len(offsets) == len(order):
        ends = offsets[1:]
        ends.append(entries_end)
        return ends
    lying = array("q", order.offsets)
    lying.append(entries_end)
    return array("q", [lying[bisect_right(lying, offset)] for offset in offsets])


def _ofs_head(entry: bytes, distance: int) -> bytes:
    """Return a delta's head with a new distance to its base; its size stays."""
    stop = 1
    while entry[stop - 1] >= 0x80:
        stop += 1
    return bytes([entry[0] & ~_TYPE_BITS | _OFS_DELTA_BITS]) + entry[1:stop] + encode_ofs(distance)
