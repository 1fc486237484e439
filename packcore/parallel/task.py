"""One part of a search as a value that can be sent to another process, and the search itself.

    Work (all candidates)  --task_of-->  Task (some of them, numbered anew)  --search-->  choices

Members keep their order, so the numbers in a task stand in the same order as those in the whole work; a
strategy that breaks ties by number decides alike in both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from packcore.delta.reuse import ReusableDeltas
from packcore.delta.strategy import Choice, SearchStopped, Work
from packcore.placement import Placement

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from packcore.delta.strategy import Part, Strategy
    from packcore.delta.window import ObjectCache
    from packcore.limits import Limits
    from packcore.plan import Candidate
    from packcore.store.base import ObjectStore

__all__ = ["Edges", "Task", "search", "task_of"]

Edges = list[tuple[int, int, int]]


class Task(NamedTuple):
    """What a search needs to know of its part; the store apart."""

    candidates: list[Candidate]
    plan_count: int
    limits: Limits
    searched: list[int]
    room: list[int]
    stored_size: dict[int, int]
    reused: dict[int, int]
    """Index -> base's index of those that are reused as deltas, where both are in the part."""
    edges: Edges | None
    """Versions, for a part that asks for them."""


def task_of(work: Work, part: Part, reusable: ReusableDeltas, edges: Sequence[tuple[int, int, int]]) -> Task:
    """Cut a part out of the work."""
    members = part.members
    number = {index: place for place, index in enumerate(members)}
    wanted = set(work.searched)
    reused = {
        number[index]: number[base]
        for index in members
        if (base := reusable.base_of.get(index)) is not None and base in number
    }
    own_edges = [(number[a], number[b], weight) for a, b, weight in edges if a in number and b in number]
    return Task(
        candidates=[work.candidates[index] for index in members],
        plan_count=sum(index < work.plan_count for index in members),
        limits=work.limits,
        searched=[number[index] for index in members if index in wanted],
        room=[work.room[index] for index in members],
        stored_size={number[i]: work.stored_size[i] for i in members if i in work.stored_size},
        reused=reused,
        edges=own_edges if part.by_history else None,
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

    `cache` holds objects that other searches over the same store have read; `places` are `Work.places_of`.
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
