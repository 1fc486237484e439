"""How many refs a target takes in one request, tested without changing anything.

    5,000 deletions    refused, or no answer    of refs that don't exist, whose names are made up here
    2,500              accepted                 a report was sent, whatever it says about single refs
    3,750              refused                  the middle again, until both are near enough

A host counts commands before it looks at them, so commands without effect show its limit. They don't show how
long it takes to create as many refs. Its hooks run, as for any push.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, NamedTuple

from packcore.ids import ObjectId
from transport.errors import AuthenticationRequired, RemoteError, TransportError, UnsupportedByRemote
from transport.send_pack import push
from transport.syncing.deliver.refusals import count_accepted, is_surely_too_large, updates_accepted
from transport.wire.receive_pack import RefUpdate

if TYPE_CHECKING:
    from collections.abc import Callable

    from transport.base import Transport
    from transport.wire.advertisement import Advertisement

__all__ = ["RefsLimit", "refs_per_request"]

_NEAR = 16
"""The search ends when both numbers are this close: a sixteenth of the accepted one."""


class RefsLimit(NamedTuple):
    """Numbers of refs in a request: the most accepted, the fewest refused (None: none was), and why."""

    taken: int
    refused: int | None
    words: str = ""
    is_of_body: bool = False
    """It is the size of the commands that was refused, not their number."""


def refs_per_request(
    target: Transport,
    advertisement: Advertisement,
    count: int,
    *,
    on_try: Callable[[int], None] = lambda _: None,
) -> RefsLimit:
    """Find out whether the target takes `count` refs in one request, and how many if it doesn't.

    `on_try` is called before each request, with its number of refs. Raises UnsupportedByRemote for a target
    that deletes no refs, and AuthenticationRequired.
    """
    if not advertisement.capabilities.delete_refs:
        raise UnsupportedByRemote("the target can't delete refs, which the test of its limit needs")
    limit = RefsLimit(0, None)
    trial = count
    while True:
        on_try(trial)
        refusal = _refusal(target, advertisement, trial)
        if refusal is None:
            limit = RefsLimit(trial, *limit[1:])
        else:
            limit = RefsLimit(limit.taken, trial, str(refusal), is_surely_too_large(refusal))
        if limit.refused is None or limit.refused - limit.taken <= max(1, limit.taken // _NEAR):
            return limit
        named = count_accepted([limit.words], limit.refused)
        if refusal is None and named == trial:
            return limit  # it named its limit, and keeps it
        trial = (limit.taken + limit.refused) // 2
        if refusal is not None and named is not None and limit.taken < named < limit.refused:
            trial = named


def _refusal(target: Transport, advertisement: Advertisement, count: int) -> TransportError | None:
    """Return why a request with so many commands was refused, or None if a report was sent."""
    # A name that nobody can have: not even a hidden ref is in danger.
    folder = f"refs/packcore/doctor/{secrets.token_hex(16)}"
    zero = advertisement.object_format.zero
    old = next(iter(advertisement.refs.values()), ObjectId(b"\x01" * len(zero)))
    updates = [RefUpdate(f"{folder}/{number}", old, zero) for number in range(count)]
    messages: list[str] = []
    try:
        report = push(target, advertisement, updates, None, on_message=messages.append)
    except AuthenticationRequired:
        raise
    except TransportError as error:
        return error
    if updates_accepted(report, messages) is None:
        return None
    said = [*messages, *(ref.reason or "" for ref in report.refs.values())]
    return RemoteError(next(text for text in said if count_accepted([text], count) is not None))
