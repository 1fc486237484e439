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
from array import array
from binascii import unhexlify
from typing import TYPE_CHECKING, NamedTuple

from packcore.delta.chunks import tree_entry_start
from packcore.delta.match import common_prefix, common_suffix
from packcore.objects import ObjectType

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from packcore.ids import ObjectFormat
    from packcore.plan import Candidate

__all__ = ["Edge", "version_edges"]

_HEAD = {
    hex_size: re.compile(rb"tree ([0-9a-f]{%d})\n((?:parent [0-9a-f]{%d}\n)*)" % (hex_size, hex_size)).match
    for hex_size in (40, 64)
}
_ENTRIES = {
    digest_size: re.compile(rb"(?s)([1-7])[0-7]{4,5} ([^\0]+)\0(.{%d})" % digest_size).findall
    for digest_size in (20, 32)
}
_DIRECTORY = b"4"

_Entry = tuple[bytes, bytes, bytes]
"""First digit of the mode, name, id."""


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
    index_of: dict[bytes, int] = {
        candidate.oid: index for index, candidate in enumerate(candidates) if usable(index)
    }
    graph = _Graph(index_of, read, object_format)
    commits = [index for index in index_of.values() if candidates[index].type == ObjectType.COMMIT]
    for old, new in graph.tree_pairs(commits):
        graph.compare(old, new)
    return graph.edges


class _Graph:
    def __init__(
        self, index_of: Mapping[bytes, int], read: Callable[[int], bytes], object_format: ObjectFormat
    ) -> None:
        self.edges: list[Edge] = []
        self._index_of = index_of
        self._read = read
        self._hex_size = object_format.hex_size
        self._entries = _ENTRIES[object_format.digest_size]
        self._digest_size = object_format.digest_size
        self._done: set[tuple[int, int]] = set()

    def tree_pairs(self, commits: Sequence[int]) -> Iterator[tuple[int, int]]:
        """Yield the trees of each parent and its child, children as given; broken commits are left out."""
        index_of, head_of, hex_size = self._index_of, _HEAD[self._hex_size], self._hex_size
        tree_of: dict[int, int] = {}
        links = array("q")  # child, parent, child, parent, ...
        for commit in commits:
            head = head_of(self._read(commit))
            tree = None if head is None else index_of.get(unhexlify(head[1]))
            if head is None or tree is None:
                continue
            tree_of[commit] = tree
            parents = head[2]
            for at in range(7, len(parents), hex_size + 8):  # 7: len("parent "), 8: that and the newline
                parent = index_of.get(unhexlify(parents[at : at + hex_size]))
                if parent is not None:
                    links.append(commit)
                    links.append(parent)
        for at in range(0, len(links), 2):
            parent_tree = tree_of.get(links[at + 1])
            if parent_tree is not None:
                yield parent_tree, tree_of[links[at]]

    def compare(self, old: int, new: int) -> None:
        """Add an edge between two trees, and what differs below them."""
        done, edges, index_of = self._done, self.edges, self._index_of.get
        pending = [(old, new)]
        while pending:
            pair = pending.pop()
            old, new = pair
            if old == new or pair in done:
                continue
            done.add(pair)
            removed, added = self._difference(self._read(old), self._read(new))
            edges.append(Edge(old, new, len(removed) + len(added)))
            before = {name: (kind, oid) for kind, name, oid in removed}
            for kind, name, oid in added:
                kind_before, oid_before = before.get(name, (b"", b""))
                if kind_before != kind:
                    continue
                a, b = index_of(oid_before), index_of(oid)
                if a is None or b is None:
                    continue
                if kind == _DIRECTORY:
                    pending.append((a, b))
                elif (a, b) not in done:
                    done.add((a, b))
                    edges.append(Edge(a, b, 0))

    def _difference(self, old: bytes, new: bytes) -> tuple[list[_Entry], list[_Entry]]:
        """Return the entries of each tree that the other lacks."""
        old_size, new_size = len(old), len(new)
        room = min(old_size, new_size)
        prefix = common_prefix(old, 0, new, 0, room)
        # The common suffix may begin within an id: reach on by less than an entry's least size.
        suffix = common_suffix(old, old_size, new, new_size, room - prefix) - self._digest_size
        start = tree_entry_start(old, prefix)
        removed = self._entries(old, start, old_size - suffix if suffix > 0 else old_size)
        added = self._entries(new, start, new_size - suffix if suffix > 0 else new_size)
        kept = set(removed).intersection(added)
        if kept:
            removed = [entry for entry in removed if entry not in kept]
            added = [entry for entry in added if entry not in kept]
        return removed, added
