"""The classic: objects sorted so that likely bases are neighbours, each compared with its last few.

    order     type, then name (its last sixteen characters, the last weighing most), then size, then age
    window    the last `limits.window` objects of that order
    choice    the smallest delta, where a deeper base must win by more

Larger objects come first, since taking bytes away costs less than putting them in, and the newest
version of a file is mostly the largest. What is not in the window can't be a base: a file that moved
is found only if its name still ends alike. Here as the row that other strategies are measured against;
the deltas themselves are made by the engine's own encoder.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, ClassVar

from packcore.deflate import deflate
from packcore.delta.make import encode_matches, find_matches, make_delta
from packcore.delta.strategy import Choice, Parameter
from packcore.errors import PluginError
from packcore.objects import ObjectType

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packcore.delta.encode import Match
    from packcore.delta.strategy import Work

__all__ = ["GitWindow"]

_NAME_BYTES = 16
"""Characters of a path's end that decide its place in the order."""
_DELTA_OVERHEAD_BYTES = 20
"""A delta must be smaller than half its object by this much."""
_SIZE_RATIO_MAX = 32
"""A base that many times smaller than the object is not tried."""


class GitWindow:
    """A sliding window over objects sorted by type, name and size."""

    name: ClassVar[str] = "git-window"
    description: ClassVar[str] = "each object against its last few neighbours, sorted by type, name and size"
    cites: ClassVar[str] = "git's Documentation/technical/pack-heuristics"
    reuses_deltas: ClassVar[bool] = True
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("window", 0, "neighbours compared with; 0 takes the limit's"),
    )

    def __init__(self, *, window: int = 0) -> None:
        if window < 0:
            raise PluginError(f"strategy {self.name}: window can't be {window}")
        self._window = window

    def choose(self, work: Work) -> Iterator[Choice]:
        """Yield a choice for each object searched, in the order of the sort."""
        searched = set(work.searched)
        big = work.limits.big_object
        members = [index for index, candidate in enumerate(work.candidates) if candidate.size < big]
        members.sort(key=lambda index: _sort_key(work, index))
        window = _Window(work, self._window or work.limits.window)
        for member in members:
            if member in searched:
                yield window.choose(member)
            window.push(member)

    @staticmethod
    def make_delta(object_type: ObjectType, base: bytes, target: bytes, digest_size: int) -> bytes:
        """Return the delta that makes `target` from `base`."""
        return make_delta(object_type, base, target, digest_size)


_TYPE_ORDER = {ObjectType.COMMIT: 0, ObjectType.TAG: 1, ObjectType.TREE: 2, ObjectType.BLOB: 3}


def _sort_key(work: Work, index: int) -> tuple[int, bytes, int, int]:
    candidate = work.candidates[index]
    # What the receiver has comes before what it may be a base of.
    is_ours = index < work.plan_count
    name = bytes(candidate.path.replace(b" ", b"")[-_NAME_BYTES:][::-1])
    return _TYPE_ORDER[candidate.type], name, -candidate.size if is_ours else -(1 << 62), index


class _Window:
    """The last few objects and their bytes."""

    def __init__(self, work: Work, size: int) -> None:
        self._work = work
        self._memory_bytes = work.limits.window_memory
        self._held_bytes = 0
        self._slots: deque[tuple[int, bytes]] = deque()
        self._size = size

    def push(self, member: int) -> None:
        """Take an object in once it is placed, and drop the oldest ones that are too many or too much."""
        if self._work.depth[member] < 0:
            return
        data = self._work.read(member)
        self._slots.append((member, data))
        self._held_bytes += len(data)
        while len(self._slots) > self._size or (
            self._held_bytes > self._memory_bytes and len(self._slots) > 1
        ):
            self._held_bytes -= len(self._slots.popleft()[1])

    def choose(self, member: int) -> Choice:
        """Return the smallest delta against the objects in the window, or the whole."""
        work = self._work
        data = work.read(member)
        type_, room = work.candidates[member].type, work.room[member]
        digest_size = work.object_format.digest_size
        best: tuple[int, bytes, list[Match]] | None = None
        limit = len(data) // 2 - _DELTA_OVERHEAD_BYTES
        best_depth = 0
        for base, base_data in reversed(self._slots):
            depth = work.depth[base]
            if (
                work.candidates[base].type != type_
                or depth >= room
                or len(data) > len(base_data) * _SIZE_RATIO_MAX
            ):
                continue
            # A deep base leaves little room for those to come, so it must save more.
            fair = limit * (room - depth) // max(room - best_depth, 1)
            if fair <= 0:
                continue
            found = find_matches(type_, base_data, data, min(fair, len(data) // 2), digest_size)
            if found is not None:
                best, limit, best_depth = (base, base_data, found[1]), found[0] - 1, depth
        if best is None:
            return Choice(member, None)
        delta = encode_matches(type_, best[1], data, best[2])
        return Choice(member, best[0], len(delta), deflate(delta, work.limits.compression))
