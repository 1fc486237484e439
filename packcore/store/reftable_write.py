r"""Writes one reftable, and joins several (`packcore.store.reftable` has the format).

    header, ref blocks, their index, log blocks, their index, footer

Blocks of refs and of indexes are padded to the block size if another one follows, as git writes them. The
index from ids to blocks is left out: it is optional, and nothing here looks refs up by id. A part with more
than one block gets an index, of as many levels as it takes for the last one to be a single block.

A transaction is a new table at the end of a stack. So that there are never many, it takes in the tables
before it while they are less than twice as large (git's rule), with all that their refs and logs say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from packcore.deflate import crc32, deflate
from packcore.delta.match import common_prefix
from packcore.ids import SHA1
from packcore.store.reftable import DELETED, HASH_NAMES, SYMBOLIC, Reftable, log_key
from packcore.store.reftable_stack import merged, merged_logs
from packcore.varint import encode_ofs

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from packcore.ids import ObjectFormat
    from packcore.store.reftable import LogRecord, RefRecord

__all__ = ["joined_table", "table_bytes", "taken_in"]

BLOCK_BYTES = 4096
"""git's default."""
_BLOCK_BYTES_MAX = (1 << 24) - 1
_RESTART_EVERY = 16
_FACTOR = 2
_ENTRY_BYTES_MORE = 64
"""What a block and a record need beside the record's key and value."""


class _Entry(NamedTuple):
    """A record, before its key is abridged."""

    key: bytes
    kind: int
    value: bytes


def table_bytes(
    refs: Iterable[RefRecord],
    logs: Iterable[LogRecord],
    update_indexes: tuple[int, int],
    object_format: ObjectFormat,
) -> bytes:
    """Return a table with these sorted records, which covers the update indexes from one to the other."""
    ref_entries = [_Entry(ref.name, ref.kind, _value(ref, update_indexes[0])) for ref in refs]
    log_entries = [_Entry(log_key(log), 1 if log.entry else 0, log.entry) for log in logs]
    longest = max((len(key) + len(value) for key, _, value in (*ref_entries, *log_entries)), default=0)
    block_bytes = BLOCK_BYTES
    while block_bytes < longest + _ENTRY_BYTES_MORE:
        block_bytes = min(2 * block_bytes, _BLOCK_BYTES_MAX)
    header = _header(block_bytes, update_indexes, object_format)
    writer = _Writer(header, block_bytes)
    _, ref_index = writer.part(b"r", ref_entries)
    log, log_index = writer.part(b"g", log_entries)
    footer = header + b"".join(at.to_bytes(8, "big") for at in (ref_index, 0, 0, log, log_index))
    return bytes(writer.out) + footer + crc32(footer).to_bytes(4, "big")


def joined_table(tables: Sequence[Reftable], object_format: ObjectFormat, *, is_base: bool) -> bytes:
    """Return one table that says what these neighbours of a stack do, oldest first.

    In the base of the stack, nothing is left that a deletion could hide. Raises CorruptData.
    """
    refs = (ref for ref in merged(tables) if not is_base or ref.kind != DELETED)
    logs = (log for log in merged_logs(tables) if not is_base or log.entry)
    indexes = tables[0].update_index_min, max(table.update_index_max for table in tables)
    return table_bytes(refs, logs, indexes, object_format)


def taken_in(sizes: Sequence[int], size: int) -> int:
    """Return how many of the last tables, given the sizes of all, a new one of `size` bytes takes in."""
    count = 0
    while count < len(sizes) and sizes[-1 - count] < _FACTOR * size:
        size += sizes[-1 - count]
        count += 1
    return count


def _value(ref: RefRecord, update_index_min: int) -> bytes:
    body = encode_ofs(len(ref.value)) + ref.value if ref.kind == SYMBOLIC else ref.value + ref.peeled
    return encode_ofs(ref.update_index - update_index_min) + body


def _header(block_bytes: int, update_indexes: tuple[int, int], object_format: ObjectFormat) -> bytes:
    low, high = (index.to_bytes(8, "big") for index in update_indexes)
    sizes = block_bytes.to_bytes(3, "big") + low + high
    if object_format is SHA1:
        return b"REFT\1" + sizes
    return b"REFT\2" + sizes + next(short for short, name in HASH_NAMES.items() if name == object_format.name)


class _Writer:
    """The bytes of a table up to its footer."""

    def __init__(self, header: bytes, block_bytes: int) -> None:
        self.out = bytearray(header)
        self._header_bytes = len(header)
        self._block_bytes = block_bytes
        self._padding = 0
        """NUL bytes to write before another block."""

    def part(self, kind: bytes, entries: Sequence[_Entry]) -> tuple[int, int]:
        """Write blocks of one kind, and their index; return where both start, 0 for what isn't there."""
        if kind == b"g":
            self._padding = 0  # the log follows without any
        start = self._next() if entries else 0
        level, root = self._level(kind, entries), 0
        while len(level) > 1:
            root = self._next()
            level = self._level(b"i", level)
        return start, root

    def _next(self) -> int:
        """Return where the next block starts. The first one shares its block with the header."""
        at = len(self.out)
        return 0 if at == self._header_bytes else at + self._padding

    def _level(self, kind: bytes, entries: Sequence[_Entry]) -> list[_Entry]:
        """Write blocks; return an entry for each, for the index."""
        index: list[_Entry] = []
        done = 0
        while done < len(entries):
            start = self._next()
            done = self._block(kind, entries, done)
            index.append(_Entry(entries[done - 1].key, 0, encode_ofs(start)))
        return index

    def _block(self, kind: bytes, entries: Sequence[_Entry], first: int) -> int:
        """Write one block, as full as can be; return the first entry that is not in it."""
        head = 4 + (self._header_bytes if len(self.out) == self._header_bytes else 0)
        body, restarts = bytearray(), bytearray()
        key, at = b"", first
        while at < len(entries):
            entry = entries[at]
            is_restart = (at - first) % _RESTART_EVERY == 0
            shared = 0 if is_restart else common_prefix(key, 0, entry.key, 0, min(len(key), len(entry.key)))
            own = entry.key[shared:]
            record = encode_ofs(shared) + encode_ofs(len(own) << 3 | entry.kind) + own + entry.value
            size = head + len(body) + len(record) + len(restarts) + 3 * is_restart + 2
            if size > self._block_bytes and at > first:
                break
            if is_restart:
                restarts += (head + len(body)).to_bytes(3, "big")
            body += record
            key, at = entry.key, at + 1
        rest = bytes(body + restarts) + (len(restarts) // 3).to_bytes(2, "big")
        length = head + len(rest)
        self.out += bytes(self._padding) + kind + length.to_bytes(3, "big")
        self.out += deflate(rest) if kind == b"g" else rest
        self._padding = 0 if kind == b"g" else self._block_bytes - length
        return at
