"""Which object is a version of which: what the commits of a history say about its trees and blobs.

    commit C, parent P      tree(P) - tree(C)       an edge
    their trees' diff       a/ -> a/                an edge, and the same question below
                            a/x.c -> a/x.c          an edge

"The version before, by date" is the wrong base where branches interleave; the version that a commit's
parent held is the right one. An edge has no direction, and both ends must be among the candidates.

    weight of a tree edge: entries that differ          known from the diff
    weight of a blob edge: how far its ends differ      not known here: asked for only where it matters

Trees are compared by prefix and suffix first, and only what lies between is parsed. Where that guesses
wrong (bytes of an id that look like an entry), no edge comes of it, since no candidate has such an id.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from packcore.delta.chunks import tree_entry_start
from packcore.delta.match import common_prefix, common_suffix
from packcore.objects import ObjectType

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from packcore.ids import ObjectFormat
    from packcore.plan import Candidate

__all__ = ["Edge", "version_edges"]

_PARENTS = re.compile(rb"(?:tree [0-9a-f]+\n)(?:parent [0-9a-f]+\n)*").match
_ENTRIES = {
    digest_size: re.compile(rb"(?s)([1-7])[0-7]{4,5} ([^\0]+)\0(.{%d})" % digest_size)
    for digest_size in (20, 32)
}
_DIRECTORY = b"4"


class Edge(NamedTuple):
    """Two versions of one thing, by candidate index."""

    a: int
    b: int
    weight: int
    """Entries that differ, for trees; 0 for blobs."""


def version_edges(
    candidates: Sequence[Candidate],
    read: Callable[[int], bytes],
    object_format: ObjectFormat,
    usable: Callable[[int], bool],
) -> list[Edge]:
    """Return the edges between candidates that `usable` admits, each pair once.

    `read` gives an object's bytes by candidate index, and should remember the latest few megabytes.
    """
    index_of: dict[bytes, int] = {candidate.oid: index for index, candidate in enumerate(candidates)}
    graph = _Graph(index_of, read, object_format, usable)
    for index, candidate in enumerate(candidates):
        if candidate.type == ObjectType.COMMIT and usable(index):
            graph.add_commit(index)
    return graph.edges


class _Graph:
    def __init__(
        self,
        index_of: Mapping[bytes, int],
        read: Callable[[int], bytes],
        object_format: ObjectFormat,
        usable: Callable[[int], bool],
    ) -> None:
        self.edges: list[Edge] = []
        self._index_of = index_of
        self._read = read
        self._usable = usable
        self._hex_size = object_format.hex_size
        self._entries = _ENTRIES[object_format.digest_size].finditer
        self._digest_size = object_format.digest_size
        self._done: set[tuple[int, int]] = set()
        self._trees: dict[int, int | None] = {}

    def add_commit(self, index: int) -> None:
        """Add the edges between a commit and its parents."""
        links = self._links(index)
        if not links:
            return
        tree = self._tree_of(index, links)
        for parent_oid in links[1:]:
            parent = self._index_of.get(parent_oid)
            if parent is None or not self._usable(parent):
                continue
            if parent not in self._trees:
                self._tree_of(parent, self._links(parent))
            parent_tree = self._trees[parent]
            if tree is not None and parent_tree is not None:
                self._compare(parent_tree, tree)

    def _links(self, index: int) -> list[bytes]:
        """Return ids of a commit's tree and parents; nothing for a broken one."""
        head = _PARENTS(self._read(index))
        if head is None:
            return []
        try:
            return [bytes.fromhex(line.split(b" ")[1].decode("ascii")) for line in head[0].splitlines()]
        except ValueError:
            return []

    def _tree_of(self, index: int, links: list[bytes]) -> int | None:
        if index not in self._trees:
            tree = self._index_of.get(links[0]) if links else None
            self._trees[index] = tree if tree is not None and self._usable(tree) else None
        return self._trees[index]

    def _compare(self, old: int, new: int) -> None:
        """Add an edge between two trees, and what differs below them."""
        pending = [(old, new)]
        while pending:
            pair = pending.pop()
            old, new = pair
            if old == new or pair in self._done:
                continue
            self._done.add(pair)
            removed, added = self._difference(self._read(old), self._read(new))
            self.edges.append(Edge(old, new, len(removed) + len(added)))
            for name, (kind, oid) in added.items():
                before = removed.get(name)
                if before is None or before[0] != kind:
                    continue
                a, b = self._index_of.get(before[1]), self._index_of.get(oid)
                if a is None or b is None or not self._usable(a) or not self._usable(b):
                    continue
                if kind == _DIRECTORY:
                    pending.append((a, b))
                elif (a, b) not in self._done:
                    self._done.add((a, b))
                    self.edges.append(Edge(a, b, 0))

    def _difference(
        self, old: bytes, new: bytes
    ) -> tuple[dict[bytes, tuple[bytes, bytes]], dict[bytes, tuple[bytes, bytes]]]:
        """Return the entries of each tree that the other lacks: name -> (kind, id)."""
        room = min(len(old), len(new))
        prefix = common_prefix(old, 0, new, 0, room)
        suffix = common_suffix(old, len(old), new, len(new), room - prefix)
        start = tree_entry_start(old, prefix)
        removed = self._parse(old, start, len(old) - suffix)
        added = self._parse(new, start, len(new) - suffix)
        for name in [name for name, value in added.items() if removed.get(name) == value]:
            del added[name], removed[name]
        return removed, added

    def _parse(self, tree: bytes, start: int, end: int) -> dict[bytes, tuple[bytes, bytes]]:
        # The common suffix may have begun within an id: reach on by less than an entry's least size.
        entries = self._entries(tree, start, min(end + self._digest_size, len(tree)))
        return {entry[2]: (entry[1], entry[3]) for entry in entries}
