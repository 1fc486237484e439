"""What a run fetches from the source before it makes a pack of its own, or passes one on from the disk.

tips            the commits of open updates           without trees and blobs, if the source can do that
graph           the commits of all wants              the same
all             all that the target may lack          what the target's tips reach is left out
above ground    all above what the target has         with the bases of thin deltas
"""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING

from transport.syncing.gather.fetching import fetch_missing
from transport.syncing.gather.listing import commits_only_filter

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from contextlib import AbstractContextManager

    from packcore.ids import ObjectId
    from transport.syncing.decide.ref_plan import RefPlan
    from transport.syncing.deliver.run import Run
    from transport.syncing.gather.fetching import Fetched

__all__ = ["fetch_above_ground", "fetch_all", "fetch_graph", "fetch_tips"]


def fetch_tips(run: Run, plan: RefPlan, haves: Sequence[ObjectId]) -> AbstractContextManager[Fetched]:
    """Fetch what ancestry needs: the commits of open updates, or everything if the source can't filter."""
    wanted = [action.source_id for action in plan.actions if action.open and action.source_id]
    return _fetch(run, wanted, haves, filter_spec=commits_only_filter(run.source_refs))


def fetch_graph(run: Run, plan: RefPlan) -> AbstractContextManager[Fetched]:
    """Fetch the commits of everything to push, or all objects if the source can't filter."""
    return _fetch(run, plan.wants, run.haves(plan), filter_spec=commits_only_filter(run.source_refs))


def fetch_all(
    run: Run,
    plan: RefPlan,
    haves: Sequence[ObjectId],
    *,
    pack_bytes_max: int | None = None,
    on_unknown: Callable[[Collection[ObjectId]], None] = lambda _: None,
) -> AbstractContextManager[Fetched]:
    """Fetch all that the target may lack, in a pack no larger than this."""
    return _fetch(run, plan.wants, haves, pack_bytes_max=pack_bytes_max, on_unknown=on_unknown)


def fetch_above_ground(run: Run, plan: RefPlan) -> AbstractContextManager[Fetched]:
    """Fetch what is above the common ground with the target, with the bases of thin deltas."""
    has_ground = bool(run.ground and run.ground.commits)
    thin = run.may_be_thin and run.source_refs.version == 2 and has_ground
    return _fetch(run, plan.wants, run.haves(plan), thin=thin)


def _fetch(
    run: Run,
    wanted: Sequence[ObjectId],
    haves: Sequence[ObjectId],
    *,
    filter_spec: str | None = None,
    pack_bytes_max: int | None = None,
    thin: bool = False,
    on_unknown: Callable[[Collection[ObjectId]], None] = lambda _: None,
) -> AbstractContextManager[Fetched]:
    at_hand = run.at_hand()
    if at_hand is not None:
        return nullcontext(at_hand)
    return fetch_missing(
        run.source,
        run.source_refs,
        wants=run.count_wants(wanted, haves),
        haves=haves,
        limits=run.spool_limits,
        progress=run.progress,
        directory=run.request.spool_directory,
        filter_spec=filter_spec,
        pack_bytes_max=pack_bytes_max,
        # A pack that may be passed on unchanged must be in a form that the target takes.
        ofs_delta=run.target_refs.capabilities.ofs_delta or not run.relays,
        thin=thin,
        target=run.target,
        on_unknown=on_unknown,
    )
