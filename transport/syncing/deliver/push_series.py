"""The commands of one push and its pack, in as many requests as the target takes.

    request 1    some commands, the pack       the pack is sent until a request has a ref accepted,
    request 2    more commands, an empty pack  since a server drops the objects of one that it declined
    ...

Deletions go in requests small enough for a slow server to answer in time; see `_next`. After a request that
was not answered, or whose pack was not unpacked, no further one is sent. The result of each command is then
known, unknown, or "not sent". An atomic push needs one request.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import islice, takewhile
from typing import TYPE_CHECKING

from packcore.errors import LimitExceeded, PackcoreError
from transport.errors import HttpStatusError, LocalProtocolError, TransportError, UnsupportedByRemote
from transport.send_pack import push
from transport.sided import about
from transport.syncing.deliver.ref_requests import deletions_in_time, in_requests
from transport.syncing.deliver.refusals import count_accepted, size_refusal, updates_accepted

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from packcore.ids import ObjectId
    from packcore.progress import Progress
    from transport.base import Body, Transport
    from transport.syncing.deliver.host_profile import TargetLimits
    from transport.syncing.request import Policy
    from transport.wire.advertisement import Advertisement
    from transport.wire.receive_pack import RefUpdate
    from transport.wire.report import RefReport, ReportStatus

__all__ = ["PushSeries", "check_atomic", "parted"]

DELETIONS_TOGETHER_MAX = 25_000
"""Most deletions in one atomic request: some seconds of a server's time."""


def parted(updates: Sequence[RefUpdate], limits: TargetLimits) -> list[list[RefUpdate]]:
    """Return the commands in requests, by the known limits of the target."""
    return list(in_requests(updates, count_max=limits.ref_updates_max, bytes_max=limits.body_bytes_max))


def check_atomic(updates: Sequence[RefUpdate], policy: Policy, limits: TargetLimits) -> None:
    """Raise LimitExceeded for an atomic push that doesn't fit one request."""
    if policy.atomic and len(parted(updates, limits)) > 1:
        raise LimitExceeded(
            f"an atomic push of {len(updates)} refs, more than the target takes in one request",
            limit="target-max-ref-updates",
            hint="push without atomic, or fewer refs",
            option="atomic",
        )


@dataclass(slots=True)
class PushSeries:
    """What was sent, and what the target answered."""

    target: Transport
    advertisement: Advertisement
    policy: Policy
    limits: TargetLimits
    progress: Progress
    shallow: Collection[ObjectId] = ()
    reports: dict[str, RefReport] = field(default_factory=dict)
    """By ref, for the requests that were answered."""
    unanswered: set[str] = field(default_factory=set)
    """Refs of a request that was not answered."""
    unpack_error: str | None = None
    size_refusal: str | None = None
    """The target's words, if it could not unpack the pack because it is too large."""
    failure: PackcoreError | None = None
    commands: int = 0
    _deletes_together: bool = True

    @property
    def ok(self) -> bool:
        """Whether the target said ok to all that was sent, and nothing was held back."""
        return self.failure is None and all(report.ok for report in self.reports.values())

    def send(
        self, updates: Sequence[RefUpdate], pack: Body | None, is_innocent: Callable[[BaseException], bool]
    ) -> None:
        """Send all commands; `pack` with the first request that doesn't only delete.

        `is_innocent` says that the target can't have taken the pack when an error came: the error is raised,
        unless a request was answered before. Raises LimitExceeded for an atomic push that doesn't fit one
        request.
        """
        waiting = list(updates)
        check_atomic(waiting, self.policy, self.limits)
        while waiting:
            chunk, together = self._next(waiting)
            carries = pack is not None and not all(update.is_delete for update in chunk)
            try:
                report, messages = self._request(chunk, pack if carries else None, atomic=together)
            except PackcoreError as error:
                if self._learned(error, len(chunk)):
                    continue
                never_sent = not isinstance(error, TransportError) or isinstance(
                    error, LocalProtocolError | UnsupportedByRemote
                )
                if not self.reports and (never_sent or (carries and is_innocent(error))):
                    raise
                self.failure = error
                self.unanswered = {update.name for update in chunk}
                return
            accepted = None if self.policy.atomic else updates_accepted(report, messages)
            if accepted is not None:
                self._part(accepted)
                continue
            if together and not self.policy.atomic and report.complete and not report.ok:
                self._deletes_together = False  # none was done: try each on its own where possible
                continue
            self.reports |= report.refs
            self.unpack_error = self.unpack_error or report.unpack_error
            if report.unpack_error:
                self.size_refusal = size_refusal([*messages, report.unpack_error])
            if report.unpack_error or not report.complete:
                return
            del waiting[: len(chunk)]
            if carries and any(ref.ok for ref in report.refs.values()):
                pack = None

    def _next(self, waiting: Sequence[RefUpdate]) -> tuple[list[RefUpdate], bool]:
        """Return the commands of the next request, and whether it is atomic.

        Without atomicity a server rewrites all its refs for each deletion, and is silent meanwhile. If there
        are more deletions than it can do in time, they are one atomic change; if any of them is refused, they
        go in smaller requests.
        """
        limits = self.limits
        if self.policy.atomic:
            return parted(waiting, limits)[0], True
        in_time = deletions_in_time(len(self.advertisement.refs))
        if self._deletes_together and self.advertisement.capabilities.atomic:
            some = islice(waiting, DELETIONS_TOGETHER_MAX)
            deletions = list(takewhile(lambda update: update.is_delete, some))
            if len(deletions) > in_time:
                return parted(deletions, limits)[0], True
        requests = in_requests(
            waiting,
            count_max=limits.ref_updates_max,
            bytes_max=limits.body_bytes_max,
            deletions_max=in_time,
        )
        return next(requests), False

    def _learned(self, error: PackcoreError, sent: int) -> bool:
        """Return whether a status said that there were too many commands; then none of them was done."""
        if self.policy.atomic or sent < 2 or not isinstance(error, HttpStatusError):
            return False
        accepted = count_accepted([str(error)], sent)
        if accepted is not None:
            self._part(accepted)
        return accepted is not None

    def _part(self, accepted: int) -> None:
        self.limits.refuse_updates(accepted)
        self.progress.message("target", f"takes no more than {accepted} refs at once: sent in parts")

    @about("target")
    def _request(
        self, updates: Sequence[RefUpdate], pack: Body | None, *, atomic: bool
    ) -> tuple[ReportStatus, list[str]]:
        messages: list[str] = []

        def heard(text: str) -> None:
            messages.append(text)
            self.progress.message("target", text)

        self.commands += len(updates)
        report = push(
            self.target,
            self.advertisement,
            updates,
            pack,
            atomic=atomic,
            push_options=self.policy.push_options,
            shallow=sorted(self.shallow),
            on_message=heard,
        )
        for warning in report.warnings:
            self.progress.message("target", warning)
        return report, messages
