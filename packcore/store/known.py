"""The empty tree and the empty blob: every repository has them, stored or not.

    tree  4b825dc642cb6eb9a060e54bf8d69288fbee4904      sha1
    blob  e69de29bb2d1d6434b8b29ae775ad8c2e48c5391

git knows the empty tree the same way: `git commit-tree 4b825dc...` works in an empty repository, and the
result can be cloned. git looks up the blob like any object. When sending, both are like any other object: a
receiver that doesn't know them needs them. They are not listed, since they are in no file.

>>> from packcore.ids import SHA1
>>> store = KnownObjects(SHA1)
>>> store.read(SHA1.from_hex("4b825dc642cb6eb9a060e54bf8d69288fbee4904"))
StoredObject(type=<ObjectType.TREE: 2>, data=b'')
>>> list(store)
[]
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from packcore.errors import MissingObject
from packcore.objects import ObjectType
from packcore.store.base import ObjectHeader, RawEntry, StoredObject

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from packcore.ids import ObjectFormat, ObjectId

__all__ = ["KnownObjects"]


_TREES = {
    "sha1": "4b825dc642cb6eb9a060e54bf8d69288fbee4904",
    "sha256": "6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321",
}
_BLOBS = {
    "sha1": "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391",
    "sha256": "473a0f4c3be8a93681a267e3b1e9a7dcda1185436fe141f7749120a303721813",
}
"""Written down, because each repository that is opened would load OpenSSL's library to hash them."""


class KnownObjects:
    """The two objects in one object format."""

    def __init__(self, object_format: ObjectFormat) -> None:
        self.object_format = object_format
        self._types = {
            object_format.from_hex(_TREES[object_format.name]): ObjectType.TREE,
            object_format.from_hex(_BLOBS[object_format.name]): ObjectType.BLOB,
        }

    def __contains__(self, oid: object) -> bool:
        return oid in self._types

    def __iter__(self) -> Iterator[ObjectId]:
        return iter(())

    def header(self, oid: ObjectId) -> ObjectHeader:
        """Return the type, and 0. Raises MissingObject."""
        if oid not in self._types:
            raise MissingObject(oid.hex())
        return ObjectHeader(self._types[oid], 0)

    def read(self, oid: ObjectId) -> StoredObject:
        """Return the type, and no bytes. Raises MissingObject."""
        return StoredObject(self.header(oid).type, b"")

    def stream(self, oid: ObjectId) -> Iterator[bytes]:
        """Yield nothing. Raises MissingObject."""
        self.header(oid)
        return iter(())

    def raw(self, oid: ObjectId) -> RawEntry | None:  # noqa: ARG002 -- the protocol's shape
        """Return None: they are in no pack."""
        return None

    def storage_order(self, oids: Iterable[ObjectId]) -> list[ObjectId]:
        """Return the ids as they come."""
        return list(oids)

    def close(self) -> None:
        """Do nothing: there is no file."""
