r"""An object store in a dict: for tests and small work.

>>> from packcore.ids import SHA1
>>> from packcore.objects import ObjectType
>>> store = MemoryStore(SHA1)
>>> oid = store.add(ObjectType.BLOB, b"hello\n")
>>> store.read(oid).data
b'hello\n'
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from packcore.errors import MissingObject
from packcore.limits import BLOCK_BYTES
from packcore.store.base import ObjectHeader, RawEntry, StoredObject

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from packcore.ids import ObjectFormat, ObjectId
    from packcore.objects import ObjectType

__all__ = ["MemoryStore"]


class MemoryStore:
    """Objects in memory, in the order in which they were added."""

    def __init__(self, object_format: ObjectFormat) -> None:
        self.object_format = object_format
        self._objects: dict[ObjectId, StoredObject] = {}

    def add(self, type_: ObjectType, data: bytes) -> ObjectId:
        """Add an object and return its id; an existing one stays unchanged."""
        oid = self.object_format.hash_object(type_.label, data)
        self._objects.setdefault(oid, StoredObject(type_, data))
        return oid

    def discard(self, oid: ObjectId) -> None:
        """Drop an object if it is there."""
        self._objects.pop(oid, None)

    def __contains__(self, oid: object) -> bool:
        return oid in self._objects

    def __len__(self) -> int:
        return len(self._objects)

    def __iter__(self) -> Iterator[ObjectId]:
        return iter(tuple(self._objects))

    def header(self, oid: ObjectId) -> ObjectHeader:
        """Return type and size. Raises MissingObject."""
        type_, data = self.read(oid)
        return ObjectHeader(type_, len(data))

    def read(self, oid: ObjectId) -> StoredObject:
        """Return the object. Raises MissingObject."""
        try:
            return self._objects[oid]
        except KeyError:
            raise MissingObject(oid.hex()) from None

    def stream(self, oid: ObjectId) -> Iterator[bytes]:
        """Yield the object's bytes in blocks of at most 64 KiB. Raises MissingObject immediately."""
        data = self.read(oid).data
        return (data[at : at + BLOCK_BYTES] for at in range(0, len(data), BLOCK_BYTES))

    def raw(self, oid: ObjectId) -> RawEntry | None:  # noqa: ARG002 - the protocol's shape
        """Return None: nothing here is in a pack."""
        return None

    def storage_order(self, oids: Iterable[ObjectId]) -> list[ObjectId]:
        """Return the ids as they come; any order costs the same here."""
        return list(oids)

    def close(self) -> None:
        """Do nothing; memory needs no closing."""
