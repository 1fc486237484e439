"""The common format of files that git prepares for speed: commit-graphs and multi-pack-indexes.

    signature (4)  version, hash, number of chunks, number of … (4, and 4 more in a multi-pack-index)
    table          chunk id (4), offset (8), for each chunk, and a last row: four NULs, where the chunks end
    chunks         among them OIDF, 256 counts, and OIDL, the sorted ids
    digest         over everything before it

Nothing depends on these files: they can be made again from the objects. So a malformed one is ignored, and
the objects are read; `Shortcuts.faults` says so. Only `fsck` checks a file completely, with its digest.
Specified in gitformat-chunk.
"""

from __future__ import annotations

import itertools
import mmap
import os
from math import isqrt
from typing import TYPE_CHECKING

from packcore.deflate import cut_blocks
from packcore.errors import CorruptShortcut, RepositoryError
from packcore.ids import ObjectId
from packcore.limits import MIB
from packcore.pack.index import big_endian

if TYPE_CHECKING:
    from array import array
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from packcore.ids import ObjectFormat

__all__ = ["ChunkFile", "IdTable", "chunk_file_blocks", "map_shortcut"]

HASH_NUMBERS = {"sha1": 1, "sha256": 2}
_ROW_BYTES = 12
_FAN_OUT_BYTES = 1024
_WHOLE_BYTES_MAX = 1 * MIB
"""Files up to this size are read; larger ones are mapped."""


def map_shortcut(path: Path) -> bytes | mmap.mmap | None:
    """Return a file's bytes, or a map of them; None if there is no such file.

    Raises CorruptShortcut for what can't be mapped, RepositoryError for what can't be opened.
    """
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_size <= _WHOLE_BYTES_MAX:
                return file.read(_WHOLE_BYTES_MAX)
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except ValueError as error:
        raise CorruptShortcut(f"it can't be mapped: {error}", path=str(path)) from None
    except OSError as error:
        raise RepositoryError(f"{path}: {error.strerror}") from None


class ChunkFile:
    """The chunks of one file by id. Opening checks that all of them are within the file."""

    def __init__(
        self,
        data: bytes | mmap.mmap,
        object_format: ObjectFormat,
        path: str,
        *,
        signature: bytes,
        header: int,
    ) -> None:
        """Read the table of chunks, which begins at `header`. Raises CorruptShortcut."""
        self.data = data
        self.path = path
        self.object_format = object_format
        digest_size = object_format.digest_size
        if len(data) < header + _ROW_BYTES + digest_size:
            raise self.fault("it is too short")
        if data[:4] != signature:
            raise self.fault(f"it does not begin with {signature.decode()}")
        if data[4] != 1:
            raise self.fault(f"it has version {data[4]}; 1 is known")
        if data[5] != HASH_NUMBERS[object_format.name]:
            raise self.fault("its ids are made with another hash")
        self.end = len(data) - digest_size
        """Where the digest begins."""
        self._chunks = self._read_table(data[6], header)

    def _read_table(self, count: int, start: int) -> dict[bytes, tuple[int, int]]:
        end = start + (count + 1) * _ROW_BYTES
        if end > self.end:
            raise self.fault("its table of chunks is cut off")
        rows = [self.data[at : at + _ROW_BYTES] for at in range(start, end, _ROW_BYTES)]
        offsets = [int.from_bytes(row[4:], "big") for row in rows]
        if rows[-1][:4] != b"\0\0\0\0" or offsets[0] < end or offsets[-1] > self.end:
            raise self.fault("its table of chunks does not fit the file")
        if any(a > b for a, b in itertools.pairwise(offsets)):
            raise self.fault("its chunks overlap")
        chunks: dict[bytes, tuple[int, int]] = {}
        for row, first, after in zip(rows, offsets, offsets[1:], strict=False):
            if row[:4] in chunks:
                raise self.fault(f"it has two chunks {row[:4]!r}")
            chunks[row[:4]] = first, after
        return chunks

    def has(self, name: bytes) -> bool:
        """Return whether there is a chunk with that id."""
        return name in self._chunks

    def chunk(self, name: bytes, size: int | None = None) -> tuple[int, int]:
        """Return where a chunk starts and ends. Raises CorruptShortcut if there is none with that size."""
        found = self._chunks.get(name)
        if found is None:
            raise self.fault(f"it has no chunk {name.decode('ascii', 'backslashreplace')}")
        start, end = found
        if size is not None and end - start != size:
            label = name.decode("ascii", "backslashreplace")
            raise self.fault(f"its chunk {label} has {end - start} bytes instead of {size}")
        return found

    def numbers(self, start: int, end: int) -> array[int]:
        """Return big-endian numbers of four bytes."""
        return big_endian("I", self.data[start:end])

    def check_digest(self) -> None:
        """Raise CorruptShortcut unless the digest matches the bytes before it."""
        digest = self.object_format.new_hash()
        for start in range(0, self.end, MIB):
            digest.update(self.data[start : min(start + MIB, self.end)])
        if digest.digest() != self.data[self.end :]:
            raise self.fault("its bytes have another digest than it says")

    def fault(self, message: str) -> CorruptShortcut:
        """Return the error for a malformed file."""
        return CorruptShortcut(message, path=self.path)

    def close(self) -> None:
        """Release the map, if any. Idempotent."""
        if isinstance(self.data, mmap.mmap):
            self.data.close()


def chunk_file_blocks(
    signature: bytes,
    object_format: ObjectFormat,
    chunks: Sequence[tuple[bytes, bytes]],
    *,
    after_count: bytes,
) -> Iterator[bytes]:
    """Yield the bytes of a file with these chunks, in blocks; `after_count` is the rest of its header."""
    head = signature + bytes([1, HASH_NUMBERS[object_format.name], len(chunks)]) + after_count
    offset = len(head) + (len(chunks) + 1) * _ROW_BYTES
    for name, body in chunks:
        head += name + offset.to_bytes(8, "big")
        offset += len(body)
    head += b"\0\0\0\0" + offset.to_bytes(8, "big")
    digest = object_format.new_hash()
    for body in (head, *(body for _, body in chunks)):
        for block in cut_blocks(body):
            digest.update(block)
            yield block
    yield digest.digest()


class IdTable:
    """The sorted ids of a chunk file, from the chunks OIDF and OIDL."""

    def __init__(self, file: ChunkFile) -> None:
        """Read the counts. Raises CorruptShortcut if they don't rise, or don't fit the ids."""
        self._data = file.data
        self._digest_size = file.object_format.digest_size
        self._fan_out = file.numbers(*file.chunk(b"OIDF", _FAN_OUT_BYTES))
        if any(a > b for a, b in zip(self._fan_out, self._fan_out[1:], strict=False)):
            raise file.fault("its fan-out table does not rise")
        self.count = self._fan_out[255]
        self._start, _ = file.chunk(b"OIDL", self.count * self._digest_size)
        self._reach = 12 + 2 * isqrt(self.count >> 8)

    def find(self, oid: bytes) -> int:
        """Return the position of an id, or -1. As in a pack's index, the search begins where it should be."""
        size = self._digest_size
        if len(oid) != size:
            return -1
        first = oid[0]
        low = self._fan_out[first - 1] if first else 0
        end = self._fan_out[first]
        guess = low + ((end - low) * int.from_bytes(oid[1:4], "big") >> 24)
        start, stop = max(guess - self._reach, low), min(guess + self._reach, end)
        nearby = self._data[self._start + start * size : self._start + stop * size]
        found = nearby.find(oid)
        if found >= 0 and not found % size:
            return start + found // size
        while low < end:
            middle = (low + end) >> 1
            other = self.oid(middle)
            if other == oid:
                return middle
            if other < oid:
                low = middle + 1
            else:
                end = middle
        return -1

    def oid(self, position: int) -> ObjectId:
        """Return the id at a position."""
        start = self._start + position * self._digest_size
        return ObjectId(self._data[start : start + self._digest_size])

    def first_disorder(self) -> int | None:
        """Return the first position whose id is out of order, or in the wrong bucket of the fan-out."""
        before = b""
        for position in range(self.count):
            oid = self.oid(position)
            low = self._fan_out[oid[0] - 1] if oid[0] else 0
            if oid <= before or not low <= position < self._fan_out[oid[0]]:
                return position
            before = oid
        return None
