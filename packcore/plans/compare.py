"""Two plans side by side: which objects one has and the other has not, and whose base is another.

    only in the first / only in the second      objects
    other way          whole here, a delta there; or reused here, made there
    other base         a delta in both, against different objects

Bytes are those of the payloads before compression (the object, or the delta): a saved plan knows these
exactly, and no zlib stream. Where a delta's size was left out of a plan the object's stands for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from packcore.errors import InvalidPlan

if TYPE_CHECKING:
    from packcore.ids import ObjectId
    from packcore.plans.file import PlanRow, SavedPlan

__all__ = ["Change", "PlanDifference", "PlanFigures", "compare_plans", "plan_figures"]


class PlanFigures(NamedTuple):
    """What a plan comes to."""

    object_count: int
    delta_count: int
    reused_count: int
    depth_max: int
    """The longest chain of deltas in it; a base outside the pack counts as whole."""
    payload_bytes: int
    """Objects and deltas as they are before compression."""


class Change(NamedTuple):
    """An object that both plans have, each in its own way."""

    old: PlanRow
    new: PlanRow

    @property
    def other_base(self) -> bool:
        """Whether it has a base in both, and not the same."""
        return None not in (self.old.base, self.new.base) and self.old.base != self.new.base

    @property
    def payload_bytes(self) -> int:
        """Bytes that the second plan spends more on it (before compression)."""
        return self.new.payload_bytes - self.old.payload_bytes


class PlanDifference(NamedTuple):
    """How two plans differ. Rows are in their plan's order."""

    removed: tuple[PlanRow, ...]
    """Only in the first."""
    added: tuple[PlanRow, ...]
    """Only in the second."""
    changed: tuple[Change, ...]
    """In both, with another base or written in another way, in the second's order."""
    reordered: bool
    """Whether the objects that both have come in another order."""

    @property
    def equal(self) -> bool:
        """Whether both make the same pack, as far as plans tell."""
        return not (self.removed or self.added or self.changed or self.reordered)


def compare_plans(old: SavedPlan, new: SavedPlan) -> PlanDifference:
    """Compare two plans. Raises InvalidPlan if their objects are named in different formats."""
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
    """Count what a plan comes to."""
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
