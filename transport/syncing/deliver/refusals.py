"""What a refusal means: statuses, words and sizes of a target that did not take a push. Pure.

    what came of a request                      smaller may do    cut off    surely not taken
    HTTP 413                                    yes                          yes
    HTTP 408, 502, 504, 524                     yes               yes
    HTTP 499, 503, 520, 522                                       yes
    connection lost, or silent for too long     yes               yes
    report cut off                              yes
    the remote's own words on a size            yes
    anything else; a stall                      (a stall is waited for once)

*Smaller may do*: the same objects may be taken in smaller packs. *Cut off*: the request may have paused for
too long while the source was still sending, so the whole pack may be taken at once. *Surely not taken*: the
target need not be listed again to know.

Words of servers, each a refusal that something else gets around:

    pack exceeds maximum allowed size (2.00 GiB)      git, GitHub, GitLab    smaller packs
    Pack exceeds the limit of 1000 bytes              JGit, Gerrit           smaller packs
    missing necessary objects, unpack                 git                    more objects: the target has less
                                                                             than it said
    a push may hold at most 100 refs                  hooks                  fewer refs in a request

Words about one file that is too large, or a repository whose space is used up, are not among them: packs
in parts would be refused as well.
"""

from __future__ import annotations

import re
from enum import Flag, auto
from typing import TYPE_CHECKING

from packcore.errors import PackcoreError
from transport.errors import HttpStatusError, NetworkError, RemoteError, RemoteStalled, TruncatedAnswer
from transport.syncing.outcome.result import Outcome

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from transport.errors import TransportError
    from transport.wire.report import ReportStatus

__all__ = [
    "BODY_BYTES_MIN",
    "BodyRefused",
    "Meaning",
    "count_accepted",
    "is_large_enough_to_halve",
    "is_surely_too_large",
    "lacks_objects",
    "may_fare_better_in_parts",
    "meaning",
    "refused_bytes",
    "size_refusal",
    "updates_accepted",
]

BODY_BYTES_MIN = 16 * 1024
"""A target that refuses even this has another reason than size."""


class Meaning(Flag):
    """What is to be done about an error of a push; none of these for most errors."""

    NOTHING = 0
    SMALLER_MAY_DO = auto()
    CUT_OFF = auto()
    SURELY_NOT_TAKEN = auto()


_STATUSES = {
    413: Meaning.SMALLER_MAY_DO | Meaning.SURELY_NOT_TAKEN,
    408: Meaning.SMALLER_MAY_DO | Meaning.CUT_OFF,
    # A proxy's word for a git that stopped reading, as with receive.maxInputSize behind nginx.
    502: Meaning.SMALLER_MAY_DO | Meaning.CUT_OFF,
    504: Meaning.SMALLER_MAY_DO | Meaning.CUT_OFF,
    524: Meaning.SMALLER_MAY_DO | Meaning.CUT_OFF,
    # What edges answer when the server behind them went away.
    499: Meaning.CUT_OFF,
    503: Meaning.CUT_OFF,
    520: Meaning.CUT_OFF,
    522: Meaning.CUT_OFF,
}

_SIZE_SIGNS = (
    "exceeds maximum allowed size",
    "exceeded size limit",
    "pack is too large",
    "pack exceeds the limit of",
)
_LACK_SIGNS = ("missing necessary objects", "unpack")
"""Words of servers for a ref from which something is missing, and for a pack that lacks its deltas' bases."""

_REFS = r"(?:ref(?:erence)?s?(?:\s+updates?)?|commands?|branch(?:es)?|tags?|updates?)"
_NUMBERED = re.compile(
    rf"(?:more than|at most|up to|only|limit(?:ed)?(?: (?:of|to|is))?|max(?:imum)?(?: (?:of|is))?|exceeds?)"
    rf"\D{{0,20}}?(\d+)\s+(?:\S+\s+)?{_REFS}\b",
    re.IGNORECASE,
)
_UNNUMBERED = re.compile(
    rf"too many (?:\S+\s+)?{_REFS}\b|number of {_REFS} exceeds|{_REFS} limit exceeded", re.IGNORECASE
)


class BodyRefused(PackcoreError):
    """A batch was too much for the target, and none of it was taken; `error` is what came of it."""

    def __init__(self, error: TransportError, body_bytes: int) -> None:
        super().__init__(str(error), hint=error.hint, option=error.option)
        self.error = error
        self.body_bytes = body_bytes


def meaning(error: PackcoreError | None) -> Meaning:
    """Return what an error of a request says of the next one.

    >>> meaning(HttpStatusError("too large", status=413, url="")) == (
    ...     Meaning.SMALLER_MAY_DO | Meaning.SURELY_NOT_TAKEN
    ... )
    True
    """
    if isinstance(error, HttpStatusError):
        return _STATUSES.get(error.status, Meaning.NOTHING)
    if isinstance(error, RemoteError):
        return Meaning.NOTHING if size_refusal([str(error)]) is None else Meaning.SMALLER_MAY_DO
    if isinstance(error, TruncatedAnswer):
        return Meaning.SMALLER_MAY_DO
    if isinstance(error, NetworkError) and not isinstance(error, RemoteStalled):
        return Meaning.SMALLER_MAY_DO | Meaning.CUT_OFF
    return Meaning.NOTHING


def is_surely_too_large(error: PackcoreError | None) -> bool:
    """Return whether the target itself said that a body was too large: a lost connection has no words."""
    if isinstance(error, RemoteError):
        return Meaning.SMALLER_MAY_DO in meaning(error)
    return Meaning.SURELY_NOT_TAKEN in meaning(error)


def size_refusal(texts: Iterable[str]) -> str | None:
    """Return the first text that refuses a pack for its size, or None."""
    return next((text for text in texts if any(sign in text.lower() for sign in _SIZE_SIGNS)), None)


def lacks_objects(texts: Iterable[str]) -> bool:
    """Return whether a target says that it lacks something that it claimed to have."""
    return any(sign in text for text in texts for sign in _LACK_SIGNS)


def may_fare_better_in_parts(
    outcomes: Collection[Outcome],
    *,
    words: str | None,
    failure: PackcoreError | None,
    parts_are_wished: bool,
) -> bool:
    """Return whether a push in one request was refused for its size, and nothing of it came about.

    `outcomes` are those of the refs it should have pushed, `words` what the target said of the size, and
    `failure` how it ended. A lost connection may have any reason, so it counts only where the user gave a
    limit.
    """
    if words is not None:
        return all(found in (Outcome.REFUSED, Outcome.NOT_PUSHED) for found in outcomes)
    was_told = isinstance(failure, HttpStatusError | RemoteError)
    return (
        all(found is Outcome.NOT_PUSHED for found in outcomes)
        and Meaning.SMALLER_MAY_DO in meaning(failure)
        and (was_told or parts_are_wished)
    )


def is_large_enough_to_halve(body_bytes: int) -> bool:
    """Return whether a refused body was refused for its size: half of it is still a size to try."""
    return body_bytes // 2 >= BODY_BYTES_MIN


def refused_bytes(size: int, sent: int, *, length_was_told: bool) -> int:
    """Return how much was too much, of a body of `size` bytes that was refused after `sent` of them.

    A body that was refused on its way was too large by what had been sent, at most; one whose length came
    first may have been refused for that.
    """
    return max(2 * BODY_BYTES_MIN, size if length_was_told else min(size, sent))


def updates_accepted(report: ReportStatus, messages: Iterable[str]) -> int | None:
    """Return how many commands to try instead, where a target refused all of them for their number.

    None where that isn't what it said. Half of them where it named no number.
    """
    sent = len(report.refs)
    if sent < 2 or any(ref.ok or not ref.reported for ref in report.refs.values()):
        return None
    return count_accepted([*messages, *{ref.reason or "" for ref in report.refs.values()}], sent)


def count_accepted(words: Sequence[str], sent: int) -> int | None:
    """Return how many commands a server's words allow after `sent` were too many; None if they say nothing.

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
