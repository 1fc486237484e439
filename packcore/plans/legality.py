"""The rules of a plan, in one place. `PackPlan` applies them to itself when it is made.

    ids       of the plan's format, each once
    bases     before their deltas, or in the store and outside the plan; of the same type
    chains    no longer than the limit
    deltas    not shorter than git accepts; a copied one against its own base

Bases come first, so there can be no cycle. `packcore.search.placement` checks the choices of a strategy
earlier, while the error can still be blamed on the strategy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from packcore.delta.codec import DELTA_BYTES_MIN
from packcore.errors import InvalidPlan
from packcore.plans.copied import CopiedEntries
from packcore.plans.entries import Delta, Reused, ThinDelta, Whole, is_delta
from packcore.store.bulk import headers_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from packcore.ids import ObjectFormat, ObjectId
    from packcore.plans.entries import Encoding, PackEntry
    from packcore.store.base import ObjectStore

__all__ = ["check_entries"]

_WHOLE = -1
"""Used as the index of a base if there is no base."""
_OUTSIDE = -2
"""Used as the index of a base outside the plan."""


def check_entries(
    entries: Sequence[PackEntry], *, object_format: ObjectFormat, depth_max: int, store: ObjectStore
) -> None:
    """Raise InvalidPlan for the first rule that an entry breaks.

    For copied entries it checks only the chains; the other rules hold because they come from one pack.
    """
    if isinstance(entries, CopiedEntries):
        _check_chains(entries.part.bases, depth_max)
        return
    inside = {entry.oid for entry in entries}
    if len(inside) < len(entries) or {*map(len, inside)} - {object_format.digest_size}:
        _complain_of_ids(entries, object_format)
    _check_chains([_base_of(entry.encoding) for entry in entries], depth_max)
    for index, entry in enumerate(entries):
        _check_entry(index, entry, entries)
    _check_bases_outside(entries, inside, store)


def _base_of(encoding: Encoding) -> int:
    """Return the position of the base in the plan, or `_WHOLE`, or `_OUTSIDE`."""
    if isinstance(encoding, Whole):
        return _WHOLE
    if isinstance(encoding, ThinDelta):
        return _OUTSIDE
    if encoding.base_index is None:
        return _OUTSIDE if is_delta(encoding) else _WHOLE
    # A negative index is an error, and must not be mistaken for one of the two constants.
    return encoding.base_index if encoding.base_index >= 0 else 1 << 62


def _check_chains(bases: Iterable[int], depth_max: int) -> None:
    depths: list[int] = []
    for index, base in enumerate(bases):
        if base >= index:
            raise InvalidPlan(f"entry {index} has a base that is not an entry before it")
        depth = depths[base] + 1 if base >= 0 else -1 - base
        if depth > depth_max:
            raise InvalidPlan(f"entry {index} is at depth {depth}, more than {depth_max}")
        depths.append(depth)


def _check_entry(index: int, entry: PackEntry, entries: Sequence[PackEntry]) -> None:
    """Raise InvalidPlan if an entry is wrong or doesn't fit its base, which comes before it."""
    encoding = entry.encoding
    if entry.size < 0:
        raise InvalidPlan(f"entry {index} has size {entry.size}")
    if isinstance(encoding, Delta | Reused) and encoding.base_index is not None:
        base = entries[encoding.base_index]
        if base.type != entry.type:
            raise InvalidPlan(f"entry {index} has a base of another type, entry {encoding.base_index}")
        if isinstance(encoding, Reused) and encoding.raw.base != base.oid:
            raise InvalidPlan(
                f"entry {index} is copied as a delta of another base than entry {encoding.base_index}"
            )
    if isinstance(encoding, Delta | ThinDelta) and encoding.delta_size < DELTA_BYTES_MIN:
        raise InvalidPlan(f"entry {index} has a delta of {encoding.delta_size} bytes, which git refuses")


def _check_bases_outside(entries: Sequence[PackEntry], inside: set[ObjectId], store: ObjectStore) -> None:
    """Raise InvalidPlan if the base of a thin delta is in the plan, of another type, or not in the store."""
    thin = [
        (index, entry.type, entry.encoding.base_oid)
        for index, entry in enumerate(entries)
        if isinstance(entry.encoding, ThinDelta)
    ]
    headers = headers_of(store, [base_oid for _, _, base_oid in thin]) if thin else []
    for (index, type_, base_oid), header in zip(thin, headers, strict=True):
        if base_oid in inside:
            raise InvalidPlan(f"entry {index} has a base outside, {base_oid.hex()}, that is inside")
        if header is None:
            raise InvalidPlan(f"entry {index} has a base outside, {base_oid.hex()}, that the store lacks")
        if header.type != type_:
            raise InvalidPlan(f"entry {index} has a base of another type outside, {base_oid.hex()}")


def _complain_of_ids(entries: Sequence[PackEntry], object_format: ObjectFormat) -> None:
    """Raise InvalidPlan for the first id that is not valid or occurs a second time."""
    seen: set[bytes] = set()
    for index, entry in enumerate(entries):
        if len(entry.oid) != object_format.digest_size:
            raise InvalidPlan(f"entry {index} has no {object_format.name} id: {entry.oid.hex()}")
        if entry.oid in seen:
            raise InvalidPlan(f"object {entry.oid.hex()} comes a second time, as entry {index}")
        seen.add(entry.oid)
