r"""Names and modes of trees that are in order: another tree with the same ones can differ only in its ids.

    a tree     100644 a \0 <id>  40000 b \0 <id>
    its heads  100644 a \0       40000 b \0

Most commits add and remove no file, so nearly every tree of a history has the heads of another one. They are
kept within a bound of memory, and only if nothing was to be reported of the tree: neither a finding, nor a
blob that is checked for its name.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from packcore.checks.marks import final_flags
from packcore.checks.trees import has_odd_name
from packcore.limits import KIB, MIB

if TYPE_CHECKING:
    from packcore.ids import ObjectFormat, ObjectId

__all__ = ["KnownHeads", "SplitTree"]

_TREE_BYTES_MAX = 4 * KIB
"""Of a larger tree, it is quicker to look only at what changed."""
_KEPT_BYTES_MAX = 4 * MIB
_EACH_BYTES = 300
"""Memory of a tree's heads on top of their bytes, about."""
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
        self._finals: dict[bytes, list[int | None]] = {}
        """For each, the flags of its entries as `final_flags` says; empty until a second tree has them."""
        self._kept_bytes = 0

    def split(self, data: bytes) -> SplitTree | None:
        """Split a tree; None if it needs a closer look: it is large, malformed, or may hold a zero id."""
        if len(data) > _TREE_BYTES_MAX or self._zero in data:
            return None
        parts: list[Any] = self._split(data)
        return None if parts[-1] else SplitTree(b"\0".join(parts[::2]), parts[1::2])

    def finals(self, tree: SplitTree) -> list[int | None] | None:
        """Return the final flags of each entry of a tree; None if its heads are not known."""
        finals = self._finals.get(tree.heads)
        if finals is not None and len(finals) < len(tree.ids):
            modes = [head.partition(b" ")[0] for head in tree.heads.split(b"\0")[:-1]]
            by_mode = {mode: final_flags(mode) for mode in {*modes}}
            finals = self._finals[tree.heads] = [by_mode[mode] for mode in modes]
        return finals

    def add(self, tree: SplitTree) -> None:
        """Remember the heads of a tree in which nothing is wrong."""
        if has_odd_name(tree.heads):
            return
        self._kept_bytes += len(tree.heads) + _EACH_BYTES + 8 * len(tree.ids)
        if self._kept_bytes > _KEPT_BYTES_MAX:
            self._finals.clear()
            self._kept_bytes = 0
        self._finals[tree.heads] = []
