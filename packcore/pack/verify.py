"""Check a pack and its index, and list its entries as `git verify-pack -v` prints them.

    object type   size size-in-pack offset                  a whole object
    object type   size size-in-pack offset depth base       a delta; size is the delta's own
    non delta: 3 objects                                    then how long the chains are
    chain length = 1: 2 objects
    path.pack: ok

This reads the whole pack and checks ids, sizes and checksums. The index must match what the pack yields; only
its version may differ.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from packcore.errors import CorruptIndex, CorruptPack
from packcore.limits import DEFAULT_LIMITS, Limits
from packcore.objects import ObjectType
from packcore.pack.index import PackIndex, open_index
from packcore.pack.indexer import IndexedPack, index_pack_file
from packcore.pack.mapping import PackSource
from packcore.pack.reverse_index import pack_order_positions, read_reverse_index
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
    rows: tuple[PackRow, ...]

    @property
    def chain_lengths(self) -> dict[int, int]:
        """The number of objects at each depth, starting with 0 (whole)."""
        return dict(sorted(Counter(row.depth for row in self.rows).items()))

    def histogram(self) -> Iterator[str]:
        """Yield the lines that follow the rows."""
        for depth, count in self.chain_lengths.items():
            label = f"chain length = {depth}" if depth else "non delta"
            yield f"{label}: {count} object{'' if count == 1 else 's'}"

    def listing(self) -> Iterator[str]:
        """Yield what `git index-pack --verify-stat` prints."""
        for row in self.rows:
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
    indexed = index_pack_file(path, object_format=object_format, limits=limits, progress=progress, jobs=jobs)
    index_path = path.with_suffix(".idx")
    index = open_index(index_path, object_format)
    try:
        if not index.has_bytes(indexed.index_blocks()):  # damaged, or another index of the same objects
            index.verify()
            _compare(indexed, index)
    finally:
        index.close()
    reverse_path = path.with_suffix(".rev")
    if reverse_path.exists():
        data = reverse_path.read_bytes()
        found = read_reverse_index(data, len(indexed.table), object_format, str(reverse_path))
        if bytes(data[-2 * object_format.digest_size : -object_format.digest_size]) != indexed.table.checksum:
            raise CorruptIndex("it is for another pack: the trailers differ", path=str(reverse_path))
        if found != pack_order_positions(indexed.order):
            raise CorruptIndex("validation error: it is not in the order of its pack", path=str(reverse_path))
    with path.open("rb") as file:
        source = PackSource(file, str(path), object_format.digest_size)
    try:
        return PackReport(path, tuple(_rows(indexed, source)))
    finally:
        source.close()


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


def _rows(indexed: IndexedPack, source: PackSource) -> Iterator[PackRow]:
    table = indexed.table
    for entry_index, offset in enumerate(table.offsets):
        base = table.bases[entry_index]
        yield PackRow(
            table.oid(entry_index),
            ObjectType(table.types[entry_index]),
            source.entry(offset).size,
            table.end_offset(entry_index) - offset,
            offset,
            table.depths[entry_index],
            table.oid(base) if base >= 0 else None,
        )
