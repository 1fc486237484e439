"""Search trees or blobs path by path: the versions of a path along its spanning tree, at prescribed depths.

paths       by file name from its end, then by folder: a.c of all folders, then b.c, then those in .h
a path      its lines of versions (search/forest), newest first
a version   gets its base and its allowed depth from the depth schedule (search/depth); the chooser decides
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from packcore.objects import ObjectType
from packcore.search.depth import DepthSchedule, root_depth_allowed
from packcore.search.forest import spanning_lines
from packcore.search.partition import name_order

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from packcore.search.chunk_search.state import SearchState
    from packcore.search.forest import VersionLine
    from packcore.search.strategy import Choice
    from packcore.tree_path import TreePath

__all__ = ["EarlyStep", "PathSearch", "VersionChooser"]

_COSTLY_BYTES = 300
"""Later versions should not step across a delta of at least this many bytes."""


class EarlyStep(NamedTuple):
    """A shallower base than the prescribed one; otherwise, a later version would have to step back to it."""

    base: int
    share: float
    """How much of the way to that version is behind us, 0 to 1. The more, the more a step may cost now."""


class VersionChooser(Protocol):
    """Chooses for trees, or for blobs."""

    def choose(
        self, member: int, prescribed: int | None, allowed: int, early: EarlyStep | None = None
    ) -> Choice:
        """Choose for one object. The depth of its base must be below `allowed`."""

    def passed(self, member: int, path: int) -> None:
        """Record that the search passed an object of a path, whether it chose for it or not."""


class PathSearch:
    """Searches all trees or all blobs (`members`, ascending)."""

    def __init__(self, state: SearchState, type_: ObjectType, members: Sequence[int]) -> None:
        self._work = state.work
        self._searched = state.searched
        self._type = type_
        self._members_of: dict[TreePath | bytes, list[int]] = {}
        candidates = state.work.candidates
        for member in members:
            self._members_of.setdefault(candidates[member].where, []).append(member)
        self._ordered = sorted(self._members_of, key=name_order)
        self.path_of = {
            member: number for number, path in enumerate(self._ordered) for member in self._members_of[path]
        }
        """The number of each object's path, counted in the order of the search."""

    def choices(self, edges: Sequence[tuple[int, int, int]], chooser: VersionChooser) -> Iterator[Choice]:
        """Yield all choices, path by path."""
        edges_of: dict[int, list[tuple[int, int, int]]] = {}
        for edge in edges:
            number = self.path_of.get(edge[0])
            if number is not None and self.path_of.get(edge[1]) == number:
                edges_of.setdefault(number, []).append(edge)
        weigh = None if self._type == ObjectType.TREE else self._size_difference
        for number, path in enumerate(self._ordered):
            lines = spanning_lines(
                self._members_of[path],
                edges_of.pop(number, ()),
                weigh,
                tie_parts=path != b"",
                placed_from=self._work.plan_count,
            )
            for line in lines:
                yield from self._line(line, number, chooser)

    def _line(self, line: VersionLine, path: int, chooser: VersionChooser) -> Iterator[Choice]:
        """Choose for one line of versions, starting with the newest."""
        work, searched = self._work, self._searched
        depth = work.depth
        schedule = DepthSchedule(line.length, work.limits.depth)
        way: list[int] = [0] * line.length
        for (member, distance), height in zip(line.walk, line.heights, strict=True):
            way[distance] = member
            costly = False
            if searched[member]:
                prescribed = early = None
                if distance == 0:
                    allowed = root_depth_allowed(line.length, work.limits.depth)
                else:
                    base, allowed, early_base, share = schedule.prescribe(distance, height)
                    if base >= 0:
                        prescribed = way[base]
                    if 0 <= early_base < base:
                        early = EarlyStep(way[early_base], share)
                choice = chooser.choose(member, prescribed, min(work.room[member], allowed), early)
                costly = choice.delta_size > _COSTLY_BYTES
                yield choice
            schedule.place(distance, height, depth[member], costly=costly)
            chooser.passed(member, path)

    def _size_difference(self, a: int, b: int) -> int:
        """Return an estimate of how far apart two versions are.

        The bytes between common prefix and suffix are a better estimate in one long history (the pack is 0.7
        % smaller) and a worse one in two shorter ones (0.2 and 0.3 % larger), and need to read every blob
        twice.
        """
        return abs(self._work.candidates[a].size - self._work.candidates[b].size)
