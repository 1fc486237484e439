"""Ref commands in as many requests as the target takes: where they are parted, and when to part more.

    commands     d c c | c c u | u d           at most so many in one, and so many bytes
    the pack       ^                           with the first request that doesn't only delete

A server that refuses a request for its number of commands has no status for it: its hook declines every
ref, and says why on the side-band, in words. `refusals` knows these words.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from packcore.refs import encode_ref_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from transport.wire.receive_pack import RefUpdate

__all__ = ["command_bytes", "in_requests"]

_HEAD_BYTES = 600
"""What goes with the commands: capabilities, agent, flush, an empty pack."""


def command_bytes(update: RefUpdate) -> int:
    """Return how much of a request one command takes."""
    return 6 + 2 * len(update.old) + 2 * len(update.new) + len(encode_ref_name(update.name))


def in_requests(
    updates: Sequence[RefUpdate], *, count_max: int | None = None, bytes_max: int | None = None
) -> list[list[RefUpdate]]:
    """Part commands, in their order, so that no request has more than so many, or so many bytes of them."""
    requests: list[list[RefUpdate]] = []
    room = 0
    for update in updates:
        size = command_bytes(update)
        full = count_max is not None and bool(requests) and len(requests[-1]) >= count_max
        if not requests or full or (bytes_max is not None and size > room):
            requests.append([])
            room = (bytes_max or 0) - _HEAD_BYTES
        requests[-1].append(update)
        room -= size
    return requests
