"""Orders commits, parents first, for pushing a history piece by piece. Pure, over a table of parents.

    A───B───C───D───M  tip         parents_first        A B C D E F M     one line of history, then the other
         `──E───F──'               first_parents        A B C D M         the trunk alone; M brings E and F

To fetch a piece of either order, name its `heads` as wants: for [B C D] that is D alone, since the others
have children in the piece. The receiver already has the parents that the table lacks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from packcore.ids import ObjectId

    Parents = Mapping[ObjectId, tuple[ObjectId, ...]]

__all__ = ["first_parents", "heads", "parents_first", "reach"]


def parents_first(
    parents: Parents, tips: Iterable[ObjectId], done: Iterable[ObjectId] = ()
) -> list[ObjectId]:
    """Return what the tips reach and isn't done, each commit after its parents, tip by tip.

    A line of history is followed to its root before another begins, first parents first.
    """
    order: list[ObjectId] = []
    placed = set(done)
    for tip in tips:
        stack = [(tip, False)]
        while stack:
            oid, parents_placed = stack.pop()
            if oid in placed or oid not in parents:
                continue
            if parents_placed:
                placed.add(oid)
                order.append(oid)
                continue
            stack.append((oid, True))
            stack.extend((parent, False) for parent in reversed(parents[oid]) if parent not in placed)
    return order


def first_parents(
    parents: Parents, tip: ObjectId, done: Collection[ObjectId] = frozenset()
) -> list[ObjectId]:
    """Return the chain of first parents up to the tip, from its root or from what is done."""
    chain: list[ObjectId] = []
    oid: ObjectId | None = tip
    while oid is not None and oid in parents and oid not in done:
        chain.append(oid)
        oid = next(iter(parents[oid]), None)
    chain.reverse()
    return chain


def heads(commits: Sequence[ObjectId], parents: Parents) -> list[ObjectId]:
    """Return the commits that are not a parent of another one given, last first."""
    inner = {parent for commit in commits for parent in parents[commit]}
    return [commit for commit in reversed(commits) if commit not in inner]


def reach(parents: Parents, tips: Iterable[ObjectId], done: set[ObjectId]) -> int:
    """Add to `done` what the tips reach; return how many commits that added."""
    before = len(done)
    stack = [tip for tip in tips if tip in parents]
    while stack:
        oid = stack.pop()
        if oid not in done:
            done.add(oid)
            stack.extend(parent for parent in parents[oid] if parent in parents and parent not in done)
    return len(done) - before
