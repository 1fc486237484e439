"""The translated objects as a store: each is made from the old one when it is read, and nothing is cached."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packcore.errors import MissingObject
from packcore.limits import BLOCK_BYTES
from packcore.objects import ObjectType
from packcore.store.base import ObjectHeader, StoredObject

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from packcore.convert.translation import Translation
    from packcore.ids import ObjectFormat, ObjectId
    from packcore.store.base import ObjectStore, RawEntry

__all__ = ["TranslatedStore"]


class TranslatedStore:
    """A view of a store under the new ids. Closing it leaves that store open.

    A blob keeps its bytes, so its delta in a pack stays valid under the new id of its base. Such entries are
    reused as they are.
    """

    def __init__(self, source: ObjectStore, translation: Translation) -> None:
        self._source = source
        self._translation = translation
        self._digest_size = source.object_format.digest_size
        self._old = {new: old for old, new in translation.ids.items()}

    @property
    def object_format(self) -> ObjectFormat:
        """The new format."""
        return self._translation.object_format

    def __contains__(self, oid: object) -> bool:
        return oid in self._old

    def __iter__(self) -> Iterator[ObjectId]:
        return iter(self._old)

    def header(self, oid: ObjectId) -> ObjectHeader:
        """Return type and size. Raises MissingObject, CorruptData."""
        header = self._source.header(self._old_id(oid))
        if header.type is ObjectType.BLOB:
            return header
        return ObjectHeader(header.type, len(self.read(oid).data))

    def read(self, oid: ObjectId) -> StoredObject:
        """Return the translated object. Raises MissingObject, CorruptData."""
        old = self._old_id(oid)
        type_, data = self._source.read(old)
        return StoredObject(type_, self._translation.rewritten(type_, data, old, self._digest_size)[0])

    def stream(self, oid: ObjectId) -> Iterator[bytes]:
        """Yield the object's bytes in blocks. Raises MissingObject, CorruptData."""
        old = self._old_id(oid)
        if self._source.header(old).type is ObjectType.BLOB:
            return self._source.stream(old)
        data = self.read(oid).data
        return (data[at : at + BLOCK_BYTES] for at in range(0, len(data), BLOCK_BYTES))

    def raw(self, oid: ObjectId) -> RawEntry | None:
        """Return the entry of a blob in a pack; None for all other objects, because their bytes change."""
        old = self._old_id(oid)
        if self._source.header(old).type is not ObjectType.BLOB:
            return None
        entry = self._source.raw(old)
        if entry is None or entry.base is None:
            return entry
        base = self._translation.ids.get(entry.base)
        return None if base is None else entry._replace(base=base)

    def storage_order(self, oids: Iterable[ObjectId]) -> list[ObjectId]:
        """Return the ids in the order that makes reading the old objects cheapest."""
        old = [self._old_id(oid) for oid in oids]
        return [self._translation.ids[oid] for oid in self._source.storage_order(old)]

    def close(self) -> None:
        """Do nothing: the caller owns the source."""

    def _old_id(self, oid: ObjectId) -> ObjectId:
        try:
            return self._old[oid]
        except KeyError:
            raise MissingObject(oid.hex()) from None
