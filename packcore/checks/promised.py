"""Which missing objects of a partial clone were promised: those that a promisor pack refers to.

Any other missing object is lost, in a partial clone as in any repository.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from packcore.errors import CorruptData, LimitExceeded
from packcore.objects import MODE_GITLINK, ObjectType, commit_links, iter_rows, mode_kind, tag_target
from packcore.store.promises import is_promisor_pack, promisor_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packcore.ids import ObjectId
    from packcore.store.repository import Repository

__all__ = ["promised_and_missing"]


def promised_and_missing(repository: Repository) -> set[ObjectId]:
    """Return the promised objects that are missing here; none if the repository is not a partial clone.

    Reads every commit, tree and tag of the promisor packs. An unreadable object promises nothing.
    """
    missing: set[ObjectId] = set()
    if promisor_of(repository.config) is None:
        return missing
    here: set[ObjectId] = set()
    for pack in repository.copies.packs():
        if not is_promisor_pack(Path(pack.name)):
            continue
        for oid in pack:
            with suppress(CorruptData, LimitExceeded):
                for named in _named(repository, oid):
                    if named not in here and named not in missing:
                        (here if named in repository else missing).add(named)
    return missing


def _named(repository: Repository, oid: ObjectId) -> Iterator[ObjectId]:
    object_format = repository.object_format
    if repository.header(oid).type is ObjectType.BLOB:
        return
    type_, data = repository.read(oid)
    if type_ is ObjectType.TREE:
        for mode, _, entry in iter_rows(data, object_format, oid):
            if mode_kind(mode) != MODE_GITLINK:
                yield entry
    elif type_ is ObjectType.COMMIT:
        links = commit_links(data, object_format, oid)
        yield links.tree
        yield from links.parents
    else:
        yield tag_target(data, object_format, oid)[0]
