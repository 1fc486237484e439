"""The entries of trees that a walk hasn't seen yet, if it visits version after version of each folder.

    src/ of the newest commit     all entries
    src/ of the one before        the three that differ, without parsing the other thousand

A walk that visits what a tree holds before any other version of it needs only what the last version lacks.
Where the entries of the last version end is remembered, so comparing bytes finds the first and the last entry
that differ by bisection. Entries are never looked for backwards: the bytes of an id may look like an entry,
and a hostile tree could hide one.
"""

from __future__ import annotations

from array import array
from itertools import accumulate
from typing import TYPE_CHECKING

from packcore.delta.new_entries import new_entries
from packcore.errors import CorruptObject
from packcore.limits import MIB
from packcore.objects import LARGE_TREE_BYTES, iter_rows, tree_rows
from packcore.tree_path import TreePath

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from packcore.ids import ObjectFormat, ObjectId

__all__ = ["Folder", "FolderVersion", "TreeVersions"]

_SMALL_BYTES = 300
"""A smaller tree is parsed as a whole, which is just as quick."""
_WIDE_BYTES = 8192
"""In a larger tree, what agrees between two changes is skipped as well."""
_HELD_BYTES_MAX = 32 * MIB

_Row = tuple[bytes, bytes, "ObjectId"]


class FolderVersion:
    """The version of a folder that was visited last, apart from small ones."""

    __slots__ = ("data", "ends")

    def __init__(self) -> None:
        self.data = b""
        """Its bytes; empty if they aren't held."""
        self.ends: array[int] | None = None
        """Where its entries end; None until another version is compared with it."""


class Folder(dict[bytes, "TreePath | bytes"]):
    """The paths in one folder by name: made on first use, shared by versions of a file."""

    __slots__ = ("inner", "path", "version")

    def __init__(self, path: TreePath | None, paths: Mapping[bytes, TreePath | bytes] | None = None) -> None:
        super().__init__(paths or {})
        self.path = path
        self.version = FolderVersion()
        self.inner: dict[bytes, Folder] = {}
        """The folders in it."""

    def __missing__(self, name: bytes) -> TreePath:
        made = self[name] = TreePath(self.path, name)
        return made


class TreeVersions:
    """Compares each version of a folder with the last one. Holds a limited number of bytes."""

    def __init__(self, object_format: ObjectFormat) -> None:
        self._object_format = object_format
        self._held: list[FolderVersion] = []
        self._held_bytes = 0

    def new_rows(self, folder: FolderVersion, data: bytes, oid: ObjectId) -> Iterable[_Row]:
        """Return the rows of a tree that the folder's last version lacks, as `tree_rows` returns them.

        Of a large tree, further rows with the same id may be left out. Raises CorruptObject.
        """
        size = len(data)
        if size < _SMALL_BYTES:
            return tree_rows(data, self._object_format, oid)
        last, ends = folder.data, folder.ends
        self._hold(folder, data)
        if not last:
            return self._all_rows(data, oid)
        if size >= _WIDE_BYTES or len(last) >= _WIDE_BYTES:
            return self._scattered_rows(last, data, oid)
        if ends is None:
            ends = array("I", self._ends(tree_rows(last, self._object_format), 0))
        low, high, start = 0, len(ends), 0
        while low < high:
            middle = (low + high) >> 1
            end = ends[middle]
            if data.startswith(last[start:end], start):
                low, start = middle + 1, end
            else:
                high = middle
        grown = size - len(last)
        # Nearly always, one entry has another id, and nothing else differs.
        if not grown and low < len(ends) and data.endswith(last[ends[low] :]):
            high, end = low + 1, ends[low]
        else:
            high, end = _same_from(last, data, ends, low, start)
        try:
            rows = tree_rows(data[start:end], self._object_format, oid)
        except CorruptObject:  # if only because an entry goes on behind `end`
            return self._all_rows(data, oid)
        # One entry in place of one of the same size ends where that did; in place of two, it does not.
        if grown or len(rows) > 1 or high - low > 1:
            after = [end + grown for end in ends[high:]]
            ends = array("I", [*ends[:low], *self._ends(rows, start), *after])
        folder.ends = ends
        return rows

    def _hold(self, folder: FolderVersion, data: bytes) -> None:
        if not folder.data:
            self._held.append(folder)
        self._held_bytes += len(data) - len(folder.data)
        if self._held_bytes > _HELD_BYTES_MAX:
            for other in self._held:
                other.data, other.ends = b"", None
            self._held = [folder]
            self._held_bytes = len(data)
        folder.data, folder.ends = data, None

    def _ends(self, rows: Iterable[_Row], start: int) -> list[int]:
        """Return where the entries of these rows end if the first one begins at `start`."""
        besides = self._object_format.digest_size + 2  # the id, a blank and a NUL
        sizes = [len(mode) + len(name) + besides for mode, name, _ in rows]
        return list(accumulate(sizes, initial=start))[1:]

    def _scattered_rows(self, last: bytes, data: bytes, oid: ObjectId) -> Iterable[_Row]:
        found = new_entries(last, data, self._object_format.digest_size)
        if found is None:
            return self._all_rows(data, oid)
        parts = b"".join([data[start:end] for start, end in found.ranges])
        return tree_rows(parts, self._object_format, oid)

    def _all_rows(self, data: bytes, oid: ObjectId) -> Iterable[_Row]:
        is_large = len(data) >= LARGE_TREE_BYTES
        return self._first_rows(data, oid) if is_large else tree_rows(data, self._object_format, oid)

    def _first_rows(self, data: bytes, oid: ObjectId) -> Iterator[_Row]:
        """Yield the first row of each id in a tree: the walk would skip the others later."""
        met: set[ObjectId] = set()
        modes: dict[bytes, bytes] = {}
        for mode, name, entry in iter_rows(data, self._object_format, oid):
            if entry not in met:
                met.add(entry)
                yield modes.setdefault(mode, mode), name, entry


def _same_from(last: bytes, data: bytes, ends: array[int], low: int, start: int) -> tuple[int, int]:
    """Return the first entry of `last` from which on both end in the same ones, and its place in `data`.

    Both agree up to `start`, where the entry `low` begins.
    """
    grown = len(data) - len(last)
    high, same = len(ends), len(last)
    while low < high:
        middle = (low + high) >> 1
        begin = ends[middle - 1] if middle else 0
        if begin + grown >= start and data.startswith(last[begin:same], begin + grown):
            high, same = middle, begin
        else:
            low = middle + 1
    return high, same + grown
