"""Which temporary refs may go: an earlier run left them behind, or a running one still needs them.

    holds a tip of this run                  goes: the users' refs hold the same
    holds what these tips reach              goes: nothing is lost, whoever created it
    holds something else                     stays, with a message: another run may be at work
    the source doesn't know, or doesn't say  stays, with a message

Names and times show nothing, reachability does. The source is asked for what the refs hold and the tips
don't reach. It sends no commits that are reached, so the answer is a few bytes. It sends trees and blobs
whether they are reached or not, so their refs stay. A push in batches does not ask: it goes on from all
existing temporary refs, and removes them (`transport.syncing.deliver.batches`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from packcore.errors import PackcoreError
from packcore.progress import SILENT, Progress
from transport.errors import TransportError
from transport.send_pack import push
from transport.syncing.deliver.pushing import list_again
from transport.syncing.deliver.temp_refs import advertised_temp_refs, deletions, temp_refs_left
from transport.syncing.gather.fetching import fetch_missing
from transport.syncing.gather.listing import commits_only_filter

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from packcore.ids import ObjectId
    from packcore.limits import Limits
    from transport.base import Transport
    from transport.syncing.decide.ref_plan import RefPlan
    from transport.syncing.deliver.run import Run
    from transport.wire.advertisement import Advertisement
    from transport.wire.receive_pack import RefUpdate
    from transport.wire.report import RefReport

__all__ = ["leftovers", "removals_of_leftovers", "sweep"]

_ANSWER_BYTES_MAX = 4 * 1024 * 1024
"""Size of the answer about unreached commits; a longer one is not needed."""


def leftovers(run: Run, plan: RefPlan) -> list[RefUpdate]:
    """Return the commands that remove unneeded temporary refs of earlier runs."""
    tips = [a.source_id for a in plan.actions if a.pushes or a.action == "skip"]
    return removals_of_leftovers(
        run.source,
        run.source_refs,
        run.target_refs,
        list(dict.fromkeys(oid for oid in tips if oid is not None)),
        limits=run.request.selection.limits,
        progress=run.progress,
        directory=run.request.spool_directory,
    )


def sweep(run: Run, plan: RefPlan) -> None:
    """Delete temporary refs that an earlier run left behind; the result names those that stay."""
    removals = leftovers(run, plan)
    if not removals:
        return
    try:
        reports: Mapping[str, RefReport] = push(run.target, run.target_refs, removals, None).refs
    except TransportError as error:
        run.progress.message("target", f"temporary refs of an earlier run could not be deleted: {error}")
        reports = {}
    is_done = all(found.ok for found in reports.values()) and len(reports) == len(removals)
    tips = None if is_done else list_again(run.target)
    run.left_temp_refs = temp_refs_left(removals, reports, tips, run.progress)


def removals_of_leftovers(
    source: Transport,
    source_refs: Advertisement,
    target_refs: Advertisement,
    tips: Sequence[ObjectId],
    *,
    limits: Limits,
    progress: Progress,
    directory: Path | None = None,
) -> list[RefUpdate]:
    """Return the commands that remove what can go; `tips` are the source's, as the target will have them.

    None if the target can't delete refs. Never raises for a source that gives no answer.
    """
    found = advertised_temp_refs(target_refs)
    if not target_refs.capabilities.delete_refs:
        if found:
            progress.message(
                "target", f"{len(found)} temporary refs are left, for the target can't delete refs"
            )
        return []
    doubtful = sorted(set(found.values()).difference(tips))
    kept: set[ObjectId] = set()
    if doubtful:
        try:
            with fetch_missing(
                source,
                source_refs,
                wants=doubtful,
                haves=tips,
                limits=limits,
                progress=SILENT,
                directory=directory,
                filter_spec=commits_only_filter(source_refs),
                pack_bytes_max=_ANSWER_BYTES_MAX,
            ) as fetched:
                kept = {oid for oid in doubtful if oid in fetched.store}
        except PackcoreError:  # it doesn't know one of them, or only gives what a ref shows
            kept = set(doubtful)
    left = [name for name, oid in found.items() if oid in kept]
    if left:
        progress.message(
            "target", f"{len(left)} temporary refs are left, for another run may need them: {left[0]}"
        )
    return deletions({name: oid for name, oid in found.items() if oid not in kept}, target_refs.object_format)
