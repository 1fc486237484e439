"""The exact set of all objects that some commits reach, from bitmaps, with little reading.

    haves   o───o───B───o───o  have       B has a bitmap: one set for all below it
                            `──o          the commits above it are read, with the new part of their trees

Without bitmaps, a walk only knows the objects of the haves that it has read. With them, a walk from the wants
stops at each object that the haves reach, however old, and reads none of their trees.
"""

from __future__ import annotations

from heapq import heappop, heappush
from typing import TYPE_CHECKING, TypeVar

from packcore.errors import CorruptData, CorruptObject, CorruptShortcut, LimitExceeded, MissingObject
from packcore.history import History
from packcore.limits import Limits
from packcore.objects import (
    MODE_DIRECTORY,
    MODE_GITLINK,
    ObjectType,
    commit_links,
    mode_kind,
    tag_target,
    tree_rows,
)
from packcore.store.bulk import shortcuts_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from packcore.ids import ObjectId
    from packcore.store.base import ObjectStore
    from packcore.store.multi_pack_index import MidxBitmap
    from packcore.store.pack_bitmap import PackBitmap

    ReachBitmap = PackBitmap | MidxBitmap

__all__ = ["Reach", "reach_by_bitmaps", "reached_ids"]

_TAG_DEPTH = Limits().tag_depth


class Reach:
    """What some commits reach: bits for the objects of one pack, ids for others. `in` tests one object."""

    def __init__(self, bitmap: ReachBitmap) -> None:
        self._bitmap = bitmap
        self.bits = 0
        self.others: dict[ObjectId, None] = {}
        """Reached objects without a bit in `bits`: in another pack, or in no bitmap."""
        self._bytes: bytes = b""

    def __contains__(self, oid: object) -> bool:
        if oid in self.others:
            return True
        bit = self._bitmap.bit_of(oid) if isinstance(oid, bytes) else -1
        return 0 <= bit >> 3 < len(self._bytes) and bool(self._bytes[bit >> 3] >> (bit & 7) & 1)

    def add_bits(self, bits: int) -> None:
        """Add one set of the bitmap."""
        self.bits |= bits
        self._bytes = self.bits.to_bytes((self._bitmap.object_count + 7) // 8, "little")


def reach_by_bitmaps(store: ObjectStore, commits: Iterable[ObjectId]) -> Reach | None:
    """Return the objects here that the commits reach; None if no bitmap helps.

    Commits that are missing or damaged count as reaching nothing.
    """
    return _by_bitmaps(store, lambda bitmap: _reach(store, bitmap, commits))


def reached_ids(
    store: ObjectStore, wants: Iterable[ObjectId], haves: Iterable[ObjectId] = ()
) -> list[ObjectId] | None:
    """Return the ids of all objects that the wants reach and the haves don't, unread and in any order.

    None means that bitmaps don't help, or that something above them is missing or damaged, which a walk
    reports.
    """
    had = list(haves)

    def ids(bitmap: ReachBitmap) -> list[ObjectId] | None:
        wanted = [_peeled(store, want) for want in wants]
        if any(store.header(oid).type is not ObjectType.COMMIT for oid, _ in wanted):
            return None
        reach = _reach(store, bitmap, [oid for oid, _ in wanted], strict=True)
        if reach is None:
            return None
        named = dict.fromkeys([tag for _, tags in wanted for tag in tags] + list(reach.others))
        if not had:
            return [*named, *bitmap.oids(reach.bits)]
        below = _reach(store, bitmap, [_peeled(store, have)[0] for have in had if have in store])
        if below is None:
            return None
        found = [*named, *bitmap.oids(reach.bits & ~below.bits)]
        return [oid for oid in found if oid not in below and oid not in had]

    return _by_bitmaps(store, ids)


def _peeled(store: ObjectStore, oid: ObjectId) -> tuple[ObjectId, list[ObjectId]]:
    """Follow tags; return the object at their end, and the tags. Raises CorruptData, LimitExceeded."""
    tags: list[ObjectId] = []
    while store.header(oid).type is ObjectType.TAG:
        if len(tags) >= _TAG_DEPTH:
            raise LimitExceeded(f"more than {_TAG_DEPTH} tags in a row", limit="tag_depth")
        tags.append(oid)
        oid, _ = tag_target(store.read(oid).data, store.object_format, oid)
    return oid, tags


_T = TypeVar("_T")


def _by_bitmaps(store: ObjectStore, ask: Callable[[ReachBitmap], _T | None]) -> _T | None:
    """Return an answer from the store's bitmap; None if there is none, or it turns out to be damaged."""
    shortcuts = shortcuts_of(store)
    bitmap = shortcuts.bitmap if shortcuts is not None else None
    if shortcuts is None or bitmap is None:
        return None
    try:
        return ask(bitmap)
    except CorruptShortcut as error:
        shortcuts.leave_bitmap(error)
    except (CorruptData, LimitExceeded):
        pass  # a walk reports what is wrong
    return None


def _reach(
    store: ObjectStore, bitmap: ReachBitmap, commits: Iterable[ObjectId], *, strict: bool = False
) -> Reach | None:
    """Return what the commits reach; None if they reach nothing in the bitmap.

    With `strict`, raises MissingObject and CorruptData; without, leaves out what can't be read.
    """
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
            if strict and node is None:
                raise MissingObject(oid.hex())
        except CorruptShortcut:
            raise
        except (CorruptData, LimitExceeded):
            if strict:
                raise
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
            continue  # a set added meanwhile has it
        above.append(oid)
        for parent in parents[oid]:
            wait(parent)
    if not reach.bits:
        return None
    above = [oid for oid in above if oid not in reach]
    reach.others.update(dict.fromkeys(above))
    for oid in above:
        _add_tree(store, reach, oid, strict=strict)
    return reach


def _add_tree(store: ObjectStore, reach: Reach, commit: ObjectId, *, strict: bool) -> None:
    """Add a commit's tree and the new objects below it that are here."""
    object_format = store.object_format
    try:
        stack = [commit_links(store.read(commit).data, object_format, commit).tree]
    except (CorruptData, LimitExceeded):
        if strict:
            raise
        return
    while stack:
        oid = stack.pop()
        if oid in reach or oid == object_format.zero:
            continue
        reach.others[oid] = None
        try:
            type_, data = store.read(oid)
            rows = tree_rows(data, object_format, oid) if type_ is ObjectType.TREE else []
            if strict and type_ is not ObjectType.TREE:
                raise CorruptObject("a tree is needed here", oid=oid.hex())
        except (CorruptData, LimitExceeded):
            if strict:
                raise
            continue
        for mode, _, entry in rows:
            kind = mode_kind(mode)
            if kind == MODE_DIRECTORY:
                stack.append(entry)
            elif kind != MODE_GITLINK and entry not in reach and entry != object_format.zero:
                if strict and entry not in store:
                    raise MissingObject(entry.hex())
                reach.others[entry] = None
