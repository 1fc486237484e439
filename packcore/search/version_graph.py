"""Which objects are versions of each other, derived from the commits of a history and their trees.

    commit C, parent P      tree(P) - tree(C)       an edge
    their trees' diff       a/ -> a/                an edge, and the same comparison below
                            a/x.c -> a/x.c          an edge

"The version before, by date" is the wrong base where branches interleave. The right one is the version in the
parent of the commit. Edges have no direction, and both ends must be among the candidates.

    weight of a tree edge: entries that differ          known from the diff
    weight of a blob edge: how far its ends differ      not known here, computed only where it matters

In a merge, only entries that differ from all parents count, as in `git diff -c`: an entry taken from one of
them has its edges already. Its trees have edges to the nearest parent and to those that are not much farther,
since two branches that parted long ago differ in hundreds of entries. A merge that equals one of its parents
has edges between trees only.

    parents A and B, merge M      a.c of A, B, M: 1 1 1      no edge
                                  b.c             1 2 2      no edge; from the commits between are 1 -> 2
                                  c.c             2 3 4      2 -> 4, 3 -> 4
"""

from __future__ import annotations

import re
import sys
from array import array
from binascii import unhexlify
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING

from packcore.objects import ObjectType
from packcore.search.tree_diff import entry_ids, is_folder, tree_difference

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from packcore.ids import ObjectFormat
    from packcore.plans.entries import Candidate

__all__ = ["VersionEdge", "version_edges"]

_HEAD = {
    hex_size: re.compile(rb"tree ([0-9a-f]{%d})\n((?:parent [0-9a-f]{%d}\n)*)" % (hex_size, hex_size)).match
    for hex_size in (40, 64)
}

_FARTHER = 4
"""Another parent of a merge gets an edge if it differs in at most this many times as many entries..."""
_FARTHER_ENTRIES = 8
"""...plus this many."""

VersionEdge = tuple[int, int, int]
"""Two versions of one thing, by candidate index, and how many entries differ (0 for blobs)."""


def version_edges(
    candidates: Sequence[Candidate],
    read: Callable[[int], bytes],
    object_format: ObjectFormat,
    usable: Callable[[int], bool],
) -> list[VersionEdge]:
    """Return the edges between candidates that `usable` accepts. A pair may occur more than once.

    `read` returns the bytes of an object by candidate index, and should cache the latest few megabytes.
    """
    index_of: dict[bytes, int] = {
        candidate.oid: index for index, candidate in enumerate(candidates) if usable(index)
    }
    graph = _Graph(index_of, len(candidates), read, object_format)
    commits = [index for index in index_of.values() if candidates[index].type == ObjectType.COMMIT]
    taken = []
    for olds, new in graph.families(commits):
        if new not in olds:
            graph.compare(olds, new)
        else:
            taken += [(old, new) for old in olds if old != new]
    for old, new in taken:  # last: most of them are pairs of a commit and its only parent too
        graph.compare((old,), new, tie_blobs=False)
    return graph.edges


class _Graph:
    def __init__(
        self,
        index_of: Mapping[bytes, int],
        count: int,
        read: Callable[[int], bytes],
        object_format: ObjectFormat,
    ) -> None:
        self.edges: list[VersionEdge] = []
        self._index_of = index_of
        self._count = count
        self._read = read
        self._hex_size = object_format.hex_size
        self._digest_size = object_format.digest_size
        self._done: set[int] = set()
        """The comparisons made so far: a tree and the trees it came from, as one number."""

    def families(self, commits: Sequence[int]) -> Iterator[tuple[tuple[int, ...], int]]:
        """Yield (trees of the parents, tree) of each commit, each once; skips broken commits."""
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
        for commit, family in groupby(zip(links[0::2], links[1::2], strict=True), itemgetter(0)):
            trees = [tree_of[parent] for _, parent in family if parent in tree_of]
            if len(trees) > 1:
                trees = list(dict.fromkeys(trees))
            if trees:
                yield tuple(trees), tree_of[commit]

    def compare(self, olds: tuple[int, ...], new: int, *, tie_blobs: bool = True) -> None:
        """Add edges between a tree and the trees it came from, and between the entries that differ below."""
        done, add_edge, index_of, read = self._done, self.edges.append, self._index_of.get, self._read
        digest_size, count = self._digest_size, self._count
        pending = [(olds, new)]
        while pending:
            olds, new = pending.pop()
            key = (new + 1) * count + olds[0]
            for old in olds[1:]:
                key = key * count + old
            if key in done:
                continue
            done.add(key)
            if len(olds) > 1:
                pending += self._compare_merged(olds, new)
                continue
            old = olds[0]
            weight, changes = tree_difference(read(old), read(new), digest_size)
            add_edge((old, new, weight))
            for head, before, after in changes:
                a, b = index_of(before), index_of(after)
                if a is None or b is None:
                    continue
                if is_folder(head):
                    pending.append(((a,), b))
                elif tie_blobs:
                    add_edge((a, b, 0))

    def _compare_merged(self, olds: tuple[int, ...], new: int) -> list[tuple[tuple[int, ...], int]]:
        """Do so for one level of a merged tree; return the trees to compare below."""
        read, digest_size, index_of = self._read, self._digest_size, self._index_of.get
        data = read(new)
        found = []
        weight_max = sys.maxsize
        for old in olds:
            weight, changes = tree_difference(read(old), data, digest_size, weight_max)
            found.append((weight, old, changes))
            weight_max = min(weight_max, weight * _FARTHER + _FARTHER_ENTRIES)
        self.edges += [(old, new, weight) for weight, old, _ in found if weight <= weight_max]
        _, nearest, changes = min(found)
        heads = [head for head, _, _ in changes]
        elsewhere = [entry_ids(read(old), heads, digest_size) for old in olds if old != nearest]
        below = []
        for (head, before, after), others in zip(changes, zip(*elsewhere, strict=True), strict=True):
            if after in others or (b := index_of(after)) is None:
                continue
            known = dict.fromkeys(a for a in map(index_of, (before, *others)) if a is not None)
            if not is_folder(head):
                self.edges += [(a, b, 0) for a in known]
            elif known:
                below.append((tuple(known), b))
        return below
