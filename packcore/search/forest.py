r"""The versions of one path in the order they are written: a walk along a spanning forest.

    edges (from the version graph)      forest (least weight)       walk (newest first)

    v5 - v4 - v3 - v2 - v1              v5                          v5 v4 v3 v2 v1 b2 b1
          \    \                          `v4                       parents first, the
           b2 - b1                            `v3                   closest child first
                                              |  `v2 - v1
                                              `b1 - b2

Weights are computed only where the edges form a cycle: a plain line of versions has just one spanning tree.
"""

from __future__ import annotations

from heapq import heappop, heappush
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

__all__ = ["VersionLine", "spanning_lines"]

_FAR = 1 << 62
"""The weight of an edge that only ties the parts of a path's history together."""


class VersionLine(NamedTuple):
    """One tree of the forest: a line of versions."""

    walk: list[tuple[int, int]]
    """(object, distance from the root), parents before children."""
    heights: list[int]
    """For each object of the walk, the number of objects on the longest way below it."""

    @property
    def length(self) -> int:
        """The number of objects on the longest way from the root."""
        return self.heights[0] + 1


def spanning_lines(
    members: Sequence[int],
    edges: Iterable[tuple[int, int, int]],
    weigh: Callable[[int, int], int] | None,
    *,
    tie_parts: bool,
    placed_from: int,
) -> list[VersionLine]:
    """Return the spanning forest of `members`, which ascend from newest to oldest.

    The root of a tree is its first member at or above `placed_from`, an object that the receiver has, or else
    its newest member.

    `edges` are (a, b, weight). If `weigh` is given, it is called for the weight where that matters. With
    `tie_parts`, unconnected parts are tied into one line, newest first.
    """
    if len(members) == 1:
        return [VersionLine([(members[0], 0)], [0])]
    neighbours: dict[int, dict[int, int]] = {member: {} for member in members}
    for a, b, weight in edges:
        neighbours[a][b] = neighbours[b][a] = weight
    parts = _parts(members, neighbours)
    if tie_parts and len(parts) > 1:
        _tie(parts, neighbours)
        parts = [sorted(member for part in parts for member in part)]
    lines = []
    for part in parts:
        root = next((member for member in part if member >= placed_from), part[0])
        lines.append(_line(part, root, neighbours, weigh))
    return lines


def _parts(members: Sequence[int], neighbours: dict[int, dict[int, int]]) -> list[list[int]]:
    """Return the connected parts, each in ascending order, the one with the newest member first."""
    seen: set[int] = set()
    parts = []
    for member in members:
        if member in seen:
            continue
        seen.add(member)
        part = [member]
        for reached in part:
            fresh = [other for other in neighbours[reached] if other not in seen]
            seen.update(fresh)
            part.extend(fresh)
        part.sort()
        parts.append(part)
    return parts


def _tie(parts: list[list[int]], neighbours: dict[int, dict[int, int]]) -> None:
    """Tie the newest member of each part to the oldest member of the parts before that is still newer."""
    oldest = parts[0][-1]
    before: list[int] = sorted(parts[0])
    for part in parts[1:]:
        newest = part[0]
        newer = [member for member in (oldest, before[-1]) if member < newest]
        nearest = max(newer) if newer else before[0]
        neighbours[nearest][newest] = neighbours[newest][nearest] = _FAR
        before = part
        oldest = max(oldest, part[-1])


def _line(
    part: list[int], root: int, neighbours: dict[int, dict[int, int]], weigh: Callable[[int, int], int] | None
) -> VersionLine:
    """Build the spanning tree from the root (Prim's algorithm), and walk it."""
    has_rings = sum(len(neighbours[member]) for member in part) // 2 >= len(part)
    children: dict[int, list[int]] = {}
    reached: set[int] = set()
    heap: list[tuple[int, int, int]] = [(0, root, -1)]
    while heap:
        _, member, parent = heappop(heap)
        if member in reached:
            continue
        reached.add(member)
        if parent >= 0:
            children.setdefault(parent, []).append(member)
        for other, weight in neighbours[member].items():
            if other in reached:
                continue
            if has_rings and weigh is not None and weight < _FAR:
                weight = weigh(member, other)
            heappush(heap, (weight, other, member))
    walk: list[tuple[int, int]] = []
    stack = [(root, 0)]
    while stack:
        member, distance = stack.pop()
        walk.append((member, distance))
        below = children.get(member)
        if below is not None:
            # They were reached in order of weight; the stack pops the last one first.
            stack.extend((child, distance + 1) for child in reversed(below))
    return VersionLine(walk, _heights(walk))


def _heights(walk: list[tuple[int, int]]) -> list[int]:
    """Return the height of each object of a walk."""
    heights = [0] * len(walk)
    # Walks backwards. For each distance: one more than the greatest height of those whose parent comes next.
    below = [0] * (len(walk) + 1)
    for place in range(len(walk) - 1, -1, -1):
        distance = walk[place][1]
        heights[place] = height = below[distance + 1]
        below[distance + 1] = 0
        if below[distance] <= height:
            below[distance] = height + 1
    return heights
