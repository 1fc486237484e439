"""A whole run of a sync, whatever its mode: list, plan, choose, move, account.

    source, target   --advertise-->   two lists of refs       both at the same time
    planner          (pure)           what to do              nothing to do: stop, no more traffic
    attempts         modes, routes    relay or materialize    ancestry, objects, push, report

With nothing to do, no further modules are loaded: that is the usual run of a mirror.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from packcore.errors import RepositoryError
from packcore.progress import SILENT, Progress
from transport.syncing.decide.absence import hidden_in, words_on_hidden
from transport.syncing.deliver.account import is_over, unpushed
from transport.syncing.deliver.default_branch import follow_default_branch
from transport.syncing.deliver.known_limits import remember_limits
from transport.syncing.deliver.run import Run
from transport.syncing.deliver.temp_refs import advertised_temp_refs
from transport.syncing.request import GITSYNC_REFS

if TYPE_CHECKING:
    from transport.base import Transport
    from transport.syncing.deliver.own_run import OwnRun
    from transport.syncing.outcome.result import SyncResult
    from transport.syncing.request import SyncRequest

__all__ = ["carry_out", "push_from_here"]


def carry_out(
    source: Transport, target: Transport, request: SyncRequest, *, progress: Progress = SILENT
) -> SyncResult:
    """Do what is requested, and return the outcome of each ref.

    Raises TransportError, CorruptData, LimitExceeded and the planner's errors only before the push.
    The result reports refused refs and a connection lost during the push.
    """
    run = Run.begin(source, target, request, progress)
    _tell_hidden(run)
    _tell_leftovers_of_gitsync(run)
    result = _nothing_to_do(run)
    if result is None:
        from transport.syncing.deliver.attempts import attempted

        result = attempted(run)
    result = _remembered(run, result)
    if request.verify and not request.dry_run:
        from transport.syncing.outcome.verify import read_back

        result = replace(result, verification=read_back(target, result.refs))
    follow_default_branch(target, request, result, progress)
    return result


def push_from_here(run: OwnRun) -> SyncResult:
    """Carry out a run whose objects are on this disk. Raises as `carry_out`."""
    from transport.syncing.deliver.attempts import attempt_from_here

    return _remembered(run, attempt_from_here(run))


def _nothing_to_do(run: Run) -> SyncResult | None:
    """Return the result if all refs are as they should be; None if there is anything to do."""
    plan = run.plan()
    if not is_over(run, plan) or plan.is_open or advertised_temp_refs(run.target_refs):
        return None
    return unpushed(run, plan)


def _tell_hidden(run: Run) -> None:
    hidden = hidden_in(run.source_refs, run.request.scope)
    if hidden and (words := words_on_hidden(hidden, run.plan().others)) is not None:
        run.progress.message("hidden", words)


def _tell_leftovers_of_gitsync(run: Run) -> None:
    """Say that refs which git-sync left behind are not the users' refs, and are kept."""
    scope = run.request.scope
    if not scope.all_refs:
        return
    for side, listed in (("source", run.source_refs), ("target", run.target_refs)):
        left = [name for name in listed.refs if name.startswith(GITSYNC_REFS) and scope.excludes(name)]
        if left:
            run.progress.message(
                side,
                f"{left[0]}{f' and {len(left) - 1} more' if len(left) > 1 else ''}: left over from a run of "
                "git-sync; neither copied nor pruned",
            )


def _remembered(run: Run, result: SyncResult) -> SyncResult:
    """Save what was learned about the host; a failure here must not hide the outcome of the refs."""
    try:
        remember_limits(run.target, run.request, run.limits)
    except RepositoryError as error:
        return replace(result, failure=result.failure or error)
    return result
