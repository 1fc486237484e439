"""Sync: make one remote's refs follow another's.

from transport.syncing import Policy, Scope, sync
result = sync("https://a/x.git", "https://b/x.git", scope=Scope(tags=True), policy=Policy(prune=True))
result.exit_code, result.pushed, result.to_json()

request    what is asked: Scope, Policy, SelectionOptions, SyncRequest
carry_out  a whole run: list, plan, choose, move, report
gather/    what both sides have: lists of refs, fetched packs, ancestry, common ground
decide/    what to do with each ref, and by which route (pure)
deliver/   the routes: relay, pack of our own, batches; pushes, temporary refs, refusals
outcome/   the result, typed and as JSON; receipts, reading the target back
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

from packcore.progress import SILENT
from transport.errors import InvalidRequest
from transport.syncing.decide.up_to_date import others_of, up_to_date_in
from transport.syncing.outcome.result import Outcome, PackSummary, RefResult, Results, SyncResult
from transport.syncing.request import (
    Policy,
    Protocol,
    RefMapping,
    Scope,
    SelectionOptions,
    SyncRequest,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from packcore.progress import Progress
    from transport.base import TransferStats, Transport
    from transport.endpoint import Endpoint
    from transport.options import TransportOptions
    from transport.recording import Recorder
    from transport.secrets import Secrets

__all__ = [
    "Outcome",
    "PackSummary",
    "Policy",
    "Protocol",
    "RefMapping",
    "RefResult",
    "Scope",
    "SelectionOptions",
    "SyncRequest",
    "SyncResult",
    "sync",
]


def sync(
    source: str | Endpoint | Transport,
    target: str | Endpoint | Transport,
    request: SyncRequest | None = None,
    *,
    scope: Scope | None = None,
    policy: Policy | None = None,
    selection: SelectionOptions | None = None,
    source_options: TransportOptions | None = None,
    target_options: TransportOptions | None = None,
    progress: Progress = SILENT,
    recorder: Recorder | None = None,
) -> SyncResult:
    """Make the target's refs follow the source's, and return the outcome of each.

    Pass the request whole or as its parts. A side is an endpoint, which is opened and closed here, or
    a transport of the caller, which stays open. `recorder` records the traffic of both sides.

    Raises InvalidRequest, TransportError, CorruptData and LimitExceeded only before the push. Later
    failures are part of the result: see `SyncResult.exit_code`, `.refs`, `.failure`.
    """
    from transport.syncing.carry_out import carry_out

    request = request or SyncRequest()
    request = replace(
        request,
        scope=scope or request.scope,
        policy=policy or request.policy,
        selection=selection or request.selection,
    )
    with ExitStack() as opened:
        source_transport = _open(source, source_options, opened)
        target_transport = _open(target, target_options, opened)
        if source_transport.url.rstrip("/") == target_transport.url.rstrip("/"):
            raise InvalidRequest(f"source and target are the same repository: {source_transport.url}")
        if recorder is not None:
            source_transport = recorder.wrap(source_transport, "source")
            target_transport = recorder.wrap(target_transport, "target")
        try:
            result = carry_out(source_transport, target_transport, request, progress=progress)
        except KeyboardInterrupt as stopped:
            stopped.add_note(_what_reached(target_transport.stats))
            raise
    known = dict.fromkeys(each.secrets for each in (source_options, target_options) if each)
    return _without_secrets(result, known)


def _what_reached(stats: TransferStats) -> str:
    """Say what had reached the target when a run was interrupted."""
    if not stats.pushes_begun:
        return "nothing was sent to the target"
    if stats.pushes_begun > stats.pushes_answered:
        return "a push was under way, and the target may have taken it; run again to see, or go on"
    return "the target has answered what it got; run again to go on"


def _without_secrets(result: SyncResult, secrets: Iterable[Secrets]) -> SyncResult:
    """Mask secrets in a remote's words: the reasons and the failure. Names and ids are unchanged."""
    for each in secrets:
        if result.failure is not None:
            each.mask_error(result.failure)
        # The reason of a ref that is up to date is our own text.
        others = (
            ref._replace(reason=each.mask(ref.reason)) if ref.reason else ref
            for ref in others_of(result.refs)
        )
        result = replace(result, refs=Results(others, up_to_date_in(result.refs)))
    return result


def _open(side: str | Endpoint | Transport, options: TransportOptions | None, opened: ExitStack) -> Transport:
    from transport.endpoint import Endpoint
    from transport.schemes import open_transport

    if not isinstance(side, (str, Endpoint)):
        return side
    transport = open_transport(side, options)
    opened.callback(transport.close)
    return transport
