"""A run whose source is a repository on this disk, read in place: nothing is fetched or copied.

    refs        `decide` decides, ref by ref, as a `git push` names them
    objects     the repository's own, packs and loose ones
    haves       the target's tips that are here; what they reach is here too
    the rest    as in any run: common ground, deltas, one request or batches, the cutover

The target is asked for more common ground only if much would be sent: it costs two requests. A partial clone
leaves out what it lacks itself: its own remote has it, and any other remote reports that it is missing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from packcore.ancestry import list_commits, peel
from packcore.objects import commit_links
from packcore.store.promises import promisor_of
from transport.syncing.deliver.run import Run
from transport.syncing.gather.fetching import Fetched

if TYPE_CHECKING:
    from collections.abc import Callable

    from packcore.ids import ObjectId
    from packcore.store.base import ObjectStore
    from packcore.store.repository import Repository
    from transport.syncing.decide.ref_plan import RefPlan
    from transport.wire.advertisement import Advertisement

__all__ = ["OwnRun"]

_ASKED_COMMITS_MIN = 64
"""Fewer commits are sent without asking."""


@dataclass(slots=True, kw_only=True)
class OwnRun(Run):
    """The state of one run out of a repository on this disk."""

    repository: Repository
    decide: Callable[[Advertisement], RefPlan]
    """Returns what to do with each ref, given the target's list."""

    def decided(self) -> RefPlan:
        """Decide on every ref as the push that was asked for names them."""
        return self.decide(self.target_refs)

    def haves(self, plan: RefPlan) -> list[ObjectId]:
        """Return the ids that both sides surely have."""
        present = self.repository.presence()
        return [oid for oid in Run.haves(self, plan) if oid in present]

    def at_hand(self) -> Fetched:
        """Return the repository in the form of a fetch result."""
        plan = self.plan()
        present = self.repository.presence()
        unknown = frozenset(oid for oid in Run.haves(self, plan) if oid not in present)
        if unknown and len(self._commits_to_send(plan)) < _ASKED_COMMITS_MIN:
            unknown = frozenset()
        return Fetched(
            self.repository,
            self.repository.shallow(),
            0,
            0,
            None,
            unknown,
            complete=True,
            partial=promisor_of(self.repository.config) is not None,
        )

    def links(self, store: ObjectStore, plan: RefPlan) -> dict[ObjectId, tuple[ObjectId, ...]]:
        """Return the parents of the commits and tags to send; leave out parents that would not be sent."""
        commits = dict.fromkeys(self._commits_to_send(plan))
        found: dict[ObjectId, tuple[ObjectId, ...]] = {}
        for oid in commits:
            links = commit_links(store.read(oid).data, store.object_format, oid)
            found[oid] = tuple(parent for parent in links.parents if parent in commits)
        for want in plan.wants:
            found.setdefault(want, tuple(oid for oid in peel(store, want)[:1] if oid in commits))
        return found

    def _commits_to_send(self, plan: RefPlan) -> list[ObjectId]:
        shallow = self.repository.shallow()
        return list_commits(
            self.repository, plan.wants, self.haves(plan), shallow=shallow, haves_complete=True
        )
