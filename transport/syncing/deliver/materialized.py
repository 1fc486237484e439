"""The materialized sync: fetch into our own object store, select deltas, push our own pack.

    fetch            source           pack -> spool           target tips as haves, never thin
    ancestry         spool            blocked or not          known before anything is pushed
    common ground    target           what it has of that     only if the source doesn't know all of its tips
    walk             spool            objects to send         limits are checked here
    select           PHASE 1          a plan of the pack      no connection to the target is open
    push             PHASE 2          the pack, then refs     first byte immediately; never a stall
    report           target           every ref accounted for

`materialize` follows these steps from top to bottom. `pack_fetched` is its second half, for routes that have
already fetched.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from packcore.errors import LimitExceeded
from packcore.plans.entries import Candidate
from packcore.progress import SILENT, Progress
from packcore.search.select import select
from packcore.store.bulk import raws_of
from packcore.walk import list_bases, list_objects
from transport.syncing.deliver.account import is_over, pushed_result, unpushed
from transport.syncing.deliver.edge_bases import edge_bases
from transport.syncing.deliver.fetches import fetch_above_ground, fetch_all
from transport.syncing.deliver.leftovers import leftovers
from transport.syncing.deliver.pushing import push_refs
from transport.syncing.deliver.settling import settled_by, tell_blocked
from transport.syncing.deliver.split_push import Cargo, push_pack
from transport.syncing.deliver.unknown_tips import (
    find_ground,
    find_ground_by_graph,
    lacks_tips,
    stop_at_unknown_tips,
)
from transport.syncing.gather.common_ground import UnknownTips
from transport.syncing.measure import Stopwatch

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from packcore.ids import ObjectId
    from packcore.plans.plan import PackPlan
    from packcore.tree_path import TreePath
    from transport.syncing.decide.ref_plan import RefPlan
    from transport.syncing.deliver.run import Run
    from transport.syncing.gather.fetching import Fetched
    from transport.syncing.outcome.result import SyncResult

__all__ = ["load", "materialize", "pack_fetched"]


def materialize(run: Run, plan: RefPlan) -> SyncResult:
    """Carry out a plan that has something to push."""
    haves = run.haves(plan)
    stop = partial(stop_at_unknown_tips, run, plan) if run.can_fetch_commits_alone else lambda _: None
    try:
        with fetch_all(run, plan, haves, on_unknown=stop) as fetched:
            return _push_settled(run, settled_by(run, plan, fetched, haves), fetched)
    except UnknownTips as stopped:
        if not lacks_tips(run, plan, stopped.tips):
            return materialize(run, plan)
        plan = find_ground_by_graph(run, plan)
    if is_over(run, plan):
        tell_blocked(run, plan)
        return unpushed(run, plan)
    with fetch_above_ground(run, plan) as fetched:
        return _push_settled(run, plan, fetched)


def _push_settled(run: Run, plan: RefPlan, fetched: Fetched) -> SyncResult:
    tell_blocked(run, plan)
    return unpushed(run, plan) if is_over(run, plan) else pack_fetched(run, plan, fetched)


def pack_fetched(run: Run, plan: RefPlan, fetched: Fetched) -> SyncResult:
    """Send what the target lacks of a settled plan, from what was fetched with the target's tips as haves."""
    if not plan.wants:  # every command deletes
        pushed = push_refs(
            run.target,
            run.target_refs,
            plan,
            None,
            policy=run.request.policy,
            progress=run.progress,
            limits=run.limits,
            removals=leftovers(run, plan),
        )
        return pushed_result(run, pushed)
    if lacks_tips(run, plan, fetched.unknown):
        find_ground(run, plan, fetched.store)
    cargo, select_seconds = load(run, plan.wants, fetched, run.haves(plan))
    pushed = push_pack(run, plan, cargo)
    pack = cargo.pack
    summary = pushed.summary(
        run.target,
        objects=pack.object_count,
        deltas=pack.delta_count,
        reused=pack.reused_count,
        strategy=pack.strategy,
        select_seconds=select_seconds,
        unsearched=pack.unsearched_count,
    )
    return pushed_result(run, pushed, summary)


def load(
    run: Run, wants: Sequence[ObjectId], fetched: Fetched, haves: Sequence[ObjectId]
) -> tuple[Cargo, float]:
    """List what the target lacks and select deltas; return both, and the seconds of the selection."""
    # With haves, a tip that the source did not send is below one of them, so the target has it.
    wants = [oid for oid in wants if not haves or oid in fetched.store]
    objects = _list_objects(run, wants, fetched, haves) if wants else []
    watch = Stopwatch()
    bases = _thin_bases(run, fetched, objects)
    pack = _select(run, fetched, objects, run.progress, run.request.selection.stopper(), thin_bases=bases)
    seconds = watch.seconds
    stopper = run.request.selection.stopper()

    def plan_of(some: Sequence[Candidate]) -> PackPlan:
        return _select(run, fetched, some, SILENT, stopper, share=len(some) / len(objects))

    shallow = fetched.shallow.intersection(candidate.oid for candidate in objects)
    return Cargo(fetched.store, objects, wants, pack, plan_of, shallow), seconds


def _thin_bases(run: Run, fetched: Fetched, objects: Sequence[Candidate]) -> list[Candidate]:
    """Return older versions of sent objects that were fetched although the target surely has them.

    There are some if the source did not know what the target has, or sent a thin pack itself. A pack in
    parts uses none, so that any receiver can take it.
    """
    if fetched.complete and run.may_be_thin:
        return edge_bases(fetched.store, objects)
    if run.ground is None or not run.may_be_thin or fetched.complete:
        return []
    if fetched.bases:
        return _fetched_bases(fetched, objects)
    paths = {(candidate.type, candidate.where) for candidate in objects}
    held = list_bases(fetched.store, run.ground.commits, objects, limits=run.request.selection.limits)
    return [candidate for candidate in held if (candidate.type, candidate.where) in paths]


def _fetched_bases(fetched: Fetched, objects: Sequence[Candidate]) -> list[Candidate]:
    """Return the bases that came with a thin pack, each with the path of an object that uses it."""
    paths: dict[ObjectId, TreePath | bytes] = {}
    for candidate, raw in zip(objects, raws_of(fetched.store, [c.oid for c in objects]), strict=True):
        if raw is not None and raw.base in fetched.bases:
            paths.setdefault(raw.base, candidate.where)
    sent = {candidate.oid for candidate in objects}
    return [
        Candidate(oid, *fetched.store.header(oid), path, order)
        for order, (oid, path) in enumerate(paths.items())
        if oid not in sent
    ]


def _list_objects(
    run: Run, wants: Sequence[ObjectId], fetched: Fetched, haves: Sequence[ObjectId]
) -> list[Candidate]:
    objects = list_objects(
        fetched.store,
        wants,
        [*haves, *sorted(fetched.bases)],
        shallow=fetched.shallow,
        limits=run.request.selection.limits,
        progress=run.progress,
        haves_complete=fetched.complete,
        absent_ok=fetched.partial,
    )
    limit = run.request.materialized_max_objects
    if limit is not None and len(objects) > limit:
        raise LimitExceeded(
            f"{len(objects)} objects would be materialized, and the limit is {limit}",
            limit="materialized-max-objects",
            hint="raise materialized_max_objects",
            option="materialized_max_objects",
        )
    return objects


def _select(
    run: Run,
    fetched: Fetched,
    objects: Sequence[Candidate],
    progress: Progress,
    should_stop: Callable[[], bool] | None,
    *,
    share: float = 1.0,
    thin_bases: Sequence[Candidate] = (),
) -> PackPlan:
    """Make the plan of a pack; it uses only `share` of the delta cache, since plans of parts coexist."""
    options = run.request.selection
    return select(
        fetched.store,
        objects,
        strategy=options.strategy,
        limits=replace(options.limits, delta_cache=int(options.limits.delta_cache * share)),
        thin_bases=thin_bases,
        reuse_deltas=options.reuse_deltas and run.request.optimize != "bandwidth",
        should_stop=should_stop,
        jobs=options.jobs,
        progress=progress,
    )
