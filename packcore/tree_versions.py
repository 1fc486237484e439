"""The entries of trees that a walk hasn't seen yet, if it visits version after version of each folder.

    src/ of the newest commit     all entries
    src/ of the one before        the three that differ, without parsing the other thousand

A walk that visits what a tree holds before any other version of it needs only what the last version lacks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from packcore.delta.new_entries import changed_range, new_entries
from packcore.limits import MIB
from packcore.objects import LARGE_TREE_BYTES, iter_rows, tree_rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from packcore.ids import ObjectFormat, ObjectId
    from packcore.tree_path import TreePath

__all__ = ["TreeVersions"]

_SMALL_BYTES = 300
"""A smaller tree is parsed as a whole, which is just as quick."""
_MEDIUM_BYTES = 4096
"""The same for a tree that has changed in several places."""
_HELD_BYTES_MAX = 32 * MIB

_Row = tuple[bytes, bytes, "ObjectId"]


class TreeVersions:
    """The last version of each folder, within a limit of bytes."""

    def __init__(self, object_format: ObjectFormat) -> None:
        self._object_format = object_format
        self._last: dict[TreePath | bytes, bytes] = {}
        self._held_bytes = 0

    def new_rows(self, path: TreePath | bytes, data: bytes, oid: ObjectId) -> Iterable[_Row]:
        """Return the rows of the tree at a path that its last version lacks, as `tree_rows` returns them.

        Of a large tree, further rows with the same id may be left out. Raises CorruptObject.
        """
        object_format, size = self._object_format, len(data)
        if size < _SMALL_BYTES:
            return tree_rows(data, object_format, oid)
        last = self._last.get(path)
        self._hold(path, data, 0 if last is None else len(last))
        if last is None:
            return (
                tree_rows(data, object_format, oid)
                if size < LARGE_TREE_BYTES
                else self._first_rows(data, oid)
            )
        changed = changed_range(last, data, object_format.digest_size)
        if changed is not None:
            return tree_rows(data[changed[0] : changed[1]], object_format, oid)
        if size >= _MEDIUM_BYTES:
            found = new_entries(last, data, object_format.digest_size)
            if found is not None:
                parts = b"".join([data[start:end] for start, end in found.ranges])
                return tree_rows(parts, object_format, oid)
        return tree_rows(data, object_format, oid) if size < LARGE_TREE_BYTES else self._first_rows(data, oid)

    def _hold(self, path: TreePath | bytes, data: bytes, last_bytes: int) -> None:
        self._last[path] = data
        self._held_bytes += len(data) - last_bytes
        if self._held_bytes > _HELD_BYTES_MAX:
            self._last = {path: data}
            self._held_bytes = len(data)

    def _first_rows(self, data: bytes, oid: ObjectId) -> Iterator[_Row]:
        """Yield the first row of each id in a tree: the walk would skip the others later."""
        met: set[ObjectId] = set()
        modes: dict[bytes, bytes] = {}
        for mode, name, entry in iter_rows(data, self._object_format, oid):
            if entry not in met:
                met.add(entry)
                yield modes.setdefault(mode, mode), name, entry
