"""Where the objects of a pack come from: the path and the commit that first introduced each one.

commits         parents before children; of those that are ready, the oldest by committer date comes first
trees, blobs    of each commit in that order; an object of an earlier commit keeps its path and commit

This reads only the pack itself. Objects that no root tree in the pack leads to have no path: commits, tags,
and trees and blobs whose commits are elsewhere. Each tree is read once. Objects that don't parse are skipped,
since checking is the job of `packcore.checks.fsck`.

Memory: about 130 bytes for each tree and blob of the pack, and 200 for each distinct path.
"""

from __future__ import annotations

from array import array
from contextlib import suppress
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING

from packcore.errors import CorruptObject
from packcore.objects import (
    LARGE_TREE_BYTES,
    MODE_DIRECTORY,
    MODE_GITLINK,
    ObjectType,
    commit_links,
    iter_rows,
    mode_kind,
    tree_rows,
)
from packcore.progress import SILENT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packcore.ids import ObjectId
    from packcore.objects import CommitLinks
    from packcore.pack.table import PackTable
    from packcore.progress import Progress
    from packcore.store.packfile import PackFile

__all__ = ["NOWHERE", "Origins", "Paths", "find_origins"]

NOWHERE = -1
"""In `Origins`, means that no path or commit is known."""
_DATE_MAX = 1 << 62
"""No real date is further from 1970 than this, and the arrays have 64 bits."""


@dataclass(frozen=True, slots=True)
class Paths:
    """Distinct paths as a tree: 0 is the root, and the number of a parent is less than its children's."""

    parents: array[int] = field(default_factory=lambda: array("i", [NOWHERE]))
    names: list[bytes] = field(default_factory=lambda: [b""])

    def whole(self, number: int) -> bytes:
        """Return the path from the root, without a leading slash."""
        pieces = []
        while number > 0:
            pieces.append(self.names[number])
            number = self.parents[number]
        return b"/".join(reversed(pieces))


@dataclass(frozen=True, slots=True)
class Origins:
    """Where each object first occurs, by entry index."""

    paths: Paths
    path_of: array[int]
    """The number of its path, or NOWHERE."""
    commit_of: array[int]
    """The entry index of the commit that introduced it (for a commit, its own), or NOWHERE."""
    date_of: array[int]
    """The date of that commit in seconds since 1970; 0 if there is none."""


def find_origins(pack: PackFile, table: PackTable, *, progress: Progress = SILENT) -> Origins:
    """Read the commits and trees of an indexed pack. Raises CorruptPack, MissingObject."""
    finder = _Finder(pack, table)
    commits = finder.commits()
    with progress.phase("finding paths", unit="commits", total=len(commits)) as phase:
        for entry_index in _parents_first(commits, finder.index_of):
            finder.place(entry_index, commits[entry_index])
            phase.advance()
    return finder.origins


def _parents_first(commits: dict[int, CommitLinks], index_of: dict[bytes, int]) -> Iterator[int]:
    """Yield all commits, parents before children; of those that are ready, the oldest comes first."""
    children: dict[int, list[int]] = {}
    waiting: dict[int, int] = {}
    for entry_index, links in commits.items():
        parents = {index_of[oid] for oid in links.parents if oid in index_of} & commits.keys()
        waiting[entry_index] = len(parents)
        for parent in sorted(parents):
            children.setdefault(parent, []).append(entry_index)
    ready = [(commits[entry_index].date, entry_index) for entry_index, count in waiting.items() if not count]
    heapify(ready)
    while ready:
        _, entry_index = heappop(ready)
        yield entry_index
        for child in children.get(entry_index, ()):
            waiting[child] -= 1
            if not waiting[child]:
                heappush(ready, (commits[child].date, child))


class _Finder:
    """The state of one search."""

    def __init__(self, pack: PackFile, table: PackTable) -> None:
        count = len(table)
        self.origins = Origins(
            Paths(), array("i", [NOWHERE]) * count, array("i", [NOWHERE]) * count, array("q", [0]) * count
        )
        self.index_of: dict[bytes, int] = {}
        """Commits by id."""
        self._left: dict[bytes, int] = {}  # trees and blobs without a path yet
        self._numbers: dict[tuple[int, bytes], int] = {}
        self._pack = pack
        self._table = table
        for entry_index, type_ in enumerate(table.types):
            if type_ == ObjectType.COMMIT:
                self.index_of[table.oid(entry_index)] = entry_index
            elif type_ != ObjectType.TAG:
                self._left[table.oid(entry_index)] = entry_index

    def commits(self) -> dict[int, CommitLinks]:
        """Return the links of each commit that parses, in pack order."""
        found: dict[int, CommitLinks] = {}
        for entry_index in self.index_of.values():
            data = self._read(entry_index)
            if data is None:
                continue
            try:
                found[entry_index] = commit_links(
                    data, self._table.object_format, self._table.oid(entry_index)
                )
            except CorruptObject:
                continue  # it links to nothing, so it introduces nothing
        return found

    def place(self, commit: int, links: CommitLinks) -> None:
        """Assign the commit, its date and paths to all its objects that no earlier commit had."""
        date = max(-_DATE_MAX, min(links.date, _DATE_MAX))
        self.origins.commit_of[commit], self.origins.date_of[commit] = commit, date
        left = self._left
        root = left.pop(links.tree, None)
        if root is None:
            return
        stack = [(root, 0)]
        while stack:
            entry_index, number = stack.pop()
            self._put(entry_index, number, commit, date)
            for mode, name, oid in self._new_rows(entry_index):
                inner = left.pop(oid, None)
                if inner is None:  # listed twice in one tree
                    continue
                inner_number = self._number(number, name)
                if mode_kind(mode) == MODE_DIRECTORY:
                    stack.append((inner, inner_number))
                else:
                    self._put(inner, inner_number, commit, date)

    def _new_rows(self, entry_index: int) -> Iterator[tuple[bytes, bytes, ObjectId]]:
        """Yield the rows of a tree whose objects have no path yet, up to where it can't be parsed."""
        data = self._read(entry_index) if self._table.types[entry_index] == ObjectType.TREE else None
        if data is None:
            return
        read_rows = tree_rows if len(data) < LARGE_TREE_BYTES else iter_rows
        left = self._left
        with suppress(CorruptObject):
            for row in read_rows(data, self._table.object_format):
                if row[2] in left and mode_kind(row[0]) != MODE_GITLINK:
                    yield row

    def _put(self, entry_index: int, number: int, commit: int, date: int) -> None:
        origins = self.origins
        origins.path_of[entry_index] = number
        origins.commit_of[entry_index] = commit
        origins.date_of[entry_index] = date

    def _number(self, parent: int, name: bytes) -> int:
        number = self._numbers.get((parent, name))
        if number is None:
            paths = self.origins.paths
            number = self._numbers[parent, name] = len(paths.names)
            paths.parents.append(parent)
            paths.names.append(name)
        return number

    def _read(self, entry_index: int) -> bytes | None:
        """Return the bytes of an object, or None if it is too large for memory."""
        if self._table.sizes[entry_index] >= self._pack.limits.big_object:
            return None
        return self._pack.read_at(self._table.offsets[entry_index])[1]
