"""A finished plan: what phase 1 returns and phase 2 writes. It is an immutable value.

There are no plans that break a rule: `PackPlan` checks itself when it is made (see `legality`).
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

    The constructor raises InvalidPlan if an object occurs twice; if a base comes after its delta, has another
    type, or is outside the plan and not in the store; if a delta is copied but its base is not the original
    one, or is shorter than git accepts; or if a chain is longer than `limits.depth`.
    """

    object_format: ObjectFormat
    entries: Sequence[PackEntry]
    """A tuple, or `CopiedEntries`, which makes entries only when they are accessed."""
    limits: Limits
    strategy: str
    """The name of the strategy that chose the deltas."""
    store: ObjectStore = field(compare=False, repr=False)
    """Where the writer reads what the plan doesn't carry. It must stay open while the plan is used."""
    make_delta: Callable[[ObjectType, bytes, bytes, int], bytes] = field(compare=False, repr=False)
    """The pure function (type, base, target, id bytes) -> delta that made the deltas and makes them again."""
    unsearched_count: int = 0
    """The number of objects that selection did not reach because it was stopped."""

    def __post_init__(self) -> None:
        check_entries(
            self.entries, object_format=self.object_format, depth_max=self.limits.depth, store=self.store
        )

    @property
    def complete(self) -> bool:
        """Whether selection finished without being stopped."""
        return not self.unsearched_count

    @property
    def object_count(self) -> int:
        """The number of objects in the pack, known before the first byte."""
        return len(self.entries)

    @property
    def delta_count(self) -> int:
        """The number of objects written as deltas, including reused ones."""
        if isinstance(self.entries, CopiedEntries):
            return self.entries.part.delta_count
        return sum(is_delta(entry.encoding) for entry in self.entries)

    @property
    def reused_count(self) -> int:
        """The number of objects copied from another pack as they are."""
        if isinstance(self.entries, CopiedEntries):
            return len(self.entries)
        return sum(isinstance(entry.encoding, Reused) for entry in self.entries)
