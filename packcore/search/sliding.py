"""The window loop of git and its followers: sorted objects, each compared with the last few before it.

    sorted    ... [ a   b   c   d ] e                 window of 4: e is offered d, c, b, a
    c wins    ... [     b   d   e   c ] f             the base moves behind its delta, so it stays longer

A `Trial` holds the search for one object, and the rules by which a base may win:

    limit        a delta must be below half its object less an id, then below the best so far
    depth        a base at depth d gets only (room - d) / (room - best's d) of that limit: a deep base must
                 win by more, since its deltas leave little room for further ones
    size         a base smaller than the target by the limit can't win; one 32 times larger isn't tried

The rules compare the cost of matches (literal bytes, plus four for each match), which is close to the size of
the delta that git's own encoder would make. Only the winner's delta is encoded.

Method: git's Documentation/technical/pack-heuristics. Left out on purpose: objects below 50 bytes, which git
doesn't try either, and islands.
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
"""Smaller objects are written whole: the header and base reference of a delta would eat what it saves."""
_SIZE_RATIO_MAX = 32
"""A base more than this many times larger than the object is not tried."""
TYPE_ORDER = {ObjectType.COMMIT: 0, ObjectType.TAG: 1, ObjectType.TREE: 2, ObjectType.BLOB: 3}
"""Objects of one type are searched together, and are neighbours in the pack."""


class Trial:
    """One object, and the best of the bases offered so far."""

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
        """Try a base, which must be placed already. It becomes the best one if it wins by the rules."""
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
        """Return the most that a delta on a base of this depth may cost."""
        return self._limit * (self._room - depth) // (self._room - self._base_depth)

    def _is_of_like_size(self, base_bytes: int, limit: int) -> bool:
        """Return whether a base of this size is worth trying."""
        size = len(self.data)
        return size - base_bytes < limit and size >= base_bytes // _SIZE_RATIO_MAX

    def choice(self) -> Choice:
        """Return the best delta, encoded, or the whole object, which is left to the writer."""
        if self.base is None:
            return Choice(self.member, None)
        delta = encode_matches(self._type, self._base_data, self.data, self._matches)
        level = level_for(self._type, self._work.limits.compression)
        return Choice(self.member, self.base, len(delta), deflate(delta, level))


class SlidingWindow:
    """The last few objects and their bytes, bounded in number and memory.

    With `keep_bases`, a base moves behind its delta and so stays longer.
    """

    def __init__(self, work: Work, size: int, memory_bytes: int, *, keep_bases: bool = True) -> None:
        self._keep_bases = keep_bases
        self._work = work
        self._size = size
        self._memory_bytes = memory_bytes
        self._held_bytes = 0
        self._slots: deque[tuple[int, bytes]] = deque()

    def offer_to(self, trial: Trial) -> None:
        """Offer each object of the window to a trial, latest first."""
        for base, base_data in reversed(self._slots):
            trial.offer(base, base_data)

    def push(self, member: int, data: bytes, base: int | None) -> None:
        """Add an object that was placed, move its base behind it, and drop the oldest beyond the bounds."""
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
    """Return the objects whose size allows them to be bases or deltas."""
    big = work.limits.big_object
    return [
        index for index, candidate in enumerate(work.candidates) if OBJECT_BYTES_MIN <= candidate.size < big
    ]


def sorted_by_name(work: Work, name_hash: Callable[[bytes], int]) -> list[int]:
    """Return the usable objects sorted by type, name hash, and size, largest first.

    Objects that the receiver has come before those they may be bases of.
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
    """Yield a choice for each searched object: first `members` in order, then all others whole.

    `windows_of` returns the windows that an object is compared with and then added to.
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
    """Return a byte for each candidate: 1 if it needs a choice."""
    wanted = bytearray(len(work.candidates))
    for index in work.searched:
        wanted[index] = 1
    return wanted


def whole(work: Work, wanted: bytearray) -> list[Choice]:
    """Return choices of the whole for all objects that still need one."""
    return [Choice(index, None) for index in work.searched if wanted[index]]
