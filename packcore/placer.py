"""Choices become entries of a plan, in order, each with what hangs on it: a `Placement` that takes notes.

    choice with a base          Delta, or ThinDelta where only the receiver has the base
    choice without              Whole, or the stream of some pack where that is no longer
    reused                      as it lies

Zlib streams are carried as long as `Limits.delta_cache` has room; the writer makes the others again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from packcore.delta.reuse import ReusableDeltas
from packcore.placement import Placement
from packcore.plan import STREAMED_BYTES, Delta, PackEntry, Reused, ThinDelta, Whole

if TYPE_CHECKING:
    from packcore.delta.strategy import Choice, Work
    from packcore.plan import Encoding
    from packcore.store.base import RawEntry

__all__ = ["Placer"]


class Placer(Placement):
    """Makes the entries of a plan. `raws` are the objects that lie in packs."""

    def __init__(self, work: Work, raws: dict[int, RawEntry], reusable: ReusableDeltas) -> None:
        super().__init__(work, reusable)
        self.entries: list[PackEntry] = []
        self.delta_count = 0
        self._raws = raws
        self._entry_index: dict[int, int] = {}
        self._cache_left = work.limits.delta_cache

    def place_big(self) -> None:
        """Place the objects that are too big to be searched."""
        for index in range(self.work.plan_count):
            if self.work.depth[index] < 0 and index not in self.open:
                self.settle(index, 0)

    def settle_trusted(self, roots: list[int]) -> None:
        """Place objects that are taken whole, and what hangs on them, in the order in which they lie."""
        raws, children_of, base_of = self._raws, self.reusable.children_of, self.reusable.base_of
        work, depth = self.work, self.work.depth
        family = list(roots)
        for index in family:
            if index in children_of:
                family += children_of[index]
        packs = {raw.pack: number for number, raw in enumerate(map(raws.__getitem__, family))}
        family.sort(key=lambda index: (packs[raws[index].pack], raws[index].pack_offset))
        waiting: dict[int, list[int]] = {}  # only a ref-delta may lie before its base
        for first in family:
            stack = [first]
            while stack:
                index = stack.pop()
                base = base_of.get(index, -1)
                if base >= 0:
                    if depth[base] < 0:
                        waiting.setdefault(base, []).append(index)
                        continue
                    work.base_of[index] = base
                    depth[index] = depth[base] + 1
                else:
                    depth[index] = 0
                self.record(index, None)
                stack += waiting.pop(index, ())

    def place_unsearched(self) -> int:
        """Place what the search had not come to: as it lies, or whole. Return how many objects that was."""
        work, raws = self.work, self._raws
        left = sorted(self.open)
        self.open.clear()
        lying = ReusableDeltas(work, {index: raws[index] for index in left if index in raws})
        for index in left:
            # Bases first: up to one that is placed, or that lies in no pack as a delta, and down again.
            way = [index] if work.depth[index] < 0 else []
            while way and (base := lying.base_of.get(way[-1])) is not None:
                if work.depth[base] >= 0 or base in self.reusable.base_of:
                    break
                way.append(base)
            while way:
                self._place_as_it_lies(way.pop(), lying.base_of)
        return len(left)

    def _place_as_it_lies(self, index: int, base_of: dict[int, int]) -> None:
        work = self.work
        base = base_of.get(index)
        depth = 0
        if base is not None and 0 <= work.depth[base] < work.room[index]:
            work.base_of[index] = base
            depth = work.depth[base] + 1
        self.settle(index, depth)

    def record(self, index: int, choice: Choice | None) -> None:
        """Make the entry of an object that was just placed."""
        oid, type_, size, _, _ = self.work.candidates[index]
        if choice is not None:
            encoding = self._chosen(choice)
        elif self.work.depth[index]:
            encoding = Reused(self._raws[index], self._entry_index.get(self.work.base_of[index]))
        else:
            encoding = self._whole(index, None)
        self._entry_index[index] = len(self.entries)
        self.entries.append(PackEntry(oid, type_, size, encoding))
        if self.work.depth[index]:
            self.delta_count += 1

    def _chosen(self, choice: Choice) -> Encoding:
        base = choice.base
        if base is None:
            return self._whole(choice.target, choice.deflated)
        deflated = self._carried(choice.deflated)
        if base >= self.work.plan_count:
            return ThinDelta(self.work.candidates[base].oid, choice.delta_size, deflated)
        return Delta(self._entry_index[base], choice.delta_size, deflated)

    def _whole(self, index: int, deflated: bytes | None) -> Encoding:
        stored_size = self.work.stored_size.get(index)
        if stored_size is not None and (deflated is None or stored_size <= len(deflated)):
            return Reused(self._raws[index], None)
        if self.work.candidates[index].size >= STREAMED_BYTES:
            return Whole()
        return Whole(self._carried(deflated))

    def _carried(self, deflated: bytes | None) -> bytes | None:
        """Return the stream if the plan has room to carry it."""
        if deflated is None or len(deflated) > self._cache_left:
            return None
        self._cache_left -= len(deflated)
        return deflated
