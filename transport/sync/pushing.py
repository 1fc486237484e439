"""The push of a sync: from a settled plan and a pack to an outcome for every ref.

    answer                       outcome of a ref
    ok                           pushed, deleted
    ng, target as at the start   refused, in the server's words
    ng, target changed           moved: somebody else was faster; nothing was overwritten
    none, for whatever reason    what the target shows when listed again: not pushed, moved, or
                                 unanswered with a word on whether the new tip is there

Only an explicit ok of the target counts as pushed. The second listing is made only after a refusal or a
missing answer.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from transport.base import Body
from transport.errors import LocalProtocolError, TransportError, UnsupportedByRemote
from transport.push import advertise_push, push
from transport.sync.measure import Stopwatch
from transport.sync.planner import short_id
from transport.sync.result import Outcome, PackSummary, RefResult, results_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from packcore.errors import PackcoreError
    from packcore.ids import ObjectId
    from packcore.progress import Progress
    from transport.base import Transport
    from transport.sync.planner import RefAction, RefPlan
    from transport.sync.request import Policy
    from transport.wire.advertisement import Advertisement
    from transport.wire.report import RefReport, ReportStatus

__all__ = ["PushOutcome", "push_refs"]

WRITING_PHASE = "target: writing pack"


@dataclass(frozen=True, slots=True)
class PushOutcome:
    """What came of a push."""

    refs: list[RefResult]
    commands: int
    pack_bytes: int
    seconds: float
    failure: PackcoreError | None = None
    """Why the push broke off, where it did after it had begun."""

    def summary(
        self,
        target: Transport,
        *,
        objects: int,
        deltas: int,
        reused: int,
        strategy: str,
        select_seconds: float = 0.0,
        unsearched: int = 0,
    ) -> PackSummary:
        """Return the figures of the pack that was sent."""
        return PackSummary(
            objects=objects,
            deltas=deltas,
            reused=reused,
            bytes=self.pack_bytes,
            select_seconds=select_seconds,
            write_seconds=self.seconds,
            first_byte_seconds=target.stats.first_byte_seconds,
            longest_gap_seconds=target.stats.longest_gap_seconds,
            longest_stall_seconds=target.stats.longest_stall_seconds,
            strategy=strategy,
            unsearched=unsearched,
        )


def push_refs(
    target: Transport,
    advertisement: Advertisement,
    plan: RefPlan,
    pack: Callable[[], Iterator[bytes]] | None,
    *,
    policy: Policy,
    progress: Progress,
    shallow: Collection[ObjectId] = (),
) -> PushOutcome:
    """Send the plan's commands, and the pack unless all of them delete.

    `pack` starts over a pack's blocks each time it is called; None stands for an empty pack, or for none
    where every command deletes. `shallow` are commits of the pack whose parents the source lacks; the
    target decides whether it takes such a history.
    Raises TransportError where nothing was sent yet, and what the pack's own blocks raise, since the body
    is torn then and no target takes it for whole; any other failure is part of the outcome.
    """
    watch = Stopwatch()
    if policy.force_blind:
        advertisement = advertise_push(target)
        plan = _at_fresh_tips(plan, advertisement)
    updates = plan.updates()
    if not updates:
        return PushOutcome(results_of(plan.actions), 0, 0, watch.seconds)
    body = None if pack is None else _PackBody(pack, progress)
    try:
        report = push(
            target,
            advertisement,
            updates,
            None if body is None else Body(body.blocks),
            atomic=policy.atomic,
            push_options=policy.push_options,
            shallow=sorted(shallow),
            on_message=lambda text: progress.message("target", text),
        )
    except TransportError as error:
        if isinstance(error, LocalProtocolError | UnsupportedByRemote) or (body and body.is_innocent(error)):
            raise
        refs = _results_after_failure(target, plan)
        return PushOutcome(refs, len(updates), body.sent_bytes if body else 0, watch.seconds, error)
    for warning in report.warnings:
        progress.message("target", warning)
    refs = _results(target, plan, report)
    return PushOutcome(refs, len(updates), body.sent_bytes if body else 0, watch.seconds)


class _PackBody:
    """The pack as a body that can be sent again; counts the bytes of the latest time."""

    def __init__(self, pack: Callable[[], Iterator[bytes]], progress: Progress) -> None:
        self._pack = pack
        self._progress = progress
        self._started = False
        self._own_error: BaseException | None = None
        self.sent_bytes = 0

    def blocks(self) -> Iterator[bytes]:
        self._started = True
        self.sent_bytes = 0
        with self._progress.phase(WRITING_PHASE, unit="bytes") as phase:
            for block in self._own_blocks():
                yield block
                self.sent_bytes += len(block)
                phase.advance(len(block))

    def is_innocent(self, error: BaseException) -> bool:
        """Tell whether the target can't have taken the pack: none of it was sent, or it broke by itself."""
        return not self._started or error is self._own_error

    def _own_blocks(self) -> Iterator[bytes]:
        try:
            yield from self._pack()
        except Exception as error:
            self._own_error = error
            raise


def _at_fresh_tips(plan: RefPlan, fresh: Advertisement) -> RefPlan:
    """Return the plan against the tips that the target has now, whatever they were at the start."""
    actions = []
    for action in plan.actions:
        tip = fresh.refs.get(action.target_ref)
        if action.pushes and tip != action.target_id:
            action = _against(action, tip)
        actions.append(action)
    return replace(plan, actions=tuple(actions))


def _against(action: RefAction, tip: ObjectId | None) -> RefAction:
    now = f"the target moved to {short_id(tip)} meanwhile" if tip else "the target lost it meanwhile"
    action = action._replace(target_id=tip, reason=f"{action.reason}; {now}")
    if tip == action.source_id:
        return action._replace(action="skip")
    if action.action != "delete":
        return action._replace(action="create" if tip is None else "update")
    return action


def _results(target: Transport, plan: RefPlan, report: ReportStatus) -> list[RefResult]:
    """Account for every ref of a push that was answered."""
    tips = None if report.ok else _list_again(target)
    return [
        _answered(action, report.refs[action.target_ref], tips, report.unpack_error)
        if action.pushes
        else results_of([action])[0]
        for action in plan.actions
    ]


def _results_after_failure(target: Transport, plan: RefPlan) -> list[RefResult]:
    """Account for every ref of a push whose answer never came."""
    tips = _list_again(target)
    return [
        _unanswered(action, tips, "no answer from the target") if action.pushes else results_of([action])[0]
        for action in plan.actions
    ]


def _answered(
    action: RefAction, report: RefReport, tips: Mapping[str, ObjectId] | None, unpack_error: str | None
) -> RefResult:
    if report.ok:
        outcome = Outcome.DELETED if action.action == "delete" else Outcome.PUSHED
        instead = ", ".join(f"{name} {value}" for name, value in report.options)
        note = f"; the target did it its own way: {instead}" if instead else ""
        return RefResult(action, outcome, action.reason + note)
    words = report.reason or "no reason given"
    if unpack_error is not None:
        words = f"{words} (unpacking: {unpack_error})"
    if not report.reported:
        return _unanswered(action, tips, words)
    if tips is None:
        outcome = Outcome.MOVED if report.lost_race else Outcome.REFUSED
        return RefResult(action, outcome, f"the target refused it: {words}")
    tip = tips.get(action.target_ref)
    if tip == action.source_id:
        return RefResult(action, Outcome.UP_TO_DATE, f"somebody else did the same meanwhile ({words})")
    if tip != action.target_id:
        return RefResult(action, Outcome.MOVED, f"{_moved(action, tip)}; the target says: {words}")
    return RefResult(action, Outcome.REFUSED, f"the target refused it: {words}")


def _unanswered(action: RefAction, tips: Mapping[str, ObjectId] | None, words: str) -> RefResult:
    if tips is None:
        return RefResult(action, Outcome.UNANSWERED, f"{words}, and it can't be listed now")
    tip = tips.get(action.target_ref)
    if tip == action.source_id:
        seen = "the ref is gone" if tip is None else "it shows the new tip"
        return RefResult(action, Outcome.UNANSWERED, f"{words}; listed again, {seen}")
    if tip == action.target_id:
        return RefResult(action, Outcome.NOT_PUSHED, f"{words}; listed again, the ref is as it was")
    return RefResult(action, Outcome.MOVED, f"{words}; {_moved(action, tip)}")


def _moved(action: RefAction, tip: ObjectId | None) -> str:
    then = short_id(action.target_id) if action.target_id else "absent"
    now = f"is at {short_id(tip)}" if tip else "is gone"
    return f"the target's ref moved during the run (was {then}, {now}); nothing was overwritten"


def _list_again(target: Transport) -> dict[str, ObjectId] | None:
    """Return the target's refs as they are now; None where it can't be asked."""
    try:
        return advertise_push(target).refs
    except TransportError:
        return None
