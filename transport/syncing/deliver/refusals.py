"""What a refusal means: statuses, words and sizes of a target that refused a push. Pure.

    what came of a request                      smaller may do    cut off    surely not taken
    HTTP 413                                    yes                          yes
    HTTP 408, 502, 504, 524                     yes               yes
    HTTP 499, 503, 520, 522                                       yes
    connection lost, or silent for too long     yes               yes
    report cut off                              yes
    the remote's own words on a size            yes
    anything else; a stall                      (a stall is retried once)

*Smaller may do*: the target may take the same objects in smaller packs. *Cut off*: the request may have
paused for too long while the source was still sending, so the target may take the complete pack in one go.
*Surely not taken*: this is known without listing the target again.

Words of servers, each a refusal with a way around it:

    pack exceeds maximum allowed size (2.00 GiB)      git, GitHub, GitLab    smaller packs
    Pack exceeds the limit of 1000 bytes              JGit, Gerrit           smaller packs
    missing necessary objects, unpack                 git                    more objects: the target has less
                                                                             than it said
    a push may hold at most 100 refs                  hooks                  fewer refs in a request

Words about a single file that is too large, or a full repository, are not among them: the target would refuse
packs in parts as well.
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
"""If a target refuses even this, size is not the reason."""


class Meaning(Flag):
    """What to do about an error of a push; most errors have none of these flags."""

    NOTHING = 0
    SMALLER_MAY_DO = auto()
    CUT_OFF = auto()
    SURELY_NOT_TAKEN = auto()


_STATUSES = {
    413: Meaning.SMALLER_MAY_DO | Meaning.SURELY_NOT_TAKEN,
    408: Meaning.SMALLER_MAY_DO | Meaning.CUT_OFF,
    # A proxy's status if git stopped reading, as with receive.maxInputSize behind nginx.
    502: Meaning.SMALLER_MAY_DO | Meaning.CUT_OFF,
    504: Meaning.SMALLER_MAY_DO | Meaning.CUT_OFF,
    524: Meaning.SMALLER_MAY_DO | Meaning.CUT_OFF,
    # The answer of edges when the server behind them went away.
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
"""Words of servers for a ref that lacks objects, and for a pack that lacks bases of its deltas."""

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
    """A batch was too large for the target, which took none of it; `error` is the failure."""

    def __init__(self, error: TransportError, body_bytes: int) -> None:
        super().__init__(str(error), hint=error.hint, option=error.option)
        self.error = error
        self.body_bytes = body_bytes


def meaning(error: PackcoreError | None) -> Meaning:
    """Return what an error of a request means for the next one.

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
    """Return whether the target itself said that a body was too large; a lost connection doesn't say so."""
    if isinstance(error, RemoteError):
        return Meaning.SMALLER_MAY_DO in meaning(error)
    return Meaning.SURELY_NOT_TAKEN in meaning(error)


def size_refusal(texts: Iterable[str]) -> str | None:
    """Return the first text that refuses a pack for its size, or None."""
    return next((text for text in texts if any(sign in text.lower() for sign in _SIZE_SIGNS)), None)


def lacks_objects(texts: Iterable[str]) -> bool:
    """Return whether a target says that it lacks something it claimed to have."""
    return any(sign in text for text in texts for sign in _LACK_SIGNS)


def may_fare_better_in_parts(
    outcomes: Collection[Outcome],
    *,
    words: str | None,
    failure: PackcoreError | None,
    parts_are_wished: bool,
) -> bool:
    """Return whether a push in one request was refused for its size, with no effect at all.

    `outcomes` are those of the refs it should have pushed, `words` are the target's on the size, and
    `failure` is how it ended. A lost connection may have any reason, so it counts only if the user gave
    a limit.
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
    """Return whether size can be the reason of a refusal: half of this body is still worth trying."""
    return body_bytes // 2 >= BODY_BYTES_MIN


def refused_bytes(size: int, sent: int, *, length_was_told: bool) -> int:
    """Return the size to treat as refused, for a body of `size` bytes refused after `sent` of them.

    A body that was refused midway was already too large at what was sent; one whose length came first may
    have been refused for that length.
    """
    return max(2 * BODY_BYTES_MIN, size if length_was_told else min(size, sent))


def updates_accepted(report: ReportStatus, messages: Iterable[str]) -> int | None:
    """Return how many commands to try instead, if a target refused all of them for their number.

    None if it said something else; half of them if it named no number.
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
