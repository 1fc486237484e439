"""One part of a search as a value that can be sent to another process, and the search itself.

    Work (all candidates)  --TaskCutter-->  Task (some of them, renumbered)  --search-->  choices

Members keep their order, so the numbers in a task are in the same order as those in the whole work. A
strategy that breaks ties by number decides the same in both.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from itertools import compress
from typing import TYPE_CHECKING, NamedTuple

from packcore.search.placement import Placement
from packcore.search.reusable import ReusableDeltas
from packcore.search.strategy import Choice, SearchStopped, Work

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from packcore.limits import Limits
    from packcore.plans.entries import Candidate
    from packcore.search.strategy import Part, Strategy
    from packcore.search.window import ObjectCache
    from packcore.store.base import ObjectStore

__all__ = ["Task", "TaskCutter", "VersionEdges", "search"]

VersionEdges = list[tuple[int, int, int]]
"""Edges of the version graph: two candidates, and a weight."""


class Task(NamedTuple):
    """What a search needs to know about its part, except the store."""

    candidates: list[Candidate]
    plan_count: int
    limits: Limits
    searched: list[int]
    room: list[int]
    stored_size: dict[int, int]
    reused: dict[int, int]
    """Maps the index of a reused delta to that of its base, if both are in the part."""
    edges: VersionEdges | None
    """The version graph, for a part that needs it."""


class TaskCutter:
    """Cuts the parts out of the work. Anything about all objects or all edges is computed only once."""

    def __init__(self, work: Work, parts: Sequence[Part], reusable: ReusableDeltas) -> None:
        self._work = work
        self._parts = parts
        self._reused = reusable.base_of
        self._wanted = bytearray(len(work.candidates))
        """1 for each object that needs a choice."""
        for index in work.searched:
            self._wanted[index] = 1
        self._edges: list[VersionEdges] = [[] for _ in parts]
        self.knows_edges = not any(part.by_history for part in parts)
        """Whether the parts that need the version graph can be cut."""

    def take_edges(self, edges: Sequence[tuple[int, int, int]]) -> None:
        """Take the version graph of the whole work; each part gets the edges within it."""
        part_of = array("l", [-1]) * len(self._work.candidates)
        for number, part in enumerate(self._parts):
            for index in part.members:
                part_of[index] = number
        for edge in edges:
            number = part_of[edge[0]]
            if number >= 0 and part_of[edge[1]] == number:
                self._edges[number].append(edge)
        self.knows_edges = True

    def task(self, part_number: int) -> Task:
        """Return one part as a task. Call it only once for each part, because it hands over the edges."""
        work, members = self._work, self._parts[part_number].members
        number = dict(zip(members, range(len(members)), strict=True))
        edges, self._edges[part_number] = self._edges[part_number], []
        reused, stored_size = self._reused, work.stored_size
        return Task(
            candidates=[work.candidates[index] for index in members],
            plan_count=bisect_left(members, work.plan_count),
            limits=work.limits,
            searched=list(compress(range(len(members)), map(self._wanted.__getitem__, members))),
            room=[work.room[index] for index in members],
            stored_size={number[i]: stored_size[i] for i in members if i in stored_size},
            reused={number[i]: number[reused[i]] for i in members if i in reused and reused[i] in number},
            edges=[(number[a], number[b], weight) for a, b, weight in edges]
            if self._parts[part_number].by_history
            else None,
        )


def search(
    task: Task,
    store: ObjectStore,
    strategy: Strategy,
    should_stop: Callable[[], bool] | None = None,
    *,
    cache: ObjectCache | None = None,
    places: Sequence[int] | None = None,
) -> Iterator[Choice]:
    """Yield the strategy's choices for a task, numbered as in the task. Raises SearchStopped, InvalidPlan.

    `cache` holds objects that other searches over the same store have read; `places` come from
    `Work.places_of`.
    """
    work = Work(
        store,
        task.candidates,
        plan_count=task.plan_count,
        limits=task.limits,
        should_stop=should_stop,
        edges=task.edges,
        cache=cache,
        places=places,
    )
    work.searched, work.room, work.stored_size = task.searched, task.room, task.stored_size
    placement = Placement(work, ReusableDeltas.known(task.reused))
    placement.place_unchosen()
    for choice in strategy.choose(work):
        placement.place(choice)
        yield choice
        if should_stop is not None and should_stop():
            raise SearchStopped
