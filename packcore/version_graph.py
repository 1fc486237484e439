"""Which object is a version of which: what the commits of a history say about its trees and blobs.

    commit C, parent P      tree(P) - tree(C)       an edge
    their trees' diff       a/ -> a/                an edge, and the same question below
                            a/x.c -> a/x.c          an edge

"The version before, by date" is the wrong base where branches interleave; the version that a commit's
parent held is the right one. An edge has no direction, and both ends must be among the candidates.

    weight of a tree edge: entries that differ          known from the diff
    weight of a blob edge: how far its ends differ      not known here: asked for only where it matters

Trees are compared by packcore.tree_diff, each pair once.
"""

from __future__ import annotations

import re
from array import array
from binascii import unhexlify
from typing import TYPE_CHECKING

from packcore.objects import ObjectType
from packcore.tree_diff import tree_difference

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from packcore.ids import ObjectFormat
    from packcore.plan import Candidate

__all__ = ["Edge", "version_edges"]

_HEAD = {
    hex_size: re.compile(rb"tree ([0-9a-f]{%d})\n((?:parent [0-9a-f]{%d}\n)*)" % (hex_size, hex_size)).match
    for hex_size in (40, 64)
}

Edge = tuple[int, int, int]
"""Two versions of one thing by candidate index, and how many entries differ: for trees, 0 for blobs."""


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
    graph = _Graph(index_of, len(candidates), read, object_format)
    commits = [index for index in index_of.values() if candidates[index].type == ObjectType.COMMIT]
    for old, new in graph.tree_pairs(commits):
        graph.compare(old, new)
    return graph.edges


class _Graph:
    def __init__(
        self,
        index_of: Mapping[bytes, int],
        count: int,
        read: Callable[[int], bytes],
        object_format: ObjectFormat,
    ) -> None:
        self.edges: list[Edge] = []
        self._index_of = index_of
        self._count = count
        self._read = read
        self._hex_size = object_format.hex_size
        self._digest_size = object_format.digest_size
        self._done: set[int] = set()
        """Pairs that were compared, each as one number."""

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
        done, add_edge, index_of, read = self._done, self.edges.append, self._index_of.get, self._read
        digest_size, count = self._digest_size, self._count
        pending = [(old, new)]
        while pending:
            old, new = pending.pop()
            pair = old * count + new
            if old == new or pair in done:
                continue
            done.add(pair)
            weight, changes = tree_difference(read(old), read(new), digest_size)
            add_edge((old, new, weight))
            for is_folder, before, after in changes:
                a, b = index_of(before), index_of(after)
                if a is None or b is None:
                    continue
                if is_folder:
                    pending.append((a, b))
                elif (pair := a * count + b) not in done:
                    done.add(pair)
                    add_edge((a, b, 0))
