r"""Which objects an index file (`.git/index`) names: what is staged, and what is in use (gitformat-index).

    DIRC, version 2 to 4 (4), number of entries (4)
    entry       times, device, owner (24), mode (4), more (12), id, flags (2, and 2 more if a bit says so;
                two bits are the stage: 0, or the sides 1, 2 and 3 of a conflict)
                then the path and one to eight NULs, so that the entry is a multiple of eight bytes;
                in version 4: how many bytes of the path before to drop, the rest of this one, a NUL
    TREE        trees that were written: path, NUL, "<entries> <subtrees>\n", an id unless entries are -1,
                then the subtrees
    REUC        conflicts that were resolved: path, NUL, three modes in octal and NULs, an id for each not 0
    link        what a split index shares: the file sharedindex.<hash>, and its entries that don't count
    digest      over everything before it; zeros if index.skipHash left it out

Other parts of the file are skipped. Nothing here writes one.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from packcore.errors import CorruptData, RepositoryError
from packcore.ids import ObjectId
from packcore.store.ewah import EwahFault, decode_ewah, set_bits
from packcore.varint import decode_ofs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from packcore.ids import ObjectFormat

__all__ = ["CachedTree", "IndexEntry", "IndexNames", "read_index", "staged_at"]

_HEADER_BYTES = 12
_STAT_BYTES = 40
_MODE_AT = 24
_EXTENDED = 0x4000
_PATH_BYTES_MAX = 1 << 16
"""Longer than any that a file system takes; each entry of version 4 could make the path before it longer."""
_TREE_LINE = re.compile(rb"([^\0]*)\0(-?[0-9]{1,10}) ([0-9]{1,10})\n")
_UNDO_LINE = re.compile(rb"([^\0]*)\0([0-7]{1,10})\0([0-7]{1,10})\0([0-7]{1,10})\0")


class IndexEntry(NamedTuple):
    """A file that is staged, or a folder that a sparse index keeps whole."""

    mode: int
    oid: ObjectId
    path: bytes
    stage: int


class CachedTree(NamedTuple):
    """A tree that was written from an index."""

    oid: ObjectId | None
    """None for one that has changed since."""
    below: int
    """How many trees are directly below it; they follow."""
    name: bytes
    """Its name in the tree above it; empty for the root."""


class IndexNames(NamedTuple):
    """What one index names."""

    entries: list[IndexEntry]
    trees: list[CachedTree]
    resolved: list[tuple[ObjectId, bytes, int]]
    """Id, path and stage of the sides of resolved conflicts."""


def read_index(path: Path, object_format: ObjectFormat) -> IndexNames | None:
    """Return what an index names; None if there is none. Raises CorruptData, RepositoryError."""
    data = _content(path)
    if data is None:
        return None
    own = _Index(data, path, object_format)
    if own.link is None:
        return own.names
    size = object_format.digest_size
    if not any(own.link[:size]):
        return own.names
    shared_path = path.with_name(f"sharedindex.{own.link[:size].hex()}")
    shared_data = _content(shared_path)
    if shared_data is None:
        raise CorruptData(f"{path}: it shares entries with {shared_path.name}, which is not there")
    if shared_data[-size:] != own.link[:size]:
        raise CorruptData(f"{shared_path}: it has another digest than {path} says")
    shared = _Index(shared_data, shared_path, object_format).names.entries
    try:
        deleted, at = decode_ewah(own.link, size, len(shared))
        replaced, _ = decode_ewah(own.link, at, len(shared))
    except EwahFault as error:
        raise CorruptData(f"{path}: {error}") from None
    kept = [entry for number, entry in enumerate(shared) if not (deleted | replaced) >> number & 1]
    # The entries that replace others come first, in their order, and without their paths.
    paths = [shared[number].path for number in set_bits(replaced)]
    named = [entry._replace(path=path) for entry, path in zip(own.names.entries, paths, strict=False)]
    return own.names._replace(entries=[*kept, *named, *own.names.entries[len(named) :]])


def staged_at(path: Path, object_format: ObjectFormat, name: bytes) -> dict[int, ObjectId]:
    """Return what an index file has at a path, by stage; nothing if there is no file.

    Raises as `read_index`.
    """
    names = read_index(path, object_format)
    return {} if names is None else {entry.stage: entry.oid for entry in names.entries if entry.path == name}


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise RepositoryError(f"{path}: {error.strerror}") from None


class _Index:
    """One file."""

    def __init__(self, data: bytes, path: Path, object_format: ObjectFormat) -> None:
        self._data = data
        self._path = path
        self._size = object_format.digest_size
        self._end = len(data) - self._size
        self.link: bytes | None = None
        """The content of the part `link`."""
        self.names = IndexNames([], [], [])
        if self._end < _HEADER_BYTES or data[:4] != b"DIRC":
            raise self._fault("it does not begin with DIRC")
        version = int.from_bytes(data[4:8], "big")
        if not 2 <= version <= 4:
            raise self._fault(f"it has version {version}; 2 to 4 are known")
        digest = object_format.new_hash(data[: self._end]).digest()
        if data[self._end :] not in (digest, bytes(self._size)):
            raise self._fault("its bytes have another digest than it says")
        try:
            self._extensions(self._entries(int.from_bytes(data[8:12], "big"), version))
        except (ValueError, IndexError, CorruptData) as error:
            if isinstance(error, CorruptData) and str(error).startswith(str(path)):
                raise
            raise self._fault("an entry is cut off") from None

    def _entries(self, count: int, version: int) -> int:
        """Read the entries; return where they end."""
        data, size, at = self._data, self._size, _HEADER_BYTES
        path = b""
        for _ in range(count):
            start = at
            mode = int.from_bytes(data[at + _MODE_AT : at + _MODE_AT + 4], "big")
            at += _STAT_BYTES
            oid = ObjectId(data[at : at + size])
            at += size
            flags = int.from_bytes(data[at : at + 2], "big")
            at += 4 if flags & _EXTENDED else 2
            if version == 4:
                dropped, at = decode_ofs(data, at)
                end = data.index(b"\0", at, self._end)
                path = path[: max(len(path) - dropped, 0)] + data[at:end]
                at = end + 1
            else:
                end = data.index(b"\0", at, self._end)
                path = data[at:end]
                at = start + (end - start + 8) // 8 * 8
            if at > self._end:
                raise self._fault("an entry is cut off")
            if len(path) > _PATH_BYTES_MAX:
                raise self._fault(f"a path has more than {_PATH_BYTES_MAX} bytes")
            self.names.entries.append(IndexEntry(mode, oid, path, flags >> 12 & 3))
        return at

    def _extensions(self, at: int) -> None:
        while at < self._end:
            name, length = self._data[at : at + 4], int.from_bytes(self._data[at + 4 : at + 8], "big")
            body = self._data[at + 8 : at + 8 + length]
            at += 8 + length
            if at > self._end:
                raise self._fault(f"its part {name!r} is cut off")
            if name == b"TREE":
                self.names.trees.extend(self._trees(body))
            elif name == b"REUC":
                self.names.resolved.extend(self._resolved(body))
            elif name == b"link":
                self.link = body

    def _trees(self, body: bytes) -> Iterator[CachedTree]:
        at = 0
        while at < len(body):
            match = _TREE_LINE.match(body, at)
            if match is None:
                raise self._fault("its list of trees does not parse")
            at = match.end()
            oid = None
            if int(match[2]) >= 0:
                oid = ObjectId(body[at : at + self._size])
                at += self._size
            yield CachedTree(oid, int(match[3]), match[1])

    def _resolved(self, body: bytes) -> Iterator[tuple[ObjectId, bytes, int]]:
        at = 0
        while at < len(body):
            match = _UNDO_LINE.match(body, at)
            if match is None:
                raise self._fault("its list of resolved conflicts does not parse")
            at = match.end()
            for stage in range(3):
                if int(match[2 + stage], 8):
                    yield ObjectId(body[at : at + self._size]), match[1], stage
                    at += self._size

    def _fault(self, message: str) -> CorruptData:
        return CorruptData(f"{self._path}: {message}", hint="`git reset` makes it again")
