"""What the heads of entries say about a delta chain of one pack: bases, types, sizes. Makes no object.

ofs-delta   its base's offset is in its head              ref-delta   in the index, by the base's id
type        that of the whole object at the chain's end   size        in the delta's first bytes
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from packcore.delta.codec import DELTA_HEAD_BYTES_MAX, delta_sizes
from packcore.errors import CorruptData, CorruptPack, LimitExceeded, structure_too_large
from packcore.objects import ObjectType
from packcore.pack.format import OFS_DELTA

if TYPE_CHECKING:
    from packcore.limits import Limits
    from packcore.pack.index import PackIndex
    from packcore.pack.mapping import EntryHeader, PackSource

__all__ = ["DeltaChains"]

_TYPES_KNOWN_MAX = 1 << 16  # most entries whose type is remembered: some 6 MB


class DeltaChains:
    """The chains of the pack of this source and index."""

    def __init__(self, source: PackSource, index: PackIndex, limits: Limits) -> None:
        self._source = source
        self._index = index
        self._limits = limits
        self._types: dict[int, int] = {}  # offset -> type of the object there

    def base_offset(self, entry: EntryHeader) -> int:
        """Return where the base of a delta starts. Raises CorruptPack if the pack lacks it."""
        if entry.base_offset is not None:
            return entry.base_offset
        assert entry.base_oid is not None
        position = self._index.find(entry.base_oid)
        if position < 0:
            raise CorruptPack(
                f"the delta's base {entry.base_oid.hex()} is not in the pack",
                offset=entry.offset,
                pack=self._source.name,
            )
        return self._index.offset(position)

    def type_at(self, entry: EntryHeader) -> int:
        """Return the type code of an entry's object, through its chain."""
        if entry.type_code < OFS_DELTA:
            return entry.type_code
        passed: list[EntryHeader] = []
        while (type_code := self._types.get(entry.offset)) is None:
            if len(passed) > self._limits.chain_depth:
                raise self.too_deep(passed)
            passed.append(entry)
            if entry.type_code < OFS_DELTA:
                type_code = entry.type_code
                break
            entry = self._source.entry(self.base_offset(entry))
        if len(self._types) + len(passed) > _TYPES_KNOWN_MAX:
            self._types.clear()
        for entry in passed:
            self._types[entry.offset] = type_code
        return type_code

    def target_size(self, entry: EntryHeader) -> int:
        """Return the size of a delta's result, from its head. Raises CorruptPack."""
        try:
            return delta_sizes(self._source.inflate_head(entry, DELTA_HEAD_BYTES_MAX))[1]
        except CorruptData as error:
            raise self._source.fault(error, entry.offset) from None

    def too_deep(self, chain: list[EntryHeader]) -> CorruptPack | LimitExceeded:
        """Return the error for a chain that is too long or endless."""
        start = chain[0].offset
        if len({entry.offset for entry in chain}) < len(chain):
            return CorruptPack("the delta's bases form a cycle", offset=start, pack=self._source.name)
        return LimitExceeded(
            f"{self._source.name}: the delta at offset {start} is the end of a chain of more than "
            f"{self._limits.chain_depth}",
            limit="chain_depth",
        )

    def check_structure(self, type_code: int, size: int, entry: EntryHeader) -> None:
        """Raise LimitExceeded for a commit, tree or tag of more bytes than `structure_bytes`.

        Raises CorruptPack for a whole entry whose stream ends before that: its size is damaged then.
        """
        size_max = self._limits.structure_bytes
        if size <= size_max or type_code == ObjectType.BLOB:
            return
        if not entry.is_delta:
            made = 0
            for block in self._source.inflate_blocks(entry):
                if (made := made + len(block)) > size_max:
                    break
        what = f"{self._source.name}: the {ObjectType(type_code).label.decode()} at offset {entry.offset}"
        raise structure_too_large(what, size, size_max)

    def check_size(self, size: int, offset: int) -> None:
        """Raise LimitExceeded for an object of more bytes than `object_bytes`."""
        if size > self._limits.object_bytes:
            raise LimitExceeded(
                f"{self._source.name}: the object at offset {offset} has {size} bytes; "
                f"the limit is {self._limits.object_bytes}",
                limit="object_bytes",
            )
