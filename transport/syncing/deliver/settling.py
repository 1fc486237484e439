"""Settles the plan of refs during a run: what is a fast-forward, and what is blocked.

    at hand      the source is a repository on this disk     its commits are read, nothing is fetched
    by asking    what was fetched, and then the source       `gather.ancestry`

All open updates are settled together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from packcore.descent import trace_descents
from packcore.errors import CorruptData, LimitExceeded
from packcore.progress import SILENT, Progress
from transport.base import HistoryAtHand
from transport.syncing.decide.planner import settle
from transport.syncing.gather.ancestry import Ancestry
from transport.syncing.gather.ancestry_questions import ask_ancestry

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from packcore.ids import ObjectId
    from packcore.limits import Limits
    from transport.base import Transport
    from transport.syncing.decide.ref_plan import RefPlan
    from transport.syncing.deliver.run import Run
    from transport.syncing.gather.fetching import Fetched
    from transport.wire.advertisement import Advertisement

__all__ = [
    "settle_at_hand",
    "settle_by_asking",
    "settled_at_hand",
    "settled_by",
    "tell_blocked",
]

_BLOCKED_TOLD_MAX = 20


def settled_by(run: Run, plan: RefPlan, fetched: Fetched, haves: Sequence[ObjectId]) -> RefPlan:
    """Find out which updates are fast-forwards, from what was fetched or by asking again."""
    at_hand = settled_at_hand(run, plan)
    if at_hand is not None:
        return at_hand
    return settle_by_asking(
        plan,
        run.source,
        run.source_refs,
        Ancestry(fetched.store, haves, fetched.shallow),
        unknown=fetched.unknown,
        limits=run.request.selection.limits,
        directory=run.request.spool_directory,
    )


def settled_at_hand(run: Run, plan: RefPlan) -> RefPlan | None:
    """Do the same for a source on this disk. None if it isn't, or if its history is incomplete."""
    return settle_at_hand(plan, run.source, run.progress)


def tell_blocked(run: Run, plan: RefPlan) -> None:
    """Report what is blocked, before the push; the plan already reported what may be hidden."""
    blocked = [action for action in plan.blocked if not action.hidden]
    for action in blocked[:_BLOCKED_TOLD_MAX]:
        word = "unreadable" if action.unreadable else "blocked"
        run.progress.message(word, f"{action.target_ref}: {action.reason}")
    if len(blocked) > _BLOCKED_TOLD_MAX:
        run.progress.message("blocked", f"and {len(blocked) - _BLOCKED_TOLD_MAX} refs more")


def settle_at_hand(plan: RefPlan, source: Transport, progress: Progress = SILENT) -> RefPlan | None:
    """Settle by the source's own history; None if that isn't on this disk, or is incomplete."""
    if not plan.is_open:
        return plan
    history = source.history() if isinstance(source, HistoryAtHand) else None
    if history is None:
        return None
    pairs = plan.open_pairs
    try:
        found = trace_descents(history, pairs)
    except (CorruptData, LimitExceeded):
        return None
    for fault in history.faults:
        progress.message("source", fault)
    if any(not descent.reached and (descent.ends or descent.is_cut) for descent in found):
        return None
    reached = {pair for pair, descent in zip(pairs, found, strict=True) if descent.reached}
    return settle(plan, lambda action: action.pair in reached)


def settle_by_asking(
    plan: RefPlan,
    source: Transport,
    advertisement: Advertisement,
    known: Ancestry,
    *,
    unknown: Collection[ObjectId],
    limits: Limits,
    directory: Path | None,
) -> RefPlan:
    """Settle by what is known, and ask the source for more where that isn't enough.

    `unknown` are ids that the source may not know. Raises TransportError, CorruptData, LimitExceeded.
    """
    pairs = plan.open_pairs
    answers = {pair: answer for pair, (answer, _) in zip(pairs, known.compare(pairs), strict=True)}
    doubtful = [
        pair
        for action in plan.others
        if action.open and not action.forced and answers[pair := action.pair] is None
    ]
    if doubtful:
        answers |= ask_ancestry(
            source, advertisement, known, doubtful, unknown=unknown, limits=limits, directory=directory
        )
    return settle(plan, lambda action: answers[action.pair])
