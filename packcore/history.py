"""Commits as a walk over history needs them: parents, date, and the generation if it is known.

    node(oid)   parents, generation, date      for a commit that is here
                None                           for an object that is absent, or not a commit

A commit's generation is larger than that of every ancestor; the repository's commit-graph records it. Without
a graph, a walk orders commits by date. A date may be wrong: some clocks say 1970, and some run ahead. So
dates may decide what is read first, never what is true.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from packcore.errors import CorruptShortcut, MissingObject
from packcore.objects import ObjectType, commit_links
from packcore.store.bulk import shortcuts_of
from packcore.store.commit_graph import UNKNOWN_GENERATION, Node

if TYPE_CHECKING:
    from collections.abc import Collection

    from packcore.ids import ObjectId
    from packcore.objects import CommitLinks
    from packcore.store.base import ObjectStore

__all__ = ["UNKNOWN_GENERATION", "History", "Node"]


class History:
    """The graph of the commits in a store. The commits in `shallow` have their parents cut off."""

    def __init__(self, store: ObjectStore, shallow: Collection[ObjectId] = frozenset()) -> None:
        self.store = store
        self.shallow = frozenset(shallow)
        self._shortcuts = shortcuts_of(store)
        self._graph = self._shortcuts.commit_graph if self._shortcuts else None

    def node(self, oid: ObjectId) -> Node | None:
        """Return a commit's node, or None if the object is absent or not a commit. Raises CorruptData.

        Pass a CorruptShortcut to `leave_graph` and start over: generations read before and after it
        can't be compared.
        """
        if self._graph is not None and (node := self._graph.node(oid)) is not None:
            return node
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

    def links(self, oid: ObjectId) -> CommitLinks | None:
        """Return what the commit-graph says of a commit; None if it says nothing."""
        if self._graph is None:
            return None
        try:
            return self._graph.links(oid)
        except CorruptShortcut as error:
            self.leave_graph(error)
            return None

    def leave_graph(self, error: CorruptShortcut) -> None:
        """Go on without the commit-graph, here and wherever the store is used."""
        self._graph = None
        if self._shortcuts is not None:
            self._shortcuts.leave_commit_graph(error)

    @property
    def faults(self) -> list[str]:
        """Git's files that can't be used (commit-graphs, bitmaps), and why."""
        return [] if self._shortcuts is None else self._shortcuts.faults

    def is_absent(self, oid: ObjectId) -> bool:
        """Return whether the store lacks the object."""
        return oid not in self.store
