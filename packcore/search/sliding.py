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

from packcore.deflate import deflate, level_for
from packcore.delta.make import encode_matches, find_matches
from packcore.objects import ObjectType
from packcore.search.strategy import Choice
from packcore.tree_path import path_end

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from packcore.delta.encode import Match
    from packcore.search.strategy import Work

__all__ = [
    "OBJECT_BYTES_MIN",
    "TYPE_ORDER",
    "SlidingWindow",
    "Trial",
    "slide",
    "sorted_by_name",
    "usable",
    "wanted_of",
    "whole",
]

OBJECT_BYTES_MIN = 50
"""Smaller objects are written whole: a delta's header and base would eat what it saves."""
_SIZE_RATIO_MAX = 32
"""A base that many times larger than the object is not tried."""
TYPE_ORDER = {ObjectType.COMMIT: 0, ObjectType.TAG: 1, ObjectType.TREE: 2, ObjectType.BLOB: 3}
"""Objects of a type are searched together, and lie together."""


class Trial:
    """One object, and the best base so far of those that were offered."""

    def __init__(self, work: Work, member: int, data: bytes) -> None:
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

    def offer(self, base: int, base_data: bytes) -> None:
        """Try a base, which must be placed; it becomes the best one if the rules say so."""
        work, data = self._work, self.data
        depth = work.depth[base]
        if work.candidates[base].type != self._type or not 0 <= depth < self._room:
            return
        limit = self._limit_at(depth)
        if limit <= 0 or not self._is_of_like_size(len(base_data), limit):
            return
        found = find_matches(self._type, base_data, data, limit, self._digest_size)
        if found is None:
            return
        cost, matches = found
        if self.base is not None and cost == self._limit and depth >= self._base_depth:
            return
        self.base, self._base_data, self._matches = base, base_data, matches
        self._limit, self._base_depth = cost, depth

    def _limit_at(self, depth: int) -> int:
        """Return what a delta on a base of that depth may cost."""
        return self._limit * (self._room - depth) // (self._room - self._base_depth)

    def _is_of_like_size(self, base_bytes: int, limit: int) -> bool:
        """Tell whether a base of that size is worth a look."""
        size = len(self.data)
        return size - base_bytes < limit and size >= base_bytes // _SIZE_RATIO_MAX

    def choice(self) -> Choice:
        """Return the best delta, encoded; or the whole, left to the writer."""
        if self.base is None:
            return Choice(self.member, None)
        delta = encode_matches(self._type, self._base_data, self.data, self._matches)
        level = level_for(self._type, self._work.limits.compression)
        return Choice(self.member, self.base, len(delta), deflate(delta, level))


class SlidingWindow:
    """The last few objects and their bytes, within a number and within memory.

    `keep_bases` tells whether a base moves behind its delta, and so stays longer.
    """

    def __init__(self, work: Work, size: int, memory_bytes: int, *, keep_bases: bool = True) -> None:
        self._keep_bases = keep_bases
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
        """Take in an object that is placed, move its base behind it; drop the oldest that are too many."""
        depth = self._work.depth[member]
        if depth < 0 or (base is not None and depth >= self._work.room[member]):
            return
        slots = self._slots
        slots.append((member, data))
        self._held_bytes += len(data)
        if base is not None and self._keep_bases:
            found = next((at for at, (other, _) in enumerate(slots) if other == base), -1)
            if found >= 0:
                slot = slots[found]
                del slots[found]
                slots.append(slot)
        while len(slots) > self._size or (self._held_bytes > self._memory_bytes and slots):
            self._held_bytes -= len(slots.popleft()[1])


def usable(work: Work) -> list[int]:
    """Return the objects that may be bases or deltas by their size."""
    big = work.limits.big_object
    return [
        index for index, candidate in enumerate(work.candidates) if OBJECT_BYTES_MIN <= candidate.size < big
    ]


def sorted_by_name(work: Work, name_hash: Callable[[bytes], int]) -> list[int]:
    """Return the objects that may be bases or deltas: by type, name hash, and size, largest first.

    What the receiver has comes before what it may be a base of.
    """
    hashes = {path: name_hash(path_end(path)) for path in {each.where for each in work.candidates}}
    keys = []
    for index in usable(work):
        _, type_, size, path, _ = work.candidates[index]
        keys.append((TYPE_ORDER[type_], -hashes[path], index < work.plan_count, -size, index))
    keys.sort()
    return [key[-1] for key in keys]


def slide(
    work: Work,
    members: Sequence[int],
    windows_of: Callable[[int], Sequence[SlidingWindow]],
    trial_type: type[Trial] = Trial,
) -> Iterator[Choice]:
    """Yield a choice for each object searched: in the order of `members`, then the others whole.

    `windows_of` gives the windows that an object is compared with, and then taken into.
    """
    wanted = wanted_of(work)
    for member in members:
        data = work.read(member)
        base = None
        windows = windows_of(member)
        if wanted[member]:
            trial = trial_type(work, member, data)
            for window in windows:
                window.offer_to(trial)
            yield trial.choice()
            wanted[member] = 0
            base = trial.base
        for window in windows:
            window.push(member, data, base)
    yield from whole(work, wanted)


def wanted_of(work: Work) -> bytearray:
    """Return a byte for each candidate: 1 where a choice is wanted."""
    wanted = bytearray(len(work.candidates))
    for index in work.searched:
        wanted[index] = 1
    return wanted


def whole(work: Work, wanted: bytearray) -> list[Choice]:
    """Return choices of the whole for all that is still wanted."""
    return [Choice(index, None) for index in work.searched if wanted[index]]
