r"""Versions of one path in the order in which they are to be written: a walk along a spanning forest.

    edges (from the version graph)      forest (least weight)       walk (newest first)

    v5 - v4 - v3 - v2 - v1              v5                          v5 v4 v3 v2 v1 b2 b1
          \    \                          `v4                       parents first, the
           b2 - b1                            `v3                   closest child first
                                              |  `v2 - v1
                                              `b1 - b2

Weights are asked for only where the edges close a ring: a line of versions has one spanning tree anyway.
"""

from __future__ import annotations

from heapq import heappop, heappush
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

__all__ = ["Line", "spanning_lines"]

_FAR = 1 << 62
"""Weight of an edge that only ties the parts of a path's history together."""


class Line(NamedTuple):
    """One tree of the forest."""

    walk: list[tuple[int, int]]
    """(object, distance from the root), parents before children."""
    heights: list[int]
    """For each of the walk: how many objects the longest way below it has."""

    @property
    def length(self) -> int:
        """Objects on the longest way from the root."""
        return self.heights[0] + 1


def spanning_lines(
    members: Sequence[int],
    edges: Iterable[tuple[int, int, int]],
    weigh: Callable[[int, int], int] | None,
    *,
    tie_parts: bool,
    placed_from: int,
) -> list[Line]:
    """Return the spanning forest of `members` (ascending: newest first).

    Roots are the newest members, or rather the first that is `placed_from` or more: those are objects
    that the receiver has.

    `edges` are (a, b, weight); `weigh`, if given, is asked for the weight where it matters. With
    `tie_parts` the parts that no edge connects are tied into one line, newest first.
    """
    if len(members) == 1:
        return [Line([(members[0], 0)], [0])]
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
    """Return the connected parts, each ascending, the one with the newest member first."""
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
    """Tie each part's newest member to the oldest of those before that is still newer."""
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
) -> Line:
    """Build the spanning tree from the root (Prim), and walk it."""
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
            # Reached in order of weight; the stack gives the last one first.
            stack.extend((child, distance + 1) for child in reversed(below))
    return Line(walk, _heights(walk))


def _heights(walk: list[tuple[int, int]]) -> list[int]:
    """Return the height of each object of a walk."""
    heights = [0] * len(walk)
    # For each distance: one more than the greatest height of those whose parent is yet to come, going back.
    below = [0] * (len(walk) + 1)
    for place in range(len(walk) - 1, -1, -1):
        distance = walk[place][1]
        heights[place] = height = below[distance + 1]
        below[distance + 1] = 0
        if below[distance] <= height:
            below[distance] = height + 1
    return heights
