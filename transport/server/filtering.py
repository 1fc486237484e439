"""A filter applied to the objects that a fetch would get.

    types, sizes    by the listing itself
    depth           level by level from the root trees: an object at several places counts at its highest
    paths           down from the root trees, each tree once for each path; a blob stays for one path of its

Trees that aren't listed, since the client has them, are not looked into. What is wanted by its own id stays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from packcore.ancestry import peel
from packcore.errors import LimitExceeded
from packcore.objects import MODE_DIRECTORY, MODE_GITLINK, ObjectType, commit_links, mode_kind, tree_rows
from packcore.tree_path import TreePath

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from packcore.ids import ObjectId
    from packcore.object_filter import Filter
    from packcore.plans.entries import Candidate
    from packcore.sparse_patterns import SparsePatterns
    from packcore.store.base import ObjectStore

__all__ = ["filtered"]

_COMPARISONS_MAX = 20_000_000
"""Of paths with patterns."""


def filtered(
    store: ObjectStore, objects: list[Candidate], filter_: Filter, wants: Iterable[ObjectId]
) -> list[Candidate]:
    """Leave out what a partial clone doesn't want. Raises CorruptData, LimitExceeded."""
    given = _given(store, wants)
    lister = _Trees(store, objects, given)
    within = None if filter_.tree_depth is None else lister.within(filter_.tree_depth)
    taken_in = [lister.taken_in(patterns) for patterns in filter_.sparse]

    def stays(candidate: Candidate) -> bool:
        oid, type_ = candidate.oid, candidate.type
        if oid in given:
            return True
        if type_ not in filter_.types:
            return False
        if within is not None and type_ in (ObjectType.TREE, ObjectType.BLOB) and oid not in within:
            return False
        if type_ is not ObjectType.BLOB:
            return True
        if filter_.blob_bytes is not None and candidate.size >= filter_.blob_bytes:
            return False
        return all(oid in paths for paths in taken_in)

    return [candidate for candidate in objects if stays(candidate)]


def _given(store: ObjectStore, wants: Iterable[ObjectId]) -> set[ObjectId]:
    """Return what no filter leaves out: the wants, and what those come to that are tags."""
    given = set(wants)
    given |= {peel(store, want)[0] for want in given}
    return given


class _Trees:
    """The trees of one listing."""

    def __init__(self, store: ObjectStore, objects: Iterable[Candidate], given: Collection[ObjectId]) -> None:
        self._store = store
        self._listed = {each.oid: each.type for each in objects}
        self._given = given

    def _roots(self) -> Iterator[ObjectId]:
        """Yield the trees at level 0: those of commits, and those that are wanted themselves."""
        for oid, type_ in self._listed.items():
            if type_ is ObjectType.COMMIT:
                yield commit_links(self._store.read(oid).data, self._store.object_format, oid).tree
            elif type_ is ObjectType.TREE and oid in self._given:
                yield oid

    def _rows(self, tree: ObjectId) -> list[tuple[bytes, bytes, ObjectId]]:
        if self._listed.get(tree) is not ObjectType.TREE:
            return []
        rows = tree_rows(self._store.read(tree).data, self._store.object_format, tree)
        return [(mode, name, oid) for mode, name, oid in rows if mode_kind(mode) != MODE_GITLINK]

    def within(self, depth: int) -> set[ObjectId]:
        """Return the root trees, and the trees and blobs less than `depth` levels below one."""
        found: set[ObjectId] = set()
        level = list(dict.fromkeys(self._roots())) if depth else []
        while level and depth:
            found.update(level)
            depth -= 1
            below = (oid for tree in level for _, _, oid in self._rows(tree)) if depth else ()
            level = list(dict.fromkeys(oid for oid in below if oid not in found))
        return found

    def taken_in(self, patterns: SparsePatterns) -> set[ObjectId]:
        """Return the blobs that patterns take in at one path at least."""
        found: set[ObjectId] = set()
        seen: set[tuple[ObjectId, TreePath | None]] = set()
        left = _COMPARISONS_MAX
        stack: list[tuple[ObjectId, TreePath | None, bool]] = [(root, None, False) for root in self._roots()]
        while stack:
            tree, folder, by_default = stack.pop()
            if (tree, folder) in seen:
                continue
            seen.add((tree, folder))
            above = [] if folder is None else folder.names()
            for mode, name, oid in self._rows(tree):
                is_folder = mode_kind(mode) == MODE_DIRECTORY
                left -= len(patterns.patterns)
                if left < 0:
                    raise LimitExceeded("this sparse filter takes too much work", limit="sparse_filter")
                verdict = patterns.verdict([*above, name], is_folder=is_folder)
                is_in = by_default if verdict is None else verdict
                if is_folder:
                    stack.append((oid, TreePath(folder, name), is_in))
                elif is_in:
                    found.add(oid)
        return found
