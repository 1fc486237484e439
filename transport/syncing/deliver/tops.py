"""The objects of one batch that a temporary ref must hold, since no other object of it does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packcore.objects import ObjectType, commit_links, tag_target, tree_rows

if TYPE_CHECKING:
    from collections.abc import Collection

    from packcore.ids import ObjectId
    from packcore.plans.entries import Candidate
    from packcore.store.base import ObjectStore

__all__ = ["TOPS_MAX", "tops_of"]

TOPS_MAX = 64
"""Most temporary refs of one batch; further objects wait unheld for the cutover, seconds away."""


def tops_of(store: ObjectStore, objects: Collection[Candidate]) -> list[ObjectId]:
    """Return the commits that are no other's parent; without commits, the objects that no other names.

    These reach all of the objects, unless there are more than `TOPS_MAX`. Raises CorruptData.
    """
    commits = [candidate for candidate in objects if candidate.type is ObjectType.COMMIT]
    objects = commits or objects
    inner: set[ObjectId] = set()
    object_format = store.object_format
    for oid, type_, *_ in objects:
        if type_ is ObjectType.BLOB:
            continue
        data = store.read(oid).data
        if type_ is ObjectType.COMMIT:
            links = commit_links(data, object_format, oid)
            inner.update(links.parents)
            inner.add(links.tree)
        elif type_ is ObjectType.TREE:
            inner.update(entry for _, _, entry in tree_rows(data, object_format, oid))
        else:
            inner.add(tag_target(data, object_format, oid)[0])
    return [candidate.oid for candidate in objects if candidate.oid not in inner][:TOPS_MAX]
