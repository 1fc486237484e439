"""Does `new` descend from `old`? One walk answers this for many pairs.

    o───o───old───o───m───new        seeks    down from `new`: bit i on all that new i reaches
         `──o──────o──'              below    down from `old`: bit i on all that old i reaches

Each commit carries a set of bits for each mark. A question is answered when its bit of `seeks` meets `old`.
What `old` reaches can't be above it, so `seeks` stops there. The walk ends when no commit waits with an open
bit: every line of every open question has then come to a root, below its `old`, or to a commit whose
generation rules out that `old` is below it.

The order is by generation, then by date. If a date is wrong, a mark may come late, and the commit waits a
second time. So wrong clocks cost time, but never change an answer.

A store may hold only a part of history. Then the answer says where the way left it:

    reached    yes
    ends       commits that are not here; `old` may be below one of them
    is_cut     the same below a shallow commit

Memory: some 250 bytes for each commit that is met.
"""

from __future__ import annotations

from heapq import heappop, heappush
from typing import TYPE_CHECKING, NamedTuple

from packcore.errors import CorruptData, CorruptShortcut, LimitExceeded
from packcore.history import UNKNOWN_GENERATION

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from packcore.history import History, Node
    from packcore.ids import ObjectId

__all__ = ["Descent", "trace_descents"]

QUESTIONS_MAX = 1024
"""Most questions in one walk: each commit copies the sets of bits."""


class Descent(NamedTuple):
    """What a walk found out about one pair."""

    reached: bool
    """Whether `new` is `old` or descends from it. If not, and there are no ends and no cut, it does not."""
    ends: frozenset[ObjectId] = frozenset()
    is_cut: bool = False


def trace_descents(history: History, questions: Sequence[tuple[ObjectId, ObjectId]]) -> list[Descent]:
    """Answer for each pair of commits (old, new). Other objects neither have nor are ancestors.

    Raises CorruptData for a commit above `old` that can't be read.
    """
    found: list[Descent] = []
    for start in range(0, len(questions), QUESTIONS_MAX):
        batch = questions[start : start + QUESTIONS_MAX]
        try:
            found += _Walk(history, batch).run()
        except CorruptShortcut as error:
            history.leave_graph(error)
            found += _Walk(history, batch).run()
    return found


class _Walk:
    """The state of one walk. A question's bit is 1 shifted by its place."""

    def __init__(self, history: History, questions: Sequence[tuple[ObjectId, ObjectId]]) -> None:
        self._history = history
        self._questions = questions
        self._open = 0
        """Questions without an answer."""
        self._reached = 0
        self._sought: dict[ObjectId, int] = {}
        """The questions of each `old`."""
        self._seeks: dict[ObjectId, int] = {}
        self._below: dict[ObjectId, int] = {}
        self._heap: list[tuple[int, int, ObjectId]] = []
        self._waiting: dict[ObjectId, Node] = {}
        """Commits in the heap."""
        self._live: set[ObjectId] = set()
        """Waiting commits with an open question."""
        self._ends: set[ObjectId] = set()
        self._cuts: set[ObjectId] = set()
        self._undecided: int | None = None
        """Questions that would end at an end or a cut; None if this must be computed again."""
        self._floors: list[tuple[int, int]] = []
        """Generations at which questions become hopeless, with their bits; the highest is last."""
        self._sunk = 0
        """Questions whose `old` can't be below the remaining commits."""

    def run(self) -> list[Descent]:
        self._begin()
        while self._heap and self._open:
            if not self._live and not self._is_undecided():
                break
            self._step()
        return [self._descent(place) for place in range(len(self._questions))]

    def _begin(self) -> None:
        starts: dict[ObjectId, int] = {}
        for place, (old, new) in enumerate(self._questions):
            bit = 1 << place
            if old == new:
                self._reached |= bit
                continue
            self._open |= bit
            self._sought[old] = self._sought.get(old, 0) | bit
            starts[new] = starts.get(new, 0) | bit
        for new, bits in starts.items():
            self._mark(new, bits, 0)
        floors = []
        for old, bits in self._sought.items():
            self._mark(old, 0, bits)
            if (node := self._waiting.get(old)) is not None:
                floors.append((node.generation, bits))
        self._floors = sorted(floors)

    def _step(self) -> None:
        """Go on from the newest commit to its parents."""
        _, _, oid = heappop(self._heap)
        node = self._waiting.pop(oid)
        below = self._below.get(oid, 0) & self._open
        seeks = self._seeks.get(oid, 0) & self._open & ~below
        if self._live:
            self._live.discard(oid)
        elif not below & (self._undecided or 0):
            return  # useless to every question
        if node.generation < UNKNOWN_GENERATION:
            seeks = self._above_floors(seeks, node.generation)
            # All its descendants were visited: it is never marked again.
            if oid not in self._cuts:
                self._seeks.pop(oid, None)
                self._below.pop(oid, None)
        if oid in self._history.shallow:
            for parent in node.parents:
                if sought := self._sought.get(parent, 0) & seeks:
                    self._answer(sought)
            if seeks and node.parents:
                self._cuts.add(oid)
                self._seeks[oid], self._below[oid] = seeks, below
                self._undecided = None
            return
        for parent in node.parents:
            self._mark(parent, seeks, below)
            if node.generation < UNKNOWN_GENERATION and parent in self._waiting:
                self._check_generation(oid, node, self._waiting[parent])

    def _check_generation(self, oid: ObjectId, node: Node, parent: Node) -> None:
        if parent.generation >= node.generation:
            raise CorruptShortcut(
                f"commit {oid.hex()} is of generation {node.generation}, and a parent of {parent.generation}",
                path="commit-graph",
            )

    def _above_floors(self, seeks: int, generation: int) -> int:
        """Return the questions whose `old` may be below a commit of this generation."""
        while self._floors and self._floors[-1][0] >= generation:
            _, bits = self._floors.pop()
            # From here on no commit has a higher generation.
            self._sunk |= bits
        return seeks & ~self._sunk

    def _mark(self, oid: ObjectId, seeks: int, below: int) -> None:
        """Add marks to a commit; put it in the heap if they are new."""
        if seeks and (sought := self._sought.get(oid, 0) & seeks & self._open):
            self._answer(sought)
        had_seeks, had_below = self._seeks.get(oid, 0), self._below.get(oid, 0)
        seeks |= had_seeks
        below |= had_below
        if seeks == had_seeks and below == had_below:
            return
        if seeks != had_seeks:
            self._seeks[oid] = seeks
        if below != had_below:
            self._below[oid] = below
        is_live = bool(seeks & ~below & self._open)
        if oid not in self._waiting and not self._push(oid, needed=is_live):
            return
        if is_live:
            self._live.add(oid)
        else:
            self._live.discard(oid)

    def _push(self, oid: ObjectId, *, needed: bool) -> bool:
        """Put a commit in the heap; return False if it is not here, or has no parents to go on to."""
        if oid in self._ends:
            self._undecided = None
            return False
        try:
            node = self._history.node(oid)
        except (CorruptData, LimitExceeded) as error:
            if needed or isinstance(error, CorruptShortcut):
                raise
            return False
        if node is None:
            if self._history.is_absent(oid):
                self._ends.add(oid)
                self._undecided = None
            return False
        self._waiting[oid] = node
        heappush(self._heap, (-node.generation, -node.date, oid))
        return True

    def _answer(self, bits: int) -> None:
        self._reached |= bits
        self._open &= ~bits
        open_, seeks, below = self._open, self._seeks, self._below
        self._live = {oid for oid in self._live if seeks.get(oid, 0) & ~below.get(oid, 0) & open_}
        self._undecided = None

    def _is_undecided(self) -> bool:
        """Return whether an end or a cut may still prove to be below the `old` sought there."""
        if self._undecided is None:
            self._undecided = 0
            for bits in map(self._left_at, self._stops()):
                self._undecided |= bits
        return bool(self._undecided)

    def _stops(self) -> Iterable[ObjectId]:
        yield from self._ends
        yield from self._cuts

    def _left_at(self, oid: ObjectId) -> int:
        """Return the open questions whose way ends at a commit that is not known to be below their `old`."""
        return self._seeks.get(oid, 0) & ~self._below.get(oid, 0) & self._open

    def _descent(self, place: int) -> Descent:
        bit = 1 << place
        if self._reached & bit:
            return Descent(reached=True)
        return Descent(
            reached=False,
            ends=frozenset(oid for oid in self._ends if self._left_at(oid) & bit),
            is_cut=any(self._left_at(oid) & bit for oid in self._cuts),
        )
