"""The best of several bases: matches are found for each in turn, given up when they cost more.

    wanted bases  --too deep: their own base instead-->  bases  --samples-->  those that may help
                  --outline: by what each seems to cost-->  in turn  --matches, within the best cost-->  Best

A base that lies too deep is replaced by its own base, again and again: that is a version of it too. Three of
four bases beyond the first are no better than it, and to match them in vain took a quarter of the time.
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
"""A base isn't tried that seems to cost so many times what it may: part of that may be matched yet. At 1.0 a
tenth more of the matches in vain is saved, and packs are 0.1 % larger."""
_LITTLE_LEFT = 6
"""Where less than a sixth of an object is left over, a match mostly passes over what agrees, which is quicker
than to look at all of its chunks: a sixth of the time of a pack of many large files."""


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
        """Return the cheapest of `best` and the wanted bases that lie less deep than `allowed`.

        `samples` are of what `best` leaves over: a base that holds none of them, or less than the part
        `held`, can hardly do better, and isn't tried. By an `outline` of the data, where there is a choice,
        the most promising base comes first, and those that are hopeless then aren't tried either.
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
        """Return who stands in for each of the wanted, each once, without the one that was tried."""
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
    """Return how many of the samples the data holds."""
    return sum([sample in data for sample in samples])
