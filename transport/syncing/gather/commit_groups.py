"""Objects to send, grouped by commit, oldest first: the order in which a push can be cut anywhere.

    walk (newest first)     C3 C2 C1 t3 b3 t2 b2 t1 b1
    groups                  [b1 t1 C1] [b2 t2 C2] [b3 t3 C3] [tag]      parents before children,
                                                                        and each object after what it names

Any number of groups from the start forms a complete history. Branches come one after the other, in the order
of the wants, so that a cut seldom leaves more than one line of history open. A cut within a group likewise
leaves whole subtrees. Each tree is read once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from packcore.ancestry import peel
from packcore.errors import MissingObject
from packcore.objects import MODE_GITLINK, ObjectType, commit_links, mode_kind, tag_target, tree_rows
from transport.syncing.gather.commit_order import parents_first

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from packcore.ids import ObjectId
    from packcore.plans.entries import Candidate
    from packcore.store.base import ObjectStore

__all__ = ["Group", "group_by_commit"]

Group = list["Candidate"]
"""Objects that belong together, each after what it names."""


def group_by_commit(
    store: ObjectStore, objects: Sequence[Candidate], wants: Iterable[ObjectId]
) -> list[Group]:
    """Group the objects of a walk: one group for each commit, then one for each object that no commit holds.

    `store` gives the objects; the receiver has those that it lacks. Raises CorruptData.
    """
    waiting = {candidate.oid: candidate for candidate in objects}
    commits: dict[ObjectId, tuple[ObjectId, ...]] = {}
    trees: dict[ObjectId, ObjectId] = {}
    for oid, type_, *_ in objects:
        if type_ is ObjectType.COMMIT:
            links = commit_links(store.read(oid).data, store.object_format, oid)
            commits[oid], trees[oid] = links.parents, links.tree
    groups = [
        [*_below(store, trees[oid], waiting), waiting.pop(oid)]
        for oid in parents_first(commits, [*_peeled(store, wants), *commits])
    ]
    others = [candidate for candidate in objects if candidate.oid in waiting]
    groups += [
        _below(store, candidate.oid, waiting)
        for candidate in others
        if candidate.type is not ObjectType.TAG and candidate.oid in waiting
    ]
    tags = {
        tag.oid: (tag_target(store.read(tag.oid).data, store.object_format, tag.oid)[0],)
        for tag in others
        if tag.type is ObjectType.TAG
    }
    groups += [[waiting[oid]] for oid in parents_first(tags, tags)]
    return groups


def _peeled(store: ObjectStore, wants: Iterable[ObjectId]) -> Iterable[ObjectId]:
    for want in wants:
        try:
            yield peel(store, want)[0]
        except MissingObject:
            continue  # the receiver has it


def _below(store: ObjectStore, root: ObjectId, waiting: dict[ObjectId, Candidate]) -> Group:
    """Take a tree and what it holds out of `waiting`, each tree after its entries."""
    group: Group = []
    stack = [(root, False)]
    while stack:
        oid, entries_taken = stack.pop()
        candidate = waiting.get(oid)
        if candidate is None:
            continue
        if candidate.type is not ObjectType.TREE or entries_taken:
            group.append(waiting.pop(oid))
            continue
        stack.append((oid, True))
        rows = tree_rows(store.read(oid).data, store.object_format, oid)
        stack.extend((entry, False) for mode, _, entry in reversed(rows) if mode_kind(mode) != MODE_GITLINK)
    return group
