"""A fetched pack in a temporary file: checked, then an object store, then installed or removed.

    with SpooledPack.receive(blocks, object_format=SHA1) as spool:
        spool.read(oid) ...
        spool.install(repository.pack_directory)

Memory for each object (sha1), once received: index 28 bytes, and offset 8, size 8, type 1, two orders
4 each = 53 bytes, so 53 MB for a million objects; while receiving, some 60 more. Beyond that, what
`Limits` grants: `resolve_memory`, then `base_cache`.

Without `directory`, the file has no name, so nothing is left behind, however the process ends. With one, it
is named there (`packcore.store.temporaries`), can be moved into place without copying, and is removed on
error, on `close`, and when the interpreter ends.
"""

from __future__ import annotations

import os
import sys
import tempfile
from contextlib import suppress
from typing import IO, TYPE_CHECKING

from packcore.errors import RepositoryError
from packcore.limits import DEFAULT_LIMITS, Limits
from packcore.objects import ObjectType
from packcore.pack.index import PackIndex
from packcore.pack.index_write import DEFAULT_FORM, IndexForm
from packcore.pack.indexer import IndexedPack, complete_thin_pack, index_pack, read_blocks
from packcore.pack.mapping import PackSource
from packcore.progress import SILENT
from packcore.store.base import ObjectHeader
from packcore.store.bulk import BulkReading
from packcore.store.pack_install import install_pack, marked, same_bytes
from packcore.store.pack_part import PackPart
from packcore.store.packfile import PackFile
from packcore.store.places import Places
from packcore.store.temporaries import TEMPORARY_PREFIX, Temporary, write_whole

if TYPE_CHECKING:
    from array import array
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path
    from types import TracebackType

    from packcore.ids import ObjectFormat, ObjectId
    from packcore.pack.observer import Observer
    from packcore.pack.resolve import Resolver
    from packcore.pack.table import PackTable
    from packcore.progress import Progress
    from packcore.store.base import ObjectStore, RawEntry, StoredObject

__all__ = ["SpooledPack", "unreadable", "unwritable"]

_NAME = "received pack"


class SpooledPack(BulkReading):
    """A received and verified pack. An ObjectStore and a context manager; made by `receive`."""

    def __init__(
        self, file: _SpoolFile, indexed: IndexedPack, limits: Limits, form: IndexForm, added_count: int
    ) -> None:
        table = indexed.table
        self.added = frozenset(map(table.oid, range(len(table) - added_count, len(table))))
        """Bases that completed a thin pack."""
        self.object_count = len(table)
        self.delta_count = len(table) - table.depths.count(0)
        self.longest_chain = max(table.depths, default=0)
        self.pack_bytes = table.pack_bytes
        """Bytes of the pack, including added bases."""
        self.checksum = table.checksum
        """The pack's trailer, which names the installed files."""
        self._file = file
        self._object_format = table.object_format
        self._index_bytes = b"".join(indexed.index_blocks(form))
        self._indexed_order = indexed.order
        self._sizes = table.sizes
        self._types = table.types
        index = PackIndex(self._index_bytes, table.object_format, _NAME)
        self._pack = PackFile.over(
            file.source(table.object_format), index, limits, sorted_offsets=table.offsets, order=indexed.order
        )
        self._places = Places(self._pack.cache)

    @classmethod
    def receive(
        cls,
        blocks: Iterable[bytes],
        *,
        object_format: ObjectFormat,
        limits: Limits = DEFAULT_LIMITS,
        progress: Progress = SILENT,
        bases: ObjectStore | Callable[[list[ObjectId]], ObjectStore] | None = None,
        directory: Path | None = None,
        receiving: str | None = None,
        counting: str | None = None,
        lasting: bool = False,
        index_form: IndexForm = DEFAULT_FORM,
        observe: Observer | None = None,
        jobs: int | None = 1,
    ) -> SpooledPack:
        """Take in a pack, check everything in up to `jobs` processes, and return it.

        `bases` completes a thin pack: bases that its deltas need and it lacks are appended from there.
        It is a store, or a function that opens one for the needed ids, called once everything else is here.
        `receiving` names a progress phase for the incoming bytes (for callers that don't count them
        themselves), `counting` one for the objects that the pack announces; "indexing" follows. `lasting`
        means that the connection stays open, so no block is read beyond the pack. The index is written in
        `index_form`. `observe` is called for each object.
        Raises CorruptPack, MissingObject, LimitExceeded, RepositoryError if the file can't be written, and
        what the blocks' iterator raises; the temporary file is removed then.
        """
        file = _SpoolFile(directory)
        added_count = 0
        try:

            def complete(source: PackSource, table: PackTable, resolver: Resolver) -> None:
                nonlocal added_count
                lacking = [oid for _, oid in resolver.missing()]
                if bases is not None and lacking:
                    held = bases(lacking) if callable(bases) else bases
                    added_count = complete_thin_pack(
                        file.file, source, table, resolver, bases=held, level=limits.compression
                    )

            indexed = index_pack(
                file.written(blocks),
                lambda: file.source(object_format),
                object_format=object_format,
                limits=limits,
                progress=progress,
                directory=directory,
                receiving=receiving,
                counting=counting,
                complete=complete,
                lasting=lasting,
                observe=observe,
                jobs=jobs,
            )
            return cls(file, indexed, limits, index_form, added_count)
        except BaseException as error:
            file.close()
            if isinstance(error, OSError) and error.errno is not None and error.filename is None:
                raise unwritable(error) from None
            raise

    @property
    def object_format(self) -> ObjectFormat:
        """How the pack's objects are named."""
        return self._object_format

    @property
    def file_name(self) -> str:
        """The pack's name once installed."""
        return f"pack-{self.checksum.hex()}.pack"

    @property
    def path(self) -> Path | None:
        """Path of the temporary file; None if it has no name."""
        return self._file.path

    def __enter__(self) -> SpooledPack:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __len__(self) -> int:
        return self.object_count

    def __contains__(self, oid: object) -> bool:
        return oid in self._pack

    def __iter__(self) -> Iterator[ObjectId]:
        return iter(self._pack)

    def header(self, oid: ObjectId) -> ObjectHeader:
        """Return type and size, known from receiving; inflates nothing."""
        position = self._pack.index.find(oid)
        if position < 0:
            raise self._pack.missing(oid)
        entry_index = self._indexed_order[position]
        return ObjectHeader(ObjectType(self._types[entry_index]), self._sizes[entry_index])

    def read(self, oid: ObjectId) -> StoredObject:
        """Return the object whole."""
        return self._pack.read(oid)

    def stream(self, oid: ObjectId) -> Iterator[bytes]:
        """Yield the object's bytes in blocks of at most 64 KiB."""
        return self._pack.stream(oid)

    def raw(self, oid: ObjectId) -> RawEntry | None:
        """Return the object's entry in the pack."""
        return self._pack.raw(oid)

    def raws(self, oids: Sequence[ObjectId]) -> list[RawEntry | None]:
        """Return each object's entry in the pack, None if it isn't there."""
        found = self._pack.listing().raws(oids)
        return [entry or self.raw(oid) for entry, oid in zip(found, oids, strict=True)]

    def places(self, oids: Sequence[ObjectId]) -> array[int]:
        """Return each object's place: see `packcore.store.bulk`."""
        return self._places.find([self._pack], oids)

    def reader(
        self,
        oids: Sequence[ObjectId],
        places: Sequence[int],
        check: Callable[[int, int, bytes], None],
        more_bytes: int,
    ) -> Callable[[int], bytes]:
        """Return a function that reads objects by number: see `packcore.store.bulk`."""
        return self._places.reader(
            [self._pack], oids, places, check=check, more_bytes=more_bytes, read_one=self.read
        )

    def part_of_pack(self, oids: Collection[ObjectId]) -> PackPart | None:
        """Return these objects as a part of the pack: see `packcore.store.bulk`."""
        return PackPart.of(self._pack, oids)

    def ids_of(self, type_: ObjectType, first: int) -> set[bytes]:
        """Return the ids of all objects of a type whose first byte is `first`."""
        positions, ids = self._pack.index.part(first)
        order, types = self._indexed_order, self._types
        return {oid for at, oid in zip(positions, ids, strict=True) if types[order[at]] == type_}

    def type_counts(self) -> tuple[int, int, int, int]:
        """Return how many commits, trees, blobs and tags there are."""
        commits, trees, blobs, tags = (self._types.count(kind) for kind in (1, 2, 3, 4))
        return commits, trees, blobs, tags

    def storage_order(self, oids: Iterable[ObjectId]) -> list[ObjectId]:
        """Return the ids by offset; those that are not here come last."""
        return self._pack.storage_order(oids)

    def close(self) -> None:
        """Release map and file; removes a temporary file that was not installed. Idempotent."""
        self._pack.close()
        self._file.close()

    def blocks(self) -> Iterator[bytes]:
        """Yield the pack's bytes from its start. Raises RepositoryError if the file can't be read."""
        try:
            yield from read_blocks(self._file.file)
        except OSError as error:
            raise unreadable(error) from None

    def index_blocks(self) -> Iterator[bytes]:
        """Yield the bytes of the pack's .idx."""
        yield self._index_bytes

    def reverse_index_blocks(self) -> Iterator[bytes]:
        """Yield the bytes of the pack's .rev."""
        return self._pack.reverse_index_blocks()

    def install(
        self, pack_directory: Path, *, marks: Mapping[str, bytes] | None = None, reverse_index: bool = True
    ) -> Path:
        """Put the pack, its .idx and its .rev into a repository, whole or not at all; return the .pack.

        See `packcore.store.pack_install`. `marks` are further files beside it, by their suffix: with `.keep`,
        `git gc` leaves the pack alone. A mark that is there stays as it is. The store goes on working.
        Raises RepositoryError.
        """
        target = pack_directory / self.file_name
        reverse = self.reverse_index_blocks() if reverse_index else None
        try:
            pack_directory.mkdir(parents=True, exist_ok=True)
            with marked(target, marks or {}):
                install_pack(target, self._place_pack, reverse, self._index_bytes)
        except OSError as error:
            raise RepositoryError(
                f"{target}: the pack can't be installed: {error.strerror}",
                hint="run again; another program may have cleaned up there"
                if isinstance(error, FileNotFoundError)
                else None,
            ) from None
        return target

    def lend(self, folder: Path) -> None:
        """Put the pack and its .idx into a new folder, for programs to read. Raises RepositoryError."""
        target = folder / self.file_name
        try:
            folder.mkdir(parents=True)
            try:
                os.link(self._file.path or "", target)
            except OSError:  # no name, or a file system without hard links
                write_whole(target, self.blocks(), 0o444)
            write_whole(target.with_suffix(".idx"), iter((self._index_bytes,)), 0o444)
        except OSError as error:
            raise unwritable(error) from None

    def _place_pack(self, target: Path) -> None:
        """Put the pack there unless it already is; a file of that name with other content is damaged."""
        if target.exists() and same_bytes(target, self.blocks()):
            return
        if not self._file.move_to(target):
            write_whole(target, self.blocks(), 0o444)


class _SpoolFile:
    """The temporary file: nameless, or named in a directory and removed when no longer needed."""

    def __init__(self, directory: Path | None) -> None:
        self._named: Temporary | None = None
        try:
            if directory is None:
                self.file: IO[bytes] = tempfile.TemporaryFile(prefix=TEMPORARY_PREFIX)  # noqa: SIM115 -- as long as the pack
                return
            directory.mkdir(parents=True, exist_ok=True)
            self._named = Temporary(directory, suffix=".spool")
        except OSError as error:
            raise unwritable(error) from None
        self.file = self._named.open()

    @property
    def path(self) -> Path | None:
        return None if self._named is None else self._named.path

    def written(self, blocks: Iterable[bytes]) -> Iterator[bytes]:
        """Write blocks to the file and pass them on."""
        write = self.file.write
        for block in blocks:
            try:
                write(block)
            except OSError as error:
                raise unwritable(error) from None
            yield block

    def source(self, object_format: ObjectFormat) -> PackSource:
        """Return random access to what was written."""
        try:
            self.file.flush()
        except OSError as error:
            raise unwritable(error) from None
        return PackSource(self.file, _NAME, object_format.digest_size)

    def move_to(self, target: Path) -> bool:
        """Rename the file into place; return whether that worked (needs a name and the same disk)."""
        if self._named is None or sys.platform == "win32":  # which can't rename a mapped file
            return False
        os.fsync(self.file.fileno())
        try:
            self._named.set_mode(0o444)
            self._named.rename(target)
        except OSError:
            return False
        self._named.close()
        self._named = None
        return True

    def close(self) -> None:
        with suppress(OSError):  # a full disk may fail the flush, but the file is discarded anyway
            self.file.close()
        if self._named is not None:
            self._named.close()


def unreadable(error: OSError) -> RepositoryError:
    """Return our error for a temporary pack that can't be read back."""
    return RepositoryError(
        f"the temporary pack can't be read back: {error.strerror}",
        hint="let TMPDIR name a folder on another disk",
    )


def unwritable(error: OSError) -> RepositoryError:
    """Return our error for a temporary pack that can't be written."""
    return RepositoryError(
        f"the temporary pack can't be written: {error.strerror}",
        hint="free some disk space, or let TMPDIR name a folder with more",
    )
