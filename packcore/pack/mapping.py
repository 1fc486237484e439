"""A pack file mapped into memory, with a bound on how much of the map stays resident.

    source = PackSource(file, name, digest_size)
    source.entry(offset)             type, size, base, and the start of the zlib stream
    source.inflate(header)           the whole stream, for small entries
    source.inflate_blocks(header)    the stream in blocks, for any size
    source.view                      all bytes, for callers that call `give_back` every RESIDENT_BYTES

Resident pages of a map count as memory of the process. So after every `RESIDENT_BYTES` read they are given
back: they stay in the system's file cache, and return when they are touched. All errors are CorruptPack with
pack and offset.
"""

from __future__ import annotations

import contextlib
import mmap
from typing import TYPE_CHECKING, NamedTuple

from packcore.deflate import InflateError, inflate_at, inflate_blocks, inflate_head, new_inflater
from packcore.errors import CorruptData, CorruptPack
from packcore.ids import ObjectId
from packcore.limits import BLOCK_BYTES, KIB, MIB
from packcore.pack.format import (
    ENTRY_HEADER_BYTES_MAX,
    OFS_DELTA,
    PACK_HEADER_BYTES,
    REF_DELTA,
    decode_entry_header,
    decode_pack_header,
)
from packcore.varint import decode_ofs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import IO

    from packcore.ids import ObjectFormat

__all__ = ["LOOK_BYTES", "RESIDENT_BYTES", "EntryHeader", "PackSource", "give_back", "open_source"]

RESIDENT_BYTES = 16 * MIB
"""How much of a map to read before giving its pages back."""
LOOK_BYTES = 16 * KIB
"""How much reading a few bytes makes resident: their page, and the neighbours that the system maps too."""
_SHIFT_MAX = 53
"""A size that needs more bits is odd."""
_WHOLE_TYPES_END = 5
_DONTNEED: int | None = getattr(mmap, "MADV_DONTNEED", None)  # Windows doesn't have it, nor need it


class EntryHeader(NamedTuple):
    """The header of one entry."""

    offset: int
    type_code: int
    size: int
    """Inflated size of the zlib stream: of the object, or of the delta."""
    base_offset: int | None
    base_oid: ObjectId | None
    payload_offset: int

    @property
    def is_delta(self) -> bool:
        """Whether the stream is a delta."""
        return self.type_code >= OFS_DELTA


class PackSource:
    """Random access to the entries of one pack; `name` is for errors.

    The file must have at least a pack header, and may be closed while the source is open. If it grows,
    `remap` makes the new part readable.
    """

    def __init__(self, file: IO[bytes], name: str, digest_size: int) -> None:
        self.name = name
        self._file = file
        self._digest_size = digest_size
        self._touched_bytes = 0
        self._map = self._open_map()
        self._view = memoryview(self._map)
        self.pack_bytes = len(self._map)
        """The size of the whole file, including the trailer."""
        self.entries_end = self.pack_bytes - digest_size
        """Where the trailer starts."""

    def _open_map(self) -> mmap.mmap:
        try:
            return mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ)
        except (ValueError, OSError) as error:  # an empty file can't be mapped
            raise CorruptPack(f"it can't be read: {error}", pack=self.name) from None

    def remap(self) -> None:
        """Map the file again after it has grown."""
        self.close()
        self._map = self._open_map()
        self._view = memoryview(self._map)
        self.pack_bytes = len(self._map)
        self.entries_end = self.pack_bytes - self._digest_size

    def check_pair(self, object_count: int, checksum: bytes) -> None:
        """Raise CorruptPack unless this pack has `object_count` objects and the trailer `checksum`."""
        if self.pack_bytes < PACK_HEADER_BYTES + self._digest_size:
            raise CorruptPack("it is too short for a pack", offset=self.pack_bytes, pack=self.name)
        try:
            _, count = decode_pack_header(self.slice(0, PACK_HEADER_BYTES))
        except CorruptPack as error:
            raise CorruptPack(error.reason, offset=error.offset, pack=self.name) from None
        if count != object_count:
            raise CorruptPack(f"it has {count} objects, its index {object_count}", pack=self.name, offset=8)
        if self.slice(self.entries_end, self.pack_bytes) != checksum:
            raise CorruptPack("its trailer is not the one that its index names", pack=self.name)

    def close(self) -> None:
        """Release the map; blocks that are still being read keep it alive until they are done."""
        with contextlib.suppress(BufferError):
            self._view.release()
            self._map.close()

    @property
    def view(self) -> memoryview:
        """The bytes of the pack, for loops that read many entry headers."""
        return self._view

    def slice(self, start: int, end: int) -> bytes:
        """Return bytes of the pack as they are stored."""
        self.touch(end - start)
        return self._map[start:end]

    def slices(self, start: int, end: int) -> Iterator[bytes]:
        """Yield bytes of the pack as they are stored, in blocks of at most 64 KiB."""
        while start < end:
            stop = min(start + BLOCK_BYTES, end)
            yield self.slice(start, stop)
            start = stop

    def entry(self, offset: int) -> EntryHeader:
        """Read the header of the entry at `offset`."""
        self._touched_bytes += LOOK_BYTES
        if self._touched_bytes > RESIDENT_BYTES:
            self.give_back()
        if not PACK_HEADER_BYTES <= offset < self.entries_end:
            raise CorruptPack("no entry can be there", offset=offset, pack=self.name)
        # The fast path for a head as any program writes it; `_entry` names what is wrong with any other.
        data = self._map
        byte = data[offset]
        position = offset + 1
        type_code = byte >> 4 & 7
        size = byte & 0x0F
        shift = 4
        while byte >= 0x80 and shift < _SHIFT_MAX and position < self.entries_end:
            byte = data[position]
            position += 1
            size |= (byte & 0x7F) << shift
            shift += 7
        if byte < 0x80 and position < self.entries_end:
            if type_code == OFS_DELTA:
                byte = data[position]
                position += 1
                distance = byte & 0x7F
                while byte >= 0x80 and distance < offset and position < self.entries_end:
                    byte = data[position]
                    position += 1
                    distance = distance + 1 << 7 | byte & 0x7F
                base_offset = offset - distance
                if byte < 0x80 and PACK_HEADER_BYTES <= base_offset < offset and position < self.entries_end:
                    return EntryHeader(offset, type_code, size, base_offset, None, position)
            elif 0 < type_code < _WHOLE_TYPES_END:
                return EntryHeader(offset, type_code, size, None, None, position)
        return self._entry(offset)

    def _entry(self, offset: int) -> EntryHeader:
        head = self._map[offset : offset + ENTRY_HEADER_BYTES_MAX]
        base_offset = base_oid = None
        try:
            type_code, size, position = decode_entry_header(head, 0)
            if type_code == OFS_DELTA:
                distance, position = decode_ofs(head, position)
                base_offset = offset - distance
                if distance == 0 or base_offset < PACK_HEADER_BYTES:
                    raise CorruptData("the delta's base lies outside the pack's entries")
            elif type_code == REF_DELTA:
                base_oid = ObjectId(head[position : position + self._digest_size])
                position += self._digest_size
        except CorruptPack as error:
            raise CorruptPack(error.reason, offset=offset, pack=self.name) from None
        except CorruptData as error:
            raise CorruptPack(str(error), offset=offset, pack=self.name) from None
        if offset + position > self.entries_end:
            raise CorruptPack("it ends within an entry's header", offset=offset, pack=self.name)
        return EntryHeader(offset, type_code, size, base_offset, base_oid, offset + position)

    def inflate(self, header: EntryHeader) -> bytes:
        """Return the inflated stream of the entry."""
        size, start = header.size, header.payload_offset
        self._touched_bytes += size
        if self._touched_bytes > RESIDENT_BYTES:
            self.give_back()
        if size < BLOCK_BYTES:
            # The fast path for a correct stream; `inflate_at` names what is wrong with any other.
            inflater = new_inflater()
            try:
                made = inflater.decompress(self._view[start : start + size + 128], size + 1)
                if inflater.eof and len(made) == size:
                    return made
            except InflateError:  # reported below, with its place
                pass
        try:
            return inflate_at(self._view, start, size)[0]
        except CorruptData as error:
            raise self.fault(error, header.offset) from None

    def inflate_head(self, header: EntryHeader, head_bytes: int) -> bytes:
        """Return up to `head_bytes` bytes from the start of the inflated stream."""
        try:
            return inflate_head(self._view, header.payload_offset, head_bytes)
        except CorruptData as error:
            raise self.fault(error, header.offset) from None

    def inflate_blocks(self, header: EntryHeader) -> Iterator[bytes]:
        """Yield the inflated stream in blocks of at most 64 KiB."""
        try:
            yield from inflate_blocks(self.slices(header.payload_offset, self.entries_end), header.size)
        except CorruptData as error:
            raise self.fault(error, header.offset) from None

    def fault(self, error: CorruptData, offset: int) -> CorruptPack:
        """Return the error with pack and offset added."""
        if isinstance(error, CorruptPack) and error.pack is not None:
            return error
        return CorruptPack(str(error), offset=offset, pack=self.name)

    def touch(self, touched_bytes: int) -> None:
        """Note how much of `view` was read, and give its pages back if that adds up."""
        self._touched_bytes += touched_bytes
        if self._touched_bytes > RESIDENT_BYTES:
            self.give_back()

    def give_back(self) -> None:
        """Give the resident pages back to the system; reading them again brings them back."""
        self._touched_bytes = 0
        give_back(self._map)


def open_source(path: Path, object_format: ObjectFormat) -> PackSource:
    """Map a pack file. Raises CorruptPack, and OSError if it can't be opened."""
    with path.open("rb") as file:
        return PackSource(file, str(path), object_format.digest_size)


def give_back(mapped: mmap.mmap) -> None:
    """Give the resident pages of a map back to the system; reading them again brings them back."""
    if _DONTNEED is not None:
        mapped.madvise(_DONTNEED)
