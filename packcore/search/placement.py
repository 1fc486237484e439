"""Place objects one after another: check each choice, and place the reused deltas that depend on the object.

    choice for a  ->  checked  ->  a placed  ->  all reused deltas based on a, placed behind it

This happens twice: in `select`, which makes plan entries on the way, and in a process that searches a part of
the objects, which must know what is placed and how deep, exactly as `select` will.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from packcore.errors import InvalidPlan

if TYPE_CHECKING:
    from packcore.search.reusable import ReusableDeltas
    from packcore.search.strategy import Choice, Work

__all__ = ["Placement"]


class Placement:
    """Updates `Work.depth` and `Work.base_of`, and rejects any choice that breaks a rule."""

    def __init__(self, work: Work, reusable: ReusableDeltas) -> None:
        self.work = work
        self.reusable = reusable
        self.open = bytearray(work.plan_count)
        """1 for each object that still needs a choice."""
        for index in work.searched:
            self.open[index] = 1
        self._depth, self._base_of, self._room = work.depth, work.base_of, work.room
        self._anything_hangs = bool(reusable.base_of)

    def place(self, choice: Choice) -> None:
        """Place what the strategy chose for one object. Raises InvalidPlan."""
        index, base, _, _ = choice
        depths = self._depth
        if not 0 <= index < len(self.open) or not self.open[index]:
            raise InvalidPlan(
                f"the strategy chose for object {index}, which it was not given or has placed already"
            )
        self.open[index] = 0
        depth = 0
        if base is not None:
            if not 0 <= base < len(depths) or depths[base] < 0:
                raise InvalidPlan(f"the strategy put object {index} before its base, object {base}")
            candidates = self.work.candidates
            if candidates[base].type != candidates[index].type:
                raise InvalidPlan(f"the strategy gave object {index} a base of another type, object {base}")
            self._base_of[index] = base
            depth = depths[base] + 1
        if depth > self._room[index]:
            raise InvalidPlan(f"the strategy put object {index} at depth {depth}, over {self._room[index]}")
        if self._anything_hangs:
            self.mark_placed(index, depth, choice)
        else:
            depths[index] = depth
            self.record(index, choice)

    def place_unchosen(self) -> None:
        """Place what depends on no choice: reused deltas whose base the receiver has, and trusted objects."""
        work, base_of = self.work, self.reusable.base_of
        for outside in range(work.plan_count, len(work.candidates)):
            if base_of:
                self._mark_below(outside)
        big_object = work.limits.big_object
        self.place_trusted(
            [
                index
                for index in range(work.plan_count)
                if not self.open[index] and index not in base_of and work.candidates[index].size < big_object
            ]
        )

    def place_trusted(self, roots: list[int]) -> None:
        """Record the objects that are copied whole, and the reused deltas that depend on them."""
        for index in roots:
            self.mark_placed(index, 0)

    def mark_placed(self, index: int, depth: int, choice: Choice | None = None) -> None:
        """Record an object and all that depends on it as placed. Without a choice it is copied as it is."""
        self.work.depth[index] = depth
        self.record(index, choice)
        if index in self.reusable.children_of and index not in self.reusable.base_of:
            self._mark_below(index)

    def record(self, index: int, choice: Choice | None) -> None:
        """Take note of an object that was just placed; subclasses override this."""

    def _mark_below(self, root: int) -> None:
        work = self.work
        for index, base in self.reusable.below(root):
            work.base_of[index] = base
            work.depth[index] = work.depth[base] + 1
            self.record(index, None)
