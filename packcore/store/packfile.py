"""One pack with its index: objects by id, whole, in blocks, or as stored.

    pack-<digest>.idx   id -> position -> offset        packcore.pack.index
    pack-<digest>.pack  offset -> header, zlib stream   packcore.pack.mapping

Reading a delta goes up its chain to a whole or cached object, then down again, without recursion. Every
object made on the way is cached, within a limit of bytes. From `Limits.big_object` on, bases are temporary
files. An error names the pack, the offset and the object.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from packcore.deflate import cut_blocks
from packcore.delta.codec import TargetTooLarge, apply_delta
from packcore.errors import CorruptData, CorruptPack, LimitExceeded, MissingObject
from packcore.limits import BLOCK_BYTES, DEFAULT_LIMITS, Limits
from packcore.objects import ObjectType
from packcore.pack.format import OFS_DELTA
from packcore.pack.index import open_index
from packcore.pack.mapping import EntryHeader, PackSource
from packcore.pack.reverse_index import pack_order_positions, write_reverse_index
from packcore.pack.scratch import Content, Scratch, apply_to
from packcore.store.base import DAMAGE, ObjectHeader, RawEntry, StoredObject
from packcore.store.base_cache import BaseCache
from packcore.store.delta_chains import DeltaChains
from packcore.store.entry_copy import EntryCopier
from packcore.store.listing import PackListing
from packcore.store.other_bases import other_bases
from packcore.store.pack_order import PackOrder
from packcore.store.quick_read import quick_reader

if TYPE_CHECKING:
    from array import array
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from packcore.ids import ObjectFormat, ObjectId
    from packcore.pack.index import PackIndex
    from packcore.store.base import OtherCopies

__all__ = ["PackFile"]

_TYPES = (None, *ObjectType)  # by code; calling the enumeration costs ten times as much


class PackFile:
    """The objects of one pack: an ObjectStore, and the PackBytes of its raw entries.

    `path` is the .pack; the .idx is beside it. Opening checks that both belong together (CorruptPack,
    CorruptIndex; OSError if one can't be opened). Several packs may share a `cache`. `copies` finds other
    copies of a base that is damaged here.
    """

    copies: OtherCopies | None
    """Where to find another copy of an object whose entry is damaged; None means nowhere."""

    def __init__(
        self,
        path: Path,
        object_format: ObjectFormat,
        limits: Limits = DEFAULT_LIMITS,
        *,
        cache: BaseCache | None = None,
        copies: OtherCopies | None = None,
    ) -> None:
        index = open_index(path.with_suffix(".idx"), object_format)
        try:
            with path.open("rb") as file:
                source = PackSource(file, str(path), object_format.digest_size)
        except BaseException:
            index.close()
            raise
        self._open(source, index, limits, cache)
        self.copies = copies
        try:
            source.check_pair(len(self.index), self.index.pack_checksum)
        except BaseException:
            self.close()
            raise

    @classmethod
    def over(
        cls,
        source: PackSource,
        index: PackIndex,
        limits: Limits = DEFAULT_LIMITS,
        *,
        sorted_offsets: array[int],
        order: array[int],
    ) -> PackFile:
        """Make one over an open pack and index that are known to belong together.

        `sorted_offsets` are the offsets of all entries in pack order; `order` is the entry index of each
        position: what `PackTable` knows.
        """
        pack = cls.__new__(cls)
        pack._open(source, index, limits, None)
        pack.copies = None
        pack.order.know(pack_order_positions(order), sorted_offsets)
        return pack

    def _open(self, source: PackSource, index: PackIndex, limits: Limits, cache: BaseCache | None) -> None:
        self.name = source.name
        self.limits = limits
        self.index = index
        self.source = source
        self._object_format = index.object_format
        self.cache = cache if cache is not None else BaseCache(limits.base_cache)
        self.first_place = self.cache.new_pack()
        """Added to an entry's offset to name the object in the cache."""
        self._chains = DeltaChains(source, index, limits)
        self.order = PackOrder(index, name=source.name, entries_end=source.entries_end)
        self.read_quickly = quick_reader(source, self.cache, self.first_place, limits)
        """Returns what `read_at` does, or None if that should be asked: see `packcore.store.quick_read`."""
        self.copier = EntryCopier(source, self.order)
        """Copies and checks stored entries."""

    @property
    def object_format(self) -> ObjectFormat:
        """How the pack's objects are named."""
        return self._object_format

    def __len__(self) -> int:
        return len(self.index)

    def __contains__(self, oid: object) -> bool:
        return isinstance(oid, bytes) and self.index.find(oid) >= 0

    def __iter__(self) -> Iterator[ObjectId]:
        previous = None
        for oid in self.index:
            if oid != previous:
                yield oid
            previous = oid

    def header(self, oid: ObjectId) -> ObjectHeader:
        """Return type and size without making the object's bytes."""
        return self.header_found(oid, self._find(oid))

    def header_found(self, oid: ObjectId, offset: int, *, alone: bool = False) -> ObjectHeader:
        """Return type and size of the object whose entry was found at `offset`.

        `alone` means from this pack only, without other copies of its bases.
        """
        try:
            entry = self.source.entry(offset)
            size = entry.size if entry.type_code < OFS_DELTA else self._chains.target_size(entry)
            try:
                return ObjectHeader(_TYPES[self._chains.type_at(entry)], size)
            except DAMAGE:
                for (type_code, _), _ in () if alone else self._other_bases(offset):
                    return ObjectHeader(_TYPES[type_code], size)
                raise
        except CorruptPack as error:
            raise self._about(error, oid) from None

    def read(self, oid: ObjectId) -> StoredObject:
        """Return the object whole."""
        return self.read_found(oid, self._find(oid))

    def read_found(self, oid: ObjectId, offset: int) -> StoredObject:
        """Return the object whose entry was found at `offset`."""
        try:
            type_code, data = self.read_at(offset)
        except CorruptPack as error:
            raise self._about(error, oid) from None
        except LimitExceeded as error:
            raise LimitExceeded(f"object {oid.hex()}: {error}", limit=error.limit) from None
        return StoredObject(_TYPES[type_code], data)

    def read_at(self, offset: int) -> tuple[int, bytes]:
        """Return type code and bytes of the object whose entry starts at `offset`. Raises CorruptPack."""
        if (found := self.read_quickly(offset)) is not None:
            return found
        try:
            return self._make(offset)
        except DAMAGE:
            for made, chain in self._other_bases(offset):
                with suppress(*DAMAGE):
                    type_code, content = self._descend(made, chain)
                    assert isinstance(content, bytes)
                    return type_code, content
            raise

    def _make(self, offset: int) -> tuple[int, bytes]:
        """Make an object from this pack alone."""
        made, chain = self._climb(self.source.entry(offset))
        type_code, content = self._descend(made, chain) if chain else made
        assert isinstance(content, bytes)  # only bases of further deltas become files
        return type_code, content

    def offsets_of(self, oid: ObjectId) -> list[int]:
        """Return where all entries of an object start: more than one if the pack holds it twice."""
        index = self.index
        first = position = index.find(oid)
        while first >= 0 and position < len(index) and index.oid(position) == oid:
            position += 1
        return [index.offset(place) for place in range(first, position)] if first >= 0 else []

    def stream(self, oid: ObjectId) -> Iterator[bytes]:
        """Yield the bytes of an object of any size in blocks of at most 64 KiB."""
        return self.stream_found(oid, self._find(oid))

    def stream_found(self, oid: ObjectId, offset: int, *, alone: bool = False) -> Iterator[bytes]:
        """Yield the bytes of the object whose entry was found at `offset`.

        `alone` means from this pack only, without other copies of its bases.
        """
        try:
            entry = self.source.entry(offset)
            size = entry.size if entry.type_code < OFS_DELTA else self._chains.target_size(entry)
            if size < self.limits.big_object:
                yield from cut_blocks((self._make(offset) if alone else self.read_at(offset))[1])
            elif entry.type_code < OFS_DELTA:
                self._chains.check_size(size, offset)
                yield from self.source.inflate_blocks(entry)
            else:
                yield from self._stream_delta(entry, alone=alone)
        except CorruptPack as error:
            raise self._about(error, oid) from None

    def _stream_delta(self, entry: EntryHeader, *, alone: bool) -> Iterator[bytes]:
        content = self._base_of(entry, alone=alone)
        self._chains.check_size(self._chains.target_size(entry), entry.offset)
        try:
            for block in apply_to(content, self._delta(entry), self.limits.big_object - 1):
                yield from cut_blocks(block)
        except CorruptData as error:
            raise self.source.fault(error, entry.offset) from None
        finally:
            if isinstance(content, Scratch):
                content.close()

    def _base_of(self, entry: EntryHeader, *, alone: bool) -> Content:
        """Make the base of a delta; a large one becomes a file."""
        try:
            made, chain = self._climb(entry)
            return self._descend(made, chain[1:], is_base=True)[1]
        except DAMAGE:
            for made, chain in () if alone else self._other_bases(entry.offset):
                with suppress(*DAMAGE):
                    return self._descend(made, chain[1:], is_base=True)[1]
            raise

    def _other_bases(self, offset: int) -> Iterator[tuple[tuple[int, Content], list[EntryHeader]]]:
        if self.copies is None:
            return iter(())
        return other_bases(
            self.copies,
            self.source,
            self.order,
            base_offset_of=self._chains.base_offset,
            offset=offset,
            limits=self.limits,
        )

    def _climb(self, entry: EntryHeader) -> tuple[tuple[int, Content], list[EntryHeader]]:
        """Go up from an entry to the nearest cached base or whole object.

        Returns its type and content, and the deltas that lead down again, last one first.
        """
        get, first_place, source = self.cache.get, self.first_place, self.source
        chain: list[EntryHeader] = []
        while entry.type_code >= OFS_DELTA:
            chain.append(entry)
            if len(chain) > self.limits.chain_depth:
                raise self._chains.too_deep(chain)
            base_offset = (
                entry.base_offset if entry.base_offset is not None else self._chains.base_offset(entry)
            )
            found = get(first_place + base_offset)
            if found is not None:
                return found, chain
            entry = source.entry(base_offset)
        if entry.size >= self.limits.big_object:
            self._chains.check_size(entry.size, entry.offset)
            self._chains.check_structure(entry.type_code, entry.size, entry)
            if chain:
                return (entry.type_code, Scratch(source.inflate_blocks(entry))), chain
        made = entry.type_code, source.inflate(entry)
        self.cache.put(first_place + entry.offset, made)
        return made, chain

    def _descend(
        self, base: tuple[int, Content], chain: list[EntryHeader], *, is_base: bool = False
    ) -> tuple[int, Content]:
        """Apply the deltas of a chain, last one first; return type and content of the result.

        A large object on the way becomes a file; so does the result if `is_base`.
        """
        type_code, content = base
        big_bytes = self.limits.big_object
        inflate, put, first_place = self.source.inflate, self.cache.put, self.first_place
        for left in range(len(chain) - 1, -1, -1):
            entry = chain[left]
            try:
                if entry.size >= big_bytes or not isinstance(content, bytes):
                    content = self._descend_big((type_code, content), entry, whole=not (left or is_base))
                    continue
                content = apply_delta(content, inflate(entry), target_bytes_max=big_bytes - 1)
                put(first_place + entry.offset, (type_code, content))
            except TargetTooLarge:
                content = self._descend_big((type_code, content), entry, whole=not (left or is_base))
            except CorruptData as error:
                raise self.source.fault(error, entry.offset) from None
        return type_code, content

    def _descend_big(self, made: tuple[int, Content], entry: EntryHeader, *, whole: bool) -> Content:
        """Apply one delta in pieces. A large target becomes a file unless `whole`."""
        type_code, base = made
        size = self._chains.target_size(entry)
        self._chains.check_size(size, entry.offset)
        self._chains.check_structure(type_code, size, entry)
        try:
            blocks = apply_to(base, self._delta(entry), self.limits.big_object - 1)
            target = b"".join(blocks) if whole or size < self.limits.big_object else Scratch(blocks)
        except CorruptData as error:
            raise self.source.fault(error, entry.offset) from None
        if isinstance(base, Scratch):
            base.close()
        return target

    def _delta(self, entry: EntryHeader) -> bytes | Iterator[bytes]:
        if entry.size < self.limits.big_object:
            return self.source.inflate(entry)
        self._chains.check_size(entry.size, entry.offset)
        return self.source.inflate_blocks(entry)

    def raw(self, oid: ObjectId) -> RawEntry | None:
        """Return the object's entry here; None if there is none."""
        offset = self.index.find_offset(oid)
        return self.raw_found(oid, offset) if offset >= 0 else None

    def raw_found(self, oid: ObjectId, offset: int) -> RawEntry:
        """Return the entry of the object that was found at `offset`."""
        try:
            entry = self.source.entry(offset)
            base = entry.base_oid
            if entry.base_offset is not None:
                base = self.order.oid_at(entry.base_offset)
            end = self.order.end_of(entry.offset)
        except CorruptPack as error:
            raise self._about(error, oid) from None
        return RawEntry(self, entry.offset, entry.payload_offset, end, entry.size, base)

    def listing(self) -> PackListing:
        """Return the reader for many objects in one call."""
        return PackListing(self, self.index, self.source, self.order)

    def copy_payload(self, entry: RawEntry) -> Iterator[bytes]:
        """Yield the entry's stored zlib stream in blocks of at most 64 KiB, with its CRC-32 checked.

        The check runs before the first block for an entry up to 64 KiB, or if there is another copy of the
        object; otherwise at the end.
        """
        start, end = entry.pack_offset, entry.end_offset
        is_large = end - start > BLOCK_BYTES
        if is_large and self.copies is not None and self.copies.are_several(self.order.oid_at(start)):
            self.copier.check_entry(start)
        return self.copier.payload(entry)

    def storage_order(self, oids: Iterable[ObjectId]) -> list[ObjectId]:
        """Return the ids by offset; those that are not here come last, in the given order."""
        placed = [(position, oid) for oid in oids for position in (self.index.find(oid),)]
        here = sorted((self.index.offset(position), oid) for position, oid in placed if position >= 0)
        return [oid for _, oid in here] + [oid for position, oid in placed if position < 0]

    def close(self) -> None:
        """Release the maps. Idempotent."""
        self.source.close()
        self.index.close()

    def missing(self, oid: ObjectId) -> MissingObject:
        """Return the error for an object that is not here."""
        return MissingObject(oid.hex(), context=f"asked of {os.path.basename(self.name)}")  # noqa: PTH119

    def reverse_index_blocks(self) -> Iterator[bytes]:
        """Yield the bytes of the pack's .rev."""
        return write_reverse_index(self.order.positions, self.index.pack_checksum, self._object_format)

    def _find(self, oid: ObjectId) -> int:
        offset = self.index.find_offset(oid)
        if offset < 0:
            raise self.missing(oid)
        return offset

    def _about(self, error: CorruptPack, oid: ObjectId) -> CorruptPack:
        return CorruptPack(
            f"object {oid.hex()}: {error.reason}", offset=error.offset, pack=self.name, hint=error.hint
        )
