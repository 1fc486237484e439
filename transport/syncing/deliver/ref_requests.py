"""Ref commands in as many requests as the target takes: where they are parted, and when to part more.

    commands     d c c | c c u | u d           at most so many in one, so many bytes, and so many deletions
    the pack       ^                           with the first request that doesn't only delete

A server that refuses a request for its number of commands has no status for it: its hook declines every
ref, and says why on the side-band, in words. `refusals` knows these words.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from packcore.refs import encode_ref_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from transport.wire.receive_pack import RefUpdate

__all__ = ["command_bytes", "deletions_in_time", "in_requests"]

_HEAD_BYTES = 600
"""What goes with the commands: capabilities, agent, flush, an empty pack."""

_SILENT_SECONDS = 30
_DELETION_SECONDS = 0.001
_SECONDS_FOR_EACH_REF = 3e-7


def command_bytes(update: RefUpdate) -> int:
    """Return how much of a request one command takes."""
    return 6 + 2 * len(update.old) + 2 * len(update.new) + len(encode_ref_name(update.name))


def in_requests(
    updates: Iterable[RefUpdate],
    *,
    count_max: int | None = None,
    bytes_max: int | None = None,
    deletions_max: int | None = None,
) -> Iterator[list[RefUpdate]]:
    """Part commands, in their order, so that no request has more than so many, or so many bytes of them."""
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
    """Return how many deletions a server does in half a minute that has so many refs.

    git's writes all its packed refs again for each deletion, and says nothing meanwhile.

    >>> deletions_in_time(1000), deletions_in_time(200_000)
    (23076, 491)
    """
    return int(_SILENT_SECONDS / (_DELETION_SECONDS + refs * _SECONDS_FOR_EACH_REF))
