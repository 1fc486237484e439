"""Makes a delta's object if its pack can't make the base: from another copy of one of its bases.

    delta  ->  base, damaged  ->  base's base  ->  whole
               loose, good        in another pack          search for each, the nearest first

git does the same. Only copies that need no other copy themselves count, so nothing recurses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from packcore.errors import CorruptPack
from packcore.pack.format import OFS_DELTA

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from packcore.limits import Limits
    from packcore.pack.mapping import EntryHeader, PackSource
    from packcore.pack.scratch import Content
    from packcore.store.base import OtherCopies
    from packcore.store.pack_order import PackOrder

__all__ = ["other_bases"]


def other_bases(
    copies: OtherCopies,
    source: PackSource,
    order: PackOrder,
    *,
    base_offset_of: Callable[[EntryHeader], int],
    offset: int,
    limits: Limits,
) -> Iterator[tuple[tuple[int, Content], list[EntryHeader]]]:
    """Yield the bases of the delta at `offset` that other places have.

    Each comes with its type code and content, and the deltas that lead down from it, last one first. Ends
    where the chain can't be followed further.
    """
    chain: list[EntryHeader] = []
    passed: set[int] = set()
    while offset not in passed and len(chain) < limits.chain_depth:
        passed.add(offset)
        try:
            entry = source.entry(offset)
            if entry.type_code < OFS_DELTA:
                return
            chain.append(entry)
            base_oid = entry.base_oid
            if entry.base_offset is not None:
                base_oid = order.oid_at(entry.base_offset)
            if base_oid is not None and (made := copies.content(base_oid, limits.big_object)) is not None:
                yield made, list(chain)
            offset = base_offset_of(entry)
        except CorruptPack:
            return
