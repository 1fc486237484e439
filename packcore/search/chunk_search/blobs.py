"""Bases for blobs, each tried only if the one before leaves much literal.

    prescribed    the version that the depth schedule names
    near          versions of the same path that are nearest in size
    early         a shallower base, accepted at a slightly higher cost where a later version would have to
                  step back anyway
    votes         the blob that introduced the chunks that are still literal, the latest delta on top of it,
                  and for a new file the latest version of its path: finds renames, copies, moved code and
                  versions that alternate

A blob is indexed by the chunks that its delta holds literally: those that it introduced.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

from packcore.delta.chunks import fingerprints
from packcore.objects import ObjectType
from packcore.search.chunk_search.acceptance import VAIN, Acceptance
from packcore.search.chunk_search.best import BestOf
from packcore.search.chunk_search.outline import Outline
from packcore.search.window import ChunkIndex, SizeOrder

if TYPE_CHECKING:
    from collections.abc import Mapping

    from packcore.search.chunk_search.best import Best
    from packcore.search.chunk_search.paths import EarlyStep
    from packcore.search.chunk_search.state import SearchState
    from packcore.search.strategy import Choice

__all__ = ["BlobChooser"]

_TINY_BYTES = 50
"""Smaller blobs that are not a version of another stay whole, as in git, and aren't searched."""
_NEAR_COST = 500
"""Versions of the nearest sizes are tried if a delta has at least this many literal bytes."""
_SAMPLES = 6
"""At most this many literal chunks are looked for in another base before it is matched."""
_HELD_NEAR = 0.5
"""The share of them that a version of similar size must have. A voted base needs only one."""
_SAMPLED_PART = 12
"""They are looked for only if less than a twelfth of the blob is left over."""
_BIG_BYTES = 100_000
"""Larger blobs don't vote once they have a delta below half their size."""
_VERSION_VOTES = 0.2
"""For a version of a known file, the share of the literal bytes that a voted candidate must account for."""
_NEW_FILE_VOTES = 0.1
"""The same for a new file."""
_EARLY = 0.8
"""The share of its cost that an early step saves later, at the very end of the way to the planned step."""


class BlobChooser:
    """A `VersionChooser` for blobs. `path_of` maps each blob to the number of its path."""

    def __init__(self, state: SearchState, path_of: Mapping[int, int]) -> None:
        self._read = state.read
        self._values = state.values
        self._candidates = state.work.candidates
        self._path_of = path_of
        self._latest: dict[int, int] = {}
        self._family = array("l", range(len(self._candidates)))
        """The root of each object's delta chain; a whole object is its own root."""
        self._tip = array("l", range(len(self._candidates)))
        """Maps a root to the last object added to its family."""
        self._sizes = SizeOrder()
        self._index = ChunkIndex(state.index_bytes)
        self._bases = BestOf(state, ObjectType.BLOB)
        self._acceptance = Acceptance(state, ObjectType.BLOB)

    def choose(
        self, member: int, prescribed: int | None, allowed: int, early: EarlyStep | None = None
    ) -> Choice:
        """Choose for one blob. The depth of its base must be below `allowed`."""
        data = self._read(member)
        size = len(data)
        if size < _TINY_BYTES and prescribed is None:
            return self._acceptance.choice(member, data, None)
        cost_max = int(size * VAIN)
        best = None
        if allowed > 0:
            best = self._bases.find(data, (prescribed,), allowed=allowed, cost_max=cost_max)
        outline = Outline(data)
        literal = outline.left_by(best and best[2])
        before = best
        if (cost_max if best is None else best[1]) > _NEAR_COST:
            best = self._version(member, outline, literal, best, allowed=allowed, early=early)
            if best is not before:
                literal = outline.left_by(best and best[2])
        marks = fingerprints(literal)
        cost = size if best is None else best[1]
        if allowed > 0 and cost > self._values["literal_bytes"] and (size <= _BIG_BYTES or cost * 2 >= size):
            before = best
            best = self._bases.find(
                data,
                self._voted(literal, marks, cost, is_new=best is None),
                allowed=allowed,
                cost_max=min(cost - 1, cost_max),
                best=best,
                samples=_samples(literal, size, cost),
                outline=outline if best is None else None,
            )
            if best is not before:
                marks = fingerprints(outline.left_by(best and best[2]))
        self._index.add(marks, member)
        family = member if best is None else self._family[best[0]]
        self._family[member] = family
        self._tip[family] = member
        return self._acceptance.choice(member, data, best)

    def passed(self, member: int, path: int) -> None:
        """Record the latest version of a path."""
        self._latest[path] = member
        self._sizes.add(path, self._candidates[member].size, member)

    def _version(
        self,
        member: int,
        outline: Outline,
        literal: list[bytes],
        best: Best | None,
        *,
        allowed: int,
        early: EarlyStep | None,
    ) -> Best | None:
        """Return the best of: another version of the path, an early step, and the best so far."""
        data = outline.data
        size = len(data)
        cost_max = int(size * VAIN)
        cost = cost_max if best is None else best[1]
        best = self._bases.find(
            data,
            self._near(member, size, None if best is None else best[0]),
            allowed=allowed,
            cost_max=cost - 1,
            best=best,
            samples=_samples(literal, size, cost),
            held=_HELD_NEAR,
            outline=outline,
        )
        if early is not None and best is not None:
            limit = min(cost_max, int(best[1] / (1 - _EARLY * early.share)))
            best = self._bases.find(
                data, (early.base,), allowed=allowed, cost_max=limit, best=best, outline=outline
            )
        return best

    def _voted(self, chunks: list[bytes], marks: list[int], cost: int, *, is_new: bool) -> list[int | None]:
        """Return the blobs that introduced most of the bytes left over, each with the latest of its family.

        For a new file, also return the latest version of their paths. A version of a known file has a path of
        its own, whose versions seldom lose to those.
        """
        share = _NEW_FILE_VOTES if is_new else _VERSION_VOTES
        votes_min = max(self._values["vote_bytes"], int(share * cost))
        votes: dict[int, int] = {}
        for voted, chunk in zip(self._index.look_up(marks), chunks, strict=True):
            if voted is not None:
                votes[voted] = votes.get(voted, 0) + len(chunk)
        most = sorted((-count, voted) for voted, count in votes.items() if count >= votes_min)
        wanted: list[int | None] = []
        for _, voted in most[: self._values["voted"]]:
            tip = self._tip[self._family[voted]]
            wanted += (voted, tip)
            if is_new:
                wanted.append(self._latest.get(self._path_of[voted]))
        return wanted

    def _near(self, member: int, size: int, tried: int | None) -> list[int]:
        """Return the versions nearest in size, except the one already tried."""
        count = self._values["near"]
        near = self._sizes.nearest(self._path_of[member], size, count + 1)
        return [version for version in near if version != tried][:count]


def _samples(literal: list[bytes], size: int, cost: int) -> list[bytes]:
    """Return some of the literal chunks of a blob, or none if they would be no evidence.

    If all lines changed, only pieces of lines are left over, and those say nothing about other bases.
    """
    return literal[:: len(literal) // _SAMPLES + 1] if cost * _SAMPLED_PART < size else []
