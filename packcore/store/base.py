"""The protocol of all object stores, and the view of an object as stored in a pack.

    memory      objects in a dict                                   tests, small work
    loose       one zlib file per object                            objects/xx/...
    packed      .pack + .idx, mapped into memory                    objects/pack
    spool       a fetched pack in a temporary file                  one sync
    repository  packs, loose and alternates of a bare repository    on disk as git lays it out

Callers test with `in`, read a whole object with `read` (if small) or in blocks with `stream` (any size), and
use `raw` for the stored bytes, to copy them into another pack without inflating. A store may also answer for
many objects in one call: see `packcore.store.bulk`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol, runtime_checkable

from packcore.errors import CorruptData, LimitExceeded

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from packcore.ids import ObjectFormat, ObjectId
    from packcore.objects import ObjectType
    from packcore.pack.scratch import Content

__all__ = ["DAMAGE", "ObjectHeader", "ObjectStore", "OtherCopies", "PackBytes", "RawEntry", "StoredObject"]

DAMAGE = (CorruptData, LimitExceeded)
"""What reading a damaged copy raises: a damaged size may exceed a limit."""


class ObjectHeader(NamedTuple):
    """What is known of an object without its bytes."""

    type: ObjectType
    size: int
    """Size of the whole object in bytes, inflated and with deltas applied."""


class StoredObject(NamedTuple):
    """An object, whole in memory."""

    type: ObjectType
    data: bytes


class PackBytes(Protocol):
    """The bytes of one pack that `RawEntry` points into."""

    name: str

    def copy_payload(self, entry: RawEntry) -> Iterator[bytes]:
        """Yield the entry's stored zlib stream in blocks of at most 64 KiB.

        Raises CorruptPack if the entry's CRC-32 (where the pack's index has one) doesn't match; the
        check runs before the first block for an entry up to 64 KiB, at its end for a larger one.
        """
        ...


class RawEntry(NamedTuple):
    """An object as stored in a pack: what reuse needs to copy it without inflating."""

    pack: PackBytes
    pack_offset: int
    """Where the entry's header starts."""
    payload_offset: int
    """Where its zlib stream starts."""
    end_offset: int
    """Where the next entry starts."""
    size: int
    """Inflated size of the zlib stream: the object's, or the delta's."""
    base: ObjectId | None
    """The base's id if the entry is a delta (ofs or ref), else None."""


class OtherCopies(Protocol):
    """Where a pack looks for an object whose entry is damaged: see `packcore.store.copies`."""

    def are_several(self, oid: ObjectId) -> bool:
        """Return whether there is more than one copy."""

    def content(self, oid: ObjectId, big_bytes: int) -> tuple[int, Content] | None:
        """Return type code and content from an intact copy that needs no other copy itself."""

    def header_checked(self, oid: ObjectId) -> ObjectHeader | None:
        """Return type and size from an intact copy, after reading all of it."""

    def stream(self, oid: ObjectId) -> Iterator[bytes]:
        """Yield the object's bytes from an intact copy."""


@runtime_checkable
class ObjectStore(Protocol):
    """Read access to objects by id. Raises MissingObject for an id it doesn't hold."""

    @property
    def object_format(self) -> ObjectFormat:
        """How this store's objects are named."""

    def __contains__(self, oid: object) -> bool:
        """Return whether the object is here. Never raises for an id of the right format."""

    def __iter__(self) -> Iterator[ObjectId]:
        """Iterate over all ids, each once, in no promised order."""

    def header(self, oid: ObjectId) -> ObjectHeader:
        """Return type and size without making the object's bytes."""

    def read(self, oid: ObjectId) -> StoredObject:
        """Return the object whole. For small objects: see `Limits.big_object`."""

    def stream(self, oid: ObjectId) -> Iterator[bytes]:
        """Yield the object's bytes in blocks of at most 64 KiB; memory does not depend on its size."""

    def raw(self, oid: ObjectId) -> RawEntry | None:
        """Return the object's entry in a pack, or None if it is in none."""

    def storage_order(self, oids: Iterable[ObjectId]) -> list[ObjectId]:
        """Return the ids in the cheapest order for reading all of them (packs by offset)."""

    def close(self) -> None:
        """Release files and maps. Idempotent."""
