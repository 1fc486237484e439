"""Turn choices into plan entries, in order, each followed by the deltas that depend on it.

    choice with a base          Delta, or ThinDelta if only the receiver has the base
    choice without a base       Whole, or the stream of some pack if that is not longer
    reused                      copied as it is

The plan carries zlib streams while `Limits.delta_cache` has room; the writer makes the others again.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from packcore.plans.entries import STREAMED_BYTES, Delta, PackEntry, Reused, ThinDelta, Whole
from packcore.search.placement import Placement
from packcore.search.reusable import ReusableDeltas

if TYPE_CHECKING:
    from packcore.plans.entries import Encoding
    from packcore.search.strategy import Choice, Work
    from packcore.store.base import PackBytes, RawEntry

__all__ = ["Placer"]


class Placer(Placement):
    """Makes the entries of a plan. `raws` are the objects that are in packs."""

    def __init__(self, work: Work, raws: dict[int, RawEntry], reusable: ReusableDeltas) -> None:
        super().__init__(work, reusable)
        self.entries: list[PackEntry] = []
        self.delta_count = 0
        self._raws = raws
        self._candidates, self._plan_count = work.candidates, work.plan_count
        self._entry_index: dict[int, int] = {}
        self._cache_left = work.limits.delta_cache

    def place_big(self) -> None:
        """Place the objects that are too big to search."""
        for index in range(self.work.plan_count):
            if self.work.depth[index] < 0 and not self.open[index]:
                self.mark_placed(index, 0)

    def place_trusted(self, roots: list[int]) -> None:
        """Place objects that are copied whole, and what depends on them, in the order of their pack."""
        raws, base_of = self._raws, self.reusable.base_of
        work, depth = self.work, self.work.depth
        by_pack: dict[PackBytes, list[int]] = {}
        for index in (*roots, *base_of):
            by_pack.setdefault(raws[index].pack, []).append(index)
        for lying in by_pack.values():
            lying.sort(key=lambda index: raws[index].pack_offset)
        # A delta waits while its base is not placed: a ref-delta may come before its base in the pack. If the
        # base is among the objects to search, the delta is not placed here but along with its base.
        waiting: dict[int, list[int]] = {}
        for first in chain.from_iterable(by_pack.values()):
            if depth[first] >= 0:
                continue  # with a base that the receiver has
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
                self._reuse(index, base)
                if waiting:
                    stack += waiting.pop(index, ())

    def _reuse(self, index: int, base: int) -> None:
        """Make the entry of an object that is copied as it is; `base` is -1 for a whole object."""
        entry_index = self._entry_index
        oid, type_, size, _, _ = self.work.candidates[index]
        reused = Reused(self._raws[index], entry_index.get(base))
        entry_index[index] = len(self.entries)
        self.entries.append(PackEntry(oid, type_, size, reused))
        if base >= 0:
            self.delta_count += 1

    def place_unsearched(self) -> int:
        """Place what the search did not reach, as it is or whole. Return the number of such objects."""
        work, raws = self.work, self._raws
        left = [index for index, is_open in enumerate(self.open) if is_open]
        self.open[:] = bytes(len(self.open))
        lying = ReusableDeltas(work, {index: raws[index] for index in left if index in raws})
        for index in left:
            # Bases first: go up to one that is placed or is no delta in a pack, then down again.
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
        self.mark_placed(index, depth)

    def record(self, index: int, choice: Choice | None) -> None:
        """Make the entry of an object that was just placed."""
        oid, type_, size, _, _ = self._candidates[index]
        depth = self._depth[index]
        if choice is not None:
            encoding = self._chosen(choice)
        elif depth:
            encoding = Reused(self._raws[index], self._entry_index.get(self._base_of[index]))
        else:
            encoding = self._whole(index, None)
        self._entry_index[index] = len(self.entries)
        self.entries.append(PackEntry(oid, type_, size, encoding))
        if depth:
            self.delta_count += 1

    def _chosen(self, choice: Choice) -> Encoding:
        target, base, delta_size, made = choice
        if base is None:
            return self._whole(target, made)
        if base < self._plan_count:
            return Delta(self._entry_index[base], delta_size, self._carried(made))
        return ThinDelta(self._candidates[base].oid, delta_size, self._carried(made))

    def _whole(self, index: int, deflated: bytes | None) -> Encoding:
        stored_size = self.work.stored_size.get(index)
        if stored_size is not None and (deflated is None or stored_size <= len(deflated)):
            return Reused(self._raws[index], None)
        if self._candidates[index].size >= STREAMED_BYTES:
            return Whole()
        return Whole(self._carried(deflated))

    def _carried(self, deflated: bytes | None) -> bytes | None:
        """Return the stream if the plan has room to carry it."""
        if deflated is None or len(deflated) > self._cache_left:
            return None
        self._cache_left -= len(deflated)
        return deflated
