"""How deep each version of a file may be: a schedule that spends a depth limit well on a long history.

A plain chain, where each version's base is the one before, reaches the limit after fifty versions. If all
later ones used one distant ancestor, packs would be half as large again. So now and then a version steps back
further, to an ancestor that is less deep, and starts a new chain there:

    version  0  1  2  3  4  5  6  7  8  9      limit 3
    base     -  0  1  2  0  4  5  4  7  7
    depth    0  1  2  3  1  2  3  2  3  3

An ancestor with room for r more deltas supports a chain of r versions, then a step, which leaves room for
r - 1, and so on. With k kinds of links (chains, steps, steps over steps), C(r + k, k) - 1 versions fit: 50,
1,325 and 23,425 for a limit of 50. Steps of equal length, like marks on a ruler, reach 50, 650 and 4,900, so
a long history needs more of the long steps, which cost most. The schedule uses as few kinds of links as
possible, and of those as few steps as possible.

Histories branch. What counts is the height of a version: the number of versions on the longest way below it.
A branch whose versions fit in a chain stays where it grew, whatever was planned for the others. So the
schedule follows the walk, and is told at what depth each version was placed.

A change that is large anyway is a good place for a step, because later versions then don't have to step
across it. `Prescription.early` names the base for that.
"""

from __future__ import annotations

from functools import cache
from math import comb
from typing import NamedTuple

__all__ = ["DepthSchedule", "Prescription", "root_depth_allowed"]

_FULL_REACH = 0.4
"""Steps over steps take at least this share of their full reach, so that the chains between don't get
short."""


class Prescription(NamedTuple):
    """The schedule's answer for one version. Versions are identified by their distance from the root."""

    base: int
    """The prescribed base; -1 if no earlier version has room."""
    allowed: int
    """The depth of any base must be below this, so that all later versions fit."""
    early: int = -1
    """The base of the step planned for later; -1 if none is planned."""
    share: float = 0.0
    """How much of the way to that step is behind us, 0 to 1."""


class _Step(NamedTuple):
    """A step planned for a later version."""

    to: int
    """The distance of the version that takes the step."""
    base: int
    """The distance of its base."""
    outer: _Step | None
    """The step over this one, which always comes later."""


class DepthSchedule:
    """The schedule of one line of versions, updated along a walk that visits parents before children.

    `length` is the number of versions on the longest way from the root, including the root. `depth_max` is
    the limit.
    """

    def __init__(self, length: int, depth_max: int) -> None:
        self._depth_max = depth_max
        self._depths = [depth_max] * length
        self._steps: list[_Step | None] = [None] * length
        self._costly = bytearray(length)

    def prescribe(self, distance: int, height: int) -> Prescription:
        """Return the prescription for the version at `distance` (1 or more), with `height` more below it."""
        depths, depth_max = self._depths, self._depth_max
        parent = distance - 1
        over = depths[parent] + 1 + height - depth_max
        if over <= 0:
            return Prescription(parent, depth_max - height)
        step = self._steps[parent]
        # A step to where all later versions fit in a chain is as short now as it would be later.
        nearest = 0 if step is None else max(0, distance - (step.to - step.base))
        base = parent - over
        while base >= nearest:
            over = depths[base] + 1 + height - depth_max
            if over <= 0:
                return Prescription(base, depth_max - height)
            base -= over
        if step is not None and step.to == distance:
            return Prescription(step.base, depths[step.base] + 1)
        if depths[parent] >= depth_max:
            return self._nearest_with_room(parent)
        if step is None:
            return Prescription(parent, depths[parent] + 1)
        ahead = min(height, step.to - distance - 1)
        share = (distance - step.base) / (step.to - step.base)
        return Prescription(parent, max(depths[parent] + 1, depth_max - ahead), step.base, share)

    def _nearest_with_room(self, distance: int) -> Prescription:
        """Return the prescription if some version wasn't placed as prescribed: the nearest base with room."""
        while distance >= 0 and self._depths[distance] >= self._depth_max:
            distance -= 1
        return Prescription(distance, self._depth_max if distance < 0 else self._depths[distance] + 1)

    def place(self, distance: int, height: int, depth: int, *, costly: bool = False) -> None:
        """Record the depth at which a version was placed, or -1; `costly` if its delta is large."""
        room = self._depth_max - depth if depth >= 0 else 0
        self._depths[distance] = self._depth_max - room
        step = self._steps[distance - 1] if distance else None
        # If all are costly, no place is better than another; otherwise each would start a new chain.
        stands_out = costly and not (distance and self._costly[distance - 1])
        self._costly[distance] = costly
        while step is not None and (
            step.to <= distance or (stands_out and 0 <= depth <= self._depths[step.base] + 1)
        ):
            step = step.outer
        ahead = height if step is None else min(height, step.to - distance - 1)
        if ahead > room > 0:
            step = _Step(distance + _step_length(ahead, room), distance, step)
        self._steps[distance] = step


@cache
def _step_length(ahead: int, room: int) -> int:
    """Return the length of the first step from a base with `room`, if `ahead` versions follow."""
    kinds = 2
    while comb(room + kinds, kinds) <= ahead:
        kinds += 1
    longest = comb(room + kinds - 1, kinds - 1)
    shortest = max(1, ahead - comb(room - 1 + kinds, kinds) + 1)
    if kinds == 2:
        return min(longest, ahead - room + 1)
    return min(longest, max(shortest, int(longest * _FULL_REACH)))


@cache
def root_depth_allowed(length: int, depth_max: int) -> int:
    """Return the limit that the depth of a root's own base must be below, for a line of `length` versions."""
    if length <= depth_max // 5:
        return depth_max + 1 - length
    if length <= 324:
        return max(0, depth_max - int(2 * length**0.5))
    return max(0, depth_max - int(3 * length ** (1 / 3)) - 1)
