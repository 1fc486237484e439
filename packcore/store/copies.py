"""All copies of an object in a repository, for use when the first one found is damaged.

    objects/pack/pack-1.pack   at offset 12, at offset 340      an object may come twice in one pack
    objects/pack/pack-2.pack   at offset 57
    objects/xx/...             loose
    an alternate's packs and loose objects

Reading normally asks only one place. If that copy turns out to be damaged, all are tried, and the first whose
bytes have the object's id is the answer. So to repair a repository, just put a good copy beside the bad one,
as with git. A delta whose base is damaged is made from another copy of the base.
"""

from __future__ import annotations

from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

from packcore.errors import (
    CorruptIndex,
    CorruptPack,
    MissingObject,
    WrongId,
)
from packcore.pack.scratch import Scratch
from packcore.store.base import DAMAGE, ObjectHeader, StoredObject

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from packcore.ids import ObjectFormat, ObjectId
    from packcore.pack.scratch import Content
    from packcore.store.loose import LooseStore
    from packcore.store.packfile import PackFile

_AT_ONCE = 65536
"""Ids to look up together."""

__all__ = ["Copies", "Copy", "LooseCopy", "PackCopy"]


class PackCopy(NamedTuple):
    """An entry of a pack."""

    oid: ObjectId
    pack: PackFile
    offset: int

    @property
    def where(self) -> str:
        """Return the file that holds it."""
        return self.pack.name

    def read(self) -> StoredObject:
        """Return the whole object without checking its id. Raises CorruptPack, LimitExceeded."""
        return self.pack.read_found(self.oid, self.offset)

    def read_short(self) -> StoredObject | None:
        """Return None: an entry of a pack may need others."""
        return None

    def check_frame(self) -> None:
        """Check what can be checked without reading the object. Raises CorruptPack."""
        self.pack.copier.check_entry(self.offset)

    def header(self, *, alone: bool = False) -> ObjectHeader:
        """Return type and size. Raises CorruptPack, LimitExceeded."""
        return self.pack.header_found(self.oid, self.offset, alone=alone)

    def blocks(self, *, alone: bool = False) -> Iterator[bytes]:
        """Yield the object's bytes; `alone` means without other copies of its bases."""
        return self.pack.stream_found(self.oid, self.offset, alone=alone)


class LooseCopy(NamedTuple):
    """A loose file."""

    oid: ObjectId
    store: LooseStore

    @property
    def where(self) -> str:
        """Return the file that holds it."""
        return self.store.file_of(self.oid)

    def file_bytes(self) -> int:
        """Return the size of that file. Raises MissingObject if it is gone."""
        try:
            return Path(self.where).stat().st_size
        except FileNotFoundError:
            raise MissingObject(self.oid.hex()) from None

    def read(self) -> StoredObject:
        """Return the object whole. Raises CorruptObject, MissingObject, LimitExceeded."""
        return self.store.read(self.oid)

    def read_short(self) -> StoredObject | None:
        """Return a short object if it is intact, else None."""
        return self.store.read_short(self.oid)

    def actual_id(self) -> ObjectId:
        """Return the id of the file's bytes, whatever they are. Raises CorruptObject, MissingObject."""
        return self.store.actual_id(self.oid)

    def check_frame(self) -> None:
        """Do nothing: the file holds only the object."""

    def header(self, *, alone: bool = False) -> ObjectHeader:  # noqa: ARG002 -- it has no base
        """Return type and size. Raises CorruptObject, MissingObject, LimitExceeded."""
        return self.store.header(self.oid)

    def blocks(self, *, alone: bool = False) -> Iterator[bytes]:  # noqa: ARG002 -- it has no base
        """Yield the object's bytes."""
        return self.store.stream(self.oid)


Copy = PackCopy | LooseCopy


class PackDirectory(Protocol):
    """A directory of packs, such as `PackedStore`."""

    @property
    def packs(self) -> Sequence[PackFile]:
        """Return the open packs."""

    def refresh(self) -> bool:
        """Open packs added since the last look."""


class Copies:
    """The copies of objects in several places, in the order in which the places are added."""

    def __init__(self, object_format: ObjectFormat) -> None:
        self.object_format = object_format
        self._packed: list[PackDirectory] = []
        self._loose: list[LooseStore] = []

    def add_packs(self, packed: PackDirectory) -> None:
        """Also search a directory of packs; its owner keeps it."""
        self._packed.append(packed)

    def add_loose(self, loose: LooseStore) -> None:
        """Also search a directory of loose objects; its owner keeps it."""
        self._loose.append(loose)

    def close(self) -> None:
        """Forget the places: they refer back to this, and a reference cycle is not freed immediately."""
        self._packed.clear()
        self._loose.clear()

    def of(self, oid: ObjectId) -> Iterator[Copy]:
        """Yield every copy, unread, those in packs first."""
        for pack in self.packs():
            for offset in _offsets(pack, oid):
                yield PackCopy(oid, pack, offset)
        for loose in self._loose:
            if oid in loose:
                yield LooseCopy(oid, loose)

    def all(self) -> Iterator[Copy]:
        """Yield every copy of every object, place by place, as it is stored."""
        for packed in self._packed:
            packed.refresh()
            for pack in packed.packs:
                yield from self.of_pack(pack)
        yield from self.loose()

    def of_pack(self, pack: PackFile) -> Iterator[Copy]:
        """Yield every copy in one pack, in its order."""
        positions, offsets = pack.index.pack_order()
        for position, offset in zip(positions, offsets, strict=True):
            yield PackCopy(pack.index.oid(position), pack, offset)

    def loose(self) -> Iterator[Copy]:
        """Yield every loose copy."""
        for loose in self._loose:
            for oid in loose:
                yield LooseCopy(oid, loose)

    def packs(self) -> list[PackFile]:
        """Return all open packs."""
        return [pack for packed in self._packed for pack in packed.packs]

    def own_loose(self) -> LooseStore:
        """Return the repository's own loose objects."""
        return self._loose[0]

    def borrowed_loose(self) -> list[LooseStore]:
        """Return the loose objects of alternates."""
        return self._loose[1:]

    def held(self, oids: Iterable[ObjectId]) -> Iterator[ObjectId]:
        """Yield the ids that have a copy here, damaged or not."""
        packs, loose = self.packs(), {oid for loose in self._loose for oid in loose}
        if not packs and not loose:
            return
        waiting = iter(oids)
        while some := list(islice(waiting, _AT_ONCE)):
            here = {oid for oid in some if oid in loose}
            for pack in packs:
                found = zip(some, pack.index.find_offsets(some), strict=True)
                here.update(oid for oid, offset in found if offset >= 0)
            yield from (oid for oid in some if oid in here)

    def are_several(self, oid: ObjectId) -> bool:
        """Return whether there is more than one copy."""
        found = self.of(oid)
        next(found, None)
        return next(found, None) is not None

    def header(self, oid: ObjectId) -> ObjectHeader | None:
        """Return type and size from a readable copy, or None."""
        for copy in self.of(oid):
            with suppress(*DAMAGE):
                return copy.header()
        return None

    def read(self, oid: ObjectId) -> StoredObject | None:
        """Return the object from the first copy that has its id, or None."""
        for copy in self.of(oid):
            with suppress(*DAMAGE):
                return self.read_copy(copy)
        return None

    def content(self, oid: ObjectId, big_bytes: int) -> tuple[int, Content] | None:
        """Return type code and bytes from a copy that needs no other, or None; a file from `big_bytes` on."""
        for copy in self.of(oid):
            with suppress(*DAMAGE):
                header, blocks = self._checked(copy, alone=True)
                return header.type, b"".join(blocks) if header.size < big_bytes else Scratch(blocks)
        return None

    def header_checked(self, oid: ObjectId) -> ObjectHeader | None:
        """Return type and size from a copy that reads completely and has the object's id; or None."""
        for copy in self.of(oid):
            with suppress(*DAMAGE):
                return self.check(copy)
        return None

    def stream(self, oid: ObjectId) -> Iterator[bytes]:
        """Yield the object's bytes in blocks; of several copies, use one that was checked to be intact.

        Such an object is read twice, since yielded blocks can't be taken back. If no copy is intact, raises
        as reading the first does; yields nothing if there is no copy.
        """
        copies = list(self.of(oid))
        chosen = copies[0] if copies else None
        for copy in copies if len(copies) > 1 else ():
            with suppress(*DAMAGE):
                self.check(copy)
                chosen = copy
                break
        if chosen is not None:
            yield from chosen.blocks()

    def read_copy(self, copy: Copy) -> StoredObject:
        """Return the object from one copy, with its id checked. Raises CorruptData, LimitExceeded."""
        type_, data = copy.read()
        if (actual := self.object_format.hash_object(type_.label, data)) != copy.oid:
            raise WrongId(copy.oid.hex(), actual.hex())
        return StoredObject(type_, data)

    def check(self, copy: Copy, *, alone: bool = False) -> ObjectHeader:
        """Read a copy completely; return type and size. Raises CorruptData, LimitExceeded.

        `alone` means without other copies of its bases.
        """
        header, blocks = self._checked(copy, alone=alone)
        for _ in blocks:
            pass
        return header

    def _checked(self, copy: Copy, *, alone: bool = False) -> tuple[ObjectHeader, Iterator[bytes]]:
        """Return a copy's header, and its bytes, which end in CorruptObject if they have another id."""
        header = copy.header(alone=alone)

        def hashed() -> Iterator[bytes]:
            digest = self.object_format.new_hash(b"%s %d\0" % (header.type.label, header.size))
            for block in copy.blocks(alone=alone):
                digest.update(block)
                yield block
            if digest.digest() != copy.oid:
                raise WrongId(copy.oid.hex(), digest.hexdigest())

        return header, hashed()

    def damages_whole(self, pack: PackFile) -> bool:
        """Return whether a pack has an entry that is damaged, by its CRC-32, and has another copy."""
        try:
            for offset in self._held_elsewhere(pack):
                pack.copier.check_entry(offset)
        except CorruptPack:
            return True
        return False

    def _held_elsewhere(self, pack: PackFile) -> Iterator[int]:
        """Yield the offsets of the entries that are also in another place."""
        for other in self.packs():
            if other is not pack:
                fewer, more = sorted((pack, other), key=len)
                oids = list(fewer)
                found = zip(oids, more.index.find_offsets(oids), strict=True)
                yield from pack.index.find_offsets([oid for oid, offset in found if offset >= 0])
        for loose in self._loose:
            yield from (offset for offset in pack.index.find_offsets(list(loose)) if offset >= 0)


def _offsets(pack: PackFile, oid: ObjectId) -> list[int]:
    try:
        return pack.offsets_of(oid)
    except CorruptIndex:
        return []
