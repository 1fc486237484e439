"""Find the best of several bases: match each in turn, and give up on it once it costs more than the best.

    wanted bases  --too deep: their own base instead-->  bases  --samples-->  those that may help
                  --outline: sort by estimated cost-->  in turn  --matches, within the best cost-->  Best

A base that is too deep is replaced by its own base, as often as needed, because that is a version of it too.
Three of four bases after the first are no better than the first, and matching them took a quarter of the
time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from packcore.delta.make import find_matches

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from packcore.delta.encode import Match
    from packcore.objects import ObjectType
    from packcore.search.chunk_search.outline import Outline
    from packcore.search.chunk_search.state import SearchState

__all__ = ["Best", "BestOf"]

Best = tuple[int, int, "list[Match]"]
"""Base, cost, matches."""

_HOPELESS = 1.1
"""Skip bases whose estimated cost exceeds the limit by this factor; part of that may still be matched.
A value of 1.0 saves a tenth more of the useless matches, but packs get 0.1 % larger."""
_LITTLE_LEFT = 6
"""If less than a sixth of an object is left over, matching mostly skips what agrees, which is quicker than
looking at all of its chunks. This saves a sixth of the time for a pack of many large files."""


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
        outline: Outline | None = None,
    ) -> Best | None:
        """Return the cheapest of `best` and the wanted bases whose depth is below `allowed`.

        `samples` come from what `best` leaves over. A base that has none of them, or less than the share
        `held`, can hardly do better and isn't tried. If there are several bases, an `outline` of the data
        puts the most promising one first, and skips those that are hopeless by then.
        """
        read = self._read
        bases = self._standing_in(wanted, allowed, -1 if best is None else best[0])
        if samples:
            held_min = max(1, len(samples) * held)
            bases = [base for base in bases if _held(samples, read(base)) >= held_min]
        if (
            outline is None
            or (best is None and len(bases) < 2)
            or cost_max * _LITTLE_LEFT < len(data)
            or not outline.is_quick_on(map(read, bases))
        ):
            ranked = [(0, base) for base in bases]
        else:
            ranked = sorted([(outline.cost_on(read(base)), base) for base in bases])
        for seeming, base in ranked:
            if seeming > cost_max * _HOPELESS:
                break
            found = find_matches(self._type, read(base), data, cost_max, self._digest_size)
            if found is not None:
                best = (base, found[0], found[1])
                cost_max = found[0] - 1
        return best

    def _standing_in(self, wanted: Iterable[int | None], allowed: int, tried: int) -> list[int]:
        """Return the bases that stand in for the wanted ones, each once, without the one already tried."""
        depth, base_of = self._depth, self._base_of
        bases: list[int] = []
        for base in wanted:
            if base is None or depth[base] < 0:
                continue
            while base >= 0 and depth[base] >= allowed:
                base = base_of[base]
            if base >= 0 and base != tried and base not in bases:
                bases.append(base)
        return bases


def _held(samples: Sequence[bytes], data: bytes) -> int:
    """Return how many of the samples occur in the data."""
    return sum([sample in data for sample in samples])
