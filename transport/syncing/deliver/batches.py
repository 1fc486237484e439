"""A push in several requests: temporary refs hold each batch, and the last request cuts over.

    batch 1     pack   create refs/packcore/bootstrap/<id>      the refs that users see are as they were
    batch 2     pack   create refs/packcore/bootstrap/<id>
    cutover            create and update the users' refs, delete the temporary ones

The cutover is one atomic request if the target supports that. If one of its refs is refused, the cutover is
repeated without atomicity, unless the user requested it. `BodyRefused` reports a batch that the target finds
too large, and the caller makes it smaller. If an answer leaves open whether the batch was taken (`refusals`),
the target is listed again: the batch was taken if its temporary refs are there.

A run that ends in between leaves its temporary refs, and the next one goes on from them. The cutover deletes
all temporary refs, including those of older runs.
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING

from packcore.errors import LimitExceeded, PackcoreError
from transport.agent import agent
from transport.base import Body
from transport.errors import (
    RefRejected,
    RemoteError,
    TransportError,
    TruncatedAnswer,
    UnsupportedByRemote,
)
from transport.listing import advertise_push
from transport.send_pack import push
from transport.sided import about
from transport.syncing.deliver.push_series import check_atomic, parted
from transport.syncing.deliver.pushing import PushOutcome, Trailer, push_refs
from transport.syncing.deliver.refusals import (
    BodyRefused,
    Meaning,
    count_accepted,
    meaning,
    size_refusal,
    updates_accepted,
)
from transport.syncing.deliver.temp_refs import advertised_temp_refs, creations, deletions, temp_ref
from transport.syncing.measure import Stopwatch
from transport.syncing.outcome.result import Outcome, results_of
from transport.wire.receive_pack import PushOptions, encode_commands

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from packcore.ids import ObjectId
    from packcore.progress import Progress
    from transport.base import Transport
    from transport.syncing.decide.ref_plan import RefPlan
    from transport.syncing.deliver.host_profile import TargetLimits
    from transport.syncing.request import Policy
    from transport.wire.advertisement import Advertisement
    from transport.wire.receive_pack import RefUpdate
    from transport.wire.report import ReportStatus

__all__ = ["BatchedPush"]

_MESSAGES_KEPT = 50


class BatchedPush:
    """The target's side of one push in batches, and what it has learned about the target."""

    def __init__(
        self,
        target: Transport,
        advertisement: Advertisement,
        plan: RefPlan,
        *,
        policy: Policy,
        limits: TargetLimits,
        progress: Progress,
    ) -> None:
        """Take the plan that the cutover carries out."""
        self.limits = limits
        self.batch_count = 0
        self.planned_batch_count = 0
        self.pack_bytes = 0
        self.may_grow = False
        """Whether the limit has grown, so that parts cut to the old one may be cut again."""
        self._target = target
        self._advertisement = advertisement
        self._policy = policy
        self._plan = plan
        self._progress = progress
        self._held = advertised_temp_refs(advertisement)
        self._made: list[str] = []
        self._trailer = Trailer(advertisement.object_format)
        self._checksums: list[str] = []
        self._watch = Stopwatch()

    @about("target")
    def check(self) -> None:
        """Raise an error before the push if it can't work.

        Raises UnsupportedByRemote if the target can't delete temporary refs again, or can't do the requested
        atomic push; LimitExceeded for an atomic push of more refs than one request takes.
        """
        check_atomic(self._plan.updates(), self._policy, self.limits)
        if self._policy.atomic and not self._advertisement.capabilities.atomic:
            raise UnsupportedByRemote(
                "the remote does not support atomic pushes", hint="push without atomic", option="atomic"
            )
        if not self._advertisement.capabilities.delete_refs:
            raise UnsupportedByRemote(
                "the target can't delete refs, so a push in batches would leave its temporary refs behind"
            )

    @property
    def temp_refs(self) -> tuple[str, ...]:
        """Names of the temporary refs that this run has created."""
        return tuple(self._made)

    def head_bytes(self, tops: Sequence[ObjectId]) -> int:
        """Return the size of the commands that hold these objects."""
        return len(
            encode_commands(
                self._creations(tops),
                self._advertisement.capabilities,
                PushOptions(push_options=self._policy.push_options),
                agent=agent(),
            )
        )

    def is_held(self, tops: Collection[ObjectId]) -> bool:
        """Return whether a batch is on the target already, from this run or an earlier one."""
        return all(temp_ref(oid) in self._held for oid in tops)

    def hold(
        self,
        tops: Sequence[ObjectId],
        blocks: Callable[[], Iterator[bytes]],
        body_bytes: int,
        *,
        shallow: Collection[ObjectId] = (),
    ) -> None:
        """Push one batch; temporary refs hold its tops.

        Raises BodyRefused if it was too large, RefRejected if the target takes no such refs, and
        TransportError for anything else.
        """
        updates_max = self.limits.ref_updates_max
        tops = tops[:updates_max]
        if self.is_held(tops):
            return
        updates = [update for update in self._creations(tops) if update.name not in self._held]
        names = [update.name for update in updates]
        try:
            self._push_batch(updates, blocks, body_bytes, shallow)
        except (BodyRefused, TransportError) as error:
            if self.limits.ref_updates_max != updates_max:  # too many refs at once: fewer may do
                self.hold(tops, blocks, body_bytes, shallow=shallow)
                return
            if not isinstance(error, BodyRefused | RefRejected):
                self._made += names  # They may be there, so the result must name them.
            raise
        self.batch_count += 1
        self._checksums += self._trailer.checksums
        self._made += names
        self._held |= {update.name: update.new for update in updates}

    def _push_batch(
        self,
        updates: Sequence[RefUpdate],
        blocks: Callable[[], Iterator[bytes]],
        body_bytes: int,
        shallow: Collection[ObjectId],
    ) -> None:
        """Push one batch and check that the target took it. Raises as `hold`."""
        messages: deque[str] = deque(maxlen=_MESSAGES_KEPT)
        try:
            report = push(
                self._target,
                self._advertisement,
                updates,
                Body(lambda: self._counted(blocks)),
                push_options=self._policy.push_options,
                shallow=sorted(shallow),
                on_message=lambda text: self._heard(text, messages),
            )
        except TransportError as error:
            self._learn(count_accepted([str(error)], len(updates)))
            if Meaning.SMALLER_MAY_DO not in meaning(error):
                raise
            self._check_again(updates, error, body_bytes)
        else:
            self._check(report, updates, messages, body_bytes)
            self.may_grow |= self.limits.take_body(body_bytes)

    def cut_over(self) -> PushOutcome:
        """Set the plan's refs and delete the temporary ones. A failure is part of the outcome.

        Raises as `push_refs` does, if no batch was sent before.
        """
        try:
            return self._cut_over()
        except (LimitExceeded, TransportError) as error:  # it takes less than before, or can't be listed
            if not self._made:
                raise
            return self.broken_off(error)

    def _cut_over(self) -> PushOutcome:
        removals = deletions(self._held, self._advertisement.object_format)
        together = self._policy
        if self._advertisement.capabilities.atomic and len(parted(self._plan.updates(), self.limits)) == 1:
            together = replace(self._policy, atomic=True)
        outcome = self._pushed(together, removals)
        refusals = {Outcome.REFUSED, Outcome.MOVED, Outcome.LOCKED}
        refused = any(ref.outcome in refusals for ref in outcome.refs)
        if refused and together != self._policy:
            outcome = self._pushed(self._policy, removals)
        return self._with_figures(outcome)

    def broken_off(self, error: PackcoreError) -> PushOutcome:
        """Return the outcome of a push that ended before its cutover; the users' refs are unchanged."""
        if isinstance(error, BodyRefused):
            error = error.error
        why = "the push broke off; what was sent is kept for the next run" if self._held else "not pushed"
        return self._with_figures(
            PushOutcome(results_of(self._plan.actions, held_back=why), 0, 0, self._watch.seconds, error)
        )

    def _pushed(self, policy: Policy, removals: Sequence[RefUpdate]) -> PushOutcome:
        return push_refs(
            self._target,
            self._advertisement,
            self._plan,
            None,
            policy=policy,
            progress=self._progress,
            limits=self.limits,
            removals=removals,
        )

    def _with_figures(self, outcome: PushOutcome) -> PushOutcome:
        return replace(
            outcome,
            pack_bytes=self.pack_bytes,
            seconds=self._watch.seconds,
            batch_count=self.batch_count,
            planned_batch_count=max(self.planned_batch_count, self.batch_count),
            temp_refs=self.temp_refs,
            checksums=tuple(self._checksums),
        )

    def _creations(self, tops: Sequence[ObjectId]) -> list[RefUpdate]:
        return creations(tops, self._advertisement.object_format)

    def _counted(self, blocks: Callable[[], Iterator[bytes]]) -> Iterator[bytes]:
        number, planned = self.batch_count + 1, max(self.planned_batch_count, self.batch_count + 1)
        with self._progress.phase(f"target: batch {number} of {planned}", unit="bytes") as phase:
            for block in self._trailer.watch(blocks()):
                yield block
                self.pack_bytes += len(block)
                phase.advance(len(block))

    def _heard(self, text: str, messages: deque[str]) -> None:
        messages.append(text)
        self._progress.message("target", text)

    @about("target")
    def _check(
        self, report: ReportStatus, updates: Sequence[RefUpdate], messages: Sequence[str], body_bytes: int
    ) -> None:
        """Raise an error for whatever in a report isn't success."""
        if report.ok:
            return
        if not report.complete:
            error = TruncatedAnswer("the target's report on a batch was cut off")
            self._check_again(updates, error, body_bytes)
            return
        self._learn(updates_accepted(report, messages))
        if (words := size_refusal([*messages, report.unpack_error or ""])) is not None:
            raise BodyRefused(RemoteError(f"the target refused a pack: {words}"), body_bytes)
        fault = next(ref for ref in report.refs.values() if not ref.ok)
        if (fault.lost_race or not fault.reported) and self._are_there(updates):
            return  # another run is at the same work, or the report leaves a ref out
        self._made += [ref.name for ref in report.refs.values() if ref.ok]
        unpacking = f" (unpacking: {report.unpack_error})" if report.unpack_error else ""
        raise RefRejected(
            fault.name,
            f"the target refused this temporary ref: {fault.reason}{unpacking}",
            hint="a push in batches needs refs below refs/packcore/bootstrap/ on the target",
        )

    def _learn(self, updates_max: int | None) -> None:
        """Remember how many refs the target takes in one request, if it said so."""
        if updates_max is not None:
            self.limits.refuse_updates(updates_max)

    def _check_again(self, updates: Sequence[RefUpdate], error: TransportError, body_bytes: int) -> None:
        """Check whether the batch was taken, after an unclear answer. Raises BodyRefused if not."""
        if Meaning.SURELY_NOT_TAKEN not in meaning(error) and self._are_there(updates, error):
            return
        raise BodyRefused(error, body_bytes) from None

    def _are_there(self, updates: Sequence[RefUpdate], error: TransportError | None = None) -> bool:
        """List the target again. If that fails too, raise the first error."""
        try:
            refs = advertise_push(self._target).refs
        except TransportError as second:
            raise error or second from None
        return all(refs.get(update.name) == update.new for update in updates)
