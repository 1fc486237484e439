"""A push from a shallow clone: where receive.shallowUpdate allows it, its cut points become ours.

    the history below a cut point is here        nothing is to be done: the push is like any other
    it isn't, receive.shallowUpdate is not set   shallow update not allowed
    it isn't, receive.shallowUpdate = true       the cut points that new tips reach go to the file `shallow`

Only a commit with a parent that is missing here becomes a cut point: no client cuts a history that is whole.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from packcore.ancestry import peel, walk_commits
from packcore.errors import MissingObject
from packcore.objects import ObjectType, commit_links

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from packcore.ids import ObjectId
    from packcore.store.base import ObjectStore

__all__ = ["new_cut_points"]


def new_cut_points(
    store: ObjectStore,
    tips: Iterable[ObjectId],
    haves: Iterable[ObjectId],
    *,
    offered: Collection[ObjectId],
    shallow: Collection[ObjectId],
) -> list[ObjectId]:
    """Return those of the client's cut points that tips reach and that lack a parent here, sorted.

    `shallow` are the repository's own. Raises CorruptData.
    """
    cut = frozenset(shallow).union(offered)
    found = walk_commits(store, _commits(store, tips), _commits(store, haves), shallow=cut, absent_ok=True)
    reached = sorted({commit.oid for commit in found.commits}.intersection(offered).difference(shallow))
    return [oid for oid in reached if not all(parent in store for parent in _parents(store, oid))]


def _commits(store: ObjectStore, oids: Iterable[ObjectId]) -> Iterator[ObjectId]:
    for oid in oids:
        try:
            peeled, type_ = peel(store, oid)
        except MissingObject:
            continue  # what the repository lacks already is not this push's fault
        if type_ is ObjectType.COMMIT:
            yield peeled


def _parents(store: ObjectStore, oid: ObjectId) -> Iterable[ObjectId]:
    return commit_links(store.read(oid).data, store.object_format, oid).parents
