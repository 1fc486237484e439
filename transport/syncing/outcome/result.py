"""The result of a sync: every ref accounted for, typed, and as the JSON object that programs read.

    action    what was decided for the ref           create update delete skip block warn
    outcome   what became of it                      see `Outcome`

The two differ if the target decided otherwise. In JSON a refused ref has the action `warn`, as in git-sync,
with the server's words as its reason; `outcome` gives the exact result.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple

from transport.errors import TargetRefMoved, error_object
from transport.syncing.decide.ref_plan import skipped
from transport.syncing.decide.up_to_date import PerRef, others_of, up_to_date_in
from transport.syncing.measure import Measurement, Stats

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from packcore.errors import PackcoreError
    from packcore.ids import ObjectId
    from packcore.refs import RefKind
    from transport.syncing.decide.ref_plan import RefAction
    from transport.syncing.outcome.verification import Verification

__all__ = ["Outcome", "PackSummary", "Price", "RefResult", "Results", "SyncResult", "results_of"]

FAILURE_EXIT_CODE = 1


class Outcome(Enum):
    """What became of one ref."""

    __hash__ = object.__hash__
    """Members are singletons; Enum's own hash is a Python function, called for each ref that is counted."""

    PUSHED = "pushed"
    """Created or updated: the target said so."""
    DELETED = "deleted"
    UP_TO_DATE = "up-to-date"
    BLOCKED = "blocked"
    """Not tried: it would have overwritten something."""
    REFUSED = "refused"
    """The target said no; the reason holds its words."""
    MOVED = "moved"
    """Another writer changed the target's ref during the run; nothing was overwritten."""
    LOCKED = "locked"
    """Another process held the ref's lock; nothing was changed. The reason names the file and its holder."""
    NOT_PUSHED = "not-pushed"
    """Held back: a dry run, an atomic push that another ref prevented, or a push that broke off."""
    UNANSWERED = "unanswered"
    """The target never said; the reason says what it shows when listed again."""
    IGNORED = "ignored"
    """Left alone, with a warning."""
    UNREADABLE = "unreadable"
    """The source has the ref, or may have it, but can't read it: the target's ref is unchanged."""
    HIDDEN = "hidden"
    """The source may have the ref and hide it: it would have been pruned, and is unchanged."""


class RefResult(NamedTuple):
    """One ref: what was decided, and what became of it."""

    planned: RefAction
    outcome: Outcome
    reason: str
    options: tuple[tuple[str, str], ...] = ()
    """What the target did instead, by its report, such as ("refname", "refs/heads/other")."""
    arrived: bool = False
    """Not answered, but listed again the target shows the intended state."""

    def to_json(self) -> dict[str, Any]:
        """Return an item of `plans`. Ids are hex, and empty where there is none."""
        planned = self.planned
        return {
            "branch": planned.branch,
            "sourceRef": planned.source_ref,
            "targetRef": planned.target_ref,
            "sourceHash": _hex(planned.source_id),
            "targetHash": _hex(planned.target_id),
            "kind": planned.kind,
            "action": "warn" if self.outcome in _REFUSALS else planned.action,
            "reason": self.reason,
            "outcome": self.outcome.value,
        }


class Results(PerRef[RefResult]):
    """The results of a run."""

    def _name(self, item: RefResult) -> str:
        return item.planned.target_ref

    def _made(self, name: str) -> RefResult:
        action = skipped(self.up_to_date, name)
        return RefResult(action, Outcome.UP_TO_DATE, action.reason)


_REFUSALS = {Outcome.REFUSED, Outcome.MOVED, Outcome.LOCKED, Outcome.UNANSWERED}


class PackSummary(NamedTuple):
    """The pack that was sent: our own, or the source's, relayed."""

    objects: int
    deltas: int
    reused: int
    """Entries copied as they were in the source's pack."""
    bytes: int
    select_seconds: float
    write_seconds: float
    """From the start of the push to the target's answer."""
    first_byte_seconds: float | None
    longest_gap_seconds: float | None
    """Longest gap between two chunks of the body; a server that unpacks while it reads causes gaps too."""
    longest_stall_seconds: float | None
    """How long the connection had room and the writer had nothing: our own part of a gap."""
    strategy: str
    """The strategy that selected the deltas; "relay" for the source's own pack."""
    unsearched: int = 0
    """Objects that selection did not reach before its budget was used up."""
    checksums: tuple[str, ...] = ()
    """In hex, for the pack or for each of several; none for a pack that was not sent whole."""

    def to_json(self) -> dict[str, Any]:
        """Return the `pack` object of `--json`."""
        return {
            "objects": self.objects,
            "deltas": self.deltas,
            "reused": self.reused,
            "bytes": self.bytes,
            "selectSeconds": _rounded(self.select_seconds),
            "writeSeconds": _rounded(self.write_seconds),
            "firstByteSeconds": _rounded(self.first_byte_seconds),
            "longestGapSeconds": _rounded(self.longest_gap_seconds),
            "longestStallSeconds": _rounded(self.longest_stall_seconds),
            "strategy": self.strategy,
            "complete": not self.unsearched,
            "unsearched": self.unsearched,
            "checksums": list(self.checksums),
        }


class Price(NamedTuple):
    """What a planned run would cost, as far as a dry run can know."""

    objects: int | None
    """Upper limit of the objects that travel; None if only the source's whole pack would show it."""
    pack_bytes: int | None
    memory_bytes: int | None
    """In addition to the program itself; for a relay it doesn't depend on the pack."""

    def to_json(self) -> dict[str, Any]:
        """Return the `price` object of `--json`."""
        return {"objects": self.objects, "packBytes": self.pack_bytes, "memoryBytes": self.memory_bytes}


@dataclass(frozen=True, slots=True)
class SyncResult:
    """All of a run. `failure` is set if it broke off, or went wrong, after the push had begun."""

    refs: Sequence[RefResult]
    """Ordered by target ref; those that a run makes are `Results`."""
    protocol: str
    """Spoken with the source: v0, v1 or v2."""
    source_head: str | None = None
    dry_run: bool = False
    operation_mode: str = "sync"
    relay: bool = False
    relay_mode: str = ""
    relay_reason: str = ""
    """Why the objects travel as they do, for programs; `transport.syncing.decide.modes` lists the words."""
    explanation: str = ""
    """The same for people."""
    batch_count: int = 0
    planned_batch_count: int = 0
    temp_refs: tuple[str, ...] = ()
    left_temp_refs: tuple[str, ...] = ()
    """Temporary refs that are still on the target though they should be deleted; the next run tries again."""
    pack: PackSummary | None = None
    source_hides: tuple[RefKind, ...] = ()
    """Kinds of refs in scope that the source says it hides in part."""
    price: Price | None = None
    """Set for a dry run that has something to push."""
    stats: Stats = field(default_factory=Stats)
    measurement: Measurement = field(default_factory=Measurement)
    failure: PackcoreError | None = None
    verification: Verification | None = None
    """What reading the target back showed; None if not requested."""

    def count(self, *outcomes: Outcome) -> int:
        """Return how many refs have one of these outcomes."""
        others = others_of(self.refs)
        up_to_date = len(self.refs) - len(others) if Outcome.UP_TO_DATE in outcomes else 0
        return up_to_date + sum(map([ref.outcome for ref in others].count, outcomes))

    @property
    def pushed(self) -> int:
        """Refs created or updated."""
        return self.count(Outcome.PUSHED)

    @property
    def deleted(self) -> int:
        """Refs deleted."""
        return self.count(Outcome.DELETED)

    @property
    def skipped(self) -> int:
        """Refs that needed nothing, or for which nothing was attempted."""
        return self.count(Outcome.UP_TO_DATE, Outcome.NOT_PUSHED)

    @property
    def blocked(self) -> int:
        """Refs that would have overwritten something."""
        return self.count(Outcome.BLOCKED)

    @property
    def unreadable(self) -> int:
        """Refs that the source can't read; the target's were left alone."""
        return self.count(Outcome.UNREADABLE)

    @property
    def hidden(self) -> int:
        """Refs that a prune left alone, since the source may hide them."""
        return self.count(Outcome.HIDDEN)

    @property
    def warned(self) -> int:
        """Refs that the target refused, that moved or were locked, or that were left alone for a reason."""
        return self.count(*_REFUSALS, Outcome.IGNORED)

    @property
    def exit_code(self) -> int:
        """0 for done; 1 if a ref was blocked, unreadable, refused, not pushed, or reads back otherwise.

        Also 1 if a ref was not pruned since the source may hide it; hiding alone is no failure.

        Also 1 if a temporary ref that should be deleted is still there. Otherwise the code of the failure,
        or of the error that prevented reading the target back.

        A dry run is done if it found what it should find out, whatever that is. It is not if the source has
        refs that can't be read, or may hide one that would be pruned.
        """
        if self.failure is not None:
            return self.failure.exit_code
        if self.unreadable or self.hidden:
            return FAILURE_EXIT_CODE
        if self.dry_run:
            return 0
        if self.count(*_REFUSALS, Outcome.BLOCKED, Outcome.NOT_PUSHED) or self.left_temp_refs:
            return FAILURE_EXIT_CODE
        return 0 if self.verification is None else self.verification.exit_code

    def moved(self) -> list[TargetRefMoved]:
        """Return an error, ready to be raised, for each ref that another writer changed meanwhile."""
        return [
            TargetRefMoved(ref.planned.target_ref, ref.reason, hint="run again to plan from the new tip")
            for ref in others_of(self.refs)
            if ref.outcome is Outcome.MOVED
        ]

    def to_json(self) -> dict[str, Any]:
        """Return the object that `--json` prints; keys are git-sync's, plus some of our own."""
        return {
            "plans": [ref.to_json() for ref in self.refs],
            "pushed": self.pushed,
            "skipped": self.skipped,
            "blocked": self.blocked,
            "deleted": self.deleted,
            "warned": self.warned,
            "unreadable": self.unreadable,
            "hidden": self.hidden,
            "sourceHides": list(self.source_hides),
            "dryRun": self.dry_run,
            "protocol": self.protocol,
            "operationMode": self.operation_mode,
            "relay": self.relay,
            "relayMode": self.relay_mode,
            "relayReason": self.relay_reason,
            "explanation": self.explanation,
            "batching": self.planned_batch_count > 1,
            "batchCount": self.batch_count,
            "plannedBatchCount": self.planned_batch_count,
            "tempRefs": list(self.temp_refs),
            "leftTempRefs": list(self.left_temp_refs),
            "bootstrapSuggested": self.dry_run and self.relay_mode == "bootstrap",
            "sourceHead": self.source_head or "",
            "stats": self.stats.to_json(),
            "measurement": self.measurement.to_json(),
            "pack": self.pack.to_json() if self.pack else None,
            "price": self.price.to_json() if self.price else None,
            "verification": self.verification.to_json() if self.verification else None,
            "error": error_object(self.failure) if self.failure else None,
        }


def _hex(oid: ObjectId | None) -> str:
    return "" if oid is None else oid.hex()


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 6)


def results_of(
    actions: Sequence[RefAction],
    *,
    held_back: str = "",
    pushed: Callable[[RefAction], RefResult] | None = None,
) -> Results:
    """Return a result for each action. `held_back` says why those that push weren't pushed, if they weren't.

    `pushed` returns the results of those that were.
    """
    others = [
        pushed(action) if pushed is not None and action.pushes else _unpushed(action, held_back)
        for action in others_of(actions)
    ]
    return Results(others, up_to_date_in(actions))


def _unpushed(action: RefAction, held_back: str) -> RefResult:
    outcome = _WITHOUT_PUSH.get(action.action, Outcome.NOT_PUSHED)
    if action.unreadable:
        outcome = Outcome.UNREADABLE
    if action.hidden:
        outcome = Outcome.HIDDEN
    reason = action.reason
    if outcome is Outcome.NOT_PUSHED and held_back:
        reason = f"{reason} ({held_back})"
    return RefResult(action, outcome, reason)


_WITHOUT_PUSH = {"skip": Outcome.UP_TO_DATE, "block": Outcome.BLOCKED, "warn": Outcome.IGNORED}
