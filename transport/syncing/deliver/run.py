"""One run of a sync: what its steps share, whichever route the objects take."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from packcore.limits import MIB
from transport.errors import TransportError
from transport.send_pack import push
from transport.syncing.decide.absence import hidden_in
from transport.syncing.decide.planner import plan_refs
from transport.syncing.deliver.batches import BatchedPush
from transport.syncing.deliver.checkpoints import parents_in
from transport.syncing.deliver.host_profile import (
    HostProfile,
    TargetLimits,
    host_of,
    load_profile,
    save_profile,
)
from transport.syncing.deliver.leftovers import removals_of_leftovers
from transport.syncing.deliver.pushing import list_again
from transport.syncing.deliver.settling import settle_at_hand, settle_by_asking
from transport.syncing.deliver.temp_refs import temp_refs_left
from transport.syncing.gather.ancestry import Ancestry
from transport.syncing.gather.common_ground import Ground, UnknownTips, find_ground, knows_all
from transport.syncing.gather.fetching import advertise_both, commits_only_filter, fetch_missing
from transport.syncing.measure import Measurement, SideStats, Stats, Stopwatch
from transport.syncing.outcome.result import RefResult, SyncResult, results_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from contextlib import AbstractContextManager

    from packcore.ids import ObjectId
    from packcore.limits import Limits
    from packcore.progress import Progress
    from packcore.store.base import ObjectStore
    from transport.base import Transport
    from transport.syncing.decide.modes import Choice
    from transport.syncing.decide.ref_plan import RefPlan
    from transport.syncing.deliver.pushing import PushOutcome
    from transport.syncing.gather.fetching import Fetched
    from transport.syncing.outcome.result import PackSummary, Price
    from transport.syncing.request import SyncRequest
    from transport.wire.advertisement import Advertisement
    from transport.wire.receive_pack import RefUpdate
    from transport.wire.report import RefReport

__all__ = ["Run"]

_BLOCKED_TOLD_MAX = 20
_RESOLVE_MEMORY_OF_A_RELAY = 16 * MIB
"""Who relays means to be small: a fifth more time for half the memory (redis: 70 instead of 120 MB)."""


@dataclass(slots=True)
class Run:
    """The state of one run."""

    source: Transport
    target: Transport
    request: SyncRequest
    progress: Progress
    source_refs: Advertisement
    target_refs: Advertisement
    watch: Stopwatch
    limits: TargetLimits
    """What a request to the target may hold; learns while the run goes on."""
    source_head: str | None = None
    choice: Choice | None = None
    """How the objects travel; None before that is chosen, and where none need to."""
    ground: Ground | None = None
    """What the target was found to have; None as long as it was not asked."""
    knows_tips: bool = False
    """Whether the source was found to know all tips of the target."""
    wants: int = 0
    haves_sent: int = 0
    left_temp_refs: tuple[str, ...] = ()
    """Temporary refs of an earlier run that could not be deleted."""

    @classmethod
    def begin(cls, source: Transport, target: Transport, request: SyncRequest, progress: Progress) -> Run:
        """List both sides' refs. Raises TransportError."""
        watch = Stopwatch()
        source_refs, target_refs = advertise_both(
            source,
            target,
            protocol=request.protocol,
            prefixes=request.scope.ref_prefixes,
            progress=progress,
        )
        profile = HostProfile()
        if request.host_profile is not None:
            profile = load_profile(request.host_profile, host_of(target.url))
            target.stats.chunks_refused |= not profile.chunked
        limits = TargetLimits(profile, request.target_max_pack_bytes, request.target_max_ref_updates)
        return cls(source, target, request, progress, source_refs, target_refs, watch, limits)

    def plan(self) -> RefPlan:
        """Decide upon every ref, as far as the lists alone tell. Raises the planner's errors."""
        request = self.request
        plan = plan_refs(self.source_refs, self.target_refs, request.scope, request.policy, request.mode)
        self.source_head = plan.source_head
        if not self.target_refs.capabilities.delete_refs:
            plan = plan.block(lambda action: action.action == "delete", "the target can't delete refs")
        return plan

    def is_over(self, plan: RefPlan) -> bool:
        """Tell whether nothing is left to be pushed."""
        return not plan.in_push_order() or self._is_held_back(plan)

    def _is_held_back(self, plan: RefPlan) -> bool:
        all_or_none = self.request.policy.atomic or self.request.mode == "bootstrap"
        return bool(all_or_none and plan.blocked)

    def haves(self, plan: RefPlan) -> list[ObjectId]:
        """Return the ids whose history the target has for certain: none where it is shallow.

        First come those that the wants most likely build on, since a server may soon have heard enough.
        """
        if self.target_refs.shallow:
            return []
        found = () if self.ground is None else self.ground.commits
        updated = (action.target_id for action in plan.in_push_order() if action.target_id is not None)
        tips = sorted(self.target_refs.refs.items(), key=lambda ref: not ref[0].startswith("refs/heads/"))
        return list(dict.fromkeys([*found, *updated, *(oid for _, oid in tips), *self.target_refs.haves]))

    def can_find_more(self, plan: RefPlan, unacknowledged: Collection[ObjectId]) -> bool:
        """Return whether asking the target for what it has may pay: the source may lack tips of it.

        Not for a push of fast-forwards alone: below their old tips nothing is sent anyway.
        """
        unknown = set(unacknowledged).difference(self.source_refs.refs.values())
        if self.ground is not None or self.knows_tips or not unknown or self.source_refs.shallow:
            return False
        return any(
            action.action == "create" or action.target_id in unknown for action in plan.in_push_order()
        )

    def lacks_tips(self, plan: RefPlan, unacknowledged: Collection[ObjectId]) -> bool:
        """Return the same for certain: the source is asked again for what it did not acknowledge."""
        if not self.can_find_more(plan, unacknowledged):
            return False
        self.knows_tips = knows_all(self.source, self.source_refs, unacknowledged)
        return not self.knows_tips

    def find_ground(self, plan: RefPlan, store: ObjectStore) -> None:
        """Ask the target which commits it has of those in the store; `haves` tells them from now on."""
        parents = parents_in(store, plan.wants)
        self.ground = find_ground(self.target, parents, plan.wants, self.progress)
        if self.ground.failure is not None:
            self.add_words(f"the target could not be asked for what it has ({self.ground.failure})")

    def find_ground_by_graph(self, plan: RefPlan) -> RefPlan:
        """Fetch the commits alone, and ask the target which of them it has; return the plan, settled."""
        with self._fetch(
            plan.wants, self.haves(plan), filter_spec=commits_only_filter(self.source_refs)
        ) as graph:
            plan = self.settle(plan, graph, self.haves(plan))
            if not self.is_over(plan):
                self.find_ground(plan, graph.store)
        return plan

    def stop_at_unknown_tips(self, plan: RefPlan, unknown: Collection[ObjectId]) -> None:
        """Raise UnknownTips before a pack is read that may hold much that the target has."""
        if not self.can_find_more(plan, unknown):
            return
        if self.can_fetch_commits_alone:
            raise UnknownTips(unknown)
        self.add_words(
            "the source can't send commits alone, so what it has in common with the target may be unknown"
        )

    def add_words(self, words: str) -> None:
        """Say something more of the way in which the objects travel."""
        if self.choice is not None and words not in self.choice.words:
            self.choice = replace(self.choice, words=f"{self.choice.words}; {words}")

    def count_wants(self, wanted: Sequence[ObjectId], haves: Sequence[ObjectId]) -> list[ObjectId]:
        """Return what must be asked for: what the target's own tips don't hold. Remembered for the stats."""
        had = set(haves)
        wants = [oid for oid in dict.fromkeys(wanted) if oid not in had]
        self.wants += len(wants)
        self.haves_sent += len(haves) if wants else 0
        return wants

    @property
    def can_fetch_commits_alone(self) -> bool:
        """Whether the source can leave trees and blobs out."""
        return commits_only_filter(self.source_refs) is not None

    def fetch_tips(self, plan: RefPlan, haves: Sequence[ObjectId]) -> AbstractContextManager[Fetched]:
        """Fetch what ancestry asks about: the commits of open updates, with all else where it must be."""
        wanted = [action.source_id for action in plan.actions if action.open and action.source_id]
        return self._fetch(wanted, haves, filter_spec=commits_only_filter(self.source_refs))

    def fetch(
        self,
        plan: RefPlan,
        haves: Sequence[ObjectId],
        *,
        pack_bytes_max: int | None = None,
        on_unknown: Callable[[Collection[ObjectId]], None] = lambda _: None,
    ) -> AbstractContextManager[Fetched]:
        """Fetch all that the target may lack, in a pack that isn't larger than this."""
        return self._fetch(plan.wants, haves, pack_bytes_max=pack_bytes_max, on_unknown=on_unknown)

    def fetch_above_ground(self, plan: RefPlan) -> AbstractContextManager[Fetched]:
        """Fetch what is above that which the target was found to have, with the bases of thin deltas."""
        thin = (
            self.may_be_thin and self.source_refs.version == 2 and bool(self.ground and self.ground.commits)
        )
        return self._fetch(plan.wants, self.haves(plan), thin=thin)

    @property
    def may_be_thin(self) -> bool:
        """Whether a pack of our own may have deltas against what only the target has."""
        return not self.target_refs.capabilities.no_thin and self.limits.body_bytes_max is None

    @property
    def spool_limits(self) -> Limits:
        """The limits of taking a pack in, in the way that is chosen now."""
        limits = self.request.selection.limits
        if not self._relays:
            return limits
        return replace(limits, resolve_memory=min(limits.resolve_memory, _RESOLVE_MEMORY_OF_A_RELAY))

    @property
    def _relays(self) -> bool:
        return self.choice is not None and self.choice.relay

    def _fetch(
        self,
        wanted: Sequence[ObjectId],
        haves: Sequence[ObjectId],
        *,
        filter_spec: str | None = None,
        pack_bytes_max: int | None = None,
        thin: bool = False,
        on_unknown: Callable[[Collection[ObjectId]], None] = lambda _: None,
    ) -> AbstractContextManager[Fetched]:
        return fetch_missing(
            self.source,
            self.source_refs,
            wants=self.count_wants(wanted, haves),
            haves=haves,
            limits=self.spool_limits,
            progress=self.progress,
            directory=self.request.spool_directory,
            filter_spec=filter_spec,
            pack_bytes_max=pack_bytes_max,
            # What may be passed on as it is must be in the form that the target takes.
            ofs_delta=self.target_refs.capabilities.ofs_delta or not self._relays,
            thin=thin,
            target=self.target,
            on_unknown=on_unknown,
        )

    def settle(self, plan: RefPlan, fetched: Fetched, haves: Sequence[ObjectId]) -> RefPlan:
        """Find out which updates are fast-forwards."""
        at_hand = self.settle_at_hand(plan)
        if at_hand is not None:
            return at_hand
        known = Ancestry(fetched.store, haves, fetched.shallow)
        return settle_by_asking(
            plan,
            self.source,
            self.source_refs,
            known,
            unknown=fetched.unknown,
            limits=self.request.selection.limits,
            directory=self.request.spool_directory,
        )

    def settle_at_hand(self, plan: RefPlan) -> RefPlan | None:
        """Do the same where the source is on this disk; None where it isn't, or where that can't tell."""
        return settle_at_hand(plan, self.source, self.progress)

    def batched_push(self, plan: RefPlan) -> BatchedPush:
        """Begin to push in batches."""
        return BatchedPush(
            self.target,
            self.target_refs,
            plan,
            policy=self.request.policy,
            limits=self.limits,
            progress=self.progress,
        )

    def leftovers(self, plan: RefPlan) -> list[RefUpdate]:
        """Return the commands that remove temporary refs of earlier runs, as far as nobody needs them."""
        tips = [a.source_id for a in plan.actions if a.pushes or a.action == "skip"]
        return removals_of_leftovers(
            self.source,
            self.source_refs,
            self.target_refs,
            list(dict.fromkeys(oid for oid in tips if oid is not None)),
            limits=self.request.selection.limits,
            progress=self.progress,
            directory=self.request.spool_directory,
        )

    def sweep(self, plan: RefPlan) -> None:
        """Delete temporary refs that an earlier run left behind; the result tells which ones stay."""
        removals = self.leftovers(plan)
        if not removals:
            return
        try:
            reports: Mapping[str, RefReport] = push(self.target, self.target_refs, removals, None).refs
        except TransportError as error:
            self.progress.message("target", f"temporary refs of an earlier run could not be deleted: {error}")
            reports = {}
        is_done = all(found.ok for found in reports.values()) and len(reports) == len(removals)
        tips = None if is_done else list_again(self.target)
        self.left_temp_refs = temp_refs_left(removals, reports, tips, self.progress)

    def remember(self) -> None:
        """Write down what the target was found to accept. Raises RepositoryError."""
        path, profile = self.request.host_profile, self.limits.profile
        if path is not None:
            profile.chunked = not self.target.stats.chunks_refused
            save_profile(path, host_of(self.target.url), profile)

    def tell(self, plan: RefPlan) -> None:
        """Report what is blocked, before anything is pushed; what may be hidden was told with the plan."""
        blocked = [action for action in plan.blocked if not action.hidden]
        for action in blocked[:_BLOCKED_TOLD_MAX]:
            word = "unreadable" if action.unreadable else "blocked"
            self.progress.message(word, f"{action.target_ref}: {action.reason}")
        if len(blocked) > _BLOCKED_TOLD_MAX:
            self.progress.message("blocked", f"and {len(blocked) - _BLOCKED_TOLD_MAX} refs more")

    def unpushed(self, plan: RefPlan, price: Price | None = None) -> SyncResult:
        """Return the result of a run that pushes nothing: all is done, held back, or only planned."""
        held_back = ""
        if not self.request.dry_run:
            self.choice = None
        if not self.request.dry_run and plan.blocked:
            held_back = "held back: all refs or none, and another ref is blocked"
        return self.result(results_of(plan.actions, held_back=held_back), price=price)

    def result(
        self,
        refs: Sequence[RefResult],
        *,
        pushed: PushOutcome | None = None,
        pack: PackSummary | None = None,
        price: Price | None = None,
    ) -> SyncResult:
        """Return the result of the run, from what became of each ref."""
        request, choice = self.request, self.choice
        result = SyncResult(
            refs=tuple(refs),
            protocol=f"v{self.source_refs.version}",
            source_head=self.source_head,
            source_hides=tuple(hidden_in(self.source_refs, request.scope)),
            dry_run=request.dry_run,
            operation_mode=request.mode,
            batch_count=0 if pushed is None else pushed.batch_count,
            planned_batch_count=0 if pushed is None else pushed.planned_batch_count,
            temp_refs=() if pushed is None else pushed.temp_refs,
            left_temp_refs=self.left_temp_refs if pushed is None else pushed.left_temp_refs,
            pack=pack,
            price=price,
            stats=self._stats(0 if pushed is None else pushed.commands),
            measurement=Measurement.take(self.watch) if request.measure_memory else Measurement(),
            failure=None if pushed is None else pushed.failure,
        )
        if choice is None:
            return result
        return replace(
            result,
            relay=choice.relay,
            relay_mode=choice.relay_mode,
            relay_reason=choice.reason,
            explanation=choice.words,
        )

    def _stats(self, commands: int) -> Stats:
        if not self.request.collect_stats:
            return Stats()
        source, target, ground = self.source, self.target, self.ground
        counts = {"wants": self.wants, "haves": self.haves_sent}
        fetched = SideStats.of("source", "git-upload-pack", source.url, source.stats, **counts)
        pushed = SideStats.of("target", "git-receive-pack", target.url, target.stats, commands=commands)
        sides: tuple[SideStats, ...] = (fetched, pushed)
        if ground is not None:
            asked = SideStats.of("target", "git-upload-pack", target.url, ground.traffic, haves=ground.haves)
            sides = (fetched, asked, pushed.without(asked))
        return Stats(enabled=True, sides=sides, elapsed_seconds=self.watch.seconds)
