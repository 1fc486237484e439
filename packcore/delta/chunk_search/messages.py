"""Bases for commits and tags: by the same author, and by votes of lines.

    author      the latest by the same author, with the same spelling of name and mail
    votes       the one that brought in most of the lines, as rebased twins and series of merges do

What comes before the author line (tree, parents, the tagged object) never agrees, and is left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from packcore.delta.chunk_search.acceptance import Acceptance
from packcore.delta.chunk_search.best import BestOf
from packcore.delta.chunks import fingerprints
from packcore.delta.make import commit_text_start
from packcore.delta.window import ChunkIndex
from packcore.objects import ObjectType

if TYPE_CHECKING:
    from packcore.delta.chunk_search.state import SearchState
    from packcore.delta.strategy import Choice

__all__ = ["MessageChooser"]

_VOTES_MIN = 40
"""Bytes of lines in common below which a message isn't tried."""


class MessageChooser:
    """Chooses for all commits or for all tags, in the order of the walk: newest first."""

    def __init__(self, state: SearchState, type_: ObjectType) -> None:
        self._is_commit = type_ == ObjectType.COMMIT
        self._read = state.read
        self._room = state.work.room
        self._lines = ChunkIndex(state.index_bytes // 2)
        self._authors = ChunkIndex(state.index_bytes // 2)
        self._bases = BestOf(state, type_)
        self._acceptance = Acceptance(state, type_)

    def choose(self, member: int) -> Choice:
        """Choose for one object."""
        data = self._read(member)
        start = commit_text_start(data) if self._is_commit else 0
        author_start = start if self._is_commit else data.find(b"\ntagger ")
        author = fingerprints((data[author_start : data.find(b">", author_start)],))
        lines = data[start:].split(b"\n")
        marks = fingerprints(lines)
        wanted = [self._authors.get(author[0]), self._voted(lines, marks)]
        best = self._bases.find(data, wanted, allowed=self._room[member], cost_max=len(data) - start)
        self._authors.add(author, member)
        self._lines.add(marks, member)
        return self._acceptance.choice(member, data, best)

    def _voted(self, lines: list[bytes], marks: list[int]) -> int | None:
        """Return who brought in most bytes of the lines, if that is enough."""
        votes: dict[int, int] = {}
        for voted, line in zip(self._lines.look_up(marks), lines, strict=True):
            if voted is not None:
                votes[voted] = votes.get(voted, 0) + len(line)
        if not votes:
            return None
        most = max(votes, key=votes.__getitem__)
        return most if votes[most] >= _VOTES_MIN else None
