"""Closing the open updates of a plan: which of them are fast-forwards, found out for all at once.

at hand      the source is a repository on this disk     its commits are read, nothing is fetched
by asking    what was fetched, and then the source       `transport.syncing.gather.ancestry`
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from packcore.descent import trace_descents
from packcore.errors import CorruptData, LimitExceeded
from packcore.progress import SILENT, Progress
from transport.base import HistoryAtHand
from transport.syncing.decide.planner import settle
from transport.syncing.gather.ancestry_questions import ask_ancestry

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from packcore.ids import ObjectId
    from packcore.limits import Limits
    from transport.base import Transport
    from transport.syncing.decide.ref_plan import RefPlan
    from transport.syncing.gather.ancestry import Ancestry
    from transport.wire.advertisement import Advertisement

__all__ = ["settle_at_hand", "settle_by_asking"]


def settle_at_hand(plan: RefPlan, source: Transport, progress: Progress = SILENT) -> RefPlan | None:
    """Settle by the source's own history; None where that isn't on this disk, or is not whole."""
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
    """Settle by what is known, and ask the source for more where that can't tell.

    `unknown` are ids that the source may not know. Raises TransportError, CorruptData, LimitExceeded.
    """
    pairs = plan.open_pairs
    answers = {pair: answer for pair, (answer, _) in zip(pairs, known.compare(pairs), strict=True)}
    doubtful = [
        pair
        for action in plan.actions
        if action.open and not action.forced and answers[pair := action.pair] is None
    ]
    if doubtful:
        answers |= ask_ancestry(
            source, advertisement, known, doubtful, unknown=unknown, limits=limits, directory=directory
        )
    return settle(plan, lambda action: answers[action.pair])
