"""Plans: what phase 1 returns and phase 2 writes. Values, never changed once made.

    Candidate   an object to send                                   walk -> select
    PackEntry   the same, with the way it will be written           select -> write
    PackPlan    all entries in pack order, checked once when made

A plan that breaks a rule can't be made: `PackPlan` checks itself once, and from then on nobody does.

Three integers that are never mixed: `entry_index` (position in the plan), `pack_offset` (bytes from
the start of a pack), `size` (bytes of an inflated object).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from packcore.delta.codec import DELTA_BYTES_MIN
from packcore.errors import InvalidPlan
from packcore.limits import KIB
from packcore.store.bulk import headers_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from packcore.ids import ObjectFormat, ObjectId
    from packcore.limits import Limits
    from packcore.objects import ObjectType
    from packcore.store.base import ObjectStore, RawEntry
    from packcore.store.pack_part import PackPart
    from packcore.tree_path import TreePath

__all__ = [
    "STREAMED_BYTES",
    "Candidate",
    "Delta",
    "Encoding",
    "PackEntry",
    "PackPlan",
    "Reused",
    "ThinDelta",
    "Whole",
]


STREAMED_BYTES = 512 * KIB
"""Whole objects from this size on are compressed in pieces while writing, so no plan carries their stream."""


class Candidate(NamedTuple):
    """An object to be packed, as the walk (or a list of ids) names it."""

    oid: ObjectId
    type: ObjectType
    size: int
    """Bytes of the whole object."""
    where: TreePath | bytes
    """Where the walk first met it: the path of src/a.c; b"" for a root tree, a commit or a tag.

    Objects of one path have equal values here, by which they can be grouped.
    """
    order: int
    """Its position in the walk: newest first, commits before what they hold."""

    @property
    def path(self) -> bytes:
        """The same as bytes, made at each call: of any length, so don't keep many."""
        return bytes(self.where)


class Whole(NamedTuple):
    """Written whole. `deflated` is its zlib stream when selection already made it."""

    deflated: bytes | None = None


class Delta(NamedTuple):
    """Written as a delta against an earlier entry of the same plan."""

    base_index: int
    delta_size: int
    """Inflated bytes of the delta."""
    deflated: bytes | None
    """The delta's zlib stream, or None where it will be made again from base and object."""


class ThinDelta(NamedTuple):
    """Written as a ref-delta against an object that the receiver has and the pack has not."""

    base_oid: ObjectId
    delta_size: int
    deflated: bytes | None


class Reused(NamedTuple):
    """Copied as it lies in another pack.

    A delta against an earlier entry when `base_index` is not None; a thin delta when only `raw.base`
    is not None; else a whole object.
    """

    raw: RawEntry
    base_index: int | None


Encoding = Whole | Delta | ThinDelta | Reused


class PackEntry(NamedTuple):
    """One object of a plan and how it is written."""

    oid: ObjectId
    type: ObjectType
    size: int
    encoding: Encoding


@dataclass(frozen=True, slots=True)
class PackPlan:
    """A finished plan: every object of a pack, in pack order, bases before their deltas.

    Making one raises InvalidPlan if an object comes twice, a base doesn't come before its delta or is
    of another type, one outside the plan isn't in the store, a delta is copied onto a base that isn't its
    own or is shorter than git takes, or a chain is longer than `limits.depth`.
    """

    object_format: ObjectFormat
    entries: Sequence[PackEntry]
    limits: Limits
    strategy: str
    """Name of the strategy that chose the deltas."""
    store: ObjectStore = field(compare=False, repr=False)
    """Where the writer reads what the plan doesn't carry. Must outlive the plan."""
    make_delta: Callable[[ObjectType, bytes, bytes, int], bytes] = field(compare=False, repr=False)
    """The pure function (type, base, target, id bytes) -> delta that made the deltas and makes them again."""
    unsearched_count: int = 0
    """Objects that selection did not come to, because it was stopped before its end."""
    copied: PackPart | None = field(default=None, compare=False, repr=False)
    """What `entries` are, where all of them are copied out of one pack as they lie: legal already."""

    def __post_init__(self) -> None:
        if self.copied is None:
            _check(self)
        elif self.copied.depth > self.limits.depth:
            raise InvalidPlan(f"{self.copied.depth} deltas hang in a chain, more than {self.limits.depth}")

    @property
    def complete(self) -> bool:
        """Whether selection came to its end, and was not stopped before."""
        return not self.unsearched_count

    @property
    def object_count(self) -> int:
        """Objects in the pack: known before the first byte."""
        return len(self.entries)

    @property
    def delta_count(self) -> int:
        """Objects that will be written as deltas, reused ones included."""
        if self.copied is not None:
            return self.copied.delta_count
        return sum(_is_delta(entry.encoding) for entry in self.entries)

    @property
    def reused_count(self) -> int:
        """Objects that are copied as they lie in another pack."""
        if self.copied is not None:
            return len(self.copied)
        return sum(isinstance(entry.encoding, Reused) for entry in self.entries)


def _is_delta(encoding: Encoding) -> bool:
    if isinstance(encoding, Reused):
        return encoding.raw.base is not None
    return not isinstance(encoding, Whole)


def _check(plan: PackPlan) -> None:
    """Raise InvalidPlan for the first rule that an entry breaks. Since bases come first, no cycle can be."""
    entries, depth_max = plan.entries, plan.limits.depth
    seen = {entry.oid for entry in entries}
    if len(seen) < len(entries) or {*map(len, seen)} - {plan.object_format.digest_size}:
        _complain_of_ids(plan)
    depths: list[int] = []
    for index, (_, type_, size, encoding) in enumerate(entries):
        if size < 0:
            raise InvalidPlan(f"entry {index} has size {size}")
        depth = 0
        base_index = None if isinstance(encoding, Whole | ThinDelta) else encoding.base_index
        if base_index is not None:
            if not 0 <= base_index < index:
                raise InvalidPlan(f"entry {index} has entry {base_index} as its base, which is not before it")
            if entries[base_index].type != type_:
                raise InvalidPlan(f"entry {index} has a base of another type, entry {base_index}")
            if isinstance(encoding, Reused) and encoding.raw.base != entries[base_index].oid:
                raise InvalidPlan(
                    f"entry {index} is copied as a delta of another base than entry {base_index}"
                )
            depth = depths[base_index] + 1
        elif _is_delta(encoding):
            depth = 1
        if isinstance(encoding, Delta | ThinDelta) and encoding.delta_size < DELTA_BYTES_MIN:
            raise InvalidPlan(f"entry {index} has a delta of {encoding.delta_size} bytes, which git refuses")
        if depth > depth_max:
            raise InvalidPlan(f"entry {index} is at depth {depth}, more than {depth_max}")
        depths.append(depth)
    _check_bases_outside(plan, seen)


def _check_bases_outside(plan: PackPlan, inside: set[ObjectId]) -> None:
    """Raise InvalidPlan for a base of a thin delta that is inside, or of another type, or not at hand."""
    thin = [
        (index, entry.type, entry.encoding.base_oid)
        for index, entry in enumerate(plan.entries)
        if isinstance(entry.encoding, ThinDelta)
    ]
    headers = headers_of(plan.store, [base_oid for _, _, base_oid in thin]) if thin else []
    for (index, type_, base_oid), header in zip(thin, headers, strict=True):
        if base_oid in inside:
            raise InvalidPlan(f"entry {index} has a base outside, {base_oid.hex()}, that is inside")
        if header is None:
            raise InvalidPlan(f"entry {index} has a base outside, {base_oid.hex()}, that the store lacks")
        if header.type != type_:
            raise InvalidPlan(f"entry {index} has a base of another type outside, {base_oid.hex()}")


def _complain_of_ids(plan: PackPlan) -> None:
    """Raise InvalidPlan for the first id that is none, or that comes a second time."""
    seen: set[bytes] = set()
    for index, entry in enumerate(plan.entries):
        if len(entry.oid) != plan.object_format.digest_size:
            raise InvalidPlan(f"entry {index} has no {plan.object_format.name} id: {entry.oid.hex()}")
        if entry.oid in seen:
            raise InvalidPlan(f"object {entry.oid.hex()} comes a second time, as entry {index}")
        seen.add(entry.oid)
