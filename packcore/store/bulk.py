"""Reading many objects in one call: how they are stored, and what they are.

    raws_of(store, oids)       RawEntry or None for each        as `ObjectStore.raw`
    headers_of(store, oids)    ObjectHeader or None for each    as `ObjectStore.header`
    are_here(store, oids)      True or False for each           as `in`
    ids_between(store, …)      the ids of one range             as iterating over all
    part_of_pack(store, oids)  how to copy them all together    None
    shortcuts_of(store)        commit-graph, bitmaps           None
    places_of(store, oids)     a number for each one's place    None
    reader_of(store, oids, …)  a function that reads by number  as `ObjectStore.read`
    reading(store)             a quick function of one id       `ObjectStore.read`
    raw_in(store, oid, pack)   RawEntry in one given pack       None

One by one, half of the time goes into finding an id in the index and an offset in the pack. For many, a pack
sorts its offsets once and reads its index bucket by bucket: an entry costs 2 microseconds instead of 10. A
store that can do this declares it by its type: it derives from `BulkReading` and overrides what it does
better. The same defaults read any other store one by one.

A wrapper that hides a part of a store and passes on the rest is no `BulkReading`, so these answers never
bypass it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from packcore.errors import MissingObject

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from packcore.ids import ObjectId
    from packcore.store.base import ObjectHeader, ObjectStore, RawEntry
    from packcore.store.pack_part import PackPart
    from packcore.store.shortcuts import Shortcuts

__all__ = [
    "BulkReading",
    "are_here",
    "headers_of",
    "ids_between",
    "part_of_pack",
    "places_of",
    "raw_in",
    "raws_of",
    "reader_of",
    "reading",
    "shortcuts_of",
]


class BulkReading:
    """What a store can answer for many objects in one call. The defaults ask one by one, or know nothing."""

    def raws(self: ObjectStore, oids: Sequence[ObjectId]) -> list[RawEntry | None]:
        """Return each object's entry in a pack, None if it is in none. Raises as `ObjectStore.raw`."""
        return [self.raw(oid) for oid in oids]

    def headers(self: ObjectStore, oids: Sequence[ObjectId]) -> list[ObjectHeader | None]:
        """Return type and size of each object, None if it is missing. Raises CorruptData."""
        return [_header(self, oid) for oid in oids]

    def are_here(self: ObjectStore, oids: Sequence[ObjectId]) -> Sequence[bool]:
        """Return for each object whether the store has it."""
        return [oid in self for oid in oids]

    def ids_between(self: ObjectStore, low: bytes, high: bytes) -> Iterator[ObjectId]:
        """Yield the ids from `low` up to and including those that begin with `high`."""
        return (oid for oid in self if low <= oid and oid[: len(high)] <= high)

    def part_of_pack(self, oids: Collection[ObjectId]) -> PackPart | None:  # noqa: ARG002 -- the protocol's
        """Return these objects as one pack stores them; None if that is impossible."""
        return None

    def raw_in(self, oid: ObjectId, pack_name: str) -> RawEntry | None:  # noqa: ARG002 -- the protocol's
        """Return the object's entry in the pack of that file name, None if it isn't there."""
        return None

    def prepared(self) -> Shortcuts | None:
        """Return what git has prepared to save reading; None for a store without such files."""
        return None

    def places(self, oids: Sequence[ObjectId]) -> Sequence[int] | None:  # noqa: ARG002 -- the protocol's
        """Return a number for each object's place; None if the store knows no places."""
        return None

    def reading(self: ObjectStore) -> Callable[[ObjectId], tuple[int, bytes]]:
        """Return a function that returns an object's type code and bytes."""
        return self.read

    def reader(
        self: ObjectStore,
        oids: Sequence[ObjectId],
        places: Sequence[int],  # noqa: ARG002 -- the protocol's
        check: Callable[[int, int, bytes], None],
        more_bytes: int,  # noqa: ARG002 -- the protocol's
    ) -> Callable[[int], bytes]:
        """Return a function that returns an object's bytes by its number in `oids`."""

        def read(number: int) -> bytes:
            type_, data = self.read(oids[number])
            check(number, type_, data)
            return data

        return read


def raws_of(store: ObjectStore, oids: Sequence[ObjectId]) -> list[RawEntry | None]:
    """Return each object's entry in a pack, None if it is in none. Raises as `ObjectStore.raw`."""
    return store.raws(oids) if isinstance(store, BulkReading) else BulkReading.raws(store, oids)


def headers_of(store: ObjectStore, oids: Sequence[ObjectId]) -> list[ObjectHeader | None]:
    """Return type and size of each object, None if it is missing. Raises CorruptData."""
    return store.headers(oids) if isinstance(store, BulkReading) else BulkReading.headers(store, oids)


def are_here(store: ObjectStore, oids: Sequence[ObjectId]) -> Sequence[bool]:
    """Return for each object whether the store has it, as `in` does."""
    return store.are_here(oids) if isinstance(store, BulkReading) else BulkReading.are_here(store, oids)


def ids_between(store: ObjectStore, low: bytes, high: bytes) -> Iterator[ObjectId]:
    """Yield the ids from `low` up to and including those that begin with `high` (raw bytes, any length).

    An id may come more than once.
    """
    if isinstance(store, BulkReading):
        return store.ids_between(low, high)
    return BulkReading.ids_between(store, low, high)


def part_of_pack(store: ObjectStore, oids: Collection[ObjectId]) -> PackPart | None:
    """Return these objects as one pack stores them, to copy without inflating; None if that is impossible."""
    return store.part_of_pack(oids) if isinstance(store, BulkReading) else None


def raw_in(store: ObjectStore, oid: ObjectId, pack_name: str) -> RawEntry | None:
    """Return an object's entry in the pack of that file name; None if it isn't there, or nothing is known."""
    return store.raw_in(oid, pack_name) if isinstance(store, BulkReading) else None


def shortcuts_of(store: ObjectStore) -> Shortcuts | None:
    """Return what git has prepared to save reading; None for a store without such files."""
    return store.prepared() if isinstance(store, BulkReading) else None


def places_of(store: ObjectStore, oids: Sequence[ObjectId]) -> Sequence[int] | None:
    """Return a number for each object's place, for `reader_of`; None if the store knows no places.

    Places stay valid while the store is open, also for any part of the ids.
    """
    return store.places(oids) if isinstance(store, BulkReading) else None


def reading(store: ObjectStore) -> Callable[[ObjectId], tuple[int, bytes]]:
    """Return a function that returns type code and bytes of an object, as `read` does, with fewer calls.

    For walks, which read small objects one by one. It raises as `ObjectStore.read`.
    """
    return store.reading() if isinstance(store, BulkReading) else store.read


def reader_of(
    store: ObjectStore,
    oids: Sequence[ObjectId],
    places: Sequence[int],
    check: Callable[[int, int, bytes], None],
    more_bytes: int,
) -> Callable[[int], bytes]:
    """Return a function that returns an object's bytes by its number in `oids`, from memory if possible.

    `places` are the result of `places_of` for `oids`, and not None. `check(number, type code, bytes)` is
    called for each object before it is returned. The store's memory for reading deltas grows by
    `more_bytes`, once, however many readers there are. The function raises as `ObjectStore.read`.
    """
    if isinstance(store, BulkReading):
        return store.reader(oids, places, check, more_bytes)
    return BulkReading.reader(store, oids, places, check, more_bytes)


def _header(store: ObjectStore, oid: ObjectId) -> ObjectHeader | None:
    try:
        return store.header(oid)
    except MissingObject as error:
        if error.oid != oid.hex():
            raise
        return None
