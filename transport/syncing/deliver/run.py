"""The state of one run of a sync: what its steps share, on every route."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from packcore.limits import MIB
from transport.syncing.decide.planner import plan_refs
from transport.syncing.deliver.known_limits import known_limits
from transport.syncing.gather.listing import advertise_both, commits_only_filter
from transport.syncing.measure import Stopwatch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from packcore.ids import ObjectId
    from packcore.limits import Limits
    from packcore.progress import Progress
    from packcore.store.base import ObjectStore
    from transport.base import Transport
    from transport.syncing.decide.modes import TransferMode
    from transport.syncing.decide.ref_plan import RefPlan
    from transport.syncing.deliver.host_profile import TargetLimits
    from transport.syncing.gather.common_ground import Ground
    from transport.syncing.gather.fetching import Fetched
    from transport.syncing.request import SyncRequest
    from transport.wire.advertisement import Advertisement

__all__ = ["Run"]

_RESOLVE_MEMORY_OF_A_RELAY = 16 * MIB
"""A relay takes a fifth more time for half the memory (redis: 70 instead of 120 MB)."""


@dataclass(slots=True)
class Run:
    """The input of one run, and what it has found out so far."""

    source: Transport
    target: Transport
    request: SyncRequest
    progress: Progress
    source_refs: Advertisement
    target_refs: Advertisement
    watch: Stopwatch
    limits: TargetLimits
    """Limits of a request to the target; learns during the run."""
    source_head: str | None = None
    choice: TransferMode | None = None
    """How the objects travel; None until chosen. Set by `go_by`."""
    notes: list[str] = field(default_factory=list)
    """Notes for people on the choice, in addition to its own words."""
    ground: Ground | None = None
    """What the target was found to have; None until it is asked."""
    knows_tips: bool = False
    """Whether the source is known to have all tips of the target."""
    wants: int = 0
    haves_sent: int = 0
    planned: tuple[Advertisement, Advertisement, RefPlan] | None = None
    """The two lists of refs that the latest plan is made from, and that plan."""
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
        limits = known_limits(target, request)
        return cls(source, target, request, progress, source_refs, target_refs, watch, limits)

    def plan(self) -> RefPlan:
        """Decide on every ref as far as the lists alone allow, once for each pair of lists.

        Raises the planner's errors.
        """
        if self.planned is not None:
            source_refs, target_refs, plan = self.planned
            if source_refs is self.source_refs and target_refs is self.target_refs:
                return plan
        plan = self.decided()
        self.source_head = plan.source_head
        self.planned = self.source_refs, self.target_refs, plan
        return plan

    def decided(self) -> RefPlan:
        """Decide on every ref by the lists as they are now. Raises the planner's errors."""
        request = self.request
        plan = plan_refs(self.source_refs, self.target_refs, request.scope, request.policy, request.mode)
        if not self.target_refs.capabilities.delete_refs:
            plan = plan.block(lambda action: action.action == "delete", "the target can't delete refs")
        return plan

    def go_by(self, choice: TransferMode) -> None:
        """Make the objects travel in this way from here on."""
        self.choice = choice
        self.notes.clear()

    def note(self, words: str) -> None:
        """Add a note for people on the way in which the objects travel."""
        if words not in self.notes:
            self.notes.append(words)

    def start_over(self, source_refs: Advertisement, ground: Ground | None = None) -> None:
        """Forget what followed from an old list of the source's refs; with `ground`, don't ask the target."""
        self.source_refs, self.ground, self.knows_tips = source_refs, ground, False
        self.choice = None
        self.notes.clear()

    def haves(self, plan: RefPlan) -> list[ObjectId]:
        """Return the ids whose history the target surely has: none if it is shallow.

        The likeliest ancestors of the wants come first, since a server may stop reading early.
        """
        if self.target_refs.shallow:
            return []
        found = () if self.ground is None else self.ground.commits
        updated = (action.target_id for action in plan.in_push_order() if action.target_id is not None)
        tips = sorted(self.target_refs.refs.items(), key=lambda ref: not ref[0].startswith("refs/heads/"))
        return list(dict.fromkeys([*found, *updated, *(oid for _, oid in tips), *self.target_refs.haves]))

    def at_hand(self) -> Fetched | None:
        """Return the source's objects if they are read in place; None if they must be fetched."""
        return None

    def links(self, store: ObjectStore, plan: RefPlan) -> dict[ObjectId, tuple[ObjectId, ...]]:
        """Return the parents of the commits that the target is asked about, from what was fetched."""
        from transport.syncing.deliver.checkpoints import parents_in

        return parents_in(store, plan.wants)

    def count_wants(self, wanted: Sequence[ObjectId], haves: Sequence[ObjectId]) -> list[ObjectId]:
        """Return the wants to request: those that the haves don't name. Counts both for the stats."""
        had = set(haves)
        wants = [oid for oid in dict.fromkeys(wanted) if oid not in had]
        self.wants += len(wants)
        self.haves_sent += len(haves) if wants else 0
        return wants

    @property
    def relays(self) -> bool:
        """Whether the source's pack is passed on, by the current choice."""
        return self.choice is not None and self.choice.relay

    @property
    def can_fetch_commits_alone(self) -> bool:
        """Whether the source can leave out trees and blobs."""
        return commits_only_filter(self.source_refs) is not None

    @property
    def may_be_thin(self) -> bool:
        """Whether our own pack may have deltas against what only the target has."""
        return not self.target_refs.capabilities.no_thin and self.limits.body_bytes_max is None

    @property
    def spool_limits(self) -> Limits:
        """The limits of taking in a pack, by the current choice."""
        limits = self.request.selection.limits
        if not self.relays:
            return limits
        return replace(limits, resolve_memory=min(limits.resolve_memory, _RESOLVE_MEMORY_OF_A_RELAY))
