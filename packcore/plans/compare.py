"""Compare two plans: objects in only one of them, and objects with another base.

    only in the first / only in the second      objects
    other way          whole in one, a delta in the other; or reused in one, made in the other
    other base         a delta in both, against different objects

Byte counts are those of the payloads before compression (the object, or the delta), which a saved plan knows
exactly; it has no zlib streams. If a plan leaves out the size of a delta, the size of the object is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from packcore.errors import InvalidPlan

if TYPE_CHECKING:
    from packcore.ids import ObjectId
    from packcore.plans.file import PlanRow, SavedPlan

__all__ = ["Change", "PlanDifference", "PlanFigures", "compare_plans", "plan_figures"]


class PlanFigures(NamedTuple):
    """The totals of a plan."""

    object_count: int
    delta_count: int
    reused_count: int
    depth_max: int
    """The length of the longest delta chain; a base outside the pack counts as whole."""
    payload_bytes: int
    """The size of all objects and deltas before compression."""


class Change(NamedTuple):
    """An object that both plans have, but write differently."""

    old: PlanRow
    new: PlanRow

    @property
    def other_base(self) -> bool:
        """Whether it has a base in both plans, but not the same one."""
        return None not in (self.old.base, self.new.base) and self.old.base != self.new.base

    @property
    def payload_bytes(self) -> int:
        """How many more bytes the second plan spends on it, before compression."""
        return self.new.payload_bytes - self.old.payload_bytes


class PlanDifference(NamedTuple):
    """How two plans differ. Rows are in the order of their plan."""

    removed: tuple[PlanRow, ...]
    """Only in the first."""
    added: tuple[PlanRow, ...]
    """Only in the second."""
    changed: tuple[Change, ...]
    """In both, with another base or written in another way, in the order of the second."""
    reordered: bool
    """Whether the common objects come in another order."""

    @property
    def equal(self) -> bool:
        """Whether both make the same pack, as far as plans can show."""
        return not (self.removed or self.added or self.changed or self.reordered)


def compare_plans(old: SavedPlan, new: SavedPlan) -> PlanDifference:
    """Compare two plans. Raises InvalidPlan if they have different object formats."""
    if old.object_format.name != new.object_format.name:
        raise InvalidPlan(
            f"{old.name} is of {old.object_format.name} objects, {new.name} of {new.object_format.name}"
        )
    before = {row.oid: row for row in old.rows}
    after = {row.oid for row in new.rows}
    changed = tuple(
        Change(was, row)
        for row in new.rows
        if (was := before.get(row.oid)) is not None and _written(was) != _written(row)
    )
    return PlanDifference(
        tuple(row for row in old.rows if row.oid not in after),
        tuple(row for row in new.rows if row.oid not in before),
        changed,
        [row.oid for row in old.rows if row.oid in after]
        != [row.oid for row in new.rows if row.oid in before],
    )


def plan_figures(plan: SavedPlan) -> PlanFigures:
    """Return the totals of a plan."""
    depths: dict[ObjectId, int] = {}
    for row in plan.rows:
        depths[row.oid] = 0 if row.base is None else depths.get(row.base, 0) + 1
    return PlanFigures(
        len(plan.rows),
        sum(row.base is not None for row in plan.rows),
        sum(row.way == "reused" for row in plan.rows),
        max(depths.values(), default=0),
        sum(row.payload_bytes for row in plan.rows),
    )


def _written(row: PlanRow) -> tuple[object, ...]:
    return row.way, row.base, row.pack, row.payload_bytes
