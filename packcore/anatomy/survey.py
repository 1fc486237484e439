"""A survey of a whole pack: offset, size, chain, path and age of each entry, in flat arrays.

    survey = survey_pack(Path("x.pack"), SHA1)
    survey.table          offsets, types, sizes, ids, bases, depths     packcore.pack.table
    survey.stream_sizes   size of each inflated stream: of the object, or of the delta
    survey.origins        paths and dates                               packcore.anatomy.origins
    survey.costs()        cost of reading each object

This reads and checks the whole pack, so it needs no index. Only valid packs have a survey.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from packcore.anatomy.origins import Origins, find_origins
from packcore.limits import DEFAULT_LIMITS, Limits
from packcore.pack.format import PACK_HEADER_BYTES, decode_pack_header
from packcore.pack.indexer import index_pack_file
from packcore.progress import SILENT
from packcore.store.indexed_file import open_indexed

if TYPE_CHECKING:
    from pathlib import Path

    from packcore.ids import ObjectFormat
    from packcore.pack.table import PackTable
    from packcore.progress import Progress

__all__ = ["Costs", "PackSurvey", "survey_pack"]


class Costs(NamedTuple):
    """The cost of reading each object, by entry index, if nothing of its chain is cached."""

    read_bytes: array[int]
    """Bytes of the pack: its entry, and those of all its bases."""
    inflated_bytes: array[int]
    """Inflated bytes of their streams."""


@dataclass(frozen=True, slots=True)
class PackSurvey:
    """What is known about a pack; entries are in pack order and identified by entry index."""

    path: Path
    version: int
    table: PackTable
    stream_sizes: array[int]
    origins: Origins
    name: str | None = None
    """What it is called, where that isn't its path."""

    @property
    def label(self) -> str:
        """What to call it in texts."""
        return self.name or str(self.path)

    def __len__(self) -> int:
        return len(self.table)

    def entry_bytes(self, entry_index: int) -> int:
        """Return the size of an entry in the pack, including its header."""
        return self.table.end_offset(entry_index) - self.table.offsets[entry_index]

    def chain(self, entry_index: int) -> list[int]:
        """Return an entry and its bases, with the full base last."""
        bases, chain = self.table.bases, [entry_index]
        while (base := bases[chain[-1]]) >= 0:
            chain.append(base)
        return chain

    def costs(self) -> Costs:
        """Return the cost of reading each object."""
        count = len(self.table)
        bases, depths = self.table.bases, self.table.depths
        read, inflated = array("Q", bytes(8 * count)), array("Q", bytes(8 * count))
        for entry_index in sorted(range(count), key=depths.__getitem__):
            base = bases[entry_index]
            read[entry_index] = self.entry_bytes(entry_index) + (read[base] if base >= 0 else 0)
            inflated[entry_index] = self.stream_sizes[entry_index] + (inflated[base] if base >= 0 else 0)
        return Costs(read, inflated)


def survey_pack(
    path: Path, object_format: ObjectFormat, *, limits: Limits = DEFAULT_LIMITS, progress: Progress = SILENT
) -> PackSurvey:
    """Check a pack and return its survey.

    Raises CorruptPack with the offset of the damage, MissingObject for a thin pack, LimitExceeded, and
    OSError if it can't be read.
    """
    indexed = index_pack_file(path, object_format=object_format, limits=limits, progress=progress)
    table = indexed.table
    with open_indexed(path, indexed, limits) as pack:
        version, _ = decode_pack_header(pack.source.slice(0, PACK_HEADER_BYTES))
        stream_sizes = array("Q", (pack.source.entry(offset).size for offset in table.offsets))
        return PackSurvey(path, version, table, stream_sizes, find_origins(pack, table, progress=progress))
