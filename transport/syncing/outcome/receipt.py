"""A receipt: what a run was asked, what it saw, and what it did, as one JSON object to keep.

    {"packcore": "receipt", "version": 1,
     "versions": {"packcore": …, "python": …},
     "startedAt": "2005-04-07T22:13:13Z", "elapsedSeconds": 1.25,
     "asked": {"source": …, "target": …, "mode": …, "scope": {…}, "policy": {…}, "selection": {…}, …},
     "seen": {"sourceHead": …, "protocol": …},
     "refs": [{"ref": …, "source": …, "before": <id>, "after": <id>, "action": …, "outcome": …, "reason": …}],
     "done": {the object of `--json`, but for the plans},
     "error": null, "exitCode": 0}

`before` is the target's id when the run began, `after` the id that the target reports now: empty if the ref
is absent, null if unknown. URLs come without user, password and query. A push option is cut at its `=`, since
values may be secrets. A receipt never contains credentials.
"""

from __future__ import annotations

import platform
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from packcore._version import __version__
from packcore.errors import PackcoreError
from transport.endpoint import shown
from transport.syncing.outcome.result import FAILURE_EXIT_CODE, Outcome

if TYPE_CHECKING:
    from packcore.ids import ObjectId
    from transport.syncing.outcome.result import RefResult, SyncResult
    from transport.syncing.request import Policy, Scope, SelectionOptions, SyncRequest

__all__ = ["RECEIPT_VERSION", "Asked", "fleet_receipt", "receipt"]

RECEIPT_VERSION = 1

_AFTER_UNKNOWN = {Outcome.MOVED, Outcome.UNANSWERED}
_AFTER_IS_THE_SOURCES = {Outcome.PUSHED, Outcome.UP_TO_DATE, Outcome.DELETED}


@dataclass(frozen=True, slots=True)
class Asked:
    """What a run was asked to do, and when it started."""

    source: str
    """Without secrets."""
    target: str
    request: SyncRequest
    started_at: datetime

    @classmethod
    def now(cls, source: str, target: str, request: SyncRequest) -> Asked:
        """Note the time and the given endpoints, without secrets. Raises InvalidEndpoint."""
        return cls(shown(source), shown(target), request, datetime.now(UTC))

    def to_json(self) -> dict[str, Any]:
        """Return the `asked` object."""
        request = self.request
        return {
            "source": self.source,
            "target": self.target,
            "mode": request.mode,
            "scope": _scope(request.scope),
            "policy": _policy(request.policy),
            "selection": _selection(request.selection),
            "protocol": request.protocol,
            "materialize": request.materialize,
            "optimize": request.optimize,
            "materializedMaxObjects": request.materialized_max_objects,
            "maxPackBytes": request.max_pack_bytes,
            "targetMaxPackBytes": request.target_max_pack_bytes,
            "targetMaxRefUpdates": request.target_max_ref_updates,
            "bootstrapStrategy": request.bootstrap_strategy,
            "verify": request.verify,
        }


def receipt(
    asked: Asked, result: SyncResult | None, seconds: float, *, error: BaseException | None = None
) -> dict[str, Any]:
    """Return the receipt of one run; `error` is what ended a run without a result."""
    return {**_head(asked.started_at, seconds), **run_receipt(asked, result, error=error)}


def run_receipt(
    asked: Asked, result: SyncResult | None, *, error: BaseException | None = None
) -> dict[str, Any]:
    """Return the part of a receipt about one run."""
    if result is not None and error is None:
        error = result.failure
    done = None if result is None else result.to_json()
    if done is not None:
        del done["plans"]
    return {
        "asked": asked.to_json(),
        "seen": None
        if result is None
        else {"sourceHead": result.source_head or "", "protocol": result.protocol},
        "refs": [] if result is None else [_ref(ref) for ref in result.refs],
        "done": done,
        "error": None if error is None else str(error) or type(error).__name__,
        "exitCode": _exit_code(result, error),
    }


def fleet_receipt(
    started_at: datetime, seconds: float, summary: dict[str, Any], runs: list[dict[str, Any]]
) -> dict[str, Any]:
    """Return one receipt for many runs; each is a `run_receipt`, plus whatever belongs to it."""
    return {**_head(started_at, seconds), "summary": summary, "pairs": runs}


def _head(started_at: datetime, seconds: float) -> dict[str, Any]:
    return {
        "packcore": "receipt",
        "version": RECEIPT_VERSION,
        "versions": {"packcore": __version__, "python": platform.python_version()},
        "startedAt": started_at.isoformat(timespec="seconds").replace("+00:00", "Z"),
        "elapsedSeconds": round(seconds, 6),
    }


def _exit_code(result: SyncResult | None, error: BaseException | None) -> int:
    if result is not None:
        return result.exit_code
    return error.exit_code if isinstance(error, PackcoreError) else FAILURE_EXIT_CODE


def _ref(ref: RefResult) -> dict[str, Any]:
    planned = ref.planned
    after = planned.source_id if ref.outcome in _AFTER_IS_THE_SOURCES else planned.target_id
    return {
        "ref": planned.target_ref,
        "source": planned.source_ref,
        "before": _hex(planned.target_id),
        "after": None if ref.outcome in _AFTER_UNKNOWN else _hex(after),
        "action": planned.action,
        "outcome": ref.outcome.value,
        "reason": ref.reason,
    }


def _hex(oid: ObjectId | None) -> str:
    return "" if oid is None else oid.hex()


def _scope(scope: Scope) -> dict[str, Any]:
    return {
        "branches": list(scope.branches),
        "tags": scope.tags,
        "allRefs": scope.all_refs,
        "mappings": [f"{mapping.source}:{mapping.target}" for mapping in scope.mappings],
        "refs": list(scope.refs),
        "includeRefPrefixes": list(scope.include_ref_prefixes),
        "excludeRefPrefixes": list(scope.exclude_ref_prefixes),
        "allowEmptySource": scope.allow_empty_source,
    }


def _policy(policy: Policy) -> dict[str, Any]:
    return {
        "prune": policy.prune,
        "pruneLimit": None if policy.prune_limit is None else str(policy.prune_limit),
        "forceWithLease": policy.force_with_lease,
        "forceBlind": policy.force_blind,
        "atomic": policy.atomic,
        "pushOptions": [_without_value(option) for option in policy.push_options],
    }


def _without_value(option: str) -> str:
    name, equals, _ = option.partition("=")
    return f"{name}=***" if equals else name


def _selection(selection: SelectionOptions) -> dict[str, Any]:
    limits = selection.limits
    return {
        "strategy": selection.strategy,
        "window": limits.window,
        "windowMemory": limits.window_memory,
        "depth": limits.depth,
        "compression": limits.compression,
        "reuseDeltas": selection.reuse_deltas,
        "budgetSeconds": selection.budget_seconds,
        "jobs": selection.jobs,
    }
