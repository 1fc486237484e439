"""The push of a sync: from a settled plan and a pack to an outcome for every ref.

    answer                       outcome of a ref
    ok                           pushed, deleted
    ng, target as at the start   refused, in the server's words; locked, where these say so
    ng, target changed           moved: another writer was faster; nothing was overwritten
    none, for any reason         what the target shows when listed again: not pushed, moved, or
                                 unanswered with a word on whether the new tip is there

Only an explicit ok of the target counts as pushed. The second listing is made only after a refusal or a
missing answer.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from transport.base import Body
from transport.errors import TransportError
from transport.listing import advertise_push
from transport.syncing.decide.ref_plan import short_id
from transport.syncing.deliver.host_profile import TargetLimits
from transport.syncing.deliver.push_series import PushSeries, parted
from transport.syncing.deliver.temp_refs import temp_refs_left
from transport.syncing.measure import Stopwatch
from transport.syncing.outcome.result import Outcome, PackSummary, RefResult, results_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from packcore.errors import PackcoreError
    from packcore.ids import ObjectFormat, ObjectId
    from packcore.progress import Progress
    from transport.base import Transport
    from transport.syncing.decide.ref_plan import RefAction, RefPlan
    from transport.syncing.request import Policy
    from transport.wire.advertisement import Advertisement
    from transport.wire.receive_pack import RefUpdate
    from transport.wire.report import RefReport

__all__ = ["PushOutcome", "Trailer", "list_again", "push_refs"]

WRITING_PHASE = "target: writing pack"


@dataclass(frozen=True, slots=True)
class PushOutcome:
    """The result of a push."""

    refs: Sequence[RefResult]
    commands: int
    pack_bytes: int
    seconds: float
    failure: PackcoreError | None = None
    """Why the push broke off after it had begun, if it did."""
    batch_count: int = 1
    """Packs that were sent, one after the other."""
    planned_batch_count: int = 1
    temp_refs: tuple[str, ...] = ()
    """Refs that held the objects of earlier packs until the last one arrived."""
    checksums: tuple[str, ...] = ()
    """In hex, for each pack that was sent completely."""
    left_temp_refs: tuple[str, ...] = ()
    """Temporary refs that should have been deleted and weren't."""
    size_refusal: str | None = None
    """The target's words, if it refused the pack because it is too large."""

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
            checksums=self.checksums,
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
    limits: TargetLimits | None = None,
    removals: Sequence[RefUpdate] = (),
    whole_bytes: Callable[[], int | None] | None = None,
) -> PushOutcome:
    """Send the plan's commands, and the pack unless all of them delete; in several requests if necessary.

    Each call of `pack` starts over with the pack's blocks; None means an empty pack, or no pack if every
    command deletes. `shallow` are commits of the pack whose parents the source lacks; the target decides
    whether it takes such a history. `whole_bytes` returns the size of the pack as soon as that is known.
    `limits` bound a request, and learn; `removals` delete temporary refs after everything else.
    Raises LimitExceeded for an atomic push that is too large, TransportError if nothing was sent yet,
    and what the pack's own blocks raise, since no target takes the torn body as whole; any other failure
    is part of the outcome.
    """
    watch = Stopwatch()
    if policy.force_blind:
        advertisement = advertise_push(target)
        plan = _at_fresh_tips(plan, advertisement)
    updates = plan.updates()
    if not updates and not removals:
        return PushOutcome(results_of(plan.actions), 0, 0, watch.seconds)
    body = _PackBody(pack, progress, Trailer(advertisement.object_format), whole_bytes)
    series = PushSeries(target, advertisement, policy, limits or TargetLimits(), progress, shallow)
    fits = not policy.atomic or len(parted([*updates, *removals], series.limits)) == 1
    together = [*updates, *(removals if fits else ())]
    series.send(together, None if pack is None else Body(body.blocks), body.is_innocent)
    if not fits and series.ok:
        series.policy = replace(policy, atomic=False)
        series.send(removals, None, lambda _: False)
    tips = None if series.ok else list_again(series.target)
    return PushOutcome(
        _results(series, plan, tips),
        series.commands,
        body.sent_bytes,
        watch.seconds,
        failure=series.failure,
        checksums=body.trailer.checksums,
        left_temp_refs=temp_refs_left(removals, series.reports, tips, progress),
        size_refusal=series.size_refusal,
    )


class Trailer:
    """Watches a pack's blocks, and knows its checksum once all have passed."""

    def __init__(self, object_format: ObjectFormat) -> None:
        self._size = object_format.digest_size
        self.checksums: tuple[str, ...] = ()

    def watch(self, blocks: Iterator[bytes]) -> Iterator[bytes]:
        """Pass the blocks on."""
        self.checksums = ()
        end = b""
        for block in blocks:
            yield block
            end = block if len(block) >= self._size else (end + block)[-self._size :]
        if end:
            self.checksums = (end[-self._size :].hex(),)


class _PackBody:
    """The pack as a body that can be sent again; counts the bytes of the latest attempt."""

    def __init__(
        self,
        pack: Callable[[], Iterator[bytes]] | None,
        progress: Progress,
        trailer: Trailer,
        whole_bytes: Callable[[], int | None] | None,
    ) -> None:
        self._pack = pack or (lambda: iter(()))
        self._is_pack = pack is not None
        self._whole_bytes = whole_bytes or (lambda: None)
        self._progress = progress
        self._started = False
        self._own_error: BaseException | None = None
        self.trailer = trailer
        self.sent_bytes = 0

    def blocks(self) -> Iterator[bytes]:
        self._started = True
        self.sent_bytes = 0
        with self._progress.phase(WRITING_PHASE, unit="bytes") as phase:
            whole: int | None = None
            for block in self.trailer.watch(self._own_blocks()):
                if whole is None and (whole := self._whole_bytes()) is not None:
                    phase.total(whole)
                self.sent_bytes += len(block)  # first: after a refusal midway no further block is requested
                yield block
                phase.advance(len(block))

    def is_innocent(self, error: BaseException) -> bool:
        """Return whether the target can't have the pack: none of it was sent, or its own blocks failed."""
        return self._is_pack and (not self._started or error is self._own_error)

    def _own_blocks(self) -> Iterator[bytes]:
        try:
            yield from self._pack()
        except Exception as error:
            self._own_error = error
            raise


def _at_fresh_tips(plan: RefPlan, fresh: Advertisement) -> RefPlan:
    """Return the plan with the target's current tips in place of those at the start."""
    return plan.changed(lambda action: _against(action, fresh.refs.get(action.target_ref)))


def _against(action: RefAction, tip: ObjectId | None) -> RefAction:
    if not action.pushes or tip == action.target_id:
        return action
    now = f"the target moved to {short_id(tip)} meanwhile" if tip else "the target lost it meanwhile"
    action = action._replace(target_id=tip, reason=f"{action.reason}; {now}")
    if tip == action.source_id:
        return action._replace(action="skip")
    if action.action != "delete":
        return action._replace(action="create" if tip is None else "update")
    return action


def _results(series: PushSeries, plan: RefPlan, tips: Mapping[str, ObjectId] | None) -> Sequence[RefResult]:
    """Account for every ref."""
    return results_of(plan.actions, pushed=lambda action: _result(series, action, tips))


def _result(series: PushSeries, action: RefAction, tips: Mapping[str, ObjectId] | None) -> RefResult:
    report = series.reports.get(action.target_ref)
    if report is not None:
        return _answered(action, report, tips, series.unpack_error)
    if action.target_ref in series.unanswered:
        return _unanswered(action, tips, "no answer from the target")
    return results_of([action], held_back="not sent, since a request before it failed")[0]


def _answered(
    action: RefAction, report: RefReport, tips: Mapping[str, ObjectId] | None, unpack_error: str | None
) -> RefResult:
    if report.ok:
        outcome = Outcome.DELETED if action.action == "delete" else Outcome.PUSHED
        instead = ", ".join(f"{name} {value}" for name, value in report.options)
        note = f"; the target did it its own way: {instead}" if instead else ""
        return RefResult(action, outcome, action.reason + note, report.options)
    words = report.reason or "no reason given"
    if unpack_error is not None:
        words = f"{words} (unpacking: {unpack_error})"
    if not report.reported:
        return _unanswered(action, tips, words)
    refusal = Outcome.LOCKED if report.locked else Outcome.REFUSED
    if tips is None:
        outcome = Outcome.MOVED if report.lost_race else refusal
        return RefResult(action, outcome, f"the target refused it: {words}")
    tip = tips.get(action.target_ref)
    if tip == action.source_id:
        return RefResult(action, Outcome.UP_TO_DATE, f"somebody else did the same meanwhile ({words})")
    was_broken = action.target_id is None and tip is not None and not any(tip)  # listed, but without an id
    if tip != action.target_id and not was_broken:
        words = f"{_moved(action, tip)}; nothing was overwritten; the target says: {words}"
        return RefResult(action, Outcome.MOVED, words)
    return RefResult(action, refusal, f"the target refused it: {words}")


def _unanswered(action: RefAction, tips: Mapping[str, ObjectId] | None, words: str) -> RefResult:
    if tips is None:
        return RefResult(action, Outcome.UNANSWERED, f"{words}, and it can't be listed now")
    tip = tips.get(action.target_ref)
    if tip == action.source_id:
        seen = "the ref is gone" if tip is None else "it shows the new tip"
        return RefResult(action, Outcome.UNANSWERED, f"{words}; listed again, {seen}", arrived=True)
    if tip == action.target_id:
        return RefResult(action, Outcome.NOT_PUSHED, f"{words}; listed again, the ref is as it was")
    doubt = "whether this push was carried out before that is not known"
    return RefResult(action, Outcome.MOVED, f"{words}; {_moved(action, tip)}; {doubt}")


def _moved(action: RefAction, tip: ObjectId | None) -> str:
    then = short_id(action.target_id) if action.target_id else "absent"
    now = "is gone" if tip is None else f"is at {short_id(tip)}" if any(tip) else "can't be read there"
    return f"the target's ref moved during the run (was {then}, {now})"


def list_again(target: Transport) -> dict[str, ObjectId] | None:
    """Return the target's refs as they are now, the zero id for one that it can't read itself.

    None if it can't be asked.
    """
    try:
        return advertise_push(target).tips
    except TransportError:
        return None
