"""Bases for commits and tags: by the same people, and by votes of lines.

    people      the latest by the same author and committer; or by the author; or by the committer (whose
                signatures begin alike); or by anyone
    votes       the one that introduced most of the author line and the text: finds rebased twins and series
                of merges

What comes before the author line (tree, parents, the tagged object) never agrees, so it is left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from packcore.delta.chunks import fingerprints
from packcore.delta.make import commit_text_start
from packcore.objects import ObjectType
from packcore.search.chunk_search.acceptance import MESSAGE_VAIN, Acceptance
from packcore.search.chunk_search.best import BestOf
from packcore.search.window import ChunkIndex

if TYPE_CHECKING:
    from packcore.search.chunk_search.state import SearchState
    from packcore.search.strategy import Choice

__all__ = ["MessageChooser"]

_CHAIN_DEPTH = 0.8
"""The chain of one person grows to this share of the allowed depth. The rest is for bases found by votes."""
_STEP_BACK_TO = 0.2
"""Then it continues from this share of the depth. Otherwise all later commits would use one base, which would
get older and older."""
_VOTES_MIN = 12
"""A message is tried only if it has lines of this many bytes in common."""


class MessageChooser:
    """Chooses for all commits or for all tags in the order of the walk, newest first."""

    def __init__(self, state: SearchState, type_: ObjectType) -> None:
        self._is_commit = type_ == ObjectType.COMMIT
        self._read = state.read
        self._room = state.work.room
        self._depth, self._base_of = state.work.depth, state.work.base_of
        self._lines = ChunkIndex(state.index_bytes // 2)
        self._people = ChunkIndex(state.index_bytes // 2)
        self._latest: int | None = None
        self._bases = BestOf(state, type_)
        self._acceptance = Acceptance(state, type_)

    def choose(self, member: int) -> Choice:
        """Choose for one object."""
        data = self._read(member)
        start = commit_text_start(data) if self._is_commit else 0
        people_start = start if self._is_commit else data.find(b"\ntagger ")
        people = self._people_of(data, people_start)
        by_whom = data[people_start : data.find(b"\n", people_start + 1)]
        lines = [by_whom, *data[data.find(b"\n\n", people_start) + 2 :].split(b"\n")]
        marks = fingerprints(lines)
        room = self._room[member]
        wanted = (self._by_the_same(people, room), self._voted(lines, marks))
        best = self._bases.find(data, wanted, allowed=room, cost_max=int(len(data) * MESSAGE_VAIN) - start)
        self._people.add(people, member)
        self._lines.add(marks, member)
        self._latest = member
        return self._acceptance.choice(member, data, best)

    def _people_of(self, data: bytes, start: int) -> list[int]:
        """Return fingerprints of author and committer together and of each; for a tag, of its tagger."""
        author = data[start : data.find(b">", start)]
        if not self._is_commit:
            return fingerprints((author,))
        committer_start = data.find(b"\ncommitter ", start)
        committer = data[committer_start : data.find(b">", committer_start)]
        return fingerprints((author + committer, author, committer))

    def _by_the_same(self, people: list[int], room: int) -> int | None:
        """Return the latest by the same people, by one of them, or by anyone; if deep, a base above it."""
        base = self._latest
        for known in self._people.look_up(people):
            if known is not None:
                base = known
                break
        depth = self._depth
        if base is not None and depth[base] >= room * _CHAIN_DEPTH:
            while depth[base] > room * _STEP_BACK_TO:
                base = self._base_of[base]
        return base

    def _voted(self, lines: list[bytes], marks: list[int]) -> int | None:
        """Return the object that introduced most bytes of the lines, if that is enough."""
        votes: dict[int, int] = {}
        for voted, line in zip(self._lines.look_up(marks), lines, strict=True):
            if voted is not None:
                votes[voted] = votes.get(voted, 0) + len(line)
        if not votes:
            return None
        most = max(votes, key=votes.__getitem__)
        return most if votes[most] >= _VOTES_MIN else None
