"""Ref commands in as many requests as the target takes: where they are parted, and when to part more.

    commands     d c c | c c u | u d           at most so many in one, and so many bytes
    the pack       ^                           with the first request that doesn't only delete

A server that refuses a request for its number of commands has no status for it: its hook declines every
ref, and says why on the side-band, in words. Known wordings are recognised, with or without the number.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from packcore.refs import encode_ref_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from transport.wire.receive_pack import RefUpdate
    from transport.wire.report import ReportStatus

__all__ = ["command_bytes", "count_accepted", "in_requests", "updates_accepted"]

_HEAD_BYTES = 600
"""What goes with the commands: capabilities, agent, flush, an empty pack."""

_REFS = r"(?:ref(?:erence)?s?(?:\s+updates?)?|commands?|branch(?:es)?|tags?|updates?)"
_NUMBERED = re.compile(
    rf"(?:more than|at most|up to|only|limit(?:ed)?(?: (?:of|to|is))?|max(?:imum)?(?: (?:of|is))?|exceeds?)"
    rf"\D{{0,20}}?(\d+)\s+(?:\S+\s+)?{_REFS}\b",
    re.IGNORECASE,
)
_UNNUMBERED = re.compile(
    rf"too many (?:\S+\s+)?{_REFS}\b|number of {_REFS} exceeds|{_REFS} limit exceeded", re.IGNORECASE
)


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


def updates_accepted(report: ReportStatus, messages: Iterable[str]) -> int | None:
    """Tell how many commands to try instead, where a target refused all of them for their number.

    None where that isn't what it said. Half of them where it named no number.
    """
    sent = len(report.refs)
    if sent < 2 or any(ref.ok or not ref.reported for ref in report.refs.values()):
        return None
    return count_accepted([*messages, *{ref.reason or "" for ref in report.refs.values()}], sent)


def count_accepted(words: Sequence[str], sent: int) -> int | None:
    """Tell how many commands a server's words allow, where so many were too many; None: not their theme.

    >>> count_accepted(["HTTP 500; remote: a push may hold at most 100 refs"], 5000)
    100
    """
    for text in words:
        for found in _NUMBERED.finditer(text):
            number = int(found.group(1)[:9])
            if 0 < number < sent:
                return number
    if any(_UNNUMBERED.search(text) for text in words):
        return sent // 2
    return None
