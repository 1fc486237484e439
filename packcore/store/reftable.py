r"""One reftable file: refs sorted by name in blocks, and the log of their changes (reftable in git's docs).

    header   REFT, version (1), block size (3), smallest and largest update index (8 each);
             version 2 adds the hash: sha1 or s256 (4)
    r        ref blocks; the first one shares its block with the header
    i        index over the ref blocks, of one or more levels, the root last
    o  i     ids to ref blocks, and their index; not read here
    g  i     log blocks, deflated, and their index
    footer   the header again; the positions of index, ids, their index, log, its index (8 each); CRC-32

    block    type (1), length (3), records, offsets of restarts (3 each), their number (2), NULs as padding
    record   bytes shared with the name before, bytes of its own << 3 | type, those bytes, the value

Lengths and counts in records are varints, as in an ofs-delta. Only the footer has a checksum. So a table is
always read whole and every statement in it is compared with the others: names rise, each restart and each
entry of the index matches what it points to, and nothing but padding lies between blocks. A look-up through
a damaged index could miss a ref; this way damage is an error, with the file and the offset.

>>> from packcore.ids import SHA1
>>> head = b"REFT\1" + bytes(3) + (1).to_bytes(8, "big") + (1).to_bytes(8, "big")
>>> foot = head + bytes(40)
>>> table = Reftable(head + foot + crc32(foot).to_bytes(4, "big"), "empty.ref", SHA1)
>>> list(table.refs()), table.update_index_max
([], 1)
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from packcore.deflate import crc32, inflate_at
from packcore.errors import CorruptData
from packcore.ids import ObjectId
from packcore.varint import decode_ofs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packcore.ids import ObjectFormat

__all__ = ["LogRecord", "RefRecord", "Reftable", "log_key"]

DELETED, DIRECT, PEELED, SYMBOLIC = range(4)
"""Types of a ref's value: none, an id, a tag's id and what it resolves to, the name of another ref."""

INDEX_MAX = 0xFFFFFFFFFFFFFFFF
HASH_NAMES = {b"sha1": "sha1", b"s256": "sha256"}
"""What the header of version 2 calls the hashes."""

_HEADER_BYTES = {1: 24, 2: 28}
_FOOTER_MORE_BYTES = 44
_BLOCK_HEAD_BYTES = 4
_INDEX = ord("i")
_CONTROL = re.compile(rb"[\x00-\x1f\x7f]")
"""Never in a name, so a length that takes in more than the name is seen."""
_NAME_BYTES_MAX = 65_000
"""As in packed-refs: a longer name fits neither a line of the protocol nor a file's path."""
_HINT = "restore the file from a backup; `git refs verify` of git 2.50 checks it, too"


class RefRecord(NamedTuple):
    """A ref in one table."""

    name: bytes
    kind: int
    """DELETED, DIRECT, PEELED or SYMBOLIC."""
    value: bytes
    """An id, the name that a symbolic ref points to, or nothing."""
    peeled: bytes
    update_index: int
    """The number of the transaction that made the change."""


class LogRecord(NamedTuple):
    """One change of a ref, as its log has it."""

    name: bytes
    update_index: int
    entry: bytes
    """The old and the new id, who changed it and when, as stored; empty if the entry was deleted."""

    def ids(self, object_format: ObjectFormat) -> tuple[ObjectId, ObjectId]:
        """Return the old and the new id; for an entry that is there."""
        size = object_format.digest_size
        return ObjectId(self.entry[:size]), ObjectId(self.entry[size : 2 * size])

    def seconds(self, object_format: ObjectFormat) -> int:
        """Return when the change was made, since 1970; for an entry that is there."""
        return _varint(self.entry, self._behind_the_name(object_format))[0]

    def message(self, object_format: ObjectFormat) -> bytes:
        """Return why it was made, a line without its end; for an entry that is there."""
        _, at = _varint(self.entry, self._behind_the_name(object_format))
        length, at = _varint(self.entry, at + 2)  # behind the time zone
        return self.entry[at : at + length].rstrip(b"\n")

    def _behind_the_name(self, object_format: ObjectFormat) -> int:
        at = 2 * object_format.digest_size
        for _ in range(2):  # name and mail
            length, at = _varint(self.entry, at)
            at += length
        return at


class _Block(NamedTuple):
    """Where a block is, and its records."""

    start: int
    records: int
    """Where the first record begins."""
    restarts: int
    """Where the records end and the offsets of restarts begin."""
    end: int


class Reftable:
    """One table. Opening checks header and footer; `refs` and `logs` check all that they read."""

    def __init__(self, data: bytes, path: str, object_format: ObjectFormat) -> None:
        """Read header and footer of `path`'s content. Raises CorruptData."""
        self.path = path
        self.data = data
        self._format = object_format
        if data[:4] != b"REFT" or len(data) < _HEADER_BYTES[1]:
            raise self._fault(0, "it does not begin with REFT")
        version = data[4]
        if version not in _HEADER_BYTES:
            raise self._fault(4, f"it has version {version}; 1 and 2 are known")
        self._header_bytes = _HEADER_BYTES[version]
        self._end = len(data) - self._header_bytes - _FOOTER_MORE_BYTES
        """Where the footer begins."""
        if self._end < self._header_bytes:
            raise self._fault(len(data), "it is cut off before its footer")
        self._block_size = int.from_bytes(data[5:8], "big")
        self.update_index_min = int.from_bytes(data[8:16], "big")
        self.update_index_max = int.from_bytes(data[16:24], "big")
        hash_name = "sha1" if version == 1 else HASH_NAMES.get(data[24:28])
        if hash_name != object_format.name:
            named = hash_name or repr(data[24:28])
            raise self._fault(
                24, f"its ids are made with {named}, the repository's with {object_format.name}"
            )
        footer = data[self._end :]
        if crc32(footer[:-4]) != int.from_bytes(footer[-4:], "big"):
            raise self._fault(self._end, "its footer has another checksum than it says")
        if footer[: self._header_bytes] != data[: self._header_bytes]:
            raise self._fault(self._end, "its footer and its header differ")
        if self.update_index_min > self.update_index_max:
            raise self._fault(8, "its smallest update index is above its largest")
        positions = [
            int.from_bytes(footer[at : at + 8], "big") for at in range(self._header_bytes, len(footer) - 4, 8)
        ]
        self._ref_index, self._ids, self._id_index, self._log, self._log_index = positions
        self._ids >>= 5  # the low bits tell how many bytes of an id are kept there
        for position in (self._ref_index, self._ids, self._id_index, self._log, self._log_index):
            if position >= self._end:
                raise self._fault(self._end, f"its footer has the position {position}, outside the blocks")

    @property
    def byte_count(self) -> int:
        """The size of the file."""
        return len(self.data)

    # Refs

    def refs(self) -> Iterator[RefRecord]:
        """Yield every ref, sorted by name. Raises CorruptData."""
        last = b""
        blocks: list[tuple[bytes, int]] = []
        for block in self._blocks(b"r", 0, self._ref_index or self._ids or self._log or self._end):
            for record in self._refs_of(block, last):
                last = record.name
                yield record
            blocks.append((last, block.start))
        if self._ref_index:
            self._check_index(self._ref_index, blocks)

    def _refs_of(self, block: _Block, last: bytes) -> Iterator[RefRecord]:
        data, size = self.data[block.start : block.restarts], self._format.digest_size
        at, end = block.records - block.start, block.restarts - block.start
        restarts = self._restarts(block)
        name = b""
        names: list[bytes] = []
        while at < end:
            start = at
            try:
                shared, at = _varint(data, at)
                own, at = _varint(data, at)
                kind = own & 7
                tail = at + (own >> 3)
                name = name[:shared] + data[at:tail]
                later, at = _varint(data, tail)
                value = peeled = b""
                if kind == DIRECT:
                    value = data[at : at + size]
                    at += size
                elif kind == PEELED:
                    value, peeled = data[at : at + size], data[at + size : at + 2 * size]
                    at += 2 * size
                elif kind == SYMBOLIC:
                    length, at = _varint(data, at)
                    value = data[at : at + length]
                    at += length
                elif kind != DELETED:
                    raise self._fault(block.start + start, f"a ref has a value of the unknown type {kind}")
            except (IndexError, CorruptData) as error:
                raise self._cut(error, block.start + start) from None
            if at > end:
                raise self._fault(block.start + start, "a record is cut off")
            if name <= last:
                shown = name[:80].decode("utf-8", "backslashreplace")
                raise self._fault(block.start + start, f"{shown!r} is not in order")
            if start in restarts and shared:
                raise self._fault(block.start + start, "a restart points to an abridged name")
            restarts.discard(start)
            last = name
            names.append(name)
            yield RefRecord(name, kind, value, peeled, self.update_index_min + later)
        if restarts:
            raise self._fault(block.start + min(restarts), "a restart points to no record")
        if _CONTROL.search(b"".join(names)) or max(map(len, names)) > _NAME_BYTES_MAX:
            raise self._fault(block.start, "a ref has an impossible name")

    # Logs

    def logs(self) -> Iterator[LogRecord]:
        """Yield every log entry, sorted by name, newest first. Raises CorruptData."""
        first_type = self.data[self._header_bytes : self._header_bytes + 1]
        if not self._log and (first_type != b"g" or self._end == self._header_bytes):
            return
        last = b""
        at, end = self._log, self._log_index or self._end
        while at < end:
            start = at + (0 if at else self._header_bytes)
            if self.data[start : start + 1] == b"i" and self._log_index:
                return  # a lower level of the index; the log needs none to be read whole
            inflated, at = self._inflated(start, start - at + _BLOCK_HEAD_BYTES)
            for record in self._logs_of(inflated, start, last):
                last = log_key(record)
                yield record

    def _inflated(self, start: int, counted: int) -> tuple[bytes, int]:
        """Return a log block's bytes and where the next one begins.

        `counted` bytes before the deflated ones are part of the block's length.
        """
        head = self.data[start : start + _BLOCK_HEAD_BYTES]
        if head[:1] != b"g":
            raise self._fault(start, f"there is a block of type {head[:1]!r}, not b'g'")
        size = int.from_bytes(head[1:], "big") - counted
        try:
            body, end = inflate_at(self.data, start + _BLOCK_HEAD_BYTES, max(size, 0))
        except CorruptData as error:
            raise self._fault(start, f"a log block: {error}") from None
        return head + body, end

    def _logs_of(self, data: bytes, start: int, last: bytes) -> Iterator[LogRecord]:
        """Yield the records of an inflated block, whose keys must be above `last`."""
        size = self._format.digest_size
        block = self._framed(data, 0, _BLOCK_HEAD_BYTES, len(data), start)
        at, key = block.records, b""
        while at < block.restarts:
            try:
                shared, at = _varint(data, at)
                own, at = _varint(data, at)
                tail = at + (own >> 3)
                key, at = key[:shared] + data[at:tail], tail
                first = at
                if own & 7:
                    at += 2 * size
                    for _ in range(2):  # name and mail
                        length, at = _varint(data, at)
                        at += length
                    _, at = _varint(data, at)  # seconds
                    length, at = _varint(data, at + 2)  # behind the time zone
                    at += length
            except (IndexError, CorruptData) as error:
                raise self._cut(error, start) from None
            name, nul, index = key[:-9], key[-9:-8], key[-8:]
            if at > block.restarts or key <= last or nul != b"\0" or own & 7 > 1:
                raise self._fault(start, "a log block has an invalid record")
            last = key
            yield LogRecord(name, INDEX_MAX - int.from_bytes(index, "big"), data[first:at])

    # Blocks

    def _blocks(self, kind: bytes, start: int, limit: int) -> Iterator[_Block]:
        """Yield the blocks of one type from `start` up to `limit`, or up to an index before it."""
        at = start
        while at < limit:
            first = at + (0 if at else self._header_bytes)
            if first >= limit:
                return  # an empty table
            found = self.data[first : first + 1]
            if found != kind:
                if (found == b"i" and self._ref_index) or (found == b"g" and not at and not self._log):
                    return  # lower levels of an index; a table of logs alone
                raise self._fault(first, f"there is a block of type {found!r}, not {kind!r}")
            length = int.from_bytes(self.data[first + 1 : first + 4], "big")
            block = self._framed(self.data, at, first + _BLOCK_HEAD_BYTES, at + length, at)
            yield block
            at = self._behind(block, limit)

    def _framed(self, data: bytes, start: int, records: int, end: int, shown: int) -> _Block:
        """Return a block's parts after checking that they fit."""
        restart_count = int.from_bytes(data[end - 2 : end], "big") if records + 2 <= end else 0
        restarts = end - 2 - 3 * restart_count
        if end > max(len(data), self._end) or not restart_count or restarts <= records:
            raise self._fault(shown, "a block has an impossible length")
        return _Block(start, records, restarts, end)

    def _behind(self, block: _Block, limit: int) -> int:
        """Return where the next block begins, behind the padding."""
        if block.end > limit:
            raise self._fault(block.start, "a block reaches into the next part of the file")
        if block.end == limit or self.data[block.end]:
            return block.end
        after = block.start + self._block_size
        if not block.end < after <= limit or any(self.data[block.end : after]):
            raise self._fault(block.end, "there is neither a block nor padding")
        return after

    def _restarts(self, block: _Block) -> set[int]:
        table = self.data[block.restarts : block.end - 2]
        return {int.from_bytes(table[at : at + 3], "big") for at in range(0, len(table), 3)}

    def _check_index(self, root: int, blocks: list[tuple[bytes, int]]) -> None:
        """Raise CorruptData unless the index leads to exactly these blocks, each by its last name.

        The root is one block, or a few side by side.
        """
        end = self._ids or self._log or self._end
        level = [entry for block in self._blocks(b"i", root, end) for entry in self._index_of(block)]
        while level and self.data[level[0][1]] == _INDEX and len(level) <= len(blocks):
            below: list[tuple[bytes, int]] = []
            for last, at in level:
                length = int.from_bytes(self.data[at + 1 : at + 4], "big")
                block = self._framed(self.data, at, at + _BLOCK_HEAD_BYTES, at + length, at)
                entries = list(self._index_of(block))
                if entries[-1][0] != last:
                    raise self._fault(at, "a part of the index does not end as it should")
                below += entries
            level = below
        if level != blocks:
            raise self._fault(root, "the index of the refs does not match them")

    def _index_of(self, block: _Block) -> Iterator[tuple[bytes, int]]:
        data, at, name = self.data[: block.restarts], block.records, b""
        while at < block.restarts:
            start = at
            try:
                shared, at = _varint(data, at)
                own, at = _varint(data, at)
                tail = at + (own >> 3)
                name = name[:shared] + data[at:tail]
                position, at = _varint(data, tail)
            except (IndexError, CorruptData) as error:
                raise self._cut(error, start) from None
            if position >= block.start:
                raise self._fault(start, "an index points forward")
            yield name, position

    # Faults

    def _cut(self, error: Exception, at: int) -> CorruptData:
        if isinstance(error, CorruptData) and str(error).startswith(self.path):
            return error
        return self._fault(at, "a record is cut off, or has an impossible number")

    def _fault(self, at: int, message: str) -> CorruptData:
        return CorruptData(f"{self.path}: at offset {at}: {message}", hint=_HINT)


def log_key(record: LogRecord) -> bytes:
    """Return what log records are sorted by: the name, then the newest first."""
    return b"%b\0%b" % (record.name, (INDEX_MAX - record.update_index).to_bytes(8, "big"))


def _varint(data: bytes, at: int) -> tuple[int, int]:
    byte = data[at]
    return (byte, at + 1) if byte < 0x80 else decode_ofs(data, at)
