"""One repository of many: what to sync, and the outcome. All of this can be pickled.

status       exit code   error           result
done         0           -               there
incomplete   1           -               there: some ref was blocked, refused, or reads back otherwise
failed       1 to 5      why             there where the push had begun
timed-out    1           the limit       likewise
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

from transport.endpoint import shown
from transport.errors import InvalidRequest
from transport.options import TransportOptions
from transport.spelling import spelled_hint, spelled_message
from transport.syncing.outcome.receipt import Asked, run_receipt
from transport.syncing.outcome.result import FAILURE_EXIT_CODE
from transport.syncing.request import SyncRequest

if TYPE_CHECKING:
    from datetime import datetime

    from packcore.errors import PackcoreError
    from transport.syncing.outcome.result import SyncResult

__all__ = ["FleetResult", "PairOutcome", "PairStatus", "SyncPair"]


@dataclass(frozen=True, slots=True)
class SyncPair:
    """A source, its target, and how to sync them. Raises InvalidEndpoint and InvalidRequest."""

    name: str
    """Identifies outcomes; each pair of a fleet has a different one."""
    source: str = field(repr=False)
    target: str = field(repr=False)
    request: SyncRequest = field(default_factory=SyncRequest)
    source_options: TransportOptions = field(default_factory=TransportOptions)
    target_options: TransportOptions = field(default_factory=TransportOptions)
    time_limit: float | None = None
    """Seconds that the run may take from its start; None means no limit."""

    def __post_init__(self) -> None:
        if not self.name:
            raise InvalidRequest("a pair needs a name")
        if self.time_limit is not None and not self.time_limit > 0:
            raise InvalidRequest("a time limit must be above zero")
        shown(self.source), shown(self.target)


class PairStatus(Enum):
    """What became of one pair."""

    DONE = "done"
    INCOMPLETE = "incomplete"
    FAILED = "failed"
    TIMED_OUT = "timed-out"


@dataclass(frozen=True, slots=True)
class PairOutcome:
    """What came of one pair."""

    name: str
    status: PairStatus
    started_at: datetime
    seconds: float
    asked: Asked
    result: SyncResult | None = None
    error: PackcoreError | None = None
    messages: tuple[str, ...] = ()
    """The last lines of the remotes' and our own messages."""
    worker: str = ""
    """Host and process that it ran on; empty if that never became known."""
    peak_rss_bytes: int | None = None
    """Peak memory of this process until then, including its other work."""
    traceback: str = ""
    """Set for an error that is our own bug."""

    @property
    def exit_code(self) -> int:
        """0 for done; else the exit code that a sync of this pair alone would have had."""
        if self.error is not None:
            return self.error.exit_code
        return 0 if self.status is PairStatus.DONE else FAILURE_EXIT_CODE

    def to_json(self) -> dict[str, Any]:
        """Return the line of this pair; `result` is the object that `sync --json` prints."""
        return {
            "name": self.name,
            "source": self.asked.source,
            "target": self.asked.target,
            "status": self.status.value,
            "exitCode": self.exit_code,
            "error": None if self.error is None else spelled_message(self.error),
            "hint": None if self.error is None else spelled_hint(self.error),
            "seconds": round(self.seconds, 6),
            "worker": self.worker,
            "peakRssBytes": self.peak_rss_bytes,
            "messages": list(self.messages),
            "result": None if self.result is None else self.result.to_json(),
        }

    def receipt(self) -> dict[str, Any]:
        """Return this pair's part of a receipt."""
        return {
            "name": self.name,
            "status": self.status.value,
            "startedAt": self.started_at.isoformat(timespec="seconds").replace("+00:00", "Z"),
            "elapsedSeconds": round(self.seconds, 6),
            **run_receipt(self.asked, self.result, error=self.error),
        }


@dataclass(frozen=True, slots=True)
class FleetResult:
    """The outcomes of all pairs, in the order in which they were given."""

    outcomes: tuple[PairOutcome, ...]
    seconds: float
    peak_rss_bytes: int | None = None
    """Of the largest process that took part, among those that reported it."""

    def count(self, status: PairStatus) -> int:
        """Return how many pairs have this status."""
        return Counter(outcome.status for outcome in self.outcomes)[status]

    @property
    def failed(self) -> tuple[PairOutcome, ...]:
        """Those that are not done."""
        return tuple(outcome for outcome in self.outcomes if outcome.status is not PairStatus.DONE)

    @property
    def exit_code(self) -> int:
        """0 if all are done, else 1."""
        return FAILURE_EXIT_CODE if self.failed else 0

    def to_json(self) -> dict[str, Any]:
        """Return the object that follows the lines of the pairs."""
        return {
            "pairs": len(self.outcomes),
            "done": self.count(PairStatus.DONE),
            "incomplete": self.count(PairStatus.INCOMPLETE),
            "failed": self.count(PairStatus.FAILED),
            "timedOut": self.count(PairStatus.TIMED_OUT),
            "notDone": [outcome.name for outcome in self.failed],
            "pushed": sum(outcome.result.pushed for outcome in self.outcomes if outcome.result),
            "deleted": sum(outcome.result.deleted for outcome in self.outcomes if outcome.result),
            "elapsedSeconds": round(self.seconds, 6),
            "peakRssBytes": self.peak_rss_bytes,
            "exitCode": self.exit_code,
        }
