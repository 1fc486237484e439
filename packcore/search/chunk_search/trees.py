"""Bases for trees: the prescribed version, and if that leaves more than one id, the winners of a vote of ids.

    prescribed    leaves one changed id in nearly all cases; then nothing else is tried
    votes         the three trees that introduced most of the ids

A small tree votes with all its ids, and is indexed by all of them if it had to vote. Large trees, and those
that differ by one id, use the ids that their delta holds literally.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from packcore.delta.chunks import fingerprints, tree_entry_start, tree_ids
from packcore.objects import ObjectType
from packcore.search.chunk_search.acceptance import VAIN, Acceptance
from packcore.search.chunk_search.best import BestOf
from packcore.search.window import ChunkIndex

if TYPE_CHECKING:
    from packcore.delta.encode import Match
    from packcore.search.chunk_search.paths import EarlyStep
    from packcore.search.chunk_search.state import SearchState
    from packcore.search.strategy import Choice

__all__ = ["TreeChooser"]

_COST_GOOD = 28
"""The cost of a delta with one changed id. Ids vote if a delta costs more."""
_SMALL_BYTES = 4000
_VOTED = 3


class TreeChooser:
    """A `VersionChooser` for trees."""

    def __init__(self, state: SearchState) -> None:
        self._read = state.read
        self._digest_size = state.digest_size
        self._index = ChunkIndex(state.index_bytes)
        self._bases = BestOf(state, ObjectType.TREE)
        self._acceptance = Acceptance(state, ObjectType.TREE)

    def choose(
        self,
        member: int,
        prescribed: int | None,
        allowed: int,
        early: EarlyStep | None = None,  # noqa: ARG002 - tree deltas differ too little for it to pay
    ) -> Choice:
        """Choose for one tree. The depth of its base must be below `allowed`."""
        data = self._read(member)
        size = len(data)
        cost_max = int(size * VAIN)
        best = None
        if allowed > 0:
            best = self._bases.find(data, (prescribed,), allowed=allowed, cost_max=cost_max)
        cost = size if best is None else best[1]
        if best is not None and (cost <= _COST_GOOD or size >= _SMALL_BYTES):
            ids = self._literal_ids(data, best[2])
        else:
            ids = tree_ids(data, 0, size, self._digest_size)
        marks = fingerprints(ids)
        if cost > _COST_GOOD and allowed > 0:
            best = self._bases.find(
                data, self._voted(marks), allowed=allowed, cost_max=min(cost - 1, cost_max), best=best
            )
        self._index.add(marks, member)
        return self._acceptance.choice(member, data, best)

    def passed(self, member: int, path: int) -> None:
        """Do nothing: the ids of a tree were indexed with its choice."""

    def _voted(self, marks: list[int]) -> list[int]:
        """Return the trees that introduced most of the ids."""
        votes: dict[int, int] = {}
        for voted in self._index.look_up(marks):
            if voted is not None:
                votes[voted] = votes.get(voted, 0) + 1
        return [voted for _, voted in sorted((-count, voted) for voted, count in votes.items())[:_VOTED]]

    def _literal_ids(self, data: bytes, matches: list[Match]) -> list[bytes]:
        """Return the ids of the entries that a delta holds literally, in whole or in part."""
        digest_size = self._digest_size
        if len(matches) == 2:
            # Nearly always one id; the NUL before it shows where it starts.
            start, end = matches[0][2], matches[1][0]
            if data[start - 1] == 0 and end - start <= digest_size and matches[1][2] + end == len(data):
                return [data[start : start + digest_size]]
        ids: list[bytes] = []
        position = 0
        for start, _, length in (*matches, (len(data), 0, 0)):
            if start > position:
                ids += tree_ids(
                    data, tree_entry_start(data, position, digest_size), start + digest_size, digest_size
                )
            position = start + length
        return ids
