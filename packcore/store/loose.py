r"""Loose objects: one file with one zlib stream each, as git stores new objects (gitrepository-layout).

    objects/ce/013625030ba8dba906f756967f9e9ca394464a      the id in hex, its first byte as a folder
    zlib( "blob" SP "6" NUL "hello\n" )                    type, size in decimal, then the object's bytes

A file appears whole or not at all: written under a temporary name, synced, made read-only, renamed. Reading
checks the id, so a damaged file is found before its bytes are used; it doesn't count as a copy, and is
replaced when the object is written again. Left out: the uncompressed headers that git wrote for a few months
in 2006, which git no longer reads either.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from packcore.deflate import (
    InflateError,
    deflate_blocks,
    inflate_at,
    inflate_blocks,
    inflate_head,
    new_inflater,
)
from packcore.errors import (
    CorruptData,
    CorruptObject,
    LimitExceeded,
    MissingObject,
    RepositoryError,
    UnknownType,
    WrongId,
    structure_too_large,
)
from packcore.ids import ObjectId
from packcore.limits import BLOCK_BYTES, KIB, Limits
from packcore.objects import ObjectType
from packcore.store.base import ObjectHeader, RawEntry, StoredObject
from packcore.store.bulk import BulkReading
from packcore.store.temporaries import Temporary, sync_folder

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from hashlib import _Hash

    from packcore.ids import ObjectFormat

__all__ = ["LooseStore"]

HEADER_BYTES_MAX = 32
"""More than `commit `, twenty digits and a NUL."""

_HEAD_BYTES = 512
_SHORT_FILE_BYTES = 32 * KIB
_SHORT_BYTES = 256 * KIB
_READ_ONLY = os.O_RDONLY | getattr(os, "O_BINARY", 0)
_TYPES = {type_.label: type_ for type_ in ObjectType}
_MANY = 512
"""From this many ids on, folders are listed instead of looking for each file: two ids a folder."""
_SHORT_TYPES = frozenset({ObjectType.COMMIT, ObjectType.TAG})

_HEADER = re.compile(rb"(commit|tree|blob|tag) (0|[1-9][0-9]{0,18})\0")
_ODD_HEADER = rb"([^ \0\n]+) (0|[1-9][0-9]{0,18})\0"
_ODD_HEADER_BYTES_MAX = 1024
"""Types that don't exist may have long names."""


class LooseStore(BulkReading):
    """The loose objects below one `objects` directory, which may not exist before the first write."""

    def __init__(self, directory: Path, object_format: ObjectFormat, limits: Limits | None = None) -> None:
        self.object_format = object_format
        self.limits = limits or Limits()
        self._directory = directory
        self._prefix = os.fspath(directory) + os.sep
        self._unsynced: set[Path] = set()
        """Folders with new names in them."""

    def __contains__(self, oid: object) -> bool:
        return (
            isinstance(oid, bytes)
            and len(oid) == self.object_format.digest_size
            and os.path.isfile(self._path(ObjectId(oid)))  # noqa: PTH113 -- asked for every id of a walk
        )

    def __iter__(self) -> Iterator[ObjectId]:
        """Iterate in the order of ids. Skips files with any other name."""
        return self._in_folders(range(256))

    def ids_between(self, low: bytes, high: bytes) -> Iterator[ObjectId]:
        """Yield the ids from `low` up to those that begin with `high`: see `packcore.store.bulk`."""
        folders = range(low[0] if low else 0, (high[0] if high else 255) + 1)
        return (oid for oid in self._in_folders(folders) if low <= oid and oid[: len(high)] <= high)

    def are_here(self, oids: Sequence[ObjectId]) -> Sequence[bool]:
        """Return for each object whether its file is here: see `packcore.store.bulk`."""
        if len(oids) < _MANY:
            return [oid in self for oid in oids]
        names: dict[int, frozenset[str]] = {}
        for first in {oid[0] for oid in oids}:
            with suppress(FileNotFoundError, NotADirectoryError), os.scandir(self.folder(first)) as entries:
                names[first] = frozenset([entry.name for entry in entries if entry.is_file()])
        none = frozenset[str]()
        return [oid[1:].hex() in names.get(oid[0], none) for oid in oids]

    def _in_folders(self, folders: Iterable[int]) -> Iterator[ObjectId]:
        rest_hex = self.object_format.hex_size - 2
        try:
            present = set(os.listdir(self._directory))  # noqa: PTH208 -- as below
        except (FileNotFoundError, NotADirectoryError):
            return
        for first in folders:
            if f"{first:02x}" not in present:
                continue
            try:
                # There may be a hundred thousand files, so avoid Path objects.
                names = sorted(os.listdir(self.folder(first)))  # noqa: PTH208
            except (FileNotFoundError, NotADirectoryError):
                continue
            for name in names:
                if len(name) == rest_hex:
                    try:
                        yield self.object_format.from_hex(f"{first:02x}{name}")
                    except ValueError:
                        continue  # not an object's name: a foreign file

    def header(self, oid: ObjectId) -> ObjectHeader:
        """Return type and size from the first bytes of the file.

        A commit or a tag is read whole: it is short, and this verifies the tip of a ref.
        Raises MissingObject, CorruptObject, LimitExceeded.
        """
        with self._open(oid) as file:
            head = file.read(_HEAD_BYTES)
            found, start = self._header(oid, head)
            if found.type in _SHORT_TYPES:
                packed = head if len(head) < _HEAD_BYTES else head + file.read()
                self._content(oid, packed, found, start)
        return found

    def read(self, oid: ObjectId) -> StoredObject:
        """Return the whole object, its id checked. Raises MissingObject, CorruptObject, LimitExceeded."""
        if (made := self.read_short(oid)) is not None:
            return made
        with self._open(oid) as file:
            head = file.read(_HEAD_BYTES)
            found, start = self._header(oid, head)
            return StoredObject(found.type, self._content(oid, head + file.read(), found, start)[start:])

    def read_short(self, oid: ObjectId) -> StoredObject | None:
        """Return a short object, as most are, if it is intact; None if `read` must say more, or is too much.

        Opens the file once, and inflates it by one call.
        """
        try:
            file = os.open(self._path(oid), _READ_ONLY)
        except OSError:
            return None
        try:
            packed = os.read(file, _SHORT_FILE_BYTES)
        except OSError:
            return None
        finally:
            os.close(file)
        inflater = new_inflater()
        limits = self.limits
        most = min(_SHORT_BYTES, limits.big_object, limits.structure_bytes, limits.object_bytes)
        try:
            data: bytes = inflater.decompress(packed, most)
        except InflateError:
            return None
        match = _HEADER.match(data)
        if not inflater.eof or inflater.unused_data or len(packed) == _SHORT_FILE_BYTES or match is None:
            return None
        start = match.end()
        if len(data) - start != int(match[2]) or self.object_format.new_hash(data).digest() != oid:
            return None
        return StoredObject(_TYPES[match[1]], data[start:])

    def _content(self, oid: ObjectId, packed: bytes, header: ObjectHeader, start: int) -> bytes:
        """Return the content of a file's stream, with its id checked; the object's bytes begin at `start`."""
        type_, size = header
        if size > self.limits.structure_bytes and type_ is not ObjectType.BLOB:
            what = f"{type_.label.decode()} {oid.hex()}"
            raise structure_too_large(what, size, self.limits.structure_bytes)
        try:
            data, end = inflate_at(packed, 0, start + size)
        except CorruptData as error:
            raise CorruptObject(str(error), oid=oid.hex()) from None
        if end != len(packed):
            raise CorruptObject("garbage behind its zlib stream", oid=oid.hex())
        if (actual := self.object_format.new_hash(data).digest()) != oid:
            raise WrongId(oid.hex(), actual.hex())
        return data

    def stream(self, oid: ObjectId) -> Iterator[bytes]:
        """Yield the bytes in blocks of at most 64 KiB; a wrong id shows at the end.

        Raises MissingObject immediately, CorruptObject while reading.
        """
        file = self._open(oid)
        try:
            (_, size), start = self._header(oid, file.read(512))
            file.seek(0)
        except BaseException:
            file.close()
            raise
        return self._stream(oid, file, start, size)

    def _stream(self, oid: ObjectId, file: BinaryIO, start: int, size: int) -> Iterator[bytes]:
        digest = self.object_format.new_hash()
        to_skip = start
        with file:
            blocks = iter(lambda: file.read(BLOCK_BYTES), b"")
            try:
                for block in inflate_blocks(blocks, start + size, to_end=True):
                    digest.update(block)
                    if len(block) > to_skip:
                        yield block[to_skip:]
                    to_skip = max(0, to_skip - len(block))
            except CorruptData as error:
                raise CorruptObject(str(error), oid=oid.hex()) from None
        if digest.digest() != oid:
            raise WrongId(oid.hex(), digest.hexdigest())

    def actual_id(self, oid: ObjectId) -> ObjectId:
        """Return the id of what a file holds, of whatever type. Raises MissingObject, CorruptObject."""
        digest = self.object_format.new_hash()
        with self._open(oid) as file:
            try:
                match = re.match(_ODD_HEADER, inflate_head(file.read(_HEAD_BYTES), 0, _ODD_HEADER_BYTES_MAX))
                size = 0 if match is None else match.end() + int(match[2])
                file.seek(0)
                for block in inflate_blocks(iter(lambda: file.read(BLOCK_BYTES), b""), size, to_end=True):
                    digest.update(block)
            except CorruptData as error:
                raise CorruptObject(str(error), oid=oid.hex()) from None
        return ObjectId(digest.digest())

    def raw(self, oid: ObjectId) -> RawEntry | None:  # noqa: ARG002 -- the protocol's shape
        """Return None: nothing here is in a pack."""
        return None

    def storage_order(self, oids: Iterable[ObjectId]) -> list[ObjectId]:
        """Return the ids sorted, folder by folder."""
        return sorted(oids)

    def close(self) -> None:
        """Do nothing: no file stays open."""

    def write(self, type_: ObjectType, data: bytes) -> ObjectId:
        """Write an object unless an intact copy is there, and return its id.

        Raises CorruptObject if a different object has that id, RepositoryError if writing fails.
        """
        oid = self.object_format.hash_object(type_.label, data)
        if self._is_whole(oid):
            if self.read(oid) != (type_, data):
                raise CorruptObject("two objects of the same id: a hash collision", oid=oid.hex())
            return oid
        return self.write_stream(type_, len(data), [data])

    def write_stream(self, type_: ObjectType, size: int, blocks: Iterable[bytes]) -> ObjectId:
        """Write an object of any size from its blocks, and return its id; memory stays small.

        Raises CorruptData if the blocks don't add up to `size` bytes, RepositoryError if writing fails.
        """
        digest = self.object_format.new_hash()
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            temporary = Temporary(self._directory)
            try:
                content = _hashed(type_, size, blocks, digest)
                temporary.write(deflate_blocks(content, self.limits.compression))
                temporary.set_mode(0o444)
                oid = ObjectId(digest.digest())
                self._install(temporary, oid)
            finally:
                temporary.close()
        except OSError as error:
            raise RepositoryError(f"{self._directory}: can't write an object: {error.strerror}") from None
        return oid

    def _install(self, temporary: Temporary, oid: ObjectId) -> None:
        path = Path(self._path(oid))
        if not self._is_whole(oid):  # an intact object is never replaced, a damaged file is
            path.parent.mkdir(exist_ok=True)
            temporary.rename(path)
            self._unsynced.add(path.parent)

    def sync(self) -> None:
        """Make the objects written so far durable, before a ref names them.

        Raises RepositoryError.
        """
        if not self._unsynced:
            return
        try:
            while self._unsynced:
                sync_folder(self._unsynced.pop())
            sync_folder(self._directory)
        except OSError as error:
            raise RepositoryError(f"{self._directory}: {error.strerror}") from None

    def _is_whole(self, oid: ObjectId) -> bool:
        """Return whether the object is here and can be read completely."""
        try:
            for _ in self.stream(oid):
                pass
        except (CorruptData, LimitExceeded):
            return False
        return True

    def file_of(self, oid: ObjectId) -> str:
        """Return the path of an object's file, whether it exists or not."""
        return self._path(oid)

    def folder(self, first: int) -> str:
        """Return the path of the folder of all objects whose ids begin with this byte, existing or not."""
        return f"{self._prefix}{first:02x}"

    def _path(self, oid: ObjectId) -> str:
        name = oid.hex()
        return f"{self._prefix}{name[:2]}{os.sep}{name[2:]}"

    def _open(self, oid: ObjectId) -> BinaryIO:
        try:
            return open(self._path(oid), "rb")  # noqa: PTH123 -- the caller closes it
        except (FileNotFoundError, NotADirectoryError):
            raise MissingObject(oid.hex()) from None
        except OSError as error:
            raise CorruptObject(f"its file can't be read: {error.strerror}", oid=oid.hex()) from None

    def _header(self, oid: ObjectId, packed: bytes) -> tuple[ObjectHeader, int]:
        """Return type and size, and where the object's bytes start in the inflated stream."""
        try:
            head = inflate_head(packed, 0, HEADER_BYTES_MAX)
        except CorruptData as error:
            raise CorruptObject(str(error), oid=oid.hex()) from None
        match = _HEADER.match(head)
        if match is None:
            raise _unlike_header(oid, packed)
        size = int(match[2])
        if size > self.limits.object_bytes:
            raise LimitExceeded(f"object {oid.hex()} has {size} bytes", limit="object_bytes")
        return ObjectHeader(ObjectType.from_label(match[1]), size), match.end()


def _unlike_header(oid: ObjectId, packed: bytes) -> CorruptObject:
    """Return the error for a stream that begins with no type that exists."""
    with suppress(CorruptData):  # it may be damaged behind the bytes that were looked at
        if match := re.match(_ODD_HEADER, inflate_head(packed, 0, _ODD_HEADER_BYTES_MAX)):
            return UnknownType(oid.hex(), match[1].decode("utf-8", "backslashreplace"), int(match[2]))
    return CorruptObject("its file does not begin with a type and a size", oid=oid.hex())


def _hashed(type_: ObjectType, size: int, blocks: Iterable[bytes], digest: _Hash) -> Iterator[bytes]:
    """Yield header and blocks; hash them, and check their total size."""
    update = digest.update
    header = b"%s %d\0" % (type_.label, size)
    update(header)
    yield header
    made = 0
    for block in blocks:
        made += len(block)
        update(block)
        yield block
    if made != size:
        raise CorruptData(f"an object of {size} bytes was to be written, but {made} came")
