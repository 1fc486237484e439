"""Index a pack: scan it, resolve it, complete it if it is thin. The result is the table for an index.

    blocks --PackReader--> table, deltas --Resolver--> ids --complete_thin_pack--> IndexedPack

    indexed = index_pack_file(path, object_format=SHA1)
    b"".join(indexed.index_blocks()), b"".join(indexed.reverse_index_blocks())

This does what `git index-pack` does, with the same result to the byte. An index is sorted by id, so the
result does not depend on the order in which the deltas were resolved.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from packcore.deflate import crc32, deflate_blocks
from packcore.errors import CorruptObject, CorruptPack, LimitExceeded
from packcore.limits import BLOCK_BYTES, DEFAULT_LIMITS, Limits
from packcore.pack.duplicates import check_duplicates
from packcore.pack.format import encode_entry_header, encode_pack_header
from packcore.pack.index_write import DEFAULT_FORM, IndexForm, write_index
from packcore.pack.mapping import PackSource
from packcore.pack.observer import STRUCTURES
from packcore.pack.reader import PackReader
from packcore.pack.resolve import Resolver
from packcore.pack.reverse_index import pack_order_positions, write_reverse_index
from packcore.pack.table import PackTable
from packcore.progress import SILENT

if TYPE_CHECKING:
    from array import array
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path
    from typing import IO

    from packcore.ids import ObjectFormat, ObjectId
    from packcore.pack.observer import Observer
    from packcore.progress import Progress
    from packcore.store.base import ObjectStore

__all__ = [
    "IndexedPack",
    "complete_thin_pack",
    "index_pack",
    "index_pack_file",
    "read_blocks",
    "scan_pack",
]

_TICK_OBJECTS = 256
_RowT = TypeVar("_RowT")


@dataclass(frozen=True, slots=True)
class IndexedPack:
    """A pack that was checked completely."""

    table: PackTable
    order: array[int]
    """Entry indices, sorted by id."""

    def index_blocks(self, form: IndexForm = DEFAULT_FORM) -> Iterator[bytes]:
        """Yield the bytes of its .idx, as git writes it."""
        return write_index(self.table, self.order, form)

    def reverse_index_blocks(self) -> Iterator[bytes]:
        """Yield the bytes of its .rev, as git writes it."""
        positions = pack_order_positions(self.order)
        return write_reverse_index(positions, self.table.checksum, self.table.object_format)


def scan_pack(
    reader: PackReader,
    resolver: Resolver,
    table: PackTable,
    advance: Callable[[int], None] | None = None,
) -> None:
    """Read all entries into the table, and their deltas and data into the resolver.

    Now and then, it calls `advance` with the number of entries read since the last call. The resolver's
    `observe` is called for each whole object, except those that the resolver leaves for later.
    """
    # This runs for each entry, so it fills the arrays itself instead of calling the table.
    add_offset, add_crc, add_size = table.offsets.append, table.crcs.append, table.sizes.append
    add_type, add_base, add_depth = table.types.append, table.bases.append, table.depths.append
    oids = table.oids
    zero = table.object_format.zero
    index_at = table.index_at
    add, observe, later = resolver.add, resolver.observe, resolver.observed_later
    rows = reader.rows() if advance is None else _ticked(reader.rows(), advance)
    for entry_index, item in enumerate(rows):
        offset, type_code, size, _, _, crc, oid, base_offset, base_oid, data = item
        add_offset(offset)
        add_crc(crc)
        add_size(size)
        add_base(-1)
        add_depth(0)
        if oid is not None:
            add_type(type_code)
            oids += oid
            add(entry_index, data=data)
            if observe is not None and type_code not in later:
                observe(type_code, oid, data, None, None)
        else:
            add_type(0)
            oids += zero
            base_index = -1
            if base_offset is not None:
                base_index = index_at(base_offset, entry_index)
                if base_index < 0:
                    raise CorruptPack(
                        f"the delta's base at offset {base_offset} is not the start of an entry",
                        offset=offset,
                    )
            add(entry_index, base_index=base_index, base_oid=base_oid, data=data)
    table.pack_bytes = reader.pack_bytes
    table.checksum = reader.checksum


def index_pack(
    blocks: Iterable[bytes],
    open_source: Callable[[], PackSource],
    *,
    object_format: ObjectFormat,
    limits: Limits = DEFAULT_LIMITS,
    progress: Progress = SILENT,
    directory: Path | None = None,
    receiving: str | None = None,
    counting: str | None = None,
    complete: Callable[[PackSource, PackTable, Resolver], None] | None = None,
    lasting: bool = False,
    observe: Observer | None = None,
    jobs: int | None = 1,
) -> IndexedPack:
    """Check a pack completely and compute the ids of its objects.

    `open_source` is called after the last block, and returns random access to the same bytes. `directory` is
    for the temporary files of large objects. `receiving` is the name of a progress phase that counts the
    bytes of the blocks, `counting` of one that counts the objects announced in the header. `complete` may add
    missing bases. With `lasting` no block is asked for behind the pack. `observe` is called for each object.
    Up to `jobs` processes resolve the deltas, with the same result.

    Raises CorruptPack, LimitExceeded, WorkerLost, and MissingObject for a thin pack that stays incomplete.
    """
    table = PackTable(object_format)
    resolver = Resolver(table, limits, directory, observe)
    if jobs != 1 and observe is not None:
        resolver.observed_later = STRUCTURES
    if receiving is not None:
        blocks = _counted(blocks, progress, receiving)
    reader = PackReader(blocks, object_format=object_format, limits=limits, lasting=lasting)
    if counting is None:
        scan_pack(reader, resolver, table)
    else:
        with progress.phase(counting, unit="objects", total=reader.count) as phase:
            scan_pack(reader, resolver, table, phase.advance)
    resolver.source = source = open_source()
    try:
        delta_count = table.types.count(0)
        with progress.phase("indexing", unit="objects", total=len(table)) as phase:
            phase.advance(len(table) - delta_count)
            _resolve(resolver, table, jobs=jobs, limits=limits, advance=phase.advance)
            if complete is not None:
                complete(source, table, resolver)
            resolver.check_complete()
            phase.note(deltas=delta_count)
        order = table.sorted_by_id()
        check_duplicates(table, order, resolver)
    finally:
        source.close()
    return IndexedPack(table, order)


def _resolve(
    resolver: Resolver,
    table: PackTable,
    *,
    jobs: int | None,
    limits: Limits,
    advance: Callable[[int], None],
) -> None:
    if jobs != 1:
        # Imported only here: processes and pipes are more than all that an indexer imports.
        from packcore.pack.parallel_resolve import resolve_in_processes

        memory = limits.resolve_memory
        if resolve_in_processes(resolver, table, jobs=jobs, resolve_memory=memory, advance=advance):
            return
    resolver.resolve(advance)


def index_pack_file(
    path: Path,
    *,
    object_format: ObjectFormat,
    limits: Limits = DEFAULT_LIMITS,
    progress: Progress = SILENT,
    observe: Observer | None = None,
    jobs: int | None = 1,
) -> IndexedPack:
    """Check a pack file completely and compute the ids of its objects. Does not change the file.

    `observe` and `jobs` as for `index_pack`.

    Raises what `index_pack` does, and OSError if the file can't be read.
    """
    with path.open("rb") as file:
        try:
            return index_pack(
                read_blocks(file),
                lambda: PackSource(file, str(path), object_format.digest_size),
                object_format=object_format,
                limits=limits,
                progress=progress,
                receiving="reading pack",
                observe=observe,
                jobs=jobs,
            )
        except CorruptPack as error:
            raise CorruptPack(error.reason, offset=error.offset, pack=str(path), hint=error.hint) from None


def complete_thin_pack(
    file: IO[bytes],
    source: PackSource,
    table: PackTable,
    resolver: Resolver,
    *,
    bases: ObjectStore,
    level: int,
) -> int:
    """Append the bases that the pack lacks, rewrite count and trailer; return the number of added bases.

    Like `git index-pack --fix-thin`, it adds them in the order in which the deltas need them. A base that
    resolving an earlier one already produced is not added.
    """
    digest_size = table.object_format.digest_size
    added = 0
    end = table.pack_bytes - digest_size
    for entry_index, base_oid in resolver.missing():
        if table.types[entry_index] or base_oid not in bases:
            continue
        file.seek(end)
        root = _append_object(file, table, end, base_oid, bases=bases, level=level)
        end = file.tell()
        added += 1
        # The map treats its last bytes as a trailer, so add one, which is corrected at the end.
        file.write(bytes(digest_size))
        file.flush()
        source.remap()
        resolver.add(root)
        resolver.resolve_below(root)
    if added:
        table.pack_bytes = end + digest_size
        table.checksum = _rewrite_frame(file, table, end)
    return added


def _append_object(
    file: IO[bytes], table: PackTable, offset: int, oid: ObjectId, *, bases: ObjectStore, level: int
) -> int:
    header = bases.header(oid)
    digest = table.object_format.new_hash(b"%s %d\0" % (header.type.label, header.size))

    def hashed() -> Iterator[bytes]:
        for block in bases.stream(oid):
            digest.update(block)
            yield block

    head = encode_entry_header(header.type, header.size)
    file.write(head)
    crc = crc32(head)
    for block in deflate_blocks(hashed(), level):
        crc = crc32(block, crc)
        file.write(block)
    if digest.digest() != oid:
        raise CorruptObject("its bytes, needed as a base, do not match its id", oid=oid.hex())
    entry_index = table.append(offset, crc, header.size)
    table.set_object(entry_index, header.type, oid)
    return entry_index


def _rewrite_frame(file: IO[bytes], table: PackTable, end: int) -> bytes:
    """Rewrite count and trailer; return the trailer."""
    if len(table) >= 1 << 32:
        raise LimitExceeded("a pack can't hold more than 2**32-1 objects", limit="pack_objects")
    file.seek(0)
    file.write(encode_pack_header(len(table)))
    file.flush()
    digest = table.object_format.new_hash()
    file.seek(0)
    left = end
    while left and (block := file.read(min(left, 16 * BLOCK_BYTES))):
        digest.update(block)
        left -= len(block)
    file.seek(end)
    file.write(digest.digest())
    file.flush()
    return digest.digest()


def _counted(blocks: Iterable[bytes], progress: Progress, name: str) -> Iterator[bytes]:
    with progress.phase(name, unit="bytes") as phase:
        for block in blocks:
            yield block
            phase.advance(len(block))


def _ticked(rows: Iterator[_RowT], advance: Callable[[int], None]) -> Iterator[_RowT]:
    number = 0
    for number, row in enumerate(rows, 1):
        yield row
        if not number % _TICK_OBJECTS:
            advance(_TICK_OBJECTS)
    advance(number % _TICK_OBJECTS)


def read_blocks(file: IO[bytes]) -> Iterator[bytes]:
    """Yield the whole file in blocks of 64 KiB."""
    file.seek(0)
    while block := file.read(BLOCK_BYTES):
        yield block
