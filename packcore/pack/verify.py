"""Check a pack and its index, and list its entries as `git verify-pack -v` prints them.

    object type   size size-in-pack offset                  a whole object
    object type   size size-in-pack offset depth base       a delta; size is the delta's own
    non delta: 3 objects                                    then how long the chains are
    chain length = 1: 2 objects
    path.pack: ok

This reads the whole pack and checks ids, sizes and checksums. The index must match what the pack yields; only
its version may differ. An intact pack is proven so with its index (`packcore.pack.indexed_check`);
any other is indexed anew, which says what is wrong.
"""

from __future__ import annotations

from array import array
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from packcore.errors import CorruptData, CorruptIndex, CorruptPack
from packcore.limits import DEFAULT_LIMITS, Limits
from packcore.objects import ObjectType
from packcore.pack.index import PackIndex, open_index
from packcore.pack.indexed_check import IndexedCheck
from packcore.pack.indexer import IndexedPack, index_pack_file
from packcore.pack.mapping import open_source
from packcore.pack.reverse_index import pack_order_positions, read_reverse_index
from packcore.pack.table import PackTable
from packcore.progress import SILENT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from packcore.ids import ObjectFormat, ObjectId
    from packcore.progress import Progress

__all__ = ["PackReport", "PackRow", "verify_pack"]


class PackRow(NamedTuple):
    """One entry."""

    oid: ObjectId
    type: ObjectType
    size: int
    """Inflated size of the stream: of the object, or of the delta itself."""
    size_in_pack: int
    offset: int
    depth: int
    """The number of deltas from it to a whole object; 0 means that it is whole."""
    base: ObjectId | None

    def line(self) -> str:
        """Return the row as git prints it."""
        name = self.type.label.decode()
        line = f"{self.oid.hex()} {name:<6} {self.size} {self.size_in_pack} {self.offset}"
        return line if self.base is None else f"{line} {self.depth} {self.base.hex()}"


@dataclass(frozen=True, slots=True)
class PackReport:
    """What `verify_pack` found, in pack order. Only valid packs have a report."""

    path: Path
    _table: PackTable
    _stream_sizes: array[int]

    @property
    def rows(self) -> tuple[PackRow, ...]:
        """All entries."""
        return tuple(self._rows())

    def _rows(self) -> Iterator[PackRow]:
        table = self._table
        for entry_index, (offset, base) in enumerate(zip(table.offsets, table.bases, strict=True)):
            yield PackRow(
                table.oid(entry_index),
                ObjectType(table.types[entry_index]),
                self._stream_sizes[entry_index],
                table.end_offset(entry_index) - offset,
                offset,
                table.depths[entry_index],
                table.oid(base) if base >= 0 else None,
            )

    @property
    def chain_lengths(self) -> dict[int, int]:
        """The number of objects at each depth, starting with 0 (whole)."""
        return dict(sorted(Counter(self._table.depths).items()))

    def histogram(self) -> Iterator[str]:
        """Yield the lines that follow the rows."""
        for depth, count in self.chain_lengths.items():
            label = f"chain length = {depth}" if depth else "non delta"
            yield f"{label}: {count} object{'' if count == 1 else 's'}"

    def listing(self) -> Iterator[str]:
        """Yield what `git index-pack --verify-stat` prints."""
        for row in self._rows():
            yield row.line()
        yield from self.histogram()

    def lines(self) -> Iterator[str]:
        """Yield everything that `git verify-pack -v` prints."""
        yield from self.listing()
        yield f"{self.path}: ok"


def verify_pack(
    path: Path,
    object_format: ObjectFormat,
    *,
    limits: Limits = DEFAULT_LIMITS,
    progress: Progress = SILENT,
    jobs: int | None = 1,
) -> PackReport:
    """Check the .pack at `path` and the .idx beside it (a .rev too, if there is one), in `jobs` processes.

    Raises CorruptPack, CorruptIndex, MissingObject, LimitExceeded, WorkerLost, and OSError if a file can't be
    read.
    """
    found = _if_intact(path, object_format, limits, progress, jobs)
    if found is None:  # most likely damaged: this says how
        found = _indexed_anew(path, object_format, limits, progress, jobs)
    table, order, stream_sizes = found
    reverse_path = path.with_suffix(".rev")
    if reverse_path.exists():
        data = reverse_path.read_bytes()
        positions = read_reverse_index(data, len(table), object_format, str(reverse_path))
        if bytes(data[-2 * object_format.digest_size : -object_format.digest_size]) != table.checksum:
            raise CorruptIndex("it is for another pack: the trailers differ", path=str(reverse_path))
        if positions != pack_order_positions(order):
            raise CorruptIndex("validation error: it is not in the order of its pack", path=str(reverse_path))
    return PackReport(path, table, stream_sizes)


_Found = tuple[PackTable, "array[int]", "array[int]"]
"""The table, its entry indices in the order of ids, and the sizes of all streams."""


def _if_intact(
    path: Path, object_format: ObjectFormat, limits: Limits, progress: Progress, jobs: int | None
) -> _Found | None:
    """Return what a pack with its index holds; None if anything is wrong or unusual."""
    with ExitStack() as stack:
        try:
            index = open_index(path.with_suffix(".idx"), object_format)
            stack.callback(index.close)
            source = open_source(path, object_format)
        except (CorruptData, OSError):
            return None
        stack.callback(source.close)
        check = IndexedCheck(source, index, limits)
        if not check.read_heads():
            return None
        stream_sizes = array("Q", check.table.sizes)
        with progress.phase("checking objects", unit="objects", total=len(index)) as phase:
            if not check.is_intact(jobs=jobs, advance=phase.advance):
                return None
        check.table.complete_deltas()
        return check.table, check.order, stream_sizes


def _indexed_anew(
    path: Path, object_format: ObjectFormat, limits: Limits, progress: Progress, jobs: int | None
) -> _Found:
    """Return the same of a pack that is valid in spite of that. Raises as `verify_pack`."""
    indexed = index_pack_file(path, object_format=object_format, limits=limits, progress=progress, jobs=jobs)
    index = open_index(path.with_suffix(".idx"), object_format)
    try:
        if not index.has_bytes(indexed.index_blocks()):  # damaged, or another index of the same objects
            index.verify()
            _compare(indexed, index)
    finally:
        index.close()
    source = open_source(path, object_format)
    try:
        stream_sizes = array("Q", (source.entry(offset).size for offset in indexed.table.offsets))
    finally:
        source.close()
    return indexed.table, indexed.order, stream_sizes


def _compare(indexed: IndexedPack, index: PackIndex) -> None:
    table = indexed.table
    if index.pack_checksum != table.checksum:
        raise CorruptIndex("it is for another pack: the trailers differ", path=index.path)
    if len(index) != len(table):
        raise CorruptIndex(f"it has {len(index)} objects, its pack {len(table)}", path=index.path)
    for position, entry_index in enumerate(indexed.order):
        oid = table.oid(entry_index)
        if index.oid(position) != oid:
            raise CorruptIndex(
                f"it has {index.oid(position).hex()} where its pack has {oid.hex()}", path=index.path
            )
        if index.offset(position) != table.offsets[entry_index]:
            raise CorruptIndex(
                f"it says that object {oid.hex()} is at offset {index.offset(position)}; "
                f"it is at {table.offsets[entry_index]}",
                path=index.path,
            )
        if index.crc32(position) not in {None, table.crcs[entry_index]}:
            raise CorruptPack(
                f"the CRC-32 of object {oid.hex()} is not what the index says",
                offset=table.offsets[entry_index],
                pack=index.path,
            )
