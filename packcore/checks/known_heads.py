r"""Names and modes of trees that are in order: another tree with the same ones can differ only in its ids.

    a tree     100644 a \0 <id>  40000 b \0 <id>
    its heads  100644 a \0       40000 b \0

Most commits add and remove no file, so nearly every tree of a history has the heads of another one, and of
two such trees most ids are the same. Heads are kept within a bound of memory, and only if nothing was to be
reported of the tree: neither a finding, nor a blob that is checked for its name.
"""

from __future__ import annotations

import re
from itertools import compress
from operator import ne
from typing import TYPE_CHECKING, Any, NamedTuple

from packcore.checks.marks import final_flags
from packcore.checks.trees import has_odd_name
from packcore.limits import KIB, MIB

if TYPE_CHECKING:
    from packcore.ids import ObjectFormat, ObjectId

__all__ = ["KnownHeads", "SplitTree"]

_TREE_BYTES_MAX = 4 * KIB
"""Of a larger tree, it is quicker to look only at what changed."""
_KEPT_BYTES_MAX = 8 * MIB
_ENTRY_BYTES = 80
"""Memory for an entry of a tree on top of its head."""
_SPLIT = {size: re.compile(rb"(?s)\0(.{%d})" % size).split for size in (20, 32)}


class SplitTree(NamedTuple):
    """A tree as its heads, each with the NUL that ends it, and its ids."""

    heads: bytes
    ids: list[ObjectId]


class KnownHeads:
    """The heads of trees that were in order."""

    def __init__(self, object_format: ObjectFormat) -> None:
        self._split = _SPLIT[object_format.digest_size]
        self._zero = bytes(object_format.zero)
        self._last_ids: dict[bytes, list[ObjectId]] = {}
        """For each, the ids of the last tree that had them."""
        self._finals: dict[bytes, list[int | None]] = {}
        """For those of more than one tree, the flags of each entry as `final_flags` says."""
        self._kept_bytes = 0

    def split(self, data: bytes) -> SplitTree | None:
        """Split a tree; None if it needs a closer look: it is large, malformed, or may hold a zero id."""
        if len(data) > _TREE_BYTES_MAX or self._zero in data:
            return None
        parts: list[Any] = self._split(data)
        return None if parts[-1] else SplitTree(b"\0".join(parts[::2]), parts[1::2])

    def new_links(self, tree: SplitTree) -> list[tuple[ObjectId, int | None]] | None:
        """Return the links that the last tree with these heads had not; None if the heads are not known.

        Each comes with the flags that `final_flags` says.
        """
        last_ids = self._last_ids.get(tree.heads)
        if last_ids is None:
            return None
        finals = self._finals.get(tree.heads)
        if finals is None:
            modes = [head.partition(b" ")[0] for head in tree.heads.split(b"\0")[:-1]]
            by_mode = {mode: final_flags(mode) for mode in {*modes}}
            finals = self._finals[tree.heads] = [by_mode[mode] for mode in modes]
        return list(compress(zip(tree.ids, finals, strict=True), map(ne, tree.ids, last_ids)))

    def add(self, tree: SplitTree) -> None:
        """Remember a tree in which nothing is wrong, and whose links were recorded."""
        if tree.heads not in self._last_ids:
            if has_odd_name(tree.heads):
                return
            self._kept_bytes += len(tree.heads) + _ENTRY_BYTES * (len(tree.ids) + 2)
            if self._kept_bytes > _KEPT_BYTES_MAX:
                self._finals.clear()
                self._last_ids.clear()
                self._kept_bytes = 0
        self._last_ids[tree.heads] = tree.ids
