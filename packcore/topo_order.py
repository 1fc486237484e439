"""Commits in an order in which none comes before a child of its own (git-rev-list, "Commit Ordering").

topo    a line of history is shown as a whole before the next one: the last parent of a merge first
date    otherwise by date, newest first
"""

from __future__ import annotations

from heapq import heappop, heappush
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from packcore.ids import ObjectId

__all__ = ["in_topological_order"]


def in_topological_order(
    commits: Sequence[ObjectId],
    parents: Mapping[ObjectId, Sequence[ObjectId]],
    dates: Mapping[ObjectId, int] | None = None,
) -> list[ObjectId]:
    """Return commits, given newest first, in topological order; with `dates`, by date as far as that goes."""
    children = dict.fromkeys(commits, 0)
    for commit in commits:
        for parent in parents.get(commit, ()):
            if parent in children:
                children[parent] += 1
    ready = [commit for commit in commits if not children[commit]]
    if dates is None:
        ready.reverse()  # the last one is taken first
    heap = (
        [(-dates[commit], place, commit) for place, commit in enumerate(ready)] if dates is not None else []
    )
    heap.sort()
    met = len(heap)
    ordered: list[ObjectId] = []
    while heap if dates is not None else ready:
        commit = ready.pop() if dates is None else heappop(heap)[2]
        ordered.append(commit)
        for parent in parents.get(commit, ()):
            if parent not in children:
                continue
            children[parent] -= 1
            if not children[parent]:
                if dates is None:
                    ready.append(parent)
                else:
                    heappush(heap, (-dates[parent], met, parent))
                    met += 1
    return ordered
