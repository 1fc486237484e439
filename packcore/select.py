"""Phase 1: candidates, a strategy and limits become a finished plan. Takes its time, sends nothing.

    candidates ---- lies as a delta in a pack, base travels ----> reused as it lies
               ---- from limits.big_object on ------------------> whole, at the end
               ---- the rest ---> strategy ---> choices ---------> delta, or whole

A reused delta is placed right behind its base. A choice of the strategy is checked here: placed once,
base placed before, of the same type, not too deep. So whatever a strategy does, a plan is legal.

The search may be stopped at any time: what it had not come to is copied as it lies in a pack, as a delta
too where the base is placed, or else written whole; the plan tells how many objects that were.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from packcore.delta.reuse import ReusableDeltas
from packcore.delta.strategy import SearchStopped, Work
from packcore.errors import InvalidPlan
from packcore.limits import Limits
from packcore.plan import STREAMED_BYTES, Delta, PackEntry, PackPlan, Reused, ThinDelta, Whole
from packcore.progress import SILENT
from packcore.registry import get_strategy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from packcore.delta.strategy import Choice, Strategy
    from packcore.plan import Candidate, Encoding
    from packcore.progress import Progress
    from packcore.store.base import ObjectStore, RawEntry

__all__ = ["select"]

_DEFAULT_LIMITS = Limits()


def select(
    store: ObjectStore,
    objects: Sequence[Candidate],
    *,
    strategy: str | Strategy = "chunk-window",
    limits: Limits = _DEFAULT_LIMITS,
    reuse_deltas: bool = True,
    thin_bases: Sequence[Candidate] = (),
    should_stop: Callable[[], bool] | None = None,
    progress: Progress = SILENT,
) -> PackPlan:
    """Choose how each object is written, and return the finished plan.

    `objects` come in the order of the walk, each once. `strategy` is a name or an instance.
    `thin_bases` are objects that the receiver has and `store` too: deltas against them make a thin
    pack, for receivers that complete one. `reuse_deltas=False` searches every delta anew.

    Raises MissingObject or CorruptData for what the store can't give, PluginError for an unknown
    strategy, InvalidPlan for an object that is listed twice or a strategy that breaks the rules.
    """
    if isinstance(strategy, str):
        strategy = get_strategy(strategy)()
    work = Work(
        store, [*objects, *thin_bases], plan_count=len(objects), limits=limits, should_stop=should_stop
    )
    raws = {
        index: raw for index, candidate in enumerate(objects) if (raw := store.raw(candidate.oid)) is not None
    }
    reusable = ReusableDeltas(work, raws if reuse_deltas and strategy.reuses_deltas else {})
    _divide(work, raws, reusable)
    with progress.phase("selecting deltas", unit="objects", total=len(objects)) as phase:
        placer = _Placer(work, raws, reusable)
        # Deltas against what the receiver has hang on no choice.
        reported = placer.place_reused_below_outside()
        phase.advance(reported)
        unsearched = 0
        try:
            for choice in _until(should_stop, strategy.choose(work)):
                placer.place(choice)
                if len(placer.entries) - reported >= 64:
                    phase.advance(len(placer.entries) - reported)
                    reported = len(placer.entries)
        except SearchStopped:
            unsearched = placer.place_unsearched()
        placer.place_big()
        phase.advance(len(placer.entries) - reported)
        phase.note(deltas=placer.delta_count, **({"unsearched": unsearched} if unsearched else {}))
    if len(placer.entries) != len(objects):
        raise InvalidPlan(
            f"strategy {strategy.name} chose for {len(placer.entries)} of {len(objects)} objects"
        )
    return PackPlan(
        store.object_format,
        tuple(placer.entries),
        limits,
        strategy.name,
        store,
        strategy.make_delta,
        unsearched,
    )


def _until(should_stop: Callable[[], bool] | None, choices: Iterator[Choice]) -> Iterator[Choice]:
    """Pass choices on, and raise SearchStopped when it is time."""
    for choice in choices:
        yield choice
        if should_stop is not None and should_stop():
            raise SearchStopped


def _divide(work: Work, raws: dict[int, RawEntry], reusable: ReusableDeltas) -> None:
    """Say in `work` which objects are searched, and how deep they may lie."""
    big_object = work.limits.big_object
    for index in range(work.plan_count):
        if index not in reusable.base_of and work.candidates[index].size < big_object:
            work.searched.append(index)
    for index, height in reusable.heights().items():
        work.room[index] -= height
    for index, raw in raws.items():
        if raw.base is None and raw.size == work.candidates[index].size:
            work.stored_size[index] = raw.end_offset - raw.payload_offset


class _Placer:
    """Puts chosen objects into the plan, in order, each with what hangs on it."""

    def __init__(self, work: Work, raws: dict[int, RawEntry], reusable: ReusableDeltas) -> None:
        self.entries: list[PackEntry] = []
        self.delta_count = 0
        self._work = work
        self._raws = raws
        self._reusable = reusable
        self._searched = set(work.searched)
        self._entry_index: dict[int, int] = {}
        self._cache_left = work.limits.delta_cache

    def place(self, choice: Choice) -> None:
        """Place what the strategy chose for one object."""
        work, index, base = self._work, choice.target, choice.base
        if index not in self._searched:
            raise InvalidPlan(
                f"the strategy chose for object {index}, which it was not to search or has placed"
            )
        self._searched.discard(index)
        depth = 0
        if base is not None:
            work.base_of[index] = base
            if not 0 <= base < len(work.depth) or work.depth[base] < 0:
                raise InvalidPlan(f"the strategy put object {index} before its base, object {base}")
            depth = work.depth[base] + 1
        if depth > work.room[index]:
            raise InvalidPlan(f"the strategy put object {index} at depth {depth}, over {work.room[index]}")
        self._append(index, depth, self._encoding(choice))

    def place_big(self) -> None:
        """Place the objects that are too big to be searched."""
        for index in range(self._work.plan_count):
            if self._work.depth[index] < 0 and index not in self._searched:
                self._append(index, 0, self._whole(index, None))

    def place_unsearched(self) -> int:
        """Place what the search had not come to: as it lies, or whole. Return how many objects that was."""
        work, raws = self._work, self._raws
        left = sorted(self._searched)
        self._searched.clear()
        lying = ReusableDeltas(work, {index: raws[index] for index in left if index in raws})
        for index in left:
            # Bases first: up to one that is placed, or that lies in no pack as a delta, and down again.
            way = [index] if work.depth[index] < 0 else []
            while way and (base := lying.base_of.get(way[-1])) is not None:
                if work.depth[base] >= 0 or base in self._reusable.base_of:
                    break
                way.append(base)
            while way:
                self._place_as_it_lies(way.pop(), lying)
        return len(left)

    def _place_as_it_lies(self, index: int, lying: ReusableDeltas) -> None:
        work = self._work
        base = lying.base_of.get(index)
        if base is None or not 0 <= work.depth[base] < work.room[index]:
            self._append(index, 0, self._whole(index, None))
            return
        work.base_of[index] = base
        self._append(index, work.depth[base] + 1, Reused(self._raws[index], self._entry_index.get(base)))

    def place_reused_below_outside(self) -> int:
        """Place reused deltas whose base the receiver has; return how many objects that was."""
        for outside in range(self._work.plan_count, len(self._work.candidates)):
            self._append_reused_below(outside)
        return len(self.entries)

    def _encoding(self, choice: Choice) -> Encoding:
        base = choice.base
        if base is None:
            return self._whole(choice.target, choice.deflated)
        deflated = self._carried(choice.deflated)
        if base >= self._work.plan_count:
            return ThinDelta(self._work.candidates[base].oid, choice.delta_size, deflated)
        return Delta(self._entry_index[base], choice.delta_size, deflated)

    def _whole(self, index: int, deflated: bytes | None) -> Encoding:
        stored_size = self._work.stored_size.get(index)
        if stored_size is not None and (deflated is None or stored_size <= len(deflated)):
            return Reused(self._raws[index], None)
        if self._work.candidates[index].size >= STREAMED_BYTES:
            return Whole()
        return Whole(self._carried(deflated))

    def _carried(self, deflated: bytes | None) -> bytes | None:
        """Return the stream if the plan has room to carry it."""
        if deflated is None or len(deflated) > self._cache_left:
            return None
        self._cache_left -= len(deflated)
        return deflated

    def _append(self, index: int, depth: int, encoding: Encoding) -> None:
        work = self._work
        oid, type_, size, _, _ = work.candidates[index]
        work.depth[index] = depth
        self._entry_index[index] = len(self.entries)
        self.entries.append(PackEntry(oid, type_, size, encoding))
        if depth:
            self.delta_count += 1
        if index in self._reusable.children_of and index not in self._reusable.base_of:
            self._append_reused_below(index)

    def _append_reused_below(self, root: int) -> None:
        work = self._work
        for index, base in self._reusable.below(root):
            encoding = Reused(self._raws[index], self._entry_index.get(base))
            work.base_of[index] = base
            self._append(index, work.depth[base] + 1, encoding)
