"""Commits as a walk over history needs them: parents, date, and a generation where one is known.

    node(oid)   parents, generation, date      of a commit that is here
                None                           of what is not here, or is no commit

A generation is larger than those of all ancestors. Without one a walk orders commits by date, which may be
wrong: a clock of 1970, or one that runs ahead. So dates may decide what is read first, never what is true.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from packcore.errors import MissingObject
from packcore.objects import ObjectType, commit_links

if TYPE_CHECKING:
    from collections.abc import Collection

    from packcore.ids import ObjectId
    from packcore.store.base import ObjectStore

__all__ = ["UNKNOWN_GENERATION", "History", "Node"]

UNKNOWN_GENERATION = 1 << 63
"""Of a commit without a known generation: above every known one, since ancestors of these are known too."""


class Node(NamedTuple):
    """A commit in the graph of history."""

    parents: tuple[ObjectId, ...]
    generation: int
    date: int
    """Committer date, seconds since 1970."""


class History:
    """The graph of the commits in a store. Commits in `shallow` are those whose parents are cut off."""

    def __init__(self, store: ObjectStore, shallow: Collection[ObjectId] = frozenset()) -> None:
        self.store = store
        self.shallow = frozenset(shallow)

    def node(self, oid: ObjectId) -> Node | None:
        """Return a commit's place, or None if it is not here or no commit. Raises CorruptData."""
        store = self.store
        try:
            type_, data = store.read(oid)
        except MissingObject as error:
            if error.oid != oid.hex():
                raise
            return None
        if type_ is not ObjectType.COMMIT:
            return None
        links = commit_links(data, store.object_format, oid)
        return Node(links.parents, UNKNOWN_GENERATION, links.date)

    def is_absent(self, oid: ObjectId) -> bool:
        """Tell whether the object is not here at all."""
        return oid not in self.store
