"""All refs of a repository in columns: loose ones over packed ones, sorted, without an object for each.

    names   refs/heads/a    refs/tags/v1      sorted by their bytes
    ids     5f3c…           77ab…             in hex, as the files have them
    peeled  (empty)         e549…             what an annotated tag resolves to, if packed-refs says so

Columns are copied from packed-refs. Only exceptions are handled name by name: loose files, symbolic refs,
invalid names.
"""

from __future__ import annotations

from binascii import unhexlify
from bisect import bisect_left
from itertools import compress, repeat
from typing import TYPE_CHECKING, NamedTuple

from packcore.errors import UnreadableRef
from packcore.ids import ObjectId, ids_of_hex
from packcore.refs import Ref, RefList, decode_ref_name, decode_ref_names, encode_ref_name, ref_sort_key

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from packcore.store.packed_refs import PackedRefs, PackedRow

__all__ = ["RefTable", "reduced", "table_of"]

_FEW = 100
"""Up to this many names are inserted one by one; for more, the columns are rebuilt."""


class RefTable(NamedTuple):
    """The refs that resolve to an id, in columns of equal length, and the unreadable ones."""

    names: list[bytes]
    ids: list[bytes]
    peeled: list[bytes]
    symrefs: dict[bytes, str]
    """What symbolic refs resolve to, by name."""
    unpeeled: Collection[bytes]
    """Names that may or may not be annotated tags. The others without `peeled` are not."""
    unreadable: dict[str, UnreadableRef]

    def list(self) -> RefList:
        """Return the same by name."""
        names = decode_ref_names(self.names)
        peeled: Iterable[ObjectId | None] = repeat(None)
        if any(self.peeled):
            peeled = [ObjectId(unhexlify(hexes)) if hexes else None for hexes in self.peeled]
        known = dict(zip(names, map(Ref, names, ids_of_hex(self.ids), repeat(None), peeled), strict=False))
        for raw, target in self.symrefs.items():
            name = decode_ref_name(raw)
            known[name] = known[name]._replace(symref=target)
        return RefList(known, self.unreadable)

    def of(self, is_wanted: Callable[[bytes], bool]) -> RefTable:
        """Return the part whose names are wanted."""
        are_kept = list(map(is_wanted, self.names))
        names, ids, peeled = (list(compress(c, are_kept)) for c in (self.names, self.ids, self.peeled))
        symrefs = {name: target for name, target in self.symrefs.items() if is_wanted(name)}
        unreadable = {
            name: fault for name, fault in self.unreadable.items() if is_wanted(encode_ref_name(name))
        }
        return RefTable(names, ids, peeled, symrefs, self.unpeeled, unreadable)

    def of_names(self, names: Iterable[str]) -> dict[str, Ref | UnreadableRef]:
        """Return the refs of these names; a dangling symbolic one counts as absent."""
        rows = dict(zip(self.names, zip(self.ids, self.peeled, strict=True), strict=True))
        found: dict[str, Ref | UnreadableRef] = {}
        for name in names:
            raw = encode_ref_name(name)
            if (row := rows.get(raw)) is not None:
                peeled = ObjectId(unhexlify(row[1])) if row[1] else None
                found[name] = Ref(name, ObjectId(unhexlify(row[0])), self.symrefs.get(raw), peeled)
            elif (fault := self.unreadable.get(name)) is not None and not fault.is_dangling:
                found[name] = fault
        return found

    def tips(self) -> tuple[ObjectId, ...]:
        """Return the ids, each once, ordered by name."""
        return tuple(map(ObjectId, map(unhexlify, dict.fromkeys(self.ids))))

    def by_name(self) -> dict[str, ObjectId]:
        """Return the ids by name, sorted as the names are."""
        return dict(zip(decode_ref_names(self.names), ids_of_hex(self.ids), strict=True))


def reduced(prefixes: Iterable[bytes]) -> list[bytes]:
    """Return prefixes sorted, without duplicates and without those that another one covers."""
    kept: list[bytes] = []
    for prefix in sorted(prefixes):
        if not kept or not prefix.startswith(kept[-1]):
            kept.append(prefix)
    return kept


def table_of(
    packed: PackedRefs,
    prefixes: Sequence[bytes],
    loose: dict[bytes, Ref | ObjectId | None],
    unreadable: dict[str, UnreadableRef],
) -> RefTable:
    """Join packed-refs with the loose files, both for reduced prefixes; without prefixes, all.

    `loose` has each name that packed-refs doesn't decide: None if it resolves to nothing. Names without a
    value in packed-refs are added to `unreadable`.
    """
    ids: list[bytes] = []
    names: list[bytes] = []
    peeled: list[bytes] = []
    for prefix in prefixes or (b"",):
        for piece in packed.columns(prefix):
            for column, values in zip((ids, names, peeled), piece, strict=True):
                column.extend(values)
    changes: dict[bytes, PackedRow | None] = {}
    symrefs: dict[bytes, str] = {}
    for name, found in loose.items():
        changes[name] = None
        if isinstance(found, Ref):
            tagged = b"" if found.peeled is None else found.peeled.hex().encode()
            changes[name] = (found.oid.hex().encode(), name, tagged)
            symrefs[name] = found.symref or ""
        elif found is not None:
            changes[name] = (found.hex().encode(), name, b"")
    for name in _without_value(packed, names, ids):
        if name not in loose:
            changes[name] = None
            if (fault := _fault(packed, name)) is not None:
                unreadable[fault.ref] = fault
    unpeeled: set[bytes] = set()
    if not packed.are_all_peeled:
        unpeeled |= {
            name
            for name, tagged in zip(names, peeled, strict=True)
            if not tagged and not packed.is_peeled(name)
        }
    columns = _changed(ids, names, peeled, changes)
    unpeeled |= {name for name, row in changes.items() if row is not None and not row[2]}
    by_name = dict(sorted(unreadable.items(), key=lambda item: ref_sort_key(item[0])))
    return RefTable(columns[1], columns[0], columns[2], symrefs, unpeeled, by_name)


def _without_value(packed: PackedRefs, names: list[bytes], ids: list[bytes]) -> set[bytes]:
    found = set(packed.invalid & set(names)) if packed.invalid else set()
    if packed.has_zero:
        found |= {name for name, hexes in zip(names, ids, strict=True) if not hexes.strip(b"0")}
    return found


def _fault(packed: PackedRefs, name: bytes) -> UnreadableRef | None:
    if name == b"HEAD":
        return None  # not a ref, whatever packed-refs has
    reason = (
        "it is not a valid ref name" if name in packed.invalid else f"{packed.label} gives it the zero id"
    )
    return UnreadableRef(decode_ref_name(name), reason)


def _changed(
    ids: list[bytes], names: list[bytes], peeled: list[bytes], changes: dict[bytes, PackedRow | None]
) -> tuple[list[bytes], list[bytes], list[bytes]]:
    """Return the columns with some rows changed or added, and without those whose change is None."""
    if len(changes) > _FEW:
        rows: dict[bytes, PackedRow | None] = dict(
            zip(names, zip(ids, names, peeled, strict=True), strict=True)
        )
        for name, row in changes.items():
            rows[name] = _chosen(rows.get(name), row)
        kept = [row for name in sorted(rows) if (row := rows[name]) is not None]
        return [row[0] for row in kept], [row[1] for row in kept], [row[2] for row in kept]
    for name, row in changes.items():
        at = bisect_left(names, name)
        is_there = at < len(names) and names[at] == name
        chosen = _chosen((ids[at], name, peeled[at]) if is_there else None, row)
        ids[at : at + is_there] = [] if chosen is None else [chosen[0]]
        names[at : at + is_there] = [] if chosen is None else [name]
        peeled[at : at + is_there] = [] if chosen is None else [chosen[2]]
    return ids, names, peeled


def _chosen(packed: PackedRow | None, row: PackedRow | None) -> PackedRow | None:
    """Return a row that replaces the packed one; for the same id, keep what that one peels to."""
    return packed if packed is not None and row is not None and packed[0] == row[0] else row
