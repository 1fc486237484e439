"""From what came of a push to git's verdict on each ref, in the words that git itself uses for it.

    pushed, deleted       ok
    up to date            ok … up to date
    blocked               error …      stale info, fetch first, non-fast forward …: decided before the push
    refused, locked       error …      the target's own words
    moved                 error …      fetch first; stale info where the push was forced
    unanswered            ok           where the target, listed again, shows what was to be
                          error …      expecting report
    not pushed            error …      atomic push failed, or why the push broke off

A target that set another ref, or another id, than it was told says so behind the `ok`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from transport.remote_helper.answers import UP_TO_DATE, Verdict
from transport.remote_helper.push_plan import FETCH_FIRST, STALE
from transport.syncing.outcome.result import Outcome

if TYPE_CHECKING:
    from transport.syncing.decide.ref_plan import RefAction, RefPlan
    from transport.syncing.outcome.result import RefResult, SyncResult

__all__ = ["ATOMIC_FAILED", "verdicts_of_plan", "verdicts_of_result"]

ATOMIC_FAILED = "atomic push failed"
NO_REPORT = "expecting report"
_REFUSED = "the target refused it: "


def verdicts_of_plan(plan: RefPlan, *, atomic: bool) -> list[Verdict]:
    """Return what would come of a push that the target takes: for a dry run."""
    is_held_back = atomic and bool(plan.blocked)
    return [_of_action(action, held_back=is_held_back) for action in plan.actions]


def _of_action(action: RefAction, *, held_back: bool) -> Verdict:
    if action.action == "block":
        return Verdict(action.target_ref, action.reason)
    if action.action == "skip":
        return Verdict(action.target_ref, note=UP_TO_DATE)
    return Verdict(action.target_ref, ATOMIC_FAILED if held_back else None)


def verdicts_of_result(result: SyncResult, *, atomic: bool) -> list[Verdict]:
    """Return what came of each ref."""
    broken = result.failure is not None
    return [_of_result(ref, broken=broken, atomic=atomic) for ref in result.refs]


def _of_result(ref: RefResult, *, broken: bool, atomic: bool) -> Verdict:
    name = ref.planned.target_ref
    match ref.outcome:
        case Outcome.PUSHED | Outcome.DELETED:
            return Verdict(name, options=ref.options)
        case Outcome.UP_TO_DATE:
            return Verdict(name, note=UP_TO_DATE)
        case Outcome.MOVED:
            return Verdict(name, STALE if ref.planned.forced else FETCH_FIRST)
        case Outcome.UNANSWERED if ref.arrived:
            return Verdict(name)
        case Outcome.UNANSWERED:
            return Verdict(name, NO_REPORT)
        case Outcome.NOT_PUSHED if broken:
            return Verdict(name, "not pushed: the push broke off")
        case Outcome.NOT_PUSHED if atomic:
            return Verdict(name, ATOMIC_FAILED)
        case Outcome.REFUSED | Outcome.LOCKED | Outcome.BLOCKED:
            return Verdict(name, ref.reason.removeprefix(_REFUSED) or "refused")
        case _:
            return Verdict(name, ref.reason or "not pushed")
