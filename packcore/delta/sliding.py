"""The window loop of git and of all that follow it: sorted objects, each against the last few before it.

    sorted    ... [ a   b   c   d ] e                 window of 4: e is offered d, c, b, a
    c wins    ... [     b   d   e   c ] f             the base moves behind its delta, so it stays longer

A `Trial` holds one object's search and the rules by which a base may win:

    limit        a delta must be below half its object less an id, then below the best so far
    depth        a base at depth d has only (room - d) / (room - best's d) of that limit: deep bases must
                 win by more, since little can be hung on what hangs on them
    size         a base smaller than the target by the limit can't do; one 32 times larger isn't tried

What these rules compare is the cost of matches (literal bytes, four for each match), which is what git's
own encoder would have made of them, nearly; the delta is encoded for the winner alone.

Method: git's Documentation/technical/pack-heuristics. Left out on purpose: objects below 50 bytes are
never tried (nor are they by git), and islands.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from packcore.deflate import deflate
from packcore.delta.make import encode_matches, find_matches
from packcore.delta.strategy import Choice
from packcore.objects import ObjectType

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from packcore.delta.encode import Match
    from packcore.delta.strategy import Work

__all__ = ["OBJECT_BYTES_MIN", "SlidingWindow", "Trial", "slide", "sorted_by_name"]

OBJECT_BYTES_MIN = 50
"""Smaller objects are written whole: a delta's header and base would eat what it saves."""
_SIZE_RATIO_MAX = 32
"""A base that many times larger than the object is not tried."""
_TYPE_ORDER = {ObjectType.COMMIT: 0, ObjectType.TAG: 1, ObjectType.TREE: 2, ObjectType.BLOB: 3}


class Trial:
    """One object, and the best base so far of those that were offered."""

    def __init__(self, work: Work, member: int, data: bytes, *, shrink_filter: bool = False) -> None:
        self.member = member
        self.data = data
        self.base: int | None = None
        self._work = work
        self._type = work.candidates[member].type
        self._room = work.room[member]
        self._digest_size = work.object_format.digest_size
        self._limit = len(data) // 2 - self._digest_size
        self._base_depth = 0
        self._base_data = b""
        self._matches: list[Match] = []
        self._shrink_filter = shrink_filter

    def offer(self, base: int, base_data: bytes) -> None:
        """Try a base, which must be placed; it becomes the best one if the rules say so."""
        work, data = self._work, self.data
        depth = work.depth[base]
        if work.candidates[base].type != self._type or not 0 <= depth < self._room:
            return
        limit = self._limit * (self._room - depth) // (self._room - self._base_depth)
        larger = len(base_data) - len(data)
        if limit <= 0 or -larger >= limit or len(data) < len(base_data) // _SIZE_RATIO_MAX:
            return
        if self._shrink_filter and larger > limit:
            return
        found = find_matches(self._type, base_data, data, limit, self._digest_size)
        if found is None:
            return
        cost, matches = found
        if self.base is not None and cost == self._limit and depth >= self._base_depth:
            return
        self.base, self._base_data, self._matches = base, base_data, matches
        self._limit, self._base_depth = cost, depth

    def choice(self) -> Choice:
        """Return the best delta, encoded; or the whole, left to the writer."""
        if self.base is None:
            return Choice(self.member, None)
        delta = encode_matches(self._type, self._base_data, self.data, self._matches)
        return Choice(self.member, self.base, len(delta), deflate(delta, self._work.limits.compression))


class SlidingWindow:
    """The last few objects and their bytes, within a number and within memory."""

    def __init__(self, work: Work, size: int, memory_bytes: int) -> None:
        self._work = work
        self._size = size
        self._memory_bytes = memory_bytes
        self._held_bytes = 0
        self._slots: deque[tuple[int, bytes]] = deque()

    def offer_to(self, trial: Trial) -> None:
        """Offer a trial each object of the window, the latest first."""
        for base, base_data in reversed(self._slots):
            trial.offer(base, base_data)

    def push(self, member: int, data: bytes, base: int | None) -> None:
        """Take in an object that is placed, and its base once more; drop the oldest that are too many."""
        depth = self._work.depth[member]
        if depth < 0 or (base is not None and depth >= self._work.room[member]):
            return
        slots = self._slots
        slots.append((member, data))
        self._held_bytes += len(data)
        if base is not None:
            found = next((at for at, (other, _) in enumerate(slots) if other == base), -1)
            if found >= 0:
                slot = slots[found]
                del slots[found]
                slots.append(slot)
        while len(slots) > self._size or (self._held_bytes > self._memory_bytes and slots):
            self._held_bytes -= len(slots.popleft()[1])


def sorted_by_name(work: Work, name_hash: Callable[[bytes], int]) -> list[int]:
    """Return the objects that may be bases or deltas: by type, name hash, and size, largest first.

    What the receiver has comes before what it may be a base of.
    """
    big = work.limits.big_object
    hashes = {path: name_hash(path) for path in {candidate.path for candidate in work.candidates}}
    keys = []
    for index, (_, type_, size, path, _) in enumerate(work.candidates):
        if OBJECT_BYTES_MIN <= size < big:
            keys.append((_TYPE_ORDER[type_], -hashes[path], index < work.plan_count, -size, index))
    keys.sort()
    return [key[-1] for key in keys]


def slide(
    work: Work, members: Sequence[int], window: SlidingWindow, *, shrink_filter: bool = False
) -> Iterator[Choice]:
    """Yield a choice for each object searched: in the order of `members`, then the others whole."""
    searched = bytearray(len(work.candidates))
    for index in work.searched:
        searched[index] = 1
    for member in members:
        data = work.read(member)
        base = None
        if searched[member]:
            trial = Trial(work, member, data, shrink_filter=shrink_filter)
            window.offer_to(trial)
            yield trial.choice()
            searched[member] = 0
            base = trial.base
        window.push(member, data, base)
    yield from whole(work, searched)


def whole(work: Work, wanted: bytearray) -> Iterable[Choice]:
    """Return choices of the whole for those searched objects that are still wanted."""
    return [Choice(index, None) for index in work.searched if wanted[index]]
