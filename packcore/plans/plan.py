"""A finished plan: what phase 1 returns and phase 2 writes. A value, never changed once made.

A plan that breaks a rule can't be made: `PackPlan` checks itself when it is made (see `legality`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from packcore.plans.copied import CopiedEntries
from packcore.plans.entries import Reused, is_delta
from packcore.plans.legality import check_entries

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from packcore.ids import ObjectFormat
    from packcore.limits import Limits
    from packcore.objects import ObjectType
    from packcore.plans.entries import PackEntry
    from packcore.store.base import ObjectStore

__all__ = ["PackPlan"]


@dataclass(frozen=True, slots=True)
class PackPlan:
    """A finished plan: every object of a pack, in pack order, bases before their deltas.

    Making one raises InvalidPlan if an object comes twice, a base doesn't come before its delta or is
    of another type, one outside the plan isn't in the store, a delta is copied onto a base that isn't its
    own or is shorter than git takes, or a chain is longer than `limits.depth`.
    """

    object_format: ObjectFormat
    entries: Sequence[PackEntry]
    """A tuple, or `CopiedEntries`: then no entry is made unless it is looked at."""
    limits: Limits
    strategy: str
    """Name of the strategy that chose the deltas."""
    store: ObjectStore = field(compare=False, repr=False)
    """Where the writer reads what the plan doesn't carry. Must outlive the plan."""
    make_delta: Callable[[ObjectType, bytes, bytes, int], bytes] = field(compare=False, repr=False)
    """The pure function (type, base, target, id bytes) -> delta that made the deltas and makes them again."""
    unsearched_count: int = 0
    """Objects that selection did not come to, because it was stopped before its end."""

    def __post_init__(self) -> None:
        check_entries(
            self.entries, object_format=self.object_format, depth_max=self.limits.depth, store=self.store
        )

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
        if isinstance(self.entries, CopiedEntries):
            return self.entries.part.delta_count
        return sum(is_delta(entry.encoding) for entry in self.entries)

    @property
    def reused_count(self) -> int:
        """Objects that are copied as they lie in another pack."""
        if isinstance(self.entries, CopiedEntries):
            return len(self.entries)
        return sum(isinstance(entry.encoding, Reused) for entry in self.entries)
