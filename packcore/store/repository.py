"""A git repository on disk, as git itself lays it out (gitrepository-layout).

    HEAD  config  packed-refs  shallow        packcore.store.ref_files, packcore.store.config
    refs/…                                    one file per ref, or
    reftable/…                                packcore.store.reftable_refs
    objects/pack/pack-<hash>.{pack,idx,rev}   packcore.store.packed
    objects/xx/…                              packcore.store.loose
    objects/info/{alternates,commit-graph}    packcore.store.alternates, packcore.store.shortcuts
    .git  commondir                           packcore.store.git_directory
    index                                     packcore.store.index_file, to be read

`Repository.open` opens a bare repository, a work tree with its `.git` folder or file, or a linked worktree.
It is an ObjectStore over packs, then loose objects, then alternates; a damaged copy is skipped if there is
another. If an object isn't found, the packs are listed again once, because a concurrent `gc` may just have
moved it. C git and packcore may use the same repository at the same time. Left out: hooks, and changing the
index.
"""

from __future__ import annotations

from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Self, TypeVar

from packcore.errors import CorruptData, MissingObject, RepositoryError
from packcore.ids import SHA1, AnyId, ObjectFormat, ObjectId, as_id
from packcore.limits import Limits
from packcore.refs import check_ref_name
from packcore.store.base import DAMAGE, ObjectHeader
from packcore.store.bulk import BulkReading
from packcore.store.config import GitConfig, object_format_of
from packcore.store.copies import LooseCopy
from packcore.store.git_directory import (
    common_directory,
    find_git_directory,
    is_git_directory,
    is_repository_named,
)
from packcore.store.loose import LooseStore
from packcore.store.lost_places import LostPlaces
from packcore.store.making import is_unmade, making
from packcore.store.object_folders import ObjectFolders
from packcore.store.open_refs import open_refs
from packcore.store.pack_install import InstallablePack, kept, tidy
from packcore.store.quick_read import quick_reading
from packcore.store.repository_refs import RepositoryRefs
from packcore.store.shallow import add_shallow, read_shallow
from packcore.store.shortcuts import Shortcuts
from packcore.store.temporaries import sweep

if TYPE_CHECKING:
    from array import array
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

    from packcore.objects import ObjectType
    from packcore.store.base import RawEntry, StoredObject
    from packcore.store.config import OuterConfig
    from packcore.store.pack_part import PackPart
    from packcore.store.packed_file import RefViews
    from packcore.store.presence import Presence

__all__ = ["InstallablePack", "Repository"]

_Result = TypeVar("_Result")


class Repository(RepositoryRefs, BulkReading):
    """An open repository. Close it, or use it as a context manager; closing releases maps and files."""

    def __init__(
        self,
        git_directory: Path,
        limits: Limits | None = None,
        views: RefViews | None = None,
        outer: OuterConfig | None = None,
    ) -> None:
        """Open a git directory.

        `views` is what a server keeps of refs between requests; `outer` are settings from outside.
        """
        self.path = git_directory
        """The git directory, which holds HEAD."""
        self.limits = limits or Limits()
        self.common_path = common_directory(git_directory)
        """The directory of objects and refs: the same, except in a linked worktree."""
        own = GitConfig.read(self.common_path / "config")
        self.config = own if outer is None else outer.around(own)
        self._format = object_format_of(own, source=str(git_directory))
        self._refs = open_refs(git_directory, self.common_path, own, views)
        objects = self.common_path / "objects"
        self._refs.locks.sweep()
        tidy(objects / "pack")
        for folder in dict.fromkeys((git_directory, self.common_path, objects, objects / "pack")):
            sweep(folder)
        self._packs, self.copies, self._objects = ObjectFolders.open(objects, self._format, self.limits)
        self._loose = LooseStore(objects, self._format, self.limits)
        folders = [packs.directory.parent for packs in self._packs]
        self._lost_places = LostPlaces(folders, self.config)
        self.shortcuts = Shortcuts(self._packs, self._format, self.config)

    @classmethod
    def open(
        cls,
        path: str | Path,
        limits: Limits | None = None,
        views: RefViews | None = None,
        outer: OuterConfig | None = None,
    ) -> Self:
        """Open the repository at `path`: a bare one, or a work tree's top folder.

        Raises RepositoryError if there is none, or one of an unsupported kind.
        """
        return cls(find_git_directory(Path(path)), limits, views, outer)

    @classmethod
    def init(
        cls,
        path: str | Path,
        object_format: ObjectFormat = SHA1,
        default_branch: str = "main",
        limits: Limits | None = None,
    ) -> Repository:
        """Make an empty bare repository and open it; takes over a half-made one of a killed process.

        Raises RepositoryError if one or anything else is there already, and RefLocked while another process
        makes one.
        """
        with cls.making(path, object_format, default_branch, limits):
            pass
        return cls(Path(path), limits)

    @classmethod
    @contextmanager
    def making(
        cls,
        path: str | Path,
        object_format: ObjectFormat = SHA1,
        default_branch: str = "main",
        limits: Limits | None = None,
    ) -> Iterator[Repository]:
        """Make a bare repository with the content from the block; it appears when the block succeeds.

        After an error, nothing is left. Raises as `init`.
        """
        head = f"refs/heads/{default_branch}"
        check_ref_name(head)
        root = Path(path)
        if is_git_directory(root):
            raise RepositoryError(f"{root}: there is a repository already")
        with making(root, object_format, head) as publish:
            with cls(root, limits) as repository:
                yield repository
            publish()

    @classmethod
    def open_or_init(
        cls, path: str | Path, object_format: ObjectFormat = SHA1, limits: Limits | None = None
    ) -> Repository:
        """Open the repository at `path`, or make an empty bare one if there is nothing. Raises as both."""
        root = Path(path)
        if not is_unmade(root) or is_repository_named(root):
            return cls.open(root, limits)
        try:
            return cls.init(root, object_format, limits=limits)
        except RepositoryError:
            if is_git_directory(root):  # another process was faster
                return cls.open(root, limits)
            raise

    @property
    def object_format(self) -> ObjectFormat:
        """How this repository names its objects."""
        return self._format

    @property
    def pack_faults(self) -> dict[str, CorruptData]:
        """Why packs could not be opened, by file name, including alternates' packs."""
        return {name: fault for packs in self._packs for name, fault in packs.faults.items()}

    @property
    def pack_directory(self) -> Path:
        """Where this repository's own packs are."""
        return self.common_path / "objects" / "pack"

    def __contains__(self, oid: object) -> bool:
        if oid not in self._objects:
            self._refresh()
            return oid in self._objects
        return True

    def presence(self) -> Presence:
        """Return the current stores for checks of very many ids: see `packcore.store.presence`."""
        return self._objects.presence()

    def __iter__(self) -> Iterator[ObjectId]:
        return iter(self._objects)

    def ids_between(self, low: bytes, high: bytes) -> Iterator[ObjectId]:
        """Yield the ids from `low` up to those that begin with `high`: see `packcore.store.bulk`."""
        return self._objects.ids_between(low, high)

    def header(self, oid: AnyId) -> ObjectHeader:
        """Return type and size. Raises MissingObject, CorruptData."""
        oid = as_id(self._format, oid)
        # Nearly all objects are in our own packs: ask these first, directly.
        found = self._packs[0].header_here(oid)
        if found is not None:
            return found
        with suppress(*DAMAGE):
            return self._loose.header(oid)
        return self._retry(lambda: self._objects.header(oid))

    def read(self, oid: AnyId) -> StoredObject:
        """Return the object whole. Raises MissingObject, CorruptData."""
        oid = as_id(self._format, oid)
        found = self._packs[0].read_here(oid)
        return self._read_loose(oid) if found is None else found

    def _read_loose(self, oid: ObjectId) -> StoredObject:
        """Return an object that is in none of our own packs."""
        try:
            return self._loose.read(oid)
        except DAMAGE:
            return self._retry(lambda: self._objects.read(oid))

    def stream(self, oid: AnyId) -> Iterator[bytes]:
        """Yield the object's bytes in blocks of at most 64 KiB. Raises MissingObject, CorruptData."""
        oid = as_id(self._format, oid)
        return self._retry(lambda: self._objects.stream(oid))

    def raw(self, oid: AnyId) -> RawEntry | None:
        """Return the object's entry in a pack, or None if it is only loose. Raises MissingObject."""
        oid = as_id(self._format, oid)
        entry = self._packs[0].raw(oid)
        return entry if entry is not None else self._retry(lambda: self._objects.raw(oid))

    def raws(self, oids: Sequence[ObjectId]) -> list[RawEntry | None]:
        """Return each object's entry in a pack, None if it is only loose. Raises MissingObject."""
        found = self._packs[0].raws(oids)
        left = [number for number, entry in enumerate(found) if entry is None]
        if left:
            elsewhere = [oids[number] for number in left]
            for number, entry in zip(left, self._retry(lambda: self._objects.raws(elsewhere)), strict=True):
                found[number] = entry
        return found

    def are_here(self, oids: Sequence[ObjectId]) -> Sequence[bool]:
        """Return for each object whether it is here: see `packcore.store.bulk`."""
        found = self._objects.are_here(oids)
        return self._objects.are_here(oids) if not all(found) and self._refresh() else found

    def headers(self, oids: Sequence[ObjectId]) -> list[ObjectHeader | None]:
        """Return type and size of each object, None if it is missing. Raises CorruptData."""
        found = self._packs[0].headers(oids)
        left = [number for number, entry in enumerate(found) if entry is None]
        for number, here in zip(left, self.are_here([oids[n] for n in left]), strict=True):
            found[number] = self.header(oids[number]) if here else None
        return found

    def places(self, oids: Sequence[ObjectId]) -> array[int]:
        """Return each object's place in our own packs: see `packcore.store.bulk`."""
        return self._packs[0].places(oids)

    def reading(self) -> Callable[[ObjectId], tuple[int, bytes]]:
        """Return a function that reads objects: see `packcore.store.bulk`."""
        return quick_reading(self._packs[0].locate, self.read, self._read_loose)

    def reader(
        self,
        oids: Sequence[ObjectId],
        places: Sequence[int],
        check: Callable[[int, int, bytes], None],
        more_bytes: int,
    ) -> Callable[[int], bytes]:
        """Return a function that reads objects by number: see `packcore.store.bulk`."""
        return self._packs[0].reader(oids, places, check, more_bytes, self.read)

    def part_of_pack(self, oids: Collection[ObjectId]) -> PackPart | None:
        """Return these objects as a part of one pack: see `packcore.store.bulk`."""
        return next(filter(None, (packs.part_of_pack(oids) for packs in self._packs)), None)

    def prepared(self) -> Shortcuts | None:
        """Return what git has prepared here: see `packcore.store.bulk`."""
        return self.shortcuts

    def raw_in(self, oid: ObjectId, pack_name: str) -> RawEntry | None:
        """Return the object's entry in the pack of that file name, or None if it isn't there."""
        found = (packs.raw_in(oid, pack_name) for packs in self._packs)
        return next((raw for raw in found if raw is not None), None)

    def shown_id(self, given: AnyId) -> ObjectId:
        """Return the id of the object that is read for this one: another only if objects are replaced."""
        return as_id(self._format, given)

    def stored_size(self, oid: ObjectId) -> int:
        """Return the bytes that an object takes: its entry in a pack, or its file. Raises MissingObject."""
        if (entry := Repository.raw(self, oid)) is not None:
            return entry.end_offset - entry.pack_offset
        return next((copy.file_bytes() for copy in self.copies.of(oid) if isinstance(copy, LooseCopy)), 0)

    def storage_order(self, oids: Iterable[ObjectId]) -> list[ObjectId]:
        """Return the ids in the cheapest order for reading all of them."""
        return self._objects.storage_order(oids)

    def _retry(self, attempt: Callable[[], _Result]) -> _Result:
        """Try, and retry once after looking for new packs: loose objects may have been packed meanwhile."""
        try:
            return attempt()
        except CorruptData as error:
            if not self._refresh() and not isinstance(error, MissingObject):
                raise
        try:
            return attempt()
        except MissingObject as error:
            # A pack that can't be opened may hold it: report that instead.
            for fault in self.pack_faults.values():
                raise fault from None
            raise self._lost_places.explain(error) from None

    def _refresh(self) -> bool:
        """Look for new packs everywhere; return whether there were any."""
        found = [packs.refresh() for packs in self._packs]
        if any(found):
            self._lost_places.forget()
        return any(found)

    def write_loose(self, type_: ObjectType, data: bytes) -> ObjectId:
        """Write one loose object unless the repository has an intact copy, and return its id.

        Raises CorruptObject if that copy differs, RepositoryError if writing fails.
        """
        from packcore.store.collisions import is_here

        oid = self._format.hash_object(type_.label, data)
        header = ObjectHeader(type_, len(data))
        if not is_here(self.copies, oid, header, lambda: iter((data,))):
            self._loose.write(type_, data)
        return oid

    def write_loose_stream(self, type_: ObjectType, size: int, blocks: Iterable[bytes]) -> ObjectId:
        """Write one loose object of any size from its blocks, and return its id."""
        return self._loose.write_stream(type_, size, blocks)

    def add_pack(self, spooled: InstallablePack) -> Path | None:
        """Install a fetched pack and its index here; return the pack's path, None for an empty pack.

        Raises CorruptObject if it has different bytes for an existing id, RepositoryError.
        """
        if spooled.object_count == 0:
            return None
        from packcore.store.collisions import refuse_collisions

        refuse_collisions(self.copies, spooled, added=spooled.added)
        path = spooled.install(self.pack_directory)
        self._refresh()
        return path

    @contextmanager
    def adding_pack(self, spooled: InstallablePack) -> Iterator[Path | None]:
        """Install a pack as `add_pack`, and keep `git gc` from removing it until refs have been set.

        Raises RepositoryError.
        """
        if spooled.object_count == 0:
            yield None
            return
        with kept(self.pack_directory / spooled.file_name):
            yield self.add_pack(spooled)

    def staged(self, path: bytes) -> dict[int, ObjectId]:
        """Return what the work tree's index has at a path, by stage; see `packcore.store.index_file`."""
        from packcore.store.index_file import staged_at

        return staged_at(self.path / "index", self._format, path)

    def shallow(self) -> frozenset[ObjectId]:
        """Return the commits whose parents a shallow clone left out. Raises CorruptData, RepositoryError."""
        return read_shallow(self.common_path / "shallow", self._format)

    def add_shallow(self, oids: Iterable[ObjectId]) -> None:
        """Treat commits as having no parents here from now on. Raises as `shallow`, and RefLocked."""
        add_shallow(self._refs.locks, self.common_path / "shallow", self._format, oids)

    def close(self) -> None:
        """Release files and maps. Idempotent."""
        self._objects.close()
        self.shortcuts.close()
        self.copies.close()
        self._refs.close()

    def __enter__(self) -> Repository:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
