"""Many objects asked for at once: how they lie, and what they are.

    raws_of(store, oids)       RawEntry or None for each        as `ObjectStore.raw`
    headers_of(store, oids)    ObjectHeader or None for each    as `ObjectStore.header`
    ids_between(store, …)      the ids of one range             as iterating over all
    part_of_pack(store, oids)  how to copy all of them at once  None
    shortcuts_of(store)        commit-graph, bitmaps           None
    places_of(store, oids)     a number for where each lies     None
    reader_of(store, oids, …)  a function that reads by number  as `ObjectStore.read`

One by one, half of the time goes into finding the place of an id in the index and of an offset in the
pack. Asked together, a pack sorts its offsets once and reads its index bucket by bucket, and an entry
costs 2 microseconds where it took 10. A store that can do this has methods `raws`, `headers`,
`ids_between`, `part_of_pack`, `prepared`, `places` and `reader` of its own; any other is asked one by
one.

Only methods of a store's own class count: a wrapper that hides something of a store, and hands on the
rest, must not hand on these.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from packcore.errors import MissingObject

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from packcore.ids import ObjectId
    from packcore.store.base import ObjectHeader, ObjectStore, RawEntry
    from packcore.store.pack_part import PackPart
    from packcore.store.shortcuts import Shortcuts

__all__ = [
    "headers_of",
    "ids_between",
    "part_of_pack",
    "places_of",
    "raws_of",
    "reader_of",
    "shortcuts_of",
]


def raws_of(store: ObjectStore, oids: Sequence[ObjectId]) -> list[RawEntry | None]:
    """Return how each object lies in a pack, None where it is in none. Raises as `ObjectStore.raw`."""
    many: Callable[..., list[RawEntry | None]] | None = getattr(type(store), "raws", None)
    if many is not None:
        return many(store, oids)
    return [store.raw(oid) for oid in oids]


def headers_of(store: ObjectStore, oids: Sequence[ObjectId]) -> list[ObjectHeader | None]:
    """Return type and size of each object, None where it is missing. Raises CorruptData."""
    many: Callable[..., list[ObjectHeader | None]] | None = getattr(type(store), "headers", None)
    if many is not None:
        return many(store, oids)
    return [_header(store, oid) for oid in oids]


def ids_between(store: ObjectStore, low: bytes, high: bytes) -> Iterator[ObjectId]:
    """Yield the ids from `low` on and up to those that begin with `high` (raw bytes, of any length).

    An id may come more than once.
    """
    ranged: Callable[..., Iterator[ObjectId]] | None = getattr(type(store), "ids_between", None)
    if ranged is not None:
        return ranged(store, low, high)
    return (oid for oid in store if low <= oid and oid[: len(high)] <= high)


def part_of_pack(store: ObjectStore, oids: Collection[ObjectId]) -> PackPart | None:
    """Return these objects as one pack has them, to be copied as they lie; None where that can't be."""
    find: Callable[..., PackPart | None] | None = getattr(type(store), "part_of_pack", None)
    return None if find is None else find(store, oids)


def shortcuts_of(store: ObjectStore) -> Shortcuts | None:
    """Return what git has prepared for a store so that less must be read; None where it prepares nothing."""
    find: Callable[..., Shortcuts | None] | None = getattr(type(store), "prepared", None)
    return None if find is None else find(store)


def places_of(store: ObjectStore, oids: Sequence[ObjectId]) -> Sequence[int] | None:
    """Return a number for each object's place, for `reader_of`; None where the store knows no places.

    Places are good as long as the store is open, with whatever part of the ids they belong to.
    """
    find: Callable[..., Sequence[int]] | None = getattr(type(store), "places", None)
    return None if find is None else find(store, oids)


def reader_of(
    store: Any,
    oids: Sequence[ObjectId],
    places: Sequence[int],
    check: Callable[[int, int, bytes], None],
    more_bytes: int,
) -> Callable[[int], bytes]:
    """Return a function that gives an object's bytes by its number in `oids`, from memory where it can.

    `places` are those of `oids`, by `places_of`, which must not have been None. `check(number, type code,
    bytes)` hears of each object once, before it is given out. The memory that the store has for reading
    deltas grows by `more_bytes`, once, however many ask. The function raises as `ObjectStore.read`.
    """
    read: Callable[[int], bytes] = store.reader(oids, places, check, more_bytes)
    return read


def _header(store: ObjectStore, oid: ObjectId) -> ObjectHeader | None:
    try:
        return store.header(oid)
    except MissingObject as error:
        if error.oid != oid.hex():
            raise
        return None
