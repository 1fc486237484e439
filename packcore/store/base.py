"""The one protocol of every object store, and the view of an object as it lies in a pack.

    memory      objects in a dict                                   tests, small work
    loose       one zlib file an object                             objects/xx/...
    packed      .pack + .idx, mapped into memory                    objects/pack
    spool       a fetched pack in a temporary file                  one sync
    repository  packs, loose and alternates of a bare repository    on disk as git lays it out

Callers test with `in`, read whole with `read` (small objects), in blocks with `stream` (any size),
and ask `raw` for the bytes as they lie, to copy them into another pack without inflating. A store may
also answer for many objects at once: see `packcore.store.bulk`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from packcore.ids import ObjectFormat, ObjectId
    from packcore.objects import ObjectType

__all__ = ["ObjectHeader", "ObjectStore", "PackBytes", "RawEntry", "StoredObject"]


class ObjectHeader(NamedTuple):
    """What is known of an object without its bytes."""

    type: ObjectType
    size: int
    """Bytes of the whole object, inflated and with deltas applied."""


class StoredObject(NamedTuple):
    """An object, whole in memory."""

    type: ObjectType
    data: bytes


class PackBytes(Protocol):
    """The bytes of one pack that `RawEntry` points into."""

    name: str

    def copy_payload(self, entry: RawEntry) -> Iterator[bytes]:
        """Yield the entry's zlib stream in blocks of at most 64 KiB, as it lies.

        Raises CorruptPack if the entry's CRC-32 (where the pack's index has one) doesn't match; the
        check runs before the first block for an entry up to 64 KiB, at its end for a larger one.
        """
        ...


class RawEntry(NamedTuple):
    """An object as it lies in a pack: what reuse needs to copy it without inflating."""

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


@runtime_checkable
class ObjectStore(Protocol):
    """Read access to objects by id. Raises MissingObject for an id it doesn't hold."""

    @property
    def object_format(self) -> ObjectFormat:
        """How this store's objects are named."""

    def __contains__(self, oid: object) -> bool:
        """Tell whether the object is here. Never raises for an id of the right format."""

    def __iter__(self) -> Iterator[ObjectId]:
        """Iterate over all ids, each once, in no promised order."""

    def header(self, oid: ObjectId) -> ObjectHeader:
        """Return type and size without making the object's bytes."""

    def read(self, oid: ObjectId) -> StoredObject:
        """Return the object whole. For small objects: see `Limits.big_object`."""

    def stream(self, oid: ObjectId) -> Iterator[bytes]:
        """Yield the object's bytes in blocks of at most 64 KiB; memory does not depend on its size."""

    def raw(self, oid: ObjectId) -> RawEntry | None:
        """Return how the object lies in a pack, or None where it is in none."""

    def storage_order(self, oids: Iterable[ObjectId]) -> list[ObjectId]:
        """Return the ids in the order in which reading them all is cheapest (packs by offset)."""

    def close(self) -> None:
        """Give back files and maps. Idempotent."""
