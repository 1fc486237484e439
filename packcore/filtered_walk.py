"""The trees and blobs of a listing when something is left out: by a filter, by paths, or because it is lost.

    filter      types and sizes, the depth below a root tree, sparse patterns      packcore.object_filter
    paths       only what a pathspec takes in, and the folders that lead there     packcore.pathspec
    missing     objects that aren't here are collected, and are no errors

What is left out isn't read, so that a partial clone can be listed within what it has. With a depth or with
sparse patterns, an object counts at its highest place, or at any of its paths: the walk comes by again. What
is wanted by its own id is never left out; as in git, what is directly below such a tree is at level 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from packcore.errors import LimitExceeded, MissingObject
from packcore.listed_objects import describe, wrong_type
from packcore.object_filter import Filter
from packcore.objects import (
    LARGE_TREE_BYTES,
    MODE_DIRECTORY,
    MODE_GITLINK,
    ObjectType,
    iter_rows,
    mode_kind,
    tree_rows,
)
from packcore.tree_path import TreePath, inside
from packcore.walk import ObjectLister

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from packcore.ancestry import CommitList
    from packcore.ids import ObjectId
    from packcore.limits import Limits
    from packcore.pathspec import Pathspec
    from packcore.plans.entries import Candidate
    from packcore.progress import Phase
    from packcore.store.base import ObjectStore
    from packcore.walk import Tips

__all__ = ["FilteringLister"]

_COMPARISONS_MAX = 20_000_000
"""Of paths with sparse patterns."""


class _Place(NamedTuple):
    """A tree or blob that is still to be visited."""

    oid: ObjectId
    is_tree: bool
    path: TreePath | bytes
    nesting: int
    depth: int
    """What a filter takes for its level."""
    is_given: bool
    sparse: tuple[bool, ...]
    """For each list of patterns, whether it takes in the folder."""
    pathspec: Pathspec | None
    """None if all from here on is taken in."""


class FilteringLister(ObjectLister):
    """Lists what a filter and a pathspec leave."""

    def __init__(
        self,
        store: ObjectStore,
        limits: Limits,
        phase: Phase,
        *,
        absent_ok: bool = False,
        filter_: Filter | None = None,
        pathspec: Pathspec | None = None,
        spare_given: bool = True,
        on_missing: Callable[[MissingObject], None] | None = None,
        omitted: set[ObjectId] | None = None,
    ) -> None:
        """`on_missing` gets the errors for absent objects, or raises; `omitted` collects what is filtered."""
        if on_missing is None and absent_ok:
            on_missing = _skip
        super().__init__(store, limits, phase, absent_ok=on_missing is not None)
        self._filter = filter_ or Filter()
        self._pathspec = pathspec
        self._spare_given = spare_given
        self._on_missing = on_missing
        self.omitted = omitted
        self.reached: Collection[ObjectId] = ()
        """Trees of listed commits: these aren't spared even if they are wanted by their own ids."""
        self._comes_again = self._filter.tree_depth is not None or bool(self._filter.sparse)
        self._depths: dict[ObjectId, int] = {}
        self._visited: set[tuple[ObjectId, TreePath | bytes]] = set()
        self._listed: set[ObjectId] = set()
        self._comparisons_left = _COMPARISONS_MAX

    def shows(self, type_: ObjectType, *, is_given: bool) -> bool:
        """Return whether the filter lets an object of a type pass."""
        return (is_given and self._spare_given) or type_ in self._filter.types

    def collect(
        self, wanted: Tips, found: CommitList, want_paths: Mapping[ObjectId, bytes]
    ) -> list[Candidate]:
        """List what the filter leaves of the commits, tags, and all that they hold."""
        self.reached = {commit.tree for commit in found.commits}
        given = {*wanted.commits, *(oid for oid, _ in wanted.tags), *wanted.others}
        return [
            one
            for one in super().collect(wanted, found, want_paths)
            if self.shows(one.type, is_given=one.oid in given)
        ]

    def below(
        self, root: ObjectId, root_path: TreePath | bytes, *, is_tree: bool, context: ObjectId | str
    ) -> None:
        """List a tree and what it holds, depth first; or one blob."""
        before = len(self.listed)
        is_given = context == "wanted" and self._spare_given and root not in self.reached
        sparse = tuple(False for _ in self._filter.sparse)
        pathspec = self._pathspec if is_tree else None
        if pathspec is not None and pathspec.takes_all_below(bytes(root_path)):
            pathspec = None
        stack = [_Place(root, is_tree, root_path, 0, 0, is_given, sparse, pathspec)]
        while stack:
            place = stack.pop()
            if place.oid in self.seen or self._was_here(place):
                continue
            try:
                if place.is_tree:
                    stack += reversed(self._tree(place))
                else:
                    self._blob(place)
            except MissingObject as error:
                error = error.needed_by(describe(place.path, context))
                if self._on_missing is None or error.oid != place.oid.hex():
                    raise error from None
                self._on_missing(error)
        if len(self.listed) > self.limits.pack_objects:
            raise LimitExceeded(f"more than {self.limits.pack_objects} objects", limit="pack_objects")
        self.count(len(self.listed) - before)

    def _was_here(self, place: _Place) -> bool:
        """Return whether a visit would find nothing new; remember this one."""
        if not self._comes_again:
            self.seen.add(place.oid)
            return False
        if self._filter.sparse:
            key = (place.oid, place.path)
            if key in self._visited:
                return True
            self._visited.add(key)
            return False
        if self._depths.get(place.oid, place.depth + 1) <= place.depth:
            return True
        self._depths[place.oid] = place.depth
        return False

    def _is_deep(self, depth: int) -> bool:
        return self._filter.tree_depth is not None and depth >= self._filter.tree_depth

    def _tree(self, place: _Place) -> list[_Place]:
        """List a tree if the filter lets it pass; return what to visit in it."""
        is_deep = self._is_deep(place.depth) and not place.is_given
        if is_deep:
            if self.omitted is None:
                return []
            self._omit(place.oid)
        if not place.is_given and not self._filter.types & {ObjectType.TREE, ObjectType.BLOB}:
            return []
        type_, data = self.store.read(place.oid)
        if type_ is not ObjectType.TREE:
            raise wrong_type(place.oid, type_, "tree")
        if not is_deep and self.shows(ObjectType.TREE, is_given=place.is_given):
            self._list(place, ObjectType.TREE, len(data))
        if place.nesting >= self.limits.tree_depth:
            raise LimitExceeded(
                f"trees are nested deeper than {self.limits.tree_depth} levels", limit="tree_depth"
            )
        depth = 0 if place.is_given else place.depth + 1
        if self._is_deep(depth) and self.omitted is None:
            return []
        return self._entries(place, data, depth)

    def _entries(self, place: _Place, data: bytes, depth: int) -> list[_Place]:
        rows = tree_rows if len(data) < LARGE_TREE_BYTES else iter_rows
        found: list[_Place] = []
        for mode, name, oid in rows(data, self.store.object_format, place.oid):
            kind = mode_kind(mode)
            if kind == MODE_GITLINK or oid in self.seen:
                continue
            is_tree = kind == MODE_DIRECTORY
            path = inside(place.path, name)
            pathspec = place.pathspec
            if pathspec is not None:
                whole = bytes(path)
                if pathspec.takes(whole, is_folder=is_tree):
                    pathspec = None
                elif not (is_tree and pathspec.leads_through(whole)):
                    continue  # git doesn't look for `*.c` in folders, either, where it lists objects
            sparse = self._sparse(path, place.sparse, is_folder=is_tree) if place.sparse else ()
            found.append(_Place(oid, is_tree, path, place.nesting + 1, depth, False, sparse, pathspec))
        return found

    def _sparse(self, path: TreePath, above: tuple[bool, ...], *, is_folder: bool) -> tuple[bool, ...]:
        names = path.names()
        found = []
        for patterns, by_default in zip(self._filter.sparse, above, strict=True):
            self._comparisons_left -= len(patterns.patterns)
            if self._comparisons_left < 0:
                raise LimitExceeded("this sparse filter takes too much work", limit="sparse_filter")
            verdict = patterns.verdict(names, is_folder=is_folder)
            found.append(by_default if verdict is None else verdict)
        return tuple(found)

    def _blob(self, place: _Place) -> None:
        """List a blob if the filter lets it pass."""
        if not place.is_given:
            if ObjectType.BLOB not in self._filter.types:
                if ObjectType.TREE in self._filter.types and self._filter.types != {ObjectType.TREE}:
                    self._omit(place.oid)
                return
            if self._is_deep(place.depth) or not all(place.sparse):
                self._omit(place.oid)
                return
        type_, size = self.store.header(place.oid)
        if type_ is not ObjectType.BLOB:
            raise wrong_type(place.oid, type_, "blob")
        limit = self._filter.blob_bytes
        if limit is not None and size >= limit and not place.is_given:
            self._omit(place.oid)
            return
        self._list(place, ObjectType.BLOB, size)
        self.seen.add(place.oid)

    def _omit(self, oid: ObjectId) -> None:
        if self.omitted is not None and oid not in self._listed:
            self.omitted.add(oid)

    def _list(self, place: _Place, type_: ObjectType, size: int) -> None:
        if place.oid in self._listed:
            return
        self._listed.add(place.oid)
        if self.omitted is not None:
            self.omitted.discard(place.oid)
        self.listed.add(place.oid, type_, size, place.path)


def _skip(error: MissingObject) -> None:
    """Leave a missing object out."""
