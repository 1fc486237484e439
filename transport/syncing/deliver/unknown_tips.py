"""Tips of the target that the source may not know: whether to ask the target what it has.

    the source acknowledged all tips         nothing to ask
    it didn't mention some                   asked once more about these (`lacks_tips`)
    it lacks some                            the target is asked (`gather.common_ground`), by the commits
                                             alone or by what was fetched anyway

A source that can send commits alone is stopped before it makes a pack with much that the target may have.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from transport.syncing.deliver.account import is_over
from transport.syncing.deliver.fetches import fetch_graph
from transport.syncing.deliver.settling import settled_by
from transport.syncing.gather import common_ground
from transport.syncing.gather.common_ground import UnknownTips, knows_all

if TYPE_CHECKING:
    from collections.abc import Collection

    from packcore.ids import ObjectId
    from packcore.store.base import ObjectStore
    from transport.syncing.decide.ref_plan import RefPlan
    from transport.syncing.deliver.run import Run

__all__ = ["can_find_more", "find_ground", "find_ground_by_graph", "lacks_tips", "stop_at_unknown_tips"]


def can_find_more(run: Run, plan: RefPlan, unacknowledged: Collection[ObjectId]) -> bool:
    """Return whether it may pay to ask the target what it has: the source may lack some of its tips.

    It doesn't for a push of fast-forwards alone: nothing below their old tips is sent anyway.
    """
    unknown = set(unacknowledged).difference(run.source_refs.refs.values())
    if run.ground is not None or run.knows_tips or not unknown or run.source_refs.shallow:
        return False
    return any(action.action == "create" or action.target_id in unknown for action in plan.in_push_order())


def lacks_tips(run: Run, plan: RefPlan, unacknowledged: Collection[ObjectId]) -> bool:
    """Return the same with certainty: ask the source again about what it did not acknowledge."""
    if not can_find_more(run, plan, unacknowledged):
        return False
    run.knows_tips = knows_all(run.source, run.source_refs, unacknowledged)
    return not run.knows_tips


def stop_at_unknown_tips(run: Run, plan: RefPlan, unknown: Collection[ObjectId]) -> None:
    """Raise UnknownTips before reading a pack with much that the target may have."""
    if not can_find_more(run, plan, unknown):
        return
    if run.can_fetch_commits_alone:
        raise UnknownTips(unknown)
    run.note("the source can't send commits alone, so what it has in common with the target may be unknown")


def find_ground(run: Run, plan: RefPlan, store: ObjectStore) -> None:
    """Ask the target which of the store's commits it has; `haves` names them from now on."""
    run.ground = common_ground.find_ground(run.target, run.links(store, plan), plan.wants, run.progress)
    if run.ground.failure is not None:
        run.note(f"the target could not be asked for what it has ({run.ground.failure})")


def find_ground_by_graph(run: Run, plan: RefPlan) -> RefPlan:
    """Fetch the commits alone, and ask the target which of them it has; return the settled plan."""
    with fetch_graph(run, plan) as graph:
        plan = settled_by(run, plan, graph, run.haves(plan))
        if not is_over(run, plan):
            find_ground(run, plan, graph.store)
    return plan
