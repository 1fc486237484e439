"""The materialized sync: fetch into an object store of our own, select deltas, push a pack of our own.

    source, target   --advertise-->   two lists of refs       both at once
    planner          (pure)           what to do              nothing to do: stop, no more traffic
    fetch            source           pack -> spool           target tips as haves, never thin
    ancestry         spool            blocked or not          known before anything is pushed
    walk             spool            objects to send         limits are checked here
    select           PHASE 1          a plan of the pack      no connection to the target is open
    push             PHASE 2          the pack, then refs     the first byte at once; never a stall
    report           target           every ref accounted for

`sync_materialized` below reads so, top to bottom.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from packcore.errors import LimitExceeded
from packcore.progress import SILENT, Progress
from packcore.select import select
from packcore.walk import list_objects
from transport.sync.ancestry import Ancestry
from transport.sync.fetching import Fetched, advertise_both, ask_ancestry, commits_only_filter, fetch_missing
from transport.sync.measure import Measurement, SideStats, Stats, Stopwatch
from transport.sync.planner import RefPlan, plan_refs, settle
from transport.sync.pushing import PushOutcome, push_refs
from transport.sync.result import PackSummary, RefResult, SyncResult, results_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager

    from packcore.ids import ObjectId
    from packcore.plan import Candidate, PackPlan
    from transport.base import Transport
    from transport.sync.planner import RefAction
    from transport.sync.request import SyncRequest
    from transport.wire.advertisement import Advertisement

__all__ = ["sync_materialized"]


def sync_materialized(
    source: Transport, target: Transport, request: SyncRequest, *, progress: Progress = SILENT
) -> SyncResult:
    """Make the target's refs follow the source's, as far as scope and policy allow.

    Raises TransportError, CorruptData, LimitExceeded and the planner's errors as long as nothing was
    pushed. Refused refs, and a connection lost during the push, are told by the result.
    """
    run = _Run.begin(source, target, request, progress)
    plan = run.plan()
    if run.is_over(plan):
        return run.result(results_of(plan.actions, held_back=run.why_held_back(plan)))
    haves = run.haves(plan)
    with run.fetch(plan, haves) as fetched:
        plan = run.settle(plan, fetched, haves)
        if request.dry_run or run.is_over(plan):
            return run.result(results_of(plan.actions, held_back=run.why_held_back(plan)))
        objects = run.list_objects(plan, fetched, haves)
        pack, select_seconds = run.select(plan, fetched, objects)
        shallow = fetched.shallow.intersection(candidate.oid for candidate in objects)
        pushed = push_refs(
            target,
            run.target_refs,
            plan,
            pack,
            policy=request.policy,
            progress=progress,
            shallow=shallow,
        )
        summary = pushed.summary(pack, target, select_seconds) if pack else None
    return run.result(pushed.refs, pushed=pushed, pack=summary)


@dataclass(slots=True)
class _Run:
    """What the steps of one run share; each step is one method, and none calls another."""

    source: Transport
    target: Transport
    request: SyncRequest
    progress: Progress
    source_refs: Advertisement
    target_refs: Advertisement
    watch: Stopwatch
    source_head: str | None = None
    wants: int = 0
    haves_sent: int = 0

    @classmethod
    def begin(cls, source: Transport, target: Transport, request: SyncRequest, progress: Progress) -> _Run:
        watch = Stopwatch()
        source_refs, target_refs = advertise_both(
            source,
            target,
            protocol=request.protocol,
            prefixes=request.scope.ref_prefixes,
            progress=progress,
        )
        return cls(source, target, request, progress, source_refs, target_refs, watch)

    def plan(self) -> RefPlan:
        plan = plan_refs(self.source_refs, self.target_refs, self.request.scope, self.request.policy)
        self.source_head = plan.source_head
        if not self.target_refs.capabilities.delete_refs:
            plan = plan.block(lambda action: action.action == "delete", "the target can't delete refs")
        return plan

    def is_over(self, plan: RefPlan) -> bool:
        """Tell whether nothing is left to be fetched or pushed."""
        if self.request.dry_run:
            return not plan.is_open
        return not plan.in_push_order() or bool(self.request.policy.atomic and plan.blocked)

    def why_held_back(self, plan: RefPlan) -> str:
        if self.request.dry_run:
            return ""
        return "held back: the push is atomic and another ref is blocked" if plan.blocked else ""

    def haves(self, plan: RefPlan) -> list[ObjectId]:
        """Return the ids whose history the target has for certain: none where it is shallow.

        First come those that the wants most likely build on, since a server may soon have heard enough.
        """
        if self.target_refs.shallow:
            return []
        updated = (action.target_id for action in plan.in_push_order() if action.target_id is not None)
        tips = sorted(self.target_refs.refs.items(), key=lambda ref: not ref[0].startswith("refs/heads/"))
        return list(dict.fromkeys([*updated, *(oid for _, oid in tips), *self.target_refs.haves]))

    def fetch(self, plan: RefPlan, haves: Sequence[ObjectId]) -> AbstractContextManager[Fetched]:
        """Fetch what the target may lack; for a dry run the commits that ancestry asks about, if any."""
        wanted = plan.wants
        filter_spec = None
        if self.request.dry_run:
            wanted = [action.source_id for action in plan.actions if action.open and action.source_id]
            filter_spec = commits_only_filter(self.source_refs)
        had = set(haves)
        wants = [oid for oid in dict.fromkeys(wanted) if oid not in had]
        self.wants, self.haves_sent = len(wants), len(haves) if wants else 0
        return fetch_missing(
            self.source,
            self.source_refs,
            wants=wants,
            haves=haves,
            limits=self.request.selection.limits,
            progress=self.progress,
            directory=self.request.spool_directory,
            filter_spec=filter_spec,
        )

    def settle(self, plan: RefPlan, fetched: Fetched, haves: Sequence[ObjectId]) -> RefPlan:
        """Find out which updates are fast-forwards."""
        known = Ancestry(fetched.store, haves, fetched.shallow)

        def is_fast_forward(action: RefAction) -> bool | None:
            old, new = action.target_id, action.source_id
            assert old is not None
            assert new is not None
            answer = known.compare(old, new)
            if answer is not None or action.forced:
                return answer
            return ask_ancestry(
                self.source,
                self.source_refs,
                known,
                old,
                new,
                limits=self.request.selection.limits,
                directory=self.request.spool_directory,
            )

        return settle(plan, is_fast_forward)

    def list_objects(self, plan: RefPlan, fetched: Fetched, haves: Sequence[ObjectId]) -> list[Candidate]:
        """List what the target lacks of the plan's tips."""
        # With haves, a tip that the source did not send is below one of them: the target has it.
        wants = [oid for oid in plan.wants if not haves or oid in fetched.store]
        if not wants:
            return []
        objects = list_objects(
            fetched.store,
            wants,
            haves,
            shallow=fetched.shallow,
            limits=self.request.selection.limits,
            progress=self.progress,
        )
        limit = self.request.materialized_max_objects
        if limit is not None and len(objects) > limit:
            raise LimitExceeded(
                f"{len(objects)} objects would be materialized, and the limit is {limit}",
                limit="materialized-max-objects",
                hint="raise --materialized-max-objects",
            )
        return objects

    def select(
        self, plan: RefPlan, fetched: Fetched, objects: Sequence[Candidate]
    ) -> tuple[PackPlan | None, float]:
        """Make the plan of the pack; none is sent where every command deletes."""
        if not plan.wants:
            return None, 0.0
        watch = Stopwatch()
        options = self.request.selection
        pack = select(
            fetched.store,
            objects,
            strategy=options.strategy,
            limits=options.limits,
            reuse_deltas=options.reuse_deltas,
            should_stop=options.stopper(),
            jobs=options.jobs,
            progress=self.progress,
        )
        return pack, watch.seconds

    def result(
        self,
        refs: Sequence[RefResult],
        *,
        pushed: PushOutcome | None = None,
        pack: PackSummary | None = None,
    ) -> SyncResult:
        request = self.request
        return SyncResult(
            refs=tuple(refs),
            protocol=f"v{self.source_refs.version}",
            source_head=self.source_head,
            dry_run=request.dry_run,
            relay_reason="" if pushed is None else "materialized",
            batch_count=0 if pushed is None else 1,
            planned_batch_count=0 if pushed is None else 1,
            pack=pack,
            stats=self._stats(0 if pushed is None else pushed.commands),
            measurement=Measurement.take(self.watch) if request.measure_memory else Measurement(),
            failure=None if pushed is None else pushed.failure,
        )

    def _stats(self, commands: int) -> Stats:
        if not self.request.collect_stats:
            return Stats()
        source, target = self.source, self.target
        sides = (
            SideStats.of(
                "source",
                "git-upload-pack",
                source.url,
                source.stats,
                wants=self.wants,
                haves=self.haves_sent,
            ),
            SideStats.of("target", "git-receive-pack", target.url, target.stats, commands=commands),
        )
        return Stats(enabled=True, sides=sides, elapsed_seconds=self.watch.seconds)
