r"""A streaming parser of packs: any iterable of byte blocks in, one item for each entry out.

    reader = PackReader(blocks, object_format=SHA1)     reads the header: reader.version, reader.count
    for item in reader: ...                             PackItem by PackItem, in pack order
    reader.checksum, reader.pack_bytes                  known after the loop

`packcore.pack.format` describes the format. The reader checks signature, version, count and types; that no
delta is shorter than git accepts; that each stream inflates to exactly the size in its header; the digest in
the trailer; and that nothing follows the trailer. It passes deltas on as they are: `packcore.pack.resolve`
applies them.

Memory: one window of the pack (256 KiB and a block), and the current item. An entry of `Limits.big_object` or
more is never whole in memory: an object is hashed in pieces, a delta is only checked, and both come without
their data. Nothing is allocated just because a header says so.

Speed: an entry is inflated from the window with one call, from a slice only a little longer than the entry
can be, since zlib copies everything behind the end of the stream.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from packcore.deflate import InflateError, crc32, new_inflater
from packcore.delta.codec import DELTA_BYTES_MIN
from packcore.errors import CorruptPack, LimitExceeded, pack_too_large, structure_too_large
from packcore.ids import ObjectId
from packcore.limits import BLOCK_BYTES, KIB, Limits
from packcore.objects import ObjectType
from packcore.pack.format import (
    ENTRY_HEADER_BYTES_MAX,
    OFS_DELTA,
    PACK_HEADER_BYTES,
    REF_DELTA,
    TYPE_NAMES,
    decode_pack_header,
)
from packcore.varint import INTEGER_MAX

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from packcore.ids import ObjectFormat

__all__ = ["PackItem", "PackReader"]

_WINDOW_BYTES = 256 * KIB
_ENTRY_BYTES_MIN = 9
"""One byte of header, and the shortest zlib stream. With the trailer, that is what follows an entry's start
at least, and a header is never longer than that."""
_PIECE_INFLATED_BYTES = 256 * KIB
_LABELS = {int(type_): type_.label for type_ in ObjectType}
_STRUCTURES = frozenset(_LABELS) - {ObjectType.BLOB}


class PackItem(NamedTuple):
    """One entry of a pack stream."""

    offset: int
    """Where its header starts, in bytes from the start of the pack."""
    type_code: int
    """1 to 4: an object; OFS_DELTA or REF_DELTA: a delta."""
    size: int
    """Inflated size: of the object, or of the delta."""
    payload_offset: int
    """Where its zlib stream starts."""
    end_offset: int
    """Where the next entry, or the trailer, starts."""
    crc32: int
    """Of the bytes of the entry, including its header."""
    oid: ObjectId | None
    """The id of the object; None for a delta."""
    base_offset: int | None
    """Where the base of an ofs-delta starts."""
    base_oid: ObjectId | None
    """The id of the base of a ref-delta."""
    data: bytes | None
    """The inflated bytes; None from `Limits.big_object` on."""


_Row = tuple[int, int, int, int, int, int, ObjectId | None, int | None, ObjectId | None, bytes | None]


class PackReader:
    """Parses one pack. Iterate only once.

    Raises CorruptPack with the offset where the bytes break the format or end, LimitExceeded for
    `pack_bytes`, `pack_objects` and `object_bytes`, and whatever the iterator of the blocks raises.
    `window_bytes` is for tests: the number of bytes to gather before parsing continues.
    With `lasting` the blocks come over a connection that stays open, so none is asked for beyond the trailer.
    """

    def __init__(
        self,
        blocks: Iterable[bytes],
        *,
        object_format: ObjectFormat,
        limits: Limits = Limits(),  # noqa: B008 -- frozen
        window_bytes: int = _WINDOW_BYTES,
        lasting: bool = False,
    ) -> None:
        self.object_format = object_format
        self.pack_bytes = 0
        """The size of the whole pack, once it was read."""
        self.checksum = b""
        """The digest in the trailer, once it was read and verified."""
        self._blocks = iter(blocks)
        self._limits = limits
        self._lasting = lasting
        self._window_bytes = 1 if lasting else max(window_bytes, 1)
        self._header_bytes = _ENTRY_BYTES_MIN + object_format.digest_size
        self._digest = object_format.new_hash()
        self._buffer = b""
        self._view = memoryview(b"")
        self._position = 0  # in the buffer
        self._origin = 0  # the buffer's first byte, in the pack
        self._ended = False
        self._crc = 0  # of the current entry, as far as it has left the buffer
        self._crc_position = 0  # where in the buffer the rest of it starts
        self._fill(PACK_HEADER_BYTES)
        self.version, self.count = decode_pack_header(self._buffer[:PACK_HEADER_BYTES])
        if self.count > limits.pack_objects:
            raise LimitExceeded(
                f"a pack of {self.count} objects; the limit is {limits.pack_objects}", limit="pack_objects"
            )
        self._position = PACK_HEADER_BYTES

    def __iter__(self) -> Iterator[PackItem]:
        return map(PackItem._make, self.rows())

    def rows(self) -> Iterator[_Row]:
        """Yield each entry as a plain tuple of the fields of PackItem, for loops over a million entries."""
        # One flat loop with only local names: it runs once for each entry of every received pack.
        new_hash = self.object_format.new_hash
        digest_size = self.object_format.digest_size
        big_bytes = self._limits.big_object
        checked_bytes = min(big_bytes, self._limits.structure_bytes + 1)
        labels = _LABELS
        inflater_of = new_inflater
        crc_of = crc32
        for _ in range(self.count):
            if len(self._buffer) - self._position < ENTRY_HEADER_BYTES_MAX:
                self._fill(self._header_bytes)
            buffer = self._buffer
            view = self._view
            start = position = self._position
            offset = self._origin + start
            base_offset = base_oid = None
            try:
                byte = buffer[position]
                position += 1
                type_code = byte >> 4 & 7
                size = byte & 0x0F
                if byte & 0x80:
                    shift = 4
                    while byte & 0x80 and shift < 67:
                        byte = buffer[position]
                        position += 1
                        size |= (byte & 0x7F) << shift
                        shift += 7
                    if size > INTEGER_MAX or byte & 0x80:
                        raise CorruptPack("the entry's size is larger than 63 bits", offset=offset)
                if type_code == OFS_DELTA:
                    byte = buffer[position]
                    position += 1
                    distance = byte & 0x7F
                    while byte & 0x80:
                        byte = buffer[position]
                        position += 1
                        distance = (distance + 1) << 7 | byte & 0x7F
                        if distance > offset:
                            break
                    base_offset = offset - distance
                    if distance == 0 or base_offset < PACK_HEADER_BYTES:
                        raise CorruptPack("the delta's base lies outside the pack's entries", offset=offset)
            except IndexError:
                raise self._truncated("an entry's header", len(buffer)) from None
            if type_code == REF_DELTA:
                base_oid = ObjectId(buffer[position : position + digest_size])
                position += digest_size
                if position > len(buffer):
                    raise self._truncated("an entry's header", len(buffer))
            elif type_code not in TYPE_NAMES:
                raise CorruptPack(f"the entry has type {type_code}, which doesn't exist", offset=offset)
            if size < DELTA_BYTES_MIN and type_code >= OFS_DELTA:
                raise CorruptPack(
                    f"a delta of {size} bytes; none is shorter than {DELTA_BYTES_MIN}", offset=offset
                )
            payload_offset = self._origin + position
            if size >= checked_bytes:
                self._check_size(type_code, size, offset)
            if size >= big_bytes:
                oid = self._pass_big(offset, start, position, type_code, size)
                yield (
                    offset, type_code, size, payload_offset, self._origin + self._position, self._crc,
                    oid, base_offset, base_oid, None,
                )  # fmt: skip
                continue
            inflater = inflater_of()
            stop = position + size + (size >> 9) + 80
            try:
                data = inflater.decompress(view[position:stop], size + 1)
            except InflateError as error:
                raise _broken(error, offset) from None
            if inflater.eof:
                stop = min(stop, len(buffer)) - len(inflater.unused_data)
                self._position = stop
                crc = crc_of(view[start:stop])
                end_offset = self._origin + stop
                if len(data) != size:
                    raise _wrong_size(len(data), size, offset)
            else:
                # Rare: the entry continues behind the window, or is padded with empty deflate blocks.
                self._start_crc(start)
                position = min(stop, len(buffer)) - len(inflater.unconsumed_tail)
                pieces = [data, *self._inflate_on(inflater, offset, position, size, len(data))]
                data = b"".join(pieces)
                crc = self._crc
                end_offset = self._origin + self._position
            if base_offset is None and base_oid is None:
                digest = new_hash(b"%s %d\0" % (labels[type_code], size))
                digest.update(data)
                oid = ObjectId(digest.digest())
            else:
                oid = None
            yield offset, type_code, size, payload_offset, end_offset, crc, oid, base_offset, base_oid, data
        self._read_trailer()

    def _check_size(self, type_code: int, size: int, offset: int) -> None:
        limits = self._limits
        if size > limits.object_bytes:
            raise LimitExceeded(
                f"the object at offset {offset} has {size} bytes; the limit is {limits.object_bytes}",
                limit="object_bytes",
            )
        if size > limits.structure_bytes and type_code in _STRUCTURES:
            what = f"the {_LABELS[type_code].decode()} at offset {offset}"
            raise structure_too_large(what, size, limits.structure_bytes)

    def _pass_big(self, offset: int, start: int, position: int, type_code: int, size: int) -> ObjectId | None:
        """Inflate an entry in pieces; return its id if it is an object."""
        self._start_crc(start)
        pieces = self._inflate_on(new_inflater(), offset, position, size, 0)
        if type_code not in _LABELS:
            for _ in pieces:
                pass
            return None
        digest = self.object_format.new_hash(b"%s %d\0" % (_LABELS[type_code], size))
        for piece in pieces:
            digest.update(piece)
        return ObjectId(digest.digest())

    def _inflate_on(self, inflater: Any, offset: int, position: int, size: int, made: int) -> Iterator[bytes]:
        """Yield the rest of a stream, after `made` bytes came out of the input up to `position`.

        Afterwards the reader is behind the stream, and `_crc` covers the whole entry.
        """
        while not inflater.eof:
            if made > size:
                raise _wrong_size(made, size, offset)
            if position == len(self._buffer):
                self._position = position
                self._fill(1)
                position = self._position
                if position == len(self._buffer):
                    raise self._truncated("an entry", position)
            piece = self._view[position : position + BLOCK_BYTES]
            try:
                data = inflater.decompress(piece, min(size + 1 - made, _PIECE_INFLATED_BYTES))
            except InflateError as error:
                raise _broken(error, offset) from None
            # At the end, the input left over is in unused_data, and possibly in unconsumed_tail as well.
            rest = inflater.unused_data if inflater.eof else inflater.unconsumed_tail
            position += len(piece) - len(rest)
            made += len(data)
            yield data
        if made != size:
            raise _wrong_size(made, size, offset)
        self._position = position
        self._crc = crc32(self._view[self._crc_position : self._position], self._crc)

    def _start_crc(self, start: int) -> None:
        self._crc = 0
        self._crc_position = start

    def _fill(self, wanted: int) -> None:
        """Drop what was read, then buffer a window of bytes: at least `wanted`, or fewer at the end."""
        position = self._position
        if self._crc_position < position:
            self._crc = crc32(self._view[self._crc_position : position], self._crc)
        self._crc_position = 0
        self._digest.update(self._view[:position])
        self._origin += position
        parts: list[bytes | memoryview] = [self._view[position:]]
        held = len(parts[0])
        target = max(wanted, self._window_bytes)
        while held < target and not self._ended:
            block = next(self._blocks, None)
            if block is None:
                self._ended = True
                break
            parts.append(block)
            held += len(block)
        self._buffer = b"".join(parts)
        self._view = memoryview(self._buffer)
        self._position = 0
        if self._origin + held > self._limits.pack_bytes:
            raise pack_too_large(self._limits.pack_bytes)

    def _read_trailer(self) -> None:
        digest_size = self.object_format.digest_size
        self._fill(digest_size)
        found = self._buffer[:digest_size]
        if len(found) < digest_size:
            raise self._truncated("its trailer", len(self._buffer))
        if found != self._digest.digest():
            raise CorruptPack(
                f"its trailer says {found.hex()}, its bytes give {self._digest.hexdigest()}",
                offset=self._origin,
            )
        self.pack_bytes = self._origin + digest_size
        trailing = len(self._buffer) > digest_size or (not self._lasting and any(self._blocks))
        if trailing:
            raise CorruptPack("bytes follow its trailer", offset=self.pack_bytes)
        self.checksum = found

    def _truncated(self, what: str, position: int) -> CorruptPack:
        return CorruptPack(f"it ends within {what}", offset=self._origin + position)


def _broken(error: Exception, offset: int) -> CorruptPack:
    reason = str(error).rpartition(": ")[2][:80]
    return CorruptPack(f"the entry's zlib stream is broken: {reason}", offset=offset)


def _wrong_size(made: int, size: int, offset: int) -> CorruptPack:
    how = f"more than the {size}" if made > size else f"{made} of the {size}"
    return CorruptPack(f"the entry inflates to {how} bytes that its header says", offset=offset)
