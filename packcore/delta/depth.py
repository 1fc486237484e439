"""How deep each version of a file may lie: a schedule that spends a depth limit well on a long history.

A plain chain, each version on the one before, reaches the limit after fifty versions; to hang all later
ones on one far ancestor makes packs half as large again. So versions are counted from the root, and the
count's digits in base B decide, as marks on a ruler do:

    count   0  1  2  3  4  5  6  7  8  9     (B = 3)
    zeros   -  0  0  1  0  0  1  0  0  2     trailing zero digits z
    base       0  1  0  3  4  3  6  7  0     the B^z-th ancestor

With n versions and k levels of digits a chain is never longer than about k (B - 1). An object may take
any base that lies less deep than `allowed_depth`, which leaves room for all that is still to hang on it.
"""

from __future__ import annotations

import sys
from functools import cache

__all__ = ["Ruler", "root_depth_allowed"]

_ENDLESS = sys.maxsize


class Ruler:
    """The schedule of one line of versions.

    `length` is how many versions the longest way from the root has, the root included;
    `root_depth` how deep the root itself lies; `depth_max` the limit.
    """

    def __init__(self, length: int, root_depth: int, depth_max: int) -> None:
        self._length = length
        self._depth_max = depth_max
        self._radix = _radix(length, depth_max - root_depth)

    def step(self, count: int) -> int:
        """Return how many ancestors up the prescribed base of version `count` (1 or more) is."""
        radix, step = self._radix, 1
        while count % radix == 0:
            count //= radix
            step *= radix
        return step

    def allowed_depth(self, count: int) -> int:
        """Return what the base's depth must be less than, so that all later versions find room."""
        radix, length = self._radix, self._length
        if radix == _ENDLESS:
            return self._depth_max - (length - 1 - count)
        zeros, step, rest = 0, 1, count
        while rest % radix == 0:
            rest //= radix
            step *= radix
            zeros += 1
        ahead = min(radix - 1 - rest % radix, (length - 1 - count) // step)
        return self._depth_max - zeros * (radix - 1) - ahead


@cache
def _radix(length: int, budget: int) -> int:
    """Return the smallest base of digits that keeps `length` versions within `budget` deltas."""
    if length <= budget + 1:
        return _ENDLESS
    if budget < 2:
        return 2
    if (budget // 2) ** 2 >= length:
        # Two levels: n/B steps of B, then B - 1 single ones. The largest B that fits wastes least.
        radix = budget
        while -(-length // radix) - 1 + radix - 1 > budget:
            radix -= 1
        return radix
    levels = 3
    while levels < budget and (budget // levels + 1) ** levels < length:
        levels += 1
    return max(2, budget // levels + 1)


@cache
def root_depth_allowed(length: int, depth_max: int) -> int:
    """Return what the depth of a root's own base must be less than, for a line of `length` versions."""
    if length <= depth_max // 5:
        return depth_max + 1 - length
    if length <= 324:
        return max(0, depth_max - int(2 * length**0.5))
    return max(0, depth_max - int(3 * length ** (1 / 3)) - 1)
