"""All that some commits reach, as a set, from bitmaps where there are some: exact, and with little reading.

    haves   o───o───B───o───o  have       B has a bitmap: one set for all below it
                            `──o          the commits above it are read, with what is new in their trees

Without bitmaps, what haves reach is known only as far as it is looked at. With them, whoever lists what wants
reach stops at each object that the haves have, however old: nothing of their trees is read.
"""

from __future__ import annotations

from heapq import heappop, heappush
from typing import TYPE_CHECKING

from packcore.errors import CorruptData, CorruptShortcut, LimitExceeded, MissingObject
from packcore.history import History
from packcore.objects import MODE_DIRECTORY, MODE_GITLINK, ObjectType, commit_links, mode_kind, tree_rows
from packcore.store.bulk import shortcuts_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from packcore.ids import ObjectId
    from packcore.store.base import ObjectStore
    from packcore.store.pack_bitmap import PackBitmap

__all__ = ["Reach", "reach_by_bitmaps"]


class Reach:
    """What some commits reach: bits of a pack's objects, and the ids of others. `in` tells of one object."""

    def __init__(self, bitmap: PackBitmap) -> None:
        self._bitmap = bitmap
        self.bits = 0
        self.others: set[ObjectId] = set()
        """What has no bit in `bits`: it is in another pack, or no bitmap holds it."""
        self._bytes: bytes = b""

    def __contains__(self, oid: object) -> bool:
        if oid in self.others:
            return True
        bit = self._bitmap.bit_of(oid) if isinstance(oid, bytes) else -1
        return 0 <= bit >> 3 < len(self._bytes) and bool(self._bytes[bit >> 3] >> (bit & 7) & 1)

    def add_bits(self, bits: int) -> None:
        """Add a set of the bitmap."""
        self.bits |= bits
        self._bytes = self.bits.to_bytes((self._bitmap.object_count + 7) // 8, "little")


def reach_by_bitmaps(store: ObjectStore, commits: Iterable[ObjectId]) -> Reach | None:
    """Return what the commits reach, as far as it is here; None where no bitmap helps.

    Commits that are missing or damaged count as reaching nothing.
    """
    shortcuts = shortcuts_of(store)
    bitmap = shortcuts.bitmap if shortcuts is not None else None
    if shortcuts is None or bitmap is None:
        return None
    try:
        return _reach(store, bitmap, commits)
    except CorruptShortcut as error:
        shortcuts.leave_bitmap(error)
        return None


def _reach(store: ObjectStore, bitmap: PackBitmap, commits: Iterable[ObjectId]) -> Reach | None:
    history = History(store)
    reach = Reach(bitmap)
    heap: list[tuple[int, ObjectId]] = []
    parents: dict[ObjectId, tuple[ObjectId, ...]] = {}

    def wait(oid: ObjectId) -> None:
        if oid in parents or oid in reach:
            return
        if (bits := bitmap.reached_from(oid)) is not None:
            reach.add_bits(bits)
            return
        try:
            node = history.node(oid)
        except (MissingObject, LimitExceeded):
            return
        except CorruptShortcut:
            raise
        except CorruptData:
            return
        if node is not None:
            parents[oid] = node.parents
            heappush(heap, (-node.date, oid))

    for oid in dict.fromkeys(commits):
        wait(oid)
    above: list[ObjectId] = []
    while heap:
        _, oid = heappop(heap)
        if oid in reach:
            continue  # below a set that was found meanwhile
        above.append(oid)
        for parent in parents[oid]:
            wait(parent)
    if not reach.bits:
        return None
    for oid in above:
        reach.others.add(oid)
        _add_tree(store, reach, oid)
    return reach


def _add_tree(store: ObjectStore, reach: Reach, commit: ObjectId) -> None:
    """Add the tree of a commit, and what is new in it, as far as it is here."""
    object_format = store.object_format
    try:
        stack = [commit_links(store.read(commit).data, object_format, commit).tree]
    except (CorruptData, LimitExceeded):
        return
    while stack:
        oid = stack.pop()
        if oid in reach:
            continue
        reach.others.add(oid)
        try:
            type_, data = store.read(oid)
            rows = tree_rows(data, object_format, oid) if type_ is ObjectType.TREE else []
        except (CorruptData, LimitExceeded):
            continue
        for mode, _, entry in rows:
            kind = mode_kind(mode)
            if kind == MODE_DIRECTORY:
                stack.append(entry)
            elif kind != MODE_GITLINK:
                reach.others.add(entry)
