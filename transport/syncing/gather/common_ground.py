"""What the target has of the source's history, as its upload-pack says: git's `push.negotiate`.

    source   o───A───B───C───D───E  tip     the source does not know X: as a have it would say
                     `──X  target's tip     nothing, and all of history would travel

    haves    out of the source's commits    a sample of what is open, newest first and then evenly
    ACK B    B and all below it are common  what is open shrinks from below
    no C     C and all above it are not     and from above, until nothing is
    ground   B                              the newest of what is common: what is above it is sent

The commits are at hand already (fetched without trees if the source can do that, or with everything else).
Each round is a search in a known graph, and a few rounds find the exact border. The target must speak
protocol v2 with `wait-for-done`. If it doesn't, or can't be read, the run sends more than it lacks, just as
without asking. It is asked at most once in a run.

The source need not acknowledge all that it knows either: newer git (2.47, not 2.39) doesn't mention the
parent of a commit that it has acknowledged. So before the target is asked, the source is asked once more
about the tips that it didn't mention, and about nothing else (`knows_all`).

    haves    D, C, B    each the parent of the one before it
    ACK D               says nothing of C and B
    haves    B, C       oldest first, if the order was newest first
    ACK B, ACK C        all are known

A target that claims what it lacks gets a pack that it can't complete. It refuses the pack, no ref moves, and
everything is sent once more without relying on its claim (`transport.syncing.deliver.second_try`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from transport.base import TransferStats
from transport.fetch import find_common
from transport.negotiate import TipNegotiator
from transport.syncing.gather.commit_order import parents_first, reach

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from packcore.errors import PackcoreError
    from packcore.ids import ObjectId
    from packcore.progress import Progress
    from transport.base import Transport
    from transport.syncing.gather.commit_order import Parents
    from transport.wire.advertisement import Advertisement

__all__ = [
    "NO_GROUND",
    "GraphNegotiator",
    "Ground",
    "InsistentTips",
    "UnknownTips",
    "WatchedTips",
    "find_ground",
    "knows_all",
]

GROUND_MAX = 1024
"""Most commits named as haves; a border with more of them is so ragged that each is of little use."""


class UnknownTips(Exception):
    """The source did not acknowledge `tips` of the target, so it may lack what they reach."""

    def __init__(self, tips: Iterable[ObjectId]) -> None:
        super().__init__()
        self.tips = tuple(tips)


@dataclass(frozen=True, slots=True)
class Ground:
    """The answer: commits that both sides have, none below another."""

    commits: tuple[ObjectId, ...]
    haves: int
    """How many commits the target was asked about."""
    traffic: TransferStats
    """Requests and bytes that the questions took."""
    failure: PackcoreError | None = None
    """Why the target could not be asked, or not completely."""


NO_GROUND = Ground((), 0, TransferStats())
"""Of a target that is not asked."""


def find_ground(target: Transport, parents: Parents, tips: Iterable[ObjectId], progress: Progress) -> Ground:
    """Ask the target which of the commits in the table it has. The result reports failures."""
    before = replace(target.stats)
    negotiator = GraphNegotiator(parents, tips)
    with progress.phase("target: finding what it has", unit="commits") as phase:
        answer = find_common(target, negotiator)
        phase.advance(answer.offered_count)
        phase.note(common=len(answer.found))
    now = target.stats
    traffic = TransferStats(
        now.requests - before.requests,
        now.bytes_sent - before.bytes_sent,
        now.bytes_received - before.bytes_received,
    )
    commits = tuple(negotiator.newest(answer.found))[:GROUND_MAX]
    return Ground(commits, answer.offered_count, traffic, answer.failure)


def knows_all(source: Transport, advertisement: Advertisement, tips: Collection[ObjectId]) -> bool:
    """Ask the source about tips that it did not acknowledge; return whether it knows all of them.

    False if it can't be asked about haves alone.
    """
    return set(tips) <= set(find_common(source, InsistentTips(tips), advertisement=advertisement).found)


class WatchedTips(TipNegotiator):
    """Offers tips, and reports the unacknowledged ones before the server is told that these are all.

    `on_unknown` may raise; at that point no pack has been requested.
    """

    def __init__(self, tips: Iterable[ObjectId], on_unknown: Callable[[Collection[ObjectId]], None]) -> None:
        super().__init__(tips)
        self._on_unknown = on_unknown
        self._unknown: dict[ObjectId, None] = {}

    def take(self, count: int) -> Sequence[ObjectId]:
        """Return the next tips."""
        tips = super().take(count)
        if not tips:
            self._on_unknown(self._unknown.keys())
        self._unknown.update(dict.fromkeys(tips))
        return tips

    def mark_common(self, oid: ObjectId) -> None:
        """Note that the server has this tip."""
        self._unknown.pop(oid, None)


class InsistentTips:
    """Offers tips again, in alternating order, while each round finds at least one of them.

    The server acknowledges a parent if it is named before its children.
    """

    gives_up = False

    def __init__(self, tips: Iterable[ObjectId]) -> None:
        """`tips` are in the order in which they were offered before."""
        self._open = dict.fromkeys(tips)
        self._next: list[ObjectId] = []
        self._has_news = True

    def take(self, count: int) -> Sequence[ObjectId]:
        """Return the next tips to offer."""
        if not self._next and self._has_news:
            self._open = dict.fromkeys(reversed(self._open))
            self._next = list(self._open)
            self._has_news = False
        taken, self._next = self._next[:count], self._next[count:]
        return taken

    def mark_common(self, oid: ObjectId) -> None:
        """Note that the server has this tip."""
        self._open.pop(oid, None)
        self._has_news = True


class GraphNegotiator:
    """Offers samples of a known graph, and uses everything that each answer implies.

    Memory: some 300 bytes for each commit of the graph.
    """

    gives_up = False

    def __init__(self, parents: Parents, tips: Iterable[ObjectId]) -> None:
        """`parents` is the graph; the target has the parents that it lacks, or neither side does."""
        self._parents = parents
        self._open = parents_first(parents, tips)[::-1]
        """What is not decided, newest first."""
        self._children: dict[ObjectId, list[ObjectId]] = {}
        for oid in self._open:
            for parent in parents[oid]:
                self._children.setdefault(parent, []).append(oid)
        self._common: set[ObjectId] = set()
        self._lacking: set[ObjectId] = set()
        self._offered: list[ObjectId] = []

    def take(self, count: int) -> Sequence[ObjectId]:
        """Return the next commits to offer; the target lacks those offered before that are not common now."""
        is_first = not self._offered
        self._mark_lacking(oid for oid in self._offered if oid not in self._common)
        decided = self._common | self._lacking
        self._open = [oid for oid in self._open if oid not in decided]
        self._offered = [self._open[place] for place in _sample(len(self._open), count, newest=is_first)]
        return self._offered

    def mark_common(self, oid: ObjectId) -> None:
        """Note that the target has this commit, and so everything reachable from it."""
        reach(self._parents, [oid], self._common)

    def newest(self, found: Iterable[ObjectId]) -> list[ObjectId]:
        """Return the common commits that no other common one reaches."""
        found = list(dict.fromkeys(found))
        below: set[ObjectId] = set()
        reach(self._parents, {parent for oid in found for parent in self._parents[oid]}, below)
        return [oid for oid in found if oid not in below]

    def _mark_lacking(self, commits: Iterable[ObjectId]) -> None:
        stack = list(commits)
        while stack:
            oid = stack.pop()
            if oid not in self._lacking:
                self._lacking.add(oid)
                stack += self._children.get(oid, ())


def _sample(length: int, count: int, *, newest: bool) -> list[int]:
    """Return up to `count` places of a list; `newest` prefers its start: most differences are recent."""
    if length <= count:
        return list(range(length))
    places = set()
    if newest:
        places = {place for power in range(count // 2) if (place := (1 << power) - 1) < length}
    left = count - len(places)
    places |= {(number + 1) * (length - 1) // left for number in range(left)}
    return sorted(places)
