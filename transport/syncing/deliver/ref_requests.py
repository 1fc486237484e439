"""Splits ref commands into requests that the target takes.

    commands     d c c | c c u | u d           limits for each request: commands, bytes, deletions
    the pack       ^                           with the first request that doesn't only delete

There is no status for a request with too many commands: the server's hook declines every ref, and explains
why in words on the side-band. `refusals` knows these words.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from packcore.refs import encode_ref_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from transport.wire.receive_pack import RefUpdate

__all__ = ["command_bytes", "deletions_in_time", "in_requests"]

_HEAD_BYTES = 600
"""Sent along with the commands: capabilities, agent, flush, an empty pack."""

_SILENT_SECONDS = 30
_DELETION_SECONDS = 0.001
_SECONDS_FOR_EACH_REF = 3e-7


def command_bytes(update: RefUpdate) -> int:
    """Return the size of one command in a request."""
    return 6 + 2 * len(update.old) + 2 * len(update.new) + len(encode_ref_name(update.name))


def in_requests(
    updates: Iterable[RefUpdate],
    *,
    count_max: int | None = None,
    bytes_max: int | None = None,
    deletions_max: int | None = None,
) -> Iterator[list[RefUpdate]]:
    """Split commands, in order, so that no request exceeds the limits in commands or bytes."""
    request: list[RefUpdate] = []
    room = (bytes_max or 0) - _HEAD_BYTES
    deletions = 0
    for update in updates:
        size = command_bytes(update)
        is_full = count_max is not None and len(request) >= count_max
        is_full |= deletions_max is not None and update.is_delete and deletions >= deletions_max
        if request and (is_full or (bytes_max is not None and size > room)):
            yield request
            request, room, deletions = [], (bytes_max or 0) - _HEAD_BYTES, 0
        request.append(update)
        room -= size
        deletions += update.is_delete
    if request:
        yield request


def deletions_in_time(refs: int) -> int:
    """Return how many deletions a server with this many refs does in half a minute.

    git's server rewrites all packed refs for each deletion, and is silent meanwhile.

    >>> deletions_in_time(1000), deletions_in_time(200_000)
    (23076, 491)
    """
    return int(_SILENT_SECONDS / (_DELETION_SECONDS + refs * _SECONDS_FOR_EACH_REF))
