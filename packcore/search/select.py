"""Phase 1: turn candidates, a strategy and limits into a finished plan. Takes its time and sends nothing.

    all in one pack, bases too, reused or trusted -------------> copied as they are, with hardly a look
    candidates ---- a delta in a pack, its base is sent --------> reused as it is
               ---- whole in a pack of mostly deltas -----------> trusted, copied as it is
               ---- from limits.big_object on ------------------> whole, at the end
               ---- the rest ---> strategy ---> choices ---------> delta, or whole

A reused delta is placed right behind its base. Trusted objects come first, with the deltas based on them, in
the order of their pack. Each choice of the strategy is checked here: placed once, after its base, of the same
type, and not too deep. So a plan is legal whatever a strategy does.

The search can be stopped at any time. What it did not reach is copied as it is in a pack, even as a delta if
its base is placed, or else written whole. The plan records how many objects that were.
"""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from packcore.errors import InvalidPlan
from packcore.limits import DEFAULT_LIMITS, Limits
from packcore.plans.copied import CopiedEntries
from packcore.plans.plan import PackPlan
from packcore.progress import SILENT
from packcore.search.parallel.search_parts import choices_of_parts
from packcore.search.placer import Placer
from packcore.search.registry import get_strategy
from packcore.search.reusable import PACKED_BY_DELTA_MIN, ReusableDeltas, trusted_wholes
from packcore.search.strategy import SearchStopped, Work
from packcore.store.bulk import part_of_pack, raws_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Generator, Sequence

    from packcore.ids import ObjectId
    from packcore.plans.entries import Candidate
    from packcore.progress import Phase, Progress
    from packcore.search.strategy import Choice, Part, Strategy
    from packcore.store.base import ObjectStore, RawEntry

__all__ = ["select", "select_copies"]

_PHASE = "selecting deltas"
_ALONE = "no further process can be started here: searching in this one alone"
_TOLD_AT_ONCE = 64
"""Report progress after this many placed objects."""


def select(
    store: ObjectStore,
    objects: Sequence[Candidate],
    *,
    strategy: str | Strategy = "chunk-window",
    limits: Limits = DEFAULT_LIMITS,
    reuse_deltas: bool = True,
    thin_bases: Sequence[Candidate] = (),
    should_stop: Callable[[], bool] | None = None,
    jobs: int | None = 1,
    progress: Progress = SILENT,
) -> PackPlan:
    """Choose how each object is written, and return the finished plan.

    `objects` come in the order of the walk, each once. `strategy` is a name or an instance. `thin_bases` are
    objects that both the receiver and `store` have: deltas against them make a thin pack, for receivers that
    can complete one. `reuse_deltas=False` searches for new deltas only. `jobs` processes search, None for as
    many as are worth it; the plan is the same for any number.

    Raises MissingObject or CorruptData if the store can't return an object, PluginError for an unknown
    strategy, and InvalidPlan if an object is listed twice or the strategy breaks the rules.
    """
    if isinstance(strategy, str):
        strategy = get_strategy(strategy)()
    if reuse_deltas and not thin_bases:
        oids = [candidate.oid for candidate in objects]
        copy = select_copies(store, oids, strategy=strategy, limits=limits, progress=progress)
        if copy is not None:
            return copy
    work = Work(
        store, [*objects, *thin_bases], plan_count=len(objects), limits=limits, should_stop=should_stop
    )
    lying = raws_of(store, [candidate.oid for candidate in objects])
    raws = {index: raw for index, raw in enumerate(lying) if raw is not None}
    reusable = ReusableDeltas(work, raws if reuse_deltas and strategy.reuses_deltas else {})
    trusted = trusted_wholes(work, raws) if reuse_deltas and strategy.reuses_deltas else []
    _divide(work, raws, reusable, trusted)
    placer = Placer(work, raws, reusable)
    with progress.phase(_PHASE, unit="objects", total=len(objects)) as phase:
        counter = _Counter(phase)
        placer.place_unchosen()
        unsearched = 0
        try:
            with closing(
                _choices(
                    work,
                    strategy,
                    reusable,
                    counter,
                    jobs=jobs,
                    progress=progress,
                    should_stop=should_stop,
                    on_jobs=lambda count: phase.note(jobs=count),
                )
            ) as choices:
                for choice in choices:
                    placer.place(choice)
                    counter.placed(len(placer.entries))
        except SearchStopped:
            unsearched = placer.place_unsearched()
        placer.place_big()
        counter.finish(len(placer.entries))
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


def select_copies(
    store: ObjectStore,
    oids: Collection[ObjectId],
    *,
    strategy: str | Strategy = "chunk-window",
    limits: Limits = DEFAULT_LIMITS,
    progress: Progress = SILENT,
) -> PackPlan | None:
    """Return the plan that `select` would make if it copies all these objects from one pack; otherwise None.

    Applies when every object and every delta base is in one pack and would be reused or trusted as it is. It
    needs only ids, so try it before looking up types and sizes for `select`. Raises CorruptIndex,
    PluginError.
    """
    if isinstance(strategy, str):
        strategy = get_strategy(strategy)()
    part = part_of_pack(store, oids) if strategy.reuses_deltas else None
    if part is None or part.delta_count < len(part) * PACKED_BY_DELTA_MIN:
        return None
    try:
        plan = PackPlan(
            store.object_format, CopiedEntries(part), limits, strategy.name, store, strategy.make_delta
        )
    except InvalidPlan:  # chains deeper than the limit
        return None
    with progress.phase(_PHASE, unit="objects", total=len(part)) as phase:
        phase.advance(len(part))
        phase.note(deltas=part.delta_count)
    return plan


def _choices(
    work: Work,
    strategy: Strategy,
    reusable: ReusableDeltas,
    counter: _Counter,
    *,
    jobs: int | None,
    progress: Progress,
    should_stop: Callable[[], bool] | None,
    on_jobs: Callable[[int], None],
) -> Generator[Choice, None, None]:
    """Yield all choices in pack order, made in one search or part by part. Raises SearchStopped."""
    if not work.searched:
        return
    partition = getattr(strategy, "partition", None)
    parts: list[Part] = partition(work) if partition is not None else []
    if len(parts) > 1:
        yield from choices_of_parts(
            work,
            strategy,
            parts,
            reusable,
            jobs=jobs,
            should_stop=should_stop,
            on_choices=counter.chosen,
            on_alone=lambda: progress.message("packcore", _ALONE),
            on_jobs=on_jobs,
        )
        return
    for choice in strategy.choose(work):
        yield choice
        if should_stop is not None and should_stop():
            raise SearchStopped


class _Counter:
    """Reports how far the search is: choices may be made long before they are placed."""

    def __init__(self, phase: Phase) -> None:
        self._phase = phase
        self._told = 0
        self._chosen = 0

    def chosen(self, count: int) -> None:
        """Count choices made in another process."""
        self._chosen += count
        self._tell(self._chosen)

    def placed(self, count: int) -> None:
        """Report the total number of placed objects."""
        if count - self._told >= _TOLD_AT_ONCE:
            self._tell(count)

    def finish(self, count: int) -> None:
        """Report that all objects are placed."""
        self._tell(count)

    def _tell(self, count: int) -> None:
        if count > self._told:
            self._phase.advance(count - self._told)
            self._told = count


def _divide(work: Work, raws: dict[int, RawEntry], reusable: ReusableDeltas, trusted: Sequence[int]) -> None:
    """Set in `work` which objects are searched, and how deep they may be."""
    big_object = work.limits.big_object
    decided = {*trusted, *reusable.base_of}
    for index in range(work.plan_count):
        if index not in decided and work.candidates[index].size < big_object:
            work.searched.append(index)
    if work.searched:
        for index, height in reusable.heights().items():
            work.room[index] -= height
    for index, raw in raws.items():
        if raw.base is None and raw.size == work.candidates[index].size:
            work.stored_size[index] = raw.end_offset - raw.payload_offset
