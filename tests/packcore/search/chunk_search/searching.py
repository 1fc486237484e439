"""A search over made-up objects, placed by hand, so that a test can call one part alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packcore.ids import SHA1
from packcore.limits import Limits
from packcore.plans.entries import Candidate
from packcore.search.chunk_search.state import SearchState
from packcore.search.placement import Placement
from packcore.search.reusable import ReusableDeltas
from packcore.search.strategies.chunk_window import ChunkWindow
from packcore.search.strategy import Work
from packcore.store.memory import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Sequence

    from packcore.objects import ObjectType
    from packcore.search.strategy import Choice

DEFAULT_LIMITS = Limits()


class Searching:
    """Work on objects of one type, given as (path, bytes), newest first."""

    def __init__(
        self,
        type_: ObjectType,
        objects: Sequence[tuple[bytes, bytes]],
        limits: Limits = DEFAULT_LIMITS,
        **parameters: int,
    ) -> None:
        store = MemoryStore(SHA1)
        candidates = [
            Candidate(store.add(type_, data), type_, len(data), path, order)
            for order, (path, data) in enumerate(objects)
        ]
        self.work = Work(store, candidates, plan_count=len(candidates), limits=limits)
        self.work.searched = list(range(len(candidates)))
        self.state = SearchState(self.work, ChunkWindow(**parameters).values)
        self._placement = Placement(self.work, ReusableDeltas.known({}))

    def place(self, choice: Choice) -> Choice:
        """Place a choice, as `select` does between two steps of a search."""
        self._placement.place(choice)
        return choice
