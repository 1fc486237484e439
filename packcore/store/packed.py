"""All packs of one directory as one store, while `git gc` may run concurrently.

Packs are opened once and stay open: a map outlives the removal of its file. If an object is in none of them,
the directory is listed again, once, as in git: a pack that `gc` just wrote may hold it. The pack that
answered last is asked first.

A pack or index that can't be opened goes to `faults` and does not hide the others; if an object is then
missing, its error is raised. If the copy that was found is damaged, all are tried (`packcore.store.copies`).
"""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from itertools import chain
from typing import TYPE_CHECKING, TypeVar

from packcore.errors import (
    CorruptData,
    CorruptIndex,
    CorruptPack,
    CorruptShortcut,
    MissingObject,
    RepositoryError,
)
from packcore.ids import ObjectId
from packcore.limits import DEFAULT_LIMITS, Limits
from packcore.store.base import DAMAGE
from packcore.store.base_cache import OFFSET_BITS, BaseCache
from packcore.store.bulk import BulkReading
from packcore.store.copies import Copies
from packcore.store.listing import PackListing
from packcore.store.merged_index import MergedIndex
from packcore.store.multi_pack_index import read_multi_pack_index
from packcore.store.pack_part import PackPart
from packcore.store.packfile import PackFile
from packcore.store.places import Places

if TYPE_CHECKING:
    from array import array
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
    from pathlib import Path

    from packcore.ids import ObjectFormat
    from packcore.store.base import ObjectHeader, RawEntry, StoredObject
    from packcore.store.multi_pack_index import MultiPackIndex

__all__ = ["PackFile", "PackedStore"]

_Answer = TypeVar("_Answer")
_TABLE_PACKS_MIN = 2
"""From this many packs on, one table is faster than asking pack by pack."""
_FEW = 16
"""Fewer than one object in this many are looked up one by one; more by all of an index, or of all indexes."""


class PackedStore(BulkReading):
    """The packs of a directory (`objects/pack`), which may not exist. An ObjectStore."""

    def __init__(
        self,
        directory: Path,
        object_format: ObjectFormat,
        limits: Limits = DEFAULT_LIMITS,
        *,
        rescan: bool = True,
        copies: Copies | None = None,
    ) -> None:
        self.directory = directory
        self.limits = limits
        self.faults: dict[str, CorruptData] = {}
        """Why packs could not be opened, by file name."""
        self._object_format = object_format
        self._cache = BaseCache(limits.base_cache)
        self.copies = Copies(object_format) if copies is None else copies
        """Where to find another copy of a damaged object: in these packs, and where the owner adds."""
        self.copies.add_packs(self)
        self._rescan = rescan
        """False if the owner calls `refresh` itself: a repository asks other places first."""
        self._packs: list[PackFile] = []
        self._by_name: dict[str, PackFile] = {}
        self.table: MultiPackIndex | None = None
        """The multi-pack-index, if there is a usable one."""
        self.table_fault: CorruptShortcut | RepositoryError | None = None
        self._beside_table: list[PackFile] = []
        """Packs that are not in the table."""
        self._table_wanted = True
        self._merged: MergedIndex | None = None
        """All indexes as one, after many look-ups."""
        self._asked = 0
        self._known: set[str] = set()
        self._places = Places(self._cache)
        self.refresh()

    @property
    def object_format(self) -> ObjectFormat:
        """How the packs' objects are named."""
        return self._object_format

    @property
    def packs(self) -> list[PackFile]:
        """The open packs, ordered by name."""
        return sorted(self._packs, key=lambda pack: pack.name)

    def refresh(self) -> bool:
        """Open packs added since the last look; return whether there were any.

        Packs that vanished stay readable until `close`. Raises RepositoryError if files can't be opened
        for a reason other than having vanished.
        """
        try:
            # Each miss comes here, so avoid Path objects.
            names = sorted(name for name in os.listdir(self.directory) if name.endswith(".idx"))  # noqa: PTH208
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError as error:
            raise RepositoryError(f"{self.directory}: {error.strerror}") from None
        found = False
        for name in names:
            if name not in self._known:
                found |= self._open(name)
        self._open_table()
        return found

    def _open(self, name: str) -> bool:
        path = (self.directory / name).with_suffix(".pack")
        if not path.exists():
            return False  # already gone, or an index whose pack is not there yet: try again next time
        try:
            pack = PackFile(path, self._object_format, self.limits, cache=self._cache, copies=self.copies)
        except FileNotFoundError:
            return False
        except IsADirectoryError as error:
            self.faults[name] = CorruptPack("it is a folder", pack=str(error.filename))
            self._known.add(name)
            return False
        except CorruptData as error:
            self.faults[name] = error
            self._known.add(name)
            return False
        except OSError as error:
            too_many = error.errno in (errno.EMFILE, errno.ENFILE)
            hint = "too many packs are open at once; repack, or raise `ulimit -n`" if too_many else None
            raise RepositoryError(f"{path}: {error.strerror}", hint=hint) from None
        self._known.add(name)
        self._packs.insert(0, pack)
        self._merged = None
        self._by_name[path.stem] = pack
        return True

    def __len__(self) -> int:
        return sum(len(pack) for pack in self._packs)

    def __contains__(self, oid: object) -> bool:
        return isinstance(oid, bytes) and self.locate(oid) is not None

    def __iter__(self) -> Iterator[ObjectId]:
        self.refresh()
        for first in range(256):
            parts = [pack.index.part(first)[1] for pack in self.packs]
            yield from map(ObjectId, dict.fromkeys(chain.from_iterable(parts)))

    def are_here(self, oids: Sequence[ObjectId]) -> Sequence[bool]:
        """Return for each object whether a pack has it: see `packcore.store.bulk`."""
        return list(map(bool, self._places_in(self._largest_first(), oids)))

    def ids_between(self, low: bytes, high: bytes) -> Iterator[ObjectId]:
        """Yield the ids from `low` up to those that begin with `high`: see `packcore.store.bulk`."""
        self.refresh()
        for pack in self.packs:
            for position in pack.index.find_range(low, high):
                yield pack.index.oid(position)

    def header(self, oid: ObjectId) -> ObjectHeader:
        """Return type and size without making the object's bytes."""
        found = self.header_here(oid)
        if found is None:
            raise self._missing(oid)
        return found

    def read(self, oid: ObjectId) -> StoredObject:
        """Return the object whole."""
        found = self.read_here(oid)
        if found is None:
            raise self._missing(oid)
        return found

    def header_here(self, oid: ObjectId) -> ObjectHeader | None:
        """Return type and size, or None if the object is in no pack."""
        place = self.locate(oid)
        if place is None:
            return None
        pack, offset = place
        try:
            return pack.header_found(oid, offset)
        except DAMAGE:
            if (found := self.copies.header(oid)) is None:
                raise
            return found

    def read_here(self, oid: ObjectId) -> StoredObject | None:
        """Return the object whole, or None if it is in no pack."""
        place = self.locate(oid)
        if place is None:
            return None
        pack, offset = place
        try:
            return pack.read_found(oid, offset)
        except DAMAGE:
            if (found := self.copies.read(oid)) is None:
                raise
            return found

    def stream(self, oid: ObjectId) -> Iterator[bytes]:
        """Yield the object's bytes in blocks of at most 64 KiB."""
        if self.locate(oid) is None:
            raise self._missing(oid)
        yield from self.copies.stream(oid)

    def raw(self, oid: ObjectId) -> RawEntry | None:
        """Return the object's entry in the first pack that has it, or None.

        Tries the next pack if an entry is unreadable; None if all are.
        """
        place = self.locate(oid)
        if place is None:
            return None
        with suppress(CorruptPack):
            return place[0].raw_found(oid, place[1])
        for pack in self.packs:
            for offset in pack.offsets_of(oid):
                with suppress(CorruptPack):
                    return pack.raw_found(oid, offset)
        return None

    def raws(self, oids: Sequence[ObjectId]) -> list[RawEntry | None]:
        """Return each object's entry in the largest pack that has it, or None."""
        return self._of_packs(oids, PackListing.raws, self.raw)

    def headers(self, oids: Sequence[ObjectId]) -> list[ObjectHeader | None]:
        """Return type and size of each object, None if it is in no pack."""
        return self._of_packs(oids, PackListing.headers, self.header_here)

    def places(self, oids: Sequence[ObjectId]) -> array[int]:
        """Return each object's place in the largest pack that has it: see `packcore.store.bulk`."""
        return self._places.find(self._largest_first(), oids)

    def reader(
        self,
        oids: Sequence[ObjectId],
        places: Sequence[int],
        check: Callable[[int, int, bytes], None],
        more_bytes: int,
        read_one: Callable[[ObjectId], StoredObject] | None = None,
    ) -> Callable[[int], bytes]:
        """Return a function that reads objects by number: see `packcore.store.bulk`.

        `read_one` reads objects that are in no pack; None means `read`.
        """
        return self._places.reader(
            self._packs, oids, places, check=check, more_bytes=more_bytes, read_one=read_one or self.read
        )

    def part_of_pack(self, oids: Collection[ObjectId]) -> PackPart | None:
        """Return these objects as a part of one pack: see `packcore.store.bulk`."""
        for pack in self.packs:
            if (part := PackPart.of(pack, oids)) is not None:
                if part.is_whole_pack and self.copies.damages_whole(pack):
                    part.copy_singly()
                return part
        return None

    def _of_packs(
        self,
        oids: Sequence[ObjectId],
        ask: Callable[[PackListing, Sequence[ObjectId], Sequence[int]], list[_Answer | None]],
        ask_one: Callable[[ObjectId], _Answer | None],
    ) -> list[_Answer | None]:
        found: list[_Answer | None] = [None] * len(oids)
        packs = self._largest_first()
        places = self._places_in(packs, oids)
        by_pack: dict[int, list[int]] = {0: []}
        for number, place in enumerate(places):
            by_pack.setdefault(place >> OFFSET_BITS, []).append(number)
        for pack in packs:
            here = by_pack.get(pack.first_place >> OFFSET_BITS, [])
            if len(here) * _FEW < len(pack):  # less than a listing costs, which looks at the whole index
                answers: list[_Answer | None] = [None] * len(here)
            else:
                asked = [oids[number] for number in here]
                answers = ask(pack.listing(), asked, [places[n] - pack.first_place for n in here])
            for number, answer in zip(here, answers, strict=True):
                found[number] = ask_one(oids[number]) if answer is None else answer
        return found

    def _places_in(self, packs: Sequence[PackFile], oids: Sequence[ObjectId]) -> array[int]:
        """Return each object's place, 0 for one that is in no pack."""
        places = self._places.in_packs(packs, oids)
        if self._rescan and not all(places) and self.refresh():
            return self._places.in_packs(self._largest_first(), oids)
        return places

    def raw_in(self, oid: ObjectId, pack_name: str) -> RawEntry | None:
        """Return the object's entry in the pack of that file name, or None, for saved plans."""
        for pack in self._packs:
            if os.path.basename(pack.name) == pack_name:  # noqa: PTH119
                return pack.raw(oid)
        return None

    def storage_order(self, oids: Iterable[ObjectId]) -> list[ObjectId]:
        """Return the ids pack by pack and by offset; those in no pack come last, in the given order."""
        return self._places.storage_order(self.packs, list(oids))

    def close(self) -> None:
        """Release all files and maps. Idempotent."""
        for pack in self._packs:
            pack.close()
        self._packs.clear()
        self._merged = None
        self._by_name.clear()
        self.leave_multi_pack_index(self.table_fault)
        self._table_wanted = True
        self._known.clear()
        self._cache.clear()

    def leave_multi_pack_index(self, error: CorruptShortcut | RepositoryError | None = None) -> None:
        """Look up objects pack by pack from now on, because of this fault of the table."""
        self.table_fault = error
        if self.table is not None:
            self.table.close()
            self.table = None

    def _open_table(self) -> None:
        """Open the multi-pack-index if there are enough packs."""
        if self._table_wanted and len(self._packs) >= _TABLE_PACKS_MIN:
            self._table_wanted = False
            try:
                self.table = read_multi_pack_index(self.directory, self._object_format)
            except (CorruptShortcut, RepositoryError) as error:
                self.leave_multi_pack_index(error)
        covered = frozenset() if self.table is None else frozenset(self.table.names)
        self._beside_table = [pack for name, pack in self._by_name.items() if name not in covered]

    def _by_table(self, oid: bytes) -> tuple[PackFile, int] | Sequence[PackFile]:
        """Return an object's place by the multi-pack-index, or else the packs to ask."""
        assert self.table is not None
        try:
            place = self.table.find(oid)
        except CorruptShortcut as error:
            self.leave_multi_pack_index(error)
            return self._packs
        if place is None:
            return self._beside_table
        pack = self._by_name.get(self.table.names[place.pack_number])
        return self._packs if pack is None else (pack, place.offset)

    def locate(self, oid: bytes) -> tuple[PackFile, int] | None:
        """Return the first pack that has an object, and its offset there."""
        packs = self._packs
        if self.table is not None:
            found = self._by_table(oid)
            if isinstance(found, tuple):
                return found
            packs = list(found)
        else:
            self._asked += 1
            if self._merged is None and self._asked * len(packs) * _FEW > len(self):
                self._merged = MergedIndex(self._largest_first())
            if self._merged is not None and len(oid) == self._object_format.digest_size:
                try:
                    place = self._merged.find(oid)
                    return place or (self.locate(oid) if self._rescan and self.refresh() else None)
                except CorruptIndex:
                    pass
        for number, pack in enumerate(packs):
            try:
                offset = pack.index.find_offset(oid)
            except CorruptIndex as error:
                self.faults[os.path.basename(error.path)] = error  # noqa: PTH119
                continue
            if offset >= 0:
                if number:
                    packs.insert(0, packs.pop(number))
                return pack, offset
        return self.locate(oid) if self._rescan and self.refresh() else None

    def _largest_first(self) -> list[PackFile]:
        return sorted(self.packs, key=len, reverse=True)

    def _missing(self, oid: ObjectId) -> CorruptData:
        if self.faults:
            return self.faults[min(self.faults)]
        return MissingObject(oid.hex(), context=f"in no pack of {self.directory}")
