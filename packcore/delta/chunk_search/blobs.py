"""Bases for blobs, each asked for only where the one before leaves much literal.

    prescribed    the version that the depth schedule names
    near          versions of the nearest sizes, of the same path
    early         a base less deep, taken for a little more where a later version would have to step back
    votes         whoever brought in the chunks that are still literal, the latest version of its path
                  and the latest delta above it: a rename, a copy, moved code, versions that take turns

A blob is indexed with the chunks that its delta holds literally: those that it brought in.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

from packcore.delta.chunk_search.acceptance import VAIN, Acceptance
from packcore.delta.chunk_search.best import BestOf
from packcore.delta.chunks import cut, fingerprints, has_lines
from packcore.delta.window import ChunkIndex, SizeOrder
from packcore.objects import ObjectType

if TYPE_CHECKING:
    from collections.abc import Mapping

    from packcore.delta.chunk_search.paths import EarlyStep
    from packcore.delta.chunk_search.state import SearchState
    from packcore.delta.encode import Match
    from packcore.delta.strategy import Choice

__all__ = ["BlobChooser", "literal_of"]

_NEAR_COST = 500
"""Literal bytes of a delta from which on versions of the nearest sizes are tried."""
_SAMPLES = 6
"""Literal chunks, at most, that are looked for in another base before it is matched. Of like sizes those win
that hold half of them; of those that were voted for, those that hold any."""
_SAMPLED_PART = 12
"""They are looked for where less than a twelfth of the blob is left over."""
_BIG_BYTES = 100_000
"""Blobs above don't vote when they have a delta below half their size."""
_VERSION_VOTES = 0.2
_NEW_FILE_VOTES = 0.1
"""Part of the literal bytes that a voted candidate must account for."""
_EARLY = 0.8
"""Part of its cost that an early step saves later, when all the way to the planned one is gone."""


class BlobChooser:
    """Chooses for blobs. A `VersionChooser`; `path_of` gives the number of each blob's path."""

    def __init__(self, state: SearchState, path_of: Mapping[int, int]) -> None:
        self._read = state.read
        self._values = state.values
        self._candidates = state.work.candidates
        self._path_of = path_of
        self._latest: dict[int, int] = {}
        self._family = array("l", range(len(self._candidates)))
        """The object that each object's chain of bases began with: itself, where it is whole."""
        self._tip = array("l", range(len(self._candidates)))
        """Of the family that began with an object, whoever was added last."""
        self._sizes = SizeOrder()
        self._index = ChunkIndex(state.index_bytes)
        self._bases = BestOf(state, ObjectType.BLOB)
        self._acceptance = Acceptance(state, ObjectType.BLOB)

    def choose(
        self, member: int, prescribed: int | None, allowed: int, early: EarlyStep | None = None
    ) -> Choice:
        """Choose for one blob. Its base must lie less deep than `allowed`."""
        data = self._read(member)
        size = len(data)
        cost_max = int(size * VAIN)
        best = None
        if allowed > 0:
            best = self._bases.find(data, (prescribed,), allowed=allowed, cost_max=cost_max)
        by_lines = has_lines(data, 0, size)
        literal = cut(data if best is None else literal_of(data, best[2]), by_lines=by_lines)
        if (cost := cost_max if best is None else best[1]) > _NEAR_COST:
            before = best
            near = self._near(member, size, None if best is None else best[0])
            samples = _samples(literal, size, cost)
            best = self._bases.find(
                data, near, allowed=allowed, cost_max=cost - 1, best=best, samples=samples, held=0.5
            )
            if early is not None and best is not None:
                limit = min(cost_max, int(best[1] / (1 - _EARLY * early.share)))
                best = self._bases.find(data, (early.base,), allowed=allowed, cost_max=limit) or best
            if best is not before and best is not None:
                literal = cut(literal_of(data, best[2]), by_lines=by_lines)
        marks = fingerprints(literal)
        cost = size if best is None else best[1]
        if allowed > 0 and cost > self._values["literal_bytes"] and (size <= _BIG_BYTES or cost * 2 >= size):
            share = _VERSION_VOTES if best is not None else _NEW_FILE_VOTES
            voted = self._voted(literal, marks, max(self._values["vote_bytes"], int(share * cost)))
            better = self._bases.find(
                data,
                voted,
                allowed=allowed,
                cost_max=min(cost - 1, cost_max),
                best=best,
                samples=_samples(literal, size, cost),
            )
            if better is not best and better is not None:
                best = better
                marks = fingerprints(cut(literal_of(data, best[2]), by_lines=by_lines))
        self._index.add(marks, member)
        family = member if best is None else self._family[best[0]]
        self._family[member] = family
        self._tip[family] = member
        return self._acceptance.choice(member, data, best)

    def passed(self, member: int, path: int) -> None:
        """Take note of the latest version of a path."""
        self._latest[path] = member
        self._sizes.add(path, self._candidates[member].size, member)

    def _voted(self, chunks: list[bytes], marks: list[int], votes_min: int) -> list[int | None]:
        """Return those who brought in most bytes, each with the latest of its path and of its family."""
        votes: dict[int, int] = {}
        for voted, chunk in zip(self._index.look_up(marks), chunks, strict=True):
            if voted is not None:
                votes[voted] = votes.get(voted, 0) + len(chunk)
        most = sorted((-count, voted) for voted, count in votes.items() if count >= votes_min)
        wanted: list[int | None] = []
        for _, voted in most[: self._values["voted"]]:
            tip = self._tip[self._family[voted]]
            wanted += (voted, self._latest.get(self._path_of[voted]), tip)
        return wanted

    def _near(self, member: int, size: int, tried: int | None) -> list[int]:
        """Return the versions of the nearest sizes, but for the one that was tried."""
        count = self._values["near"]
        near = self._sizes.nearest(self._path_of[member], size, count + 1)
        return [version for version in near if version != tried][:count]


def _samples(literal: list[bytes], size: int, cost: int) -> list[bytes]:
    """Return some of the literal chunks of a blob; none where they tell nothing.

    Where all lines changed, what is left over is pieces of them, which tell nothing of other bases.
    """
    return literal[:: len(literal) // _SAMPLES + 1] if cost * _SAMPLED_PART < size else []


def literal_of(data: bytes, matches: list[Match]) -> bytes:
    """Return what the matches leave over, the pieces parted by newlines."""
    pieces = []
    position = 0
    for start, _, length in matches:
        if start > position:
            pieces.append(data[position:start])
        position = start + length
    if position < len(data):
        pieces.append(data[position:])
    return b"\n".join(pieces)
