"""Several stores as one: the first that holds an object answers, or the next if that copy is damaged.

Examples are a repository (packs, loose objects, alternates), and a fetched pack together with the repository
whose objects complete it.
"""

from __future__ import annotations

from contextlib import suppress
from itertools import compress, islice
from operator import not_
from typing import TYPE_CHECKING, TypeVar

from packcore.errors import MissingObject
from packcore.store.base import DAMAGE
from packcore.store.bulk import BulkReading, are_here, ids_between, raws_of, shortcuts_of
from packcore.store.presence import Presence

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from packcore.ids import ObjectFormat, ObjectId
    from packcore.store.base import ObjectHeader, ObjectStore, RawEntry, StoredObject
    from packcore.store.shortcuts import Shortcuts

__all__ = ["UnionStore"]

_Answer = TypeVar("_Answer")
_AT_ONCE = 65536
"""Ids to look up together."""


class UnionStore(BulkReading):
    """A view over stores of one object format, asked in the given order. Closing it closes them."""

    def __init__(self, stores: Sequence[ObjectStore]) -> None:
        formats = {store.object_format.name for store in stores}
        if len(formats) != 1:
            raise ValueError(f"a union needs stores of one object format, not of {sorted(formats)}")
        self._stores = tuple(stores)
        self._object_format = stores[0].object_format

    @property
    def object_format(self) -> ObjectFormat:
        """How the objects are named, the same in all stores."""
        return self._object_format

    def __contains__(self, oid: object) -> bool:
        return any(oid in store for store in self._stores)

    def presence(self) -> Presence:
        """Return the current stores for checks of very many ids."""
        return Presence(self._stores)

    def __iter__(self) -> Iterator[ObjectId]:
        for position, store in enumerate(self._stores):
            ids = iter(store)
            while some := list(islice(ids, _AT_ONCE)):
                for earlier in self._stores[:position]:
                    some = [oid for oid, here in zip(some, are_here(earlier, some), strict=True) if not here]
                yield from some

    def are_here(self, oids: Sequence[ObjectId]) -> Sequence[bool]:
        """Return for each object whether a store has it: see `packcore.store.bulk`."""
        found = bytearray(len(oids))
        left = list(range(len(oids)))
        for store in self._stores:
            for number, here in zip(left, are_here(store, [oids[n] for n in left]), strict=True):
                found[number] = here
            left = [number for number in left if not found[number]]
        return list(map(bool, found))

    def ids_between(self, low: bytes, high: bytes) -> Iterator[ObjectId]:
        """Yield the ids from `low` up to those that begin with `high`: see `packcore.store.bulk`."""
        for store in self._stores:
            yield from ids_between(store, low, high)

    def _holder(self, oid: ObjectId) -> ObjectStore:
        for store in self._stores:
            if oid in store:
                return store
        raise MissingObject(oid.hex())

    def _ask(self, oid: ObjectId, ask: Callable[[ObjectStore], _Answer]) -> _Answer:
        """Return the answer of the first store whose copy of the object is not damaged."""
        holder = self._holder(oid)
        try:
            return ask(holder)
        except DAMAGE as error:
            for store in self._stores:
                with suppress(*DAMAGE):
                    return ask(store)
            raise error from None

    def header(self, oid: ObjectId) -> ObjectHeader:
        """Return type and size. Raises MissingObject, CorruptData."""
        return self._ask(oid, lambda store: store.header(oid))

    def read(self, oid: ObjectId) -> StoredObject:
        """Return the object whole. Raises MissingObject, CorruptData."""
        return self._ask(oid, lambda store: store.read(oid))

    def stream(self, oid: ObjectId) -> Iterator[bytes]:
        """Yield the object's bytes in blocks; if several stores have it, from a copy checked to be intact.

        Raises MissingObject, CorruptData.
        """
        holders = [store for store in self._stores if oid in store]
        if len(holders) > 1:
            whole = (store for store in holders if self._is_whole(store, oid))
            return next(whole, holders[0]).stream(oid)
        return self._holder(oid).stream(oid)

    def _is_whole(self, store: ObjectStore, oid: ObjectId) -> bool:
        try:
            header = store.header(oid)
            digest = self._object_format.new_hash(b"%s %d\0" % (header.type.label, header.size))
            for block in store.stream(oid):
                digest.update(block)
        except DAMAGE:
            return False
        return digest.digest() == oid

    def prepared(self) -> Shortcuts | None:
        """Return what git has prepared for the first store that has such files: see `packcore.store.bulk`."""
        return next(filter(None, map(shortcuts_of, self._stores)), None)

    def raw(self, oid: ObjectId) -> RawEntry | None:
        """Return the entry of the first store that holds the object in a pack. Raises MissingObject."""
        self._holder(oid)
        for store in self._stores:
            if oid in store and (entry := store.raw(oid)) is not None:
                return entry
        return None

    def raws(self, oids: Sequence[ObjectId]) -> list[RawEntry | None]:
        """Return each object's entry in the first store that holds it in a pack. Raises MissingObject."""
        found: list[RawEntry | None] = [None] * len(oids)
        absent = bytearray(b"\1") * len(oids)
        for store in self._stores:
            left = [number for number, entry in enumerate(found) if entry is None]
            here = are_here(store, [oids[number] for number in left])
            open_ = list(compress(left, here))
            for number, entry in zip(open_, raws_of(store, [oids[n] for n in open_]), strict=True):
                found[number] = entry
                absent[number] = 0
        for oid in compress(oids, absent):
            self._holder(oid)
        return found

    def storage_order(self, oids: Iterable[ObjectId]) -> list[ObjectId]:
        """Return the ids store by store, each part in its store's order; unknown ones at the end."""
        left = list(oids)
        ordered: list[ObjectId] = []
        for store in self._stores:
            here = are_here(store, left)
            ordered += store.storage_order(list(compress(left, here)))
            left = list(compress(left, map(not_, here)))
        return ordered + left

    def close(self) -> None:
        """Close every store."""
        for store in self._stores:
            store.close()
