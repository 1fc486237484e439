"""Prove that a pack and its index are intact, as fast as that can be done: the index says where entries are.

    heads        in pack order: type, size and base of each entry; the entries fill the pack without a gap
    contents     from each whole object down through its deltas: stream, CRC-32 and id, each entry once
    meanwhile    the digests of the pack and of the index, the order of its ids

With several processes, each reads the entries of its own share (`packcore.pack.shares`), and only the heads
are read by one. The answer is only yes or no. If it is no, or the pack is one of the rare ones that need more
care (an object comes twice, deltas form a cycle), the caller indexes the pack anew, which says what is wrong.
So the report is the same for any number of processes.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from typing import TYPE_CHECKING

from packcore.deflate import InflateError, crc32, inflate_blocks, new_inflater
from packcore.delta.codec import DELTA_BYTES_MIN
from packcore.errors import CorruptData, CorruptPack, LimitExceeded
from packcore.ids import ObjectId
from packcore.objects import ObjectType
from packcore.pack.delta_faults import other_id
from packcore.pack.format import OFS_DELTA, PACK_HEADER_BYTES, REF_DELTA
from packcore.pack.mapping import RESIDENT_BYTES
from packcore.pack.resolve import Resolver
from packcore.pack.table import PackTable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from packcore.limits import Limits
    from packcore.pack.index import PackIndex
    from packcore.pack.mapping import PackSource
    from packcore.pack.observer import Observer

__all__ = ["IndexedCheck"]

_LABELS = {int(type_): type_.label for type_ in ObjectType}
_SHIFT_MAX = 53
_TELL_OBJECTS = 256
_GIVE_BACK_ENTRIES = 4096


class IndexedCheck:
    """The check of one pack with its index.

    `table` has offsets, CRC-32s, ids, types and bases of all entries in pack order, and the sizes of their
    streams, as soon as `read_heads` returned True.
    """

    def __init__(self, source: PackSource, index: PackIndex, limits: Limits) -> None:
        self.table = PackTable(index.object_format)
        self.order = array("I")
        """Entry indices, in the order of the index."""
        self._source = source
        self._index = index
        self._limits = limits
        self._bounds = array("Q")  # where each entry starts, and where the last one ends
        self._head_bytes = bytearray()
        self._big_deltas: list[int] = []
        self._has_crcs = index.version > 1
        self._touched_bytes = 0

    def read_heads(self) -> bool:
        """Read what the index says, and the head of each entry; return False if anything is unusual."""
        index, source, table = self._index, self._source, self.table
        count = len(index)
        if count > self._limits.pack_objects or source.pack_bytes > self._limits.pack_bytes:
            return False
        try:
            source.check_pair(count, index.pack_checksum)
            positions, table.offsets = index.pack_order()
        except CorruptData:
            return False
        self._bounds = table.offsets + array("Q", [source.entries_end])
        table.pack_bytes, table.checksum = source.pack_bytes, index.pack_checksum
        table.oids = bytearray(index.oids_at(positions))
        by_position = index.crcs()
        table.crcs = array("I", map(by_position.__getitem__, positions) if by_position else bytes(0))
        self.order = array("I", bytes(4 * count))
        for entry_index, position in enumerate(positions):
            self.order[position] = entry_index
        index.give_back()
        return self._bounds[0] == PACK_HEADER_BYTES and self._read_entry_heads()

    def _read_entry_heads(self) -> bool:
        # One flat loop with only local names: it runs once for each entry.
        table, bounds, data = self.table, self._bounds, self._source.view
        structure_max, object_max = self._limits.structure_bytes, self._limits.object_bytes
        add_type, add_size, add_base = table.types.append, table.sizes.append, table.bases.append
        add_head_bytes = self._head_bytes.append
        offsets = table.offsets
        big_bytes = self._limits.big_object
        digest_size = table.object_format.digest_size
        entries_end = bounds[-1]
        for entry_index, offset in enumerate(offsets):
            end = bounds[entry_index + 1]
            if not offset < end <= entries_end:
                return False
            if not entry_index % _GIVE_BACK_ENTRIES:
                self._source.touch(bounds[min(entry_index + _GIVE_BACK_ENTRIES, len(offsets))] - offset)
            byte = data[offset]
            position = offset + 1
            type_code = byte >> 4 & 7
            size = byte & 0x0F
            shift = 4
            while byte >= 0x80 and shift < _SHIFT_MAX and position < end:
                byte = data[position]
                position += 1
                size |= (byte & 0x7F) << shift
                shift += 7
            if byte >= 0x80 or size > object_max:
                return False
            base_index = -1
            if type_code == OFS_DELTA:
                byte = 0x80
                distance = -1
                while byte >= 0x80 and distance < offset and position < end:
                    byte = data[position]
                    position += 1
                    distance = distance + 1 << 7 | byte & 0x7F
                base_offset = offset - distance
                base_index = bisect_left(offsets, base_offset, 0, entry_index)
                if byte >= 0x80 or base_index == entry_index or offsets[base_index] != base_offset:
                    return False
            elif type_code == REF_DELTA:
                found = self._index.find(bytes(data[position : position + digest_size]))
                position += digest_size
                if found < 0:
                    return False
                base_index = self.order[found]
            elif type_code not in _LABELS or (size > structure_max and type_code != ObjectType.BLOB):
                return False
            if base_index >= 0:
                if size < DELTA_BYTES_MIN:
                    return False
                if size >= big_bytes:
                    self._big_deltas.append(entry_index)
                type_code = 0
            if position > end:
                return False
            add_type(type_code)
            add_size(size)
            add_base(base_index)
            add_head_bytes(position - offset)
        table.depths = array("H", bytes(2 * len(table)))
        return True

    def is_intact(
        self,
        *,
        observe: Observer | None = None,
        jobs: int | None = 1,
        advance: Callable[[int], None] = lambda _: None,
    ) -> bool:
        """Read everything, and return whether it is intact.

        `observe` is called for each object, after its base; `advance` with the number of objects done. Up to
        `jobs` processes work, None for as many as are worth it. Raises WorkerLost if one is killed.
        """
        table = self.table
        resolver = Resolver(table, self._limits, None, observe)
        resolver.source = self._source
        resolver.know_entries()
        resolver.inflate = self._stream
        shares = self._shares(jobs)

        def work(roots: Iterable[int], tell: Callable[[int], None]) -> Iterator[bytes]:
            if len(shares) > 1:
                resolver.use_memory(self._limits.resolve_memory // len(shares))
                if observe is not None:
                    observe.start_share()
            counter = _Counter(tell)
            whole = self._whole_objects(roots, resolver, counter.add)
            resolver.resolve_trees(whole, counter.add)
            counter.finish()
            yield counter.total.to_bytes(8, "big") + (
                observe.seen() if observe is not None and len(shares) > 1 else b""
            )

        try:
            if len(shares) < 2:
                roots = (entry_index for entry_index, base in enumerate(table.bases) if base < 0)
                self._check_frame()
                results: list[bytes] | None = list(work(roots, advance))
            else:
                from packcore.pack.shares import run_shares

                results = run_shares(
                    shares, work, task="checked a pack", advance=advance, meanwhile=self._check_frame
                )
        except (CorruptData, LimitExceeded):
            return False
        if results is None or sum(int.from_bytes(found[:8], "big") for found in results) != len(table):
            return False  # damage, or a cycle of deltas that no whole object leads to
        if observe is not None and len(shares) > 1:
            for found in results:
                observe.take_over(found[8:])
        return True

    def _shares(self, jobs: int | None) -> list[array[int]]:
        table = self.table
        if jobs == 1 or any(map(int.__ge__, table.bases, range(len(table)))):
            return []
        # Imported only here: processes and pipes are more than all else that a check imports.
        from packcore.pack.shares import cut_shares, roots_of, worthwhile_jobs
        from packcore.processes import can_fork

        if not can_fork():
            return []
        if jobs is None:
            jobs = worthwhile_jobs(table, self._limits.resolve_memory)
        return cut_shares(table, roots_of(table), jobs, _LABELS) if jobs > 1 else []

    def _check_frame(self) -> None:
        """Check the digests, the order of the index, and the streams of large deltas. Raises CorruptData."""
        digest = self.table.object_format.new_hash()
        for block in self._source.slices(0, self._source.entries_end):
            digest.update(block)
        if digest.digest() != self.table.checksum:
            raise CorruptPack("its trailer is not the digest of its bytes")
        self._index.verify()
        has_twins = self._index.has_twins()
        self._index.give_back()
        if has_twins:
            raise CorruptPack("an object comes twice")
        for entry_index in self._big_deltas:
            for _ in self._blocks(entry_index):
                pass

    def _whole_objects(
        self, roots: Iterable[int], resolver: Resolver, done: Callable[[int], None]
    ) -> Iterator[int]:
        """Check whole objects; keep and yield those with deltas. Raises CorruptPack."""
        table, observe = self.table, resolver.observe
        types, sizes, oids = table.types, table.sizes, table.oids
        new_hash, digest_size = table.object_format.new_hash, table.object_format.digest_size
        big_bytes = self._limits.big_object
        stream, has_deltas, labels = self._stream, resolver.has_deltas, _LABELS
        for root in roots:
            type_code, size = types[root], sizes[root]
            digest = new_hash(b"%s %d\0" % (labels[type_code], size))
            data = None
            if size < big_bytes:
                data = stream(root)
                digest.update(data)
            else:
                for block in self._blocks(root):
                    digest.update(block)
            oid = ObjectId(digest.digest())
            if not oids.startswith(oid, root * digest_size):
                raise other_id(table, root)
            if observe is not None:
                observe(type_code, oid, data, None, None)
            done(1)
            if has_deltas(root):
                if data is not None:
                    resolver.keep(root, data)
                    data = None  # not held here while its deltas are resolved
                yield root

    def _stream(self, entry_index: int) -> bytes:
        """Return the stream of an entry, which must fill it. Raises CorruptPack."""
        start, end = self._bounds[entry_index], self._bounds[entry_index + 1]
        size = self.table.sizes[entry_index]
        view = self._source.view
        inflater = new_inflater()
        try:
            data: bytes = inflater.decompress(view[start + self._head_bytes[entry_index] : end], size + 1)
        except InflateError:
            data = b""
        if (
            not inflater.eof
            or len(data) != size
            or inflater.unused_data
            or (self._has_crcs and crc32(view[start:end]) != self.table.crcs[entry_index])
        ):
            raise CorruptPack("an entry is damaged", offset=start)
        self._touched_bytes += end - start
        if self._touched_bytes > RESIDENT_BYTES:
            self._touched_bytes = 0
            self._source.give_back()
        return data

    def _blocks(self, entry_index: int) -> Iterator[bytes]:
        """Yield the stream of a large entry, which must fill it. Raises CorruptData."""
        start, end = self._bounds[entry_index], self._bounds[entry_index + 1]
        head_end = start + self._head_bytes[entry_index]
        crc = crc32(self._source.slice(start, head_end))

        def stored() -> Iterator[bytes]:
            nonlocal crc
            for block in self._source.slices(head_end, end):
                crc = crc32(block, crc)
                yield block

        yield from inflate_blocks(stored(), self.table.sizes[entry_index], to_end=True)
        if self._has_crcs and crc != self.table.crcs[entry_index]:
            raise CorruptPack("an entry is damaged", offset=start)


class _Counter:
    """Counts objects, and tells of them in numbers that are worth a message."""

    def __init__(self, tell: Callable[[int], None]) -> None:
        self.total = 0
        self._tell = tell
        self._told = 0

    def add(self, count: int) -> None:
        self.total += count
        if self.total - self._told >= _TELL_OBJECTS:
            self.finish()

    def finish(self) -> None:
        self._tell(self.total - self._told)
        self._told = self.total
