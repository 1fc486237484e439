"""Objects that occur more than once in a pack: legal if it doesn't matter which copy is read.

    A whole, A whole                      allowed
    A whole, A as an ofs-delta            allowed: the base of an ofs-delta is one entry, before it
    A whole, A as a ref-delta against A   refused: a reader that finds the second copy first would never end
    A whole, B against A, A against B     refused, if by ref-deltas: a cycle

A ref-delta names its base by id, and a reader takes whichever copy its index search finds. So a ref-delta
depends on every copy of its base, and these dependencies must have no cycle. git refuses more: every
ref-delta whose base occurs twice.

All copies must also have the same bytes, since a hash alone can be fooled. Packs without duplicate ids, which
means nearly all packs, cost nothing here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from packcore.errors import CorruptPack
from packcore.pack.scratch import Scratch, same_content

if TYPE_CHECKING:
    from array import array
    from collections.abc import Iterator

    from packcore.pack.mapping import PackSource
    from packcore.pack.resolve import Resolver
    from packcore.pack.table import PackTable

__all__ = ["check_duplicates"]


def check_duplicates(table: PackTable, order: array[int], resolver: Resolver) -> None:
    """Check the entries of a resolved pack that are the same object, given `table.sorted_by_id()`.

    Raises CorruptPack if their bytes differ, or if a delta depends on itself.
    """
    copies: dict[int, list[int]] = {}  # each entry of a duplicate id -> all entries of that id
    for one, other in table.duplicates(order):
        _compare(table, resolver, one, other)
        group = copies.setdefault(one, [one])
        group.append(other)
        copies[other] = group
    if copies:
        _refuse_cycles(table, resolver.source, copies)


def _compare(table: PackTable, resolver: Resolver, one: int, other: int) -> None:
    alike = (table.types[one], table.sizes[one]) == (table.types[other], table.sizes[other])
    if not alike or not _have_same_bytes(resolver, one, other):
        raise CorruptPack(
            f"object {table.oid(one).hex()} differs from its twin at offset {table.offsets[one]}",
            offset=table.offsets[other],
        )


def _have_same_bytes(resolver: Resolver, one: int, other: int) -> bool:
    contents = resolver.load(one, hold=True), resolver.load(other, hold=True)
    try:
        return same_content(*contents)
    finally:
        for content in contents:
            if isinstance(content, Scratch):
                content.close()


def _refuse_cycles(table: PackTable, source: PackSource, copies: dict[int, list[int]]) -> None:
    """Follow every delta to all that it depends on, depth first, with an explicit stack.

    A node is an entry, or ~entry for all copies of that entry's object. So the copies are visited once,
    however many deltas name their id.
    """

    def bases(node: int) -> Iterator[int]:
        if node < 0:
            return iter(copies[~node])
        base = table.bases[node]
        if base < 0:
            return iter(())
        by_id = base in copies and source.entry(table.offsets[node]).base_oid is not None
        return iter((~copies[base][0] if by_id else base,))

    ended: set[int] = set()
    # Any cycle includes a duplicate id: all other entries depend on what was resolved before them.
    for start in sorted({~group[0] for group in copies.values()}):
        on_path = {start} - ended
        stack = [(start, bases(start))] if on_path else []
        while stack:
            node, left = stack[-1]
            base = next(left, None)
            if base is None:
                stack.pop()
                on_path.discard(node)
                ended.add(node)
            elif base in on_path:
                raise _cycle(table, base)
            elif base not in ended:
                on_path.add(base)
                stack.append((base, bases(base)))


def _cycle(table: PackTable, node: int) -> CorruptPack:
    entry_index = node if node >= 0 else ~node
    return CorruptPack(
        f"object {table.oid(entry_index).hex()} is a base of itself, by deltas that name their bases by id",
        offset=table.offsets[entry_index],
    )
