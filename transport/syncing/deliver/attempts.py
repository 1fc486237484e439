"""The attempts of a run with something to push: around damage, moving refs and a misleading target.

    plan, choose, travel       one attempt, by the routes
    again                      without refs that the source can't send; with a new list if it has moved on;
                               without what the target only claimed to have

A dry run goes the same way up to ancestry, and reports what it found.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from transport.errors import RemoteError
from transport.syncing.decide.modes import BLOCKED_ON_THE_WAY, choose_mode
from transport.syncing.deliver.account import is_over, previewed, unpushed
from transport.syncing.deliver.fetches import fetch_tips
from transport.syncing.deliver.leftovers import sweep
from transport.syncing.deliver.routes import Route, travel
from transport.syncing.deliver.second_try import second_try, try_again, was_misled
from transport.syncing.deliver.settling import settled_at_hand, settled_by
from transport.syncing.deliver.unknown_tips import can_find_more
from transport.syncing.gather.damaged_source import MAY_BE_DAMAGE, readable_part
from transport.syncing.gather.lookahead import MEMORY_BYTES
from transport.syncing.gather.moved_source import SourceList
from transport.syncing.outcome.result import Price

if TYPE_CHECKING:
    from packcore.ids import ObjectId
    from packcore.limits import Limits
    from transport.syncing.decide.modes import TransferMode
    from transport.syncing.decide.ref_plan import RefPlan
    from transport.syncing.deliver.own_run import OwnRun
    from transport.syncing.deliver.run import Run
    from transport.syncing.gather.fetching import Fetched
    from transport.syncing.outcome.result import SyncResult
    from transport.wire.advertisement import Advertisement

__all__ = ["attempt_from_here", "attempted"]

_BYTES_FOR_EACH_OBJECT = 53 + 60 + 140
"""The spool's tables (see `packcore.store.spool`), and a candidate and its entry in the plan."""


def attempted(run: Run) -> SyncResult:
    """Carry a run out. Raises as `carry_out`."""
    return _unmisled(run, _without_damage(run))


def attempt_from_here(run: OwnRun) -> SyncResult:
    """Carry a run out whose objects are on this disk. Raises as `carry_out`."""
    return _unmisled(run, _carried_out(run))


def _unmisled(run: Run, result: SyncResult) -> SyncResult:
    return second_try(run, result, _carried_out) if was_misled(run, result) else result


def _without_damage(run: Run) -> SyncResult:
    """Carry out; if the source can't send some refs, once more without them."""
    try:
        result = _at_current_refs(run)
    except MAY_BE_DAMAGE:
        if not _leave_out_damaged(run):
            raise
        return _carried_out(run)
    if isinstance(result.failure, MAY_BE_DAMAGE) and _leave_out_damaged(run):
        return try_again(run, result, _carried_out)
    return result


def _at_current_refs(run: Run) -> SyncResult:
    """Carry out; if the source has moved on, again with a new list of refs."""
    request = run.request
    current = SourceList(
        run.source, run.source_refs, request.protocol, request.scope.ref_prefixes, run.progress
    )

    def wants(_: Advertisement) -> list[ObjectId]:
        return run.plan().wants

    def attempt(listed: Advertisement) -> SyncResult:
        run.start_over(listed)
        return _carried_out(run)

    result = current.fetched(attempt, wants)
    while _has_failed_at_source(result) and current.is_renewed(wants(current.listed)):
        run.source_refs = current.listed
        result = try_again(run, result, _carried_out)
    return result


def _has_failed_at_source(result: SyncResult) -> bool:
    return isinstance(result.failure, RemoteError) and result.failure.side != "target"


def _leave_out_damaged(run: Run) -> bool:
    """Ask the source which refs it can't send, and treat these as unreadable; False if it names none."""
    plan = run.plan()
    part = readable_part(
        run.source, run.source_refs, wants=plan.wants, haves=run.haves(plan), progress=run.progress
    )
    if part is None:
        return False
    run.start_over(part)
    return True


def _carried_out(run: Run) -> SyncResult:
    request = run.request
    plan = run.plan()
    if is_over(run, plan) and not (request.dry_run and plan.is_open):
        if not request.dry_run:
            sweep(run, plan)
        return unpushed(run, plan)
    run.go_by(choose_mode(plan, run.source_refs, request))
    if request.dry_run:
        return _preview(run, plan)
    return travel(run, plan, _first_route(run, plan))


def _first_route(run: Run, plan: RefPlan) -> Route:
    if not run.relays:
        return Route.MATERIALIZE
    is_limited = run.limits.body_bytes_max is not None and not plan.is_open
    return Route.RELAY_IN_BATCHES if is_limited else Route.RELAY


def _preview(run: Run, plan: RefPlan) -> SyncResult:
    """Find out which updates are fast-forwards and what the price would be, without pushing."""
    if not plan.is_open:
        return previewed(run, plan, run.choice, _price(run, plan, run.choice, None))
    if (settled := settled_at_hand(run, plan)) is not None:
        if is_over(run, settled):
            return previewed(run, settled, None)
        choice = choose_mode(settled, run.source_refs, run.request)
        return previewed(run, settled, choice, _price(run, settled, choice, None))
    haves = run.haves(plan)
    with fetch_tips(run, plan, haves) as fetched:
        settled = settled_by(run, plan, fetched, haves)
        if is_over(run, settled):
            return previewed(run, settled, None)
        choice = choose_mode(settled, run.source_refs, run.request)
        if choice.relay and settled.blocked and not run.can_fetch_commits_alone:
            choice = BLOCKED_ON_THE_WAY
        creates = any(action.action == "create" for action in settled.in_push_order())
        has_more = can_find_more(run, settled, fetched.unknown)
        is_all = not (run.can_fetch_commits_alone or creates or has_more)
        return previewed(run, settled, choice, _price(run, settled, choice, fetched if is_all else None))


def _price(run: Run, plan: RefPlan, choice: TransferMode | None, fetched: Fetched | None) -> Price | None:
    """Return what is known of the price; `fetched` is set if it is everything that will travel.

    None if nothing travels, since the plan only deletes.
    """
    if not plan.wants:
        return None
    objects = None if fetched is None else fetched.object_count
    pack_bytes = None if fetched is None else fetched.pack_bytes
    relays = choice is not None and choice.relay
    if relays and run.can_fetch_commits_alone:
        return Price(objects, pack_bytes, MEMORY_BYTES)
    if objects is None:
        return Price(None, None, MEMORY_BYTES if relays else None)
    return Price(objects, pack_bytes, _taken_in(objects, run.request.selection.limits))


def _taken_in(objects: int, limits: Limits) -> int:
    """Return the most memory that taking in a whole pack needs, search included."""
    return objects * _BYTES_FOR_EACH_OBJECT + max(limits.resolve_memory, limits.window_memory)
