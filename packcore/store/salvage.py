"""Recovers what can be recovered of a damaged pack: `git unpack-objects -r`.

    PACK header | entry | entr?#!% | entry | entry | trailer          one entry is broken
                          ^ from here on, each place that could begin an entry is tried

An entry begins where a header says how long the zlib stream behind it is, and that stream inflates to just
that length with its checksum right. So what is found is almost certainly what was packed. Objects are written
one by one; a delta is applied once its base is there, from the pack or from the repository.

The search for the next entry is bounded: it inflates at most four times the bytes of the pack, and 16 MiB. An
object of `Limits.big_object` or more is never whole in memory.
"""

from __future__ import annotations

import re
import tempfile
from collections import defaultdict
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING

from packcore.deflate import InflateError, new_inflater
from packcore.delta.codec import DELTA_HEAD_BYTES_MAX, delta_sizes
from packcore.errors import (
    CorruptData,
    CorruptPack,
    LimitExceeded,
    RepositoryError,
    pack_too_large,
    structure_too_large,
)
from packcore.ids import ObjectId
from packcore.limits import BLOCK_BYTES, MIB
from packcore.objects import ObjectType
from packcore.pack.format import PACK_HEADER_BYTES, decode_pack_header
from packcore.pack.mapping import EntryHeader, PackSource
from packcore.pack.scratch import Scratch, apply_to
from packcore.progress import SILENT
from packcore.store.base import DAMAGE, ObjectHeader
from packcore.store.collisions import is_here
from packcore.store.temporaries import TEMPORARY_PREFIX

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from packcore.limits import Limits
    from packcore.progress import Progress
    from packcore.store.repository import Repository

__all__ = ["Salvaged", "salvage_pack"]

_NAME = "received pack"
_PIECE_INFLATED_BYTES = 256 * 1024
_HEADER_BYTES_MAX = 48
"""More than the header of any entry."""


def _stream_start() -> re.Pattern[bytes]:
    """Match where the two bytes stand that begin a zlib stream without a preset dictionary (RFC 1950)."""
    pairs = (bytes((first, second)) for first in range(0x08, 0x88, 0x10) for second in range(256))
    good = (pair for pair in pairs if not int.from_bytes(pair, "big") % 31 and not pair[1] & 0x20)
    return re.compile(b"(?=%s)" % b"|".join(map(re.escape, good)))


_STREAM_START = _stream_start()


@dataclass(slots=True)
class Salvaged:
    """What was found in a pack."""

    announced: int
    """How many objects the pack's header promises."""
    recovered: int = 0
    """Objects that are in the repository now; with a dry run, entries that are intact."""
    faults: list[CorruptData | LimitExceeded] = field(default_factory=list)


def salvage_pack(
    blocks: Iterable[bytes],
    repository: Repository,
    *,
    limits: Limits,
    dry_run: bool = False,
    progress: Progress = SILENT,
) -> Salvaged:
    """Write every object of a pack that can be read into the repository, as loose objects.

    With `dry_run`, only check the entries. Raises CorruptPack if not even the pack's header is there,
    LimitExceeded for a pack of more than `pack_bytes`, RepositoryError if writing fails, and what the
    blocks' iterator raises.
    """
    digest_size = repository.object_format.digest_size
    with tempfile.TemporaryFile(prefix=TEMPORARY_PREFIX) as file:
        trailer_fits = _spool(file, blocks, repository, limits)
        file.seek(0)
        found = Salvaged(decode_pack_header(file.read(PACK_HEADER_BYTES))[1])
        source = PackSource(file, _NAME, digest_size)
        if not trailer_fits:
            source.entries_end = (
                source.pack_bytes
            )  # its end may be missing, so nothing is taken for a trailer
        try:
            with progress.phase("searching", unit="bytes", total=source.pack_bytes) as phase:
                scan = _Scan(source, digest_size, limits, found.faults)
                entries = []
                for entry, end in scan.entries():
                    entries.append(entry)
                    phase.advance(end - entry.offset)
            if dry_run:
                found.recovered = len(entries)
            else:
                with progress.phase("unpacking", unit="objects", total=len(entries)) as phase:
                    writer = _Writer(repository, source, limits, found.faults)
                    for _ in writer.written(entries):
                        found.recovered += 1
                        phase.advance()
        finally:
            source.close()
    if not trailer_fits:
        found.faults.append(CorruptPack("its trailer does not match its bytes", pack=_NAME))
    if len(entries) != found.announced:
        found.faults.append(
            CorruptPack(
                f"{len(entries)} intact entries, where its header announces {found.announced}", pack=_NAME
            )
        )
    return found


def _spool(file: IO[bytes], blocks: Iterable[bytes], repository: Repository, limits: Limits) -> bool:
    """Write the pack to a file; return whether its trailer matches its bytes."""
    digest = repository.object_format.new_hash()
    tail, size = b"", 0
    for block in blocks:
        size += len(block)
        if size > limits.pack_bytes:
            raise pack_too_large(limits.pack_bytes)
        tail += block
        split = max(0, len(tail) - digest.digest_size)
        digest.update(tail[:split])
        tail = tail[split:]
        try:
            file.write(block)
        except OSError as error:
            raise RepositoryError(f"the temporary pack can't be written: {error.strerror}") from None
    file.flush()
    return digest.digest() == tail


class _Scan:
    """Finds the intact entries of a pack, in its order."""

    def __init__(
        self, source: PackSource, digest_size: int, limits: Limits, faults: list[CorruptData | LimitExceeded]
    ) -> None:
        self._source = source
        self._digest_size = digest_size
        self._limits = limits
        self._faults = faults
        self._attempt_bytes = 4 * source.pack_bytes + 16 * MIB

    def entries(self) -> Iterator[tuple[EntryHeader, int]]:
        """Yield each entry and where it ends."""
        source, position = self._source, PACK_HEADER_BYTES
        trailer = source.pack_bytes - self._digest_size
        while position < source.entries_end:
            try:
                entry = source.entry(position)
                end = self._end_of(entry)
            except DAMAGE as error:
                if position == trailer:  # a wrong one, and no entry
                    return
                self._faults.append(error)
                found = self._next_entry(position + 1)
                if found is None:
                    return
                entry, end = found
            yield entry, end
            position = end

    def _next_entry(self, start: int) -> tuple[EntryHeader, int] | None:
        source = self._source
        for match in _STREAM_START.finditer(source.view, start, source.entries_end):
            stream = match.start()
            for offset in range(stream - 1, max(start, stream - _HEADER_BYTES_MAX) - 1, -1):
                try:
                    entry = source.entry(offset)
                    if entry.payload_offset == stream:
                        return entry, self._end_of(entry, attempt=True)
                except DAMAGE:
                    continue
            if self._attempt_bytes < 0:
                self._faults.append(
                    CorruptPack(
                        "no entry was found from here on; the search was ended", offset=start, pack=_NAME
                    )
                )
                return None
        return None

    def _end_of(self, entry: EntryHeader, *, attempt: bool = False) -> int:
        """Inflate an entry, keeping nothing; return its end. Raises CorruptPack, LimitExceeded."""
        size, position = entry.size, entry.payload_offset
        if size > self._limits.object_bytes:
            raise LimitExceeded(f"the entry at offset {entry.offset} has {size} bytes", limit="object_bytes")
        end = self._source.entries_end
        inflater, made = new_inflater(), 0
        while not inflater.eof:
            piece = self._source.slice(position, min(position + BLOCK_BYTES, end))
            if not piece:
                raise CorruptPack("it ends within this entry", offset=entry.offset, pack=_NAME)
            try:
                data = inflater.decompress(piece, min(size + 1 - made, _PIECE_INFLATED_BYTES))
            except InflateError:
                raise CorruptPack("its zlib stream is broken", offset=entry.offset, pack=_NAME) from None
            finally:
                if attempt:
                    self._attempt_bytes -= len(piece)
            position += len(piece) - len(inflater.unused_data if inflater.eof else inflater.unconsumed_tail)
            made += len(data)
            if made > size:
                break
        if made != size:
            raise CorruptPack(
                f"it does not inflate to the {size} bytes of its header", offset=entry.offset, pack=_NAME
            )
        return position


class _Writer:
    """Writes objects, each delta after its base."""

    def __init__(
        self,
        repository: Repository,
        source: PackSource,
        limits: Limits,
        faults: list[CorruptData | LimitExceeded],
    ) -> None:
        self._repository = repository
        self._source = source
        self._limits = limits
        self._faults = faults
        self._by_offset: dict[int, list[EntryHeader]] = defaultdict(list)
        self._by_id: dict[ObjectId, list[EntryHeader]] = defaultdict(list)

    def written(self, entries: list[EntryHeader]) -> Iterator[ObjectId]:
        """Write what can be made of the entries, and yield each object's id."""
        for entry in entries:
            if entry.base_offset is not None:
                self._by_offset[entry.base_offset].append(entry)
            elif entry.base_oid is not None:
                self._by_id[entry.base_oid].append(entry)
        for entry in entries:
            if not entry.is_delta:
                yield from self._whole(entry)
        for oid in [oid for oid in self._by_id if oid in self._repository]:
            yield from self._descend([(None, oid)])
        for left in (*self._by_id.values(), *self._by_offset.values()):
            for entry in left:
                self._faults.append(
                    CorruptPack("the base of this delta is missing", offset=entry.offset, pack=_NAME)
                )

    def _whole(self, entry: EntryHeader) -> Iterator[ObjectId]:
        try:
            blocks = self._source.inflate_blocks(entry)
            oid = self._write(ObjectType(entry.type_code), entry.size, blocks)
        except DAMAGE as error:
            self._faults.append(error)
            return
        yield oid
        yield from self._descend([(entry.offset, oid)])

    def _descend(self, bases: list[tuple[int | None, ObjectId]]) -> Iterator[ObjectId]:
        """Write the deltas of some objects, then those of the results."""
        while bases:
            offset, base = bases.pop()
            children = self._by_id.pop(base, [])
            if offset is not None:
                children += self._by_offset.pop(offset, [])
            for entry in children:
                try:
                    oid = self._apply(entry, base)
                except DAMAGE as error:
                    self._faults.append(error)
                    continue
                yield oid
                bases.append((entry.offset, oid))

    def _apply(self, entry: EntryHeader, base: ObjectId) -> ObjectId:
        big_bytes = self._limits.big_object
        header = self._repository.header(base)
        size = delta_sizes(self._source.inflate_head(entry, DELTA_HEAD_BYTES_MAX))[1]
        if size > self._limits.object_bytes:
            raise LimitExceeded(f"the object at offset {entry.offset} has {size} bytes", limit="object_bytes")
        is_big = entry.size >= big_bytes
        delta = self._source.inflate_blocks(entry) if is_big else self._source.inflate(entry)
        if header.size < big_bytes:
            return self._write(
                header.type, size, apply_to(self._repository.read(base).data, delta, big_bytes - 1)
            )
        content = Scratch(self._repository.stream(base))
        try:
            return self._write(header.type, size, apply_to(content, delta, big_bytes - 1))
        finally:
            content.close()

    def _write(self, type_: ObjectType, size: int, blocks: Iterator[bytes]) -> ObjectId:
        if size > self._limits.structure_bytes and type_ is not ObjectType.BLOB:
            raise structure_too_large(f"a {type_.label.decode()}", size, self._limits.structure_bytes)
        if size < self._limits.big_object:
            return self._repository.write_loose(type_, b"".join(blocks))
        content = Scratch(blocks)
        try:
            digest = self._repository.object_format.new_hash(b"%s %d\0" % (type_.label, size))
            for block in content.blocks():
                digest.update(block)
            oid = ObjectId(digest.digest())
            if not is_here(self._repository.copies, oid, ObjectHeader(type_, size), content.blocks):
                self._repository.write_loose_stream(type_, size, content.blocks())
            return oid
        finally:
            content.close()
