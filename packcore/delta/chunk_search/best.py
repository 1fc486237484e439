"""The best of several bases: matches are found for each in turn, given up when they cost more.

    wanted bases  --too deep: their own base instead-->  bases  --matches, within the best cost-->  Best

A base that lies too deep is replaced by its own base, again and again: that is a version of it too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from packcore.delta.make import find_matches

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from packcore.delta.chunk_search.state import SearchState
    from packcore.delta.encode import Match
    from packcore.objects import ObjectType

__all__ = ["Best", "BestOf"]

Best = tuple[int, int, "list[Match]"]
"""Base, cost, matches."""


class BestOf:
    """Finds the best base for objects of one type."""

    def __init__(self, state: SearchState, type_: ObjectType) -> None:
        self._type = type_
        self._read = state.read
        self._depth, self._base_of = state.work.depth, state.work.base_of
        self._digest_size = state.digest_size

    def find(
        self,
        data: bytes,
        wanted: Iterable[int | None],
        *,
        allowed: int,
        cost_max: int,
        best: Best | None = None,
        samples: Sequence[bytes] = (),
        held: float = 0.0,
    ) -> Best | None:
        """Return the cheapest of `best` and the wanted bases that lie less deep than `allowed`.

        `samples` are of what `best` leaves over: a base that holds none of them, or less than the part
        `held`, can hardly do better, and isn't tried.
        """
        depth, base_of = self._depth, self._base_of
        held_min = max(1, len(samples) * held)
        tried: list[int] = [] if best is None else [best[0]]
        for base in wanted:
            if base is None or depth[base] < 0:
                continue
            while base >= 0 and depth[base] >= allowed:
                base = base_of[base]
            if base < 0 or base in tried:
                continue
            tried.append(base)
            base_data = self._read(base)
            if samples and sum([sample in base_data for sample in samples]) < held_min:
                continue
            found = find_matches(self._type, base_data, data, cost_max, self._digest_size)
            if found is not None:
                best = (base, found[0], found[1])
                cost_max = found[0] - 1
        return best
