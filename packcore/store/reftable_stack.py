r"""A stack of reftables: the files that `reftable/tables.list` names, oldest first.

    0x000000000001-0x000000000008-21e1b6db.ref      a line for each; the file of a later line decides
    0x000000000009-0x000000000009-cb0c33f6.ref

A ref that a later table deletes is absent, whatever earlier ones say. Tables never change, and no name is
used twice, so a list with the same text names the same content: it is read at each use, the tables only when
it differs. A writer that joins tables removes the old ones. If one isn't there, the list is read again; if
it still names that file, refs are lost, which is an error.
"""

from __future__ import annotations

import heapq
import re
import threading
from contextlib import contextmanager
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

from packcore.errors import CorruptData, RepositoryError, UnreadableRef
from packcore.ids import ObjectId
from packcore.refs import decode_ref_name, encode_ref_name, invalid_ref_names, is_valid_ref_name
from packcore.store.packed_refs import PackedRefs
from packcore.store.reftable import DELETED, PEELED, SYMBOLIC, Reftable, log_key

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from packcore.ids import ObjectFormat
    from packcore.store.reftable import LogRecord, RefRecord

__all__ = ["ReftableStack", "StackRefs", "merged", "merged_logs"]

_LIST_BYTES_MAX = 1024 * 1024
_TRIES = 5
_TABLE_NAME = re.compile(r"[A-Za-z0-9._-]+\.(?:ref|log)", re.ASCII)
_LINES_AT_ONCE = 10_000


class StackRefs(NamedTuple):
    """What a stack says, all tables together."""

    packed: PackedRefs
    """The refs below refs/ that hold an id."""
    symbolic: dict[str, str]
    """The symbolic ones below refs/, and what each points to."""
    outside: dict[str, ObjectId | str]
    """HEAD and its like: an id, or what it points to."""
    faults: dict[str, UnreadableRef]
    """Refs without a valid value."""


class ReftableStack:
    """One stack. Threads may share it."""

    def __init__(self, folder: Path, object_format: ObjectFormat) -> None:
        """`folder` has tables.list."""
        self.path = folder
        self._format = object_format
        self._guard = threading.Lock()
        self._read: tuple[tuple[str, ...], StackRefs] | None = None
        self._is_locked = False

    @property
    def held_bytes(self) -> int:
        """Memory in use."""
        read = self._read
        return 0 if read is None else read[1].packed.byte_count

    def close(self) -> None:
        """Forget what was read. Idempotent."""
        with self._guard:
            self._read = None

    def read(self) -> StackRefs:
        """Return what the stack says now. Raises CorruptData, RepositoryError."""
        with self._guard:
            if self._read is not None and self._is_locked:
                return self._read[1]
            names = self.names()
            if self._read is None or self._read[0] != names:
                names, tables = self._opened(names)
                self._read = names, _joined(tables, self._format)
            return self._read[1]

    @contextmanager
    def unchanging(self) -> Iterator[None]:
        """Don't look for another list in this block: the caller holds its lock. Raises as `read`."""
        self.read()
        self._is_locked = True
        try:
            yield
        finally:
            self._is_locked = False

    def tables(self) -> list[Reftable]:
        """Return the tables, oldest first, each with its file's content. Raises as `read`."""
        return self._opened(self.names())[1]

    def names(self) -> tuple[str, ...]:
        """Return the names in tables.list. Raises CorruptData, RepositoryError."""
        path = self.path / "tables.list"
        try:
            with path.open("rb") as file:
                data = file.read(_LIST_BYTES_MAX + 1)
        except FileNotFoundError:
            raise CorruptData(
                f"{path}: it is not there, so no ref is known",
                hint="restore the folder from a backup: the repository's refs are kept in it",
            ) from None
        except OSError as error:
            raise RepositoryError(f"{path}: {error.strerror}") from None
        names = tuple(data.decode("utf-8", "backslashreplace").splitlines())
        odd = next((number for number, name in enumerate(names, 1) if not _TABLE_NAME.fullmatch(name)), 0)
        if odd or len(data) > _LIST_BYTES_MAX or (data and not data.endswith(b"\n")):
            fault = f"line {odd} is no table's name" if odd else "it is cut off, or longer than any"
            raise CorruptData(f"{path}: {fault}", hint="restore the folder from a backup")
        return names

    def _opened(self, names: tuple[str, ...]) -> tuple[tuple[str, ...], list[Reftable]]:
        for _ in range(_TRIES):
            try:
                return names, [self._table(name) for name in names]
            except FileNotFoundError as error:
                before, names = names, self.names()
                if before == names:
                    raise CorruptData(
                        f"{self.path / 'tables.list'}: it names {error.filename}, which is not there",
                        hint="restore the file from a backup: refs are lost with it",
                    ) from None
        raise RepositoryError(f"{self.path}: its tables keep changing", hint="run again")

    def _table(self, name: str) -> Reftable:
        path = self.path / name
        try:
            with path.open("rb") as file:
                return Reftable(file.read(), str(path), self._format)
        except FileNotFoundError:
            raise FileNotFoundError(0, "", name) from None
        except OSError as error:
            raise RepositoryError(f"{path}: {error.strerror}") from None


def merged(tables: Sequence[Reftable]) -> Iterator[RefRecord]:
    """Yield the latest record of each ref, sorted by name, including deletions. Raises CorruptData."""
    if len(tables) == 1:
        yield from tables[0].refs()
        return
    by_age = [_numbered(table, age) for age, table in enumerate(tables)]
    for _, group in groupby(heapq.merge(*by_age), key=itemgetter(0)):
        yield next(group)[2]


def merged_logs(tables: Sequence[Reftable]) -> Iterator[LogRecord]:
    """Yield the latest record of each log entry, sorted, including deletions. Raises CorruptData."""
    by_age = [_keyed(table, age) for age, table in enumerate(tables)]
    for _, group in groupby(heapq.merge(*by_age), key=lambda row: row[0]):
        yield next(group)[2]


def _keyed(table: Reftable, age: int) -> Iterator[tuple[bytes, int, LogRecord]]:
    for record in table.logs():
        yield log_key(record), -age, record


def _numbered(table: Reftable, age: int) -> Iterator[tuple[bytes, int, RefRecord]]:
    for record in table.refs():
        yield record.name, -age, record


def _joined(tables: Sequence[Reftable], object_format: ObjectFormat) -> StackRefs:
    lines = _Lines(object_format)
    found = StackRefs(lines.table(), {}, {}, {})
    for record in merged(tables):
        if record.kind == DELETED:
            continue
        if record.kind != SYMBOLIC and record.name.startswith(b"refs/"):
            lines.add(record)
            continue
        name = decode_ref_name(record.name)
        try:
            value = _target(name, record.value) if record.kind == SYMBOLIC else ObjectId(record.value)
        except UnreadableRef as error:
            found.faults[name] = error
            continue
        if not name.startswith("refs/"):
            found.outside[name] = value
        elif isinstance(value, str):
            found.symbolic[name] = value
    return found._replace(packed=lines.table())


class _Lines:
    """Collects refs as lines of packed-refs."""

    def __init__(self, object_format: ObjectFormat) -> None:
        self._format = object_format
        self._blocks: list[bytes] = []
        self._records: list[RefRecord] = []
        self._invalid: set[bytes] = set()

    def add(self, record: RefRecord) -> None:
        self._records.append(record)
        if len(self._records) == _LINES_AT_ONCE:
            self._write()

    def table(self) -> PackedRefs:
        self._write()
        lines, invalid = b"".join(self._blocks), frozenset(self._invalid)
        return PackedRefs(lines, self._format, invalid=invalid, label="the reftable")

    def _write(self) -> None:
        names = [decode_ref_name(record.name) for record in self._records]
        self._invalid.update(map(encode_ref_name, invalid_ref_names(names)))
        self._blocks.append(b"".join(map(_line, self._records)))
        self._records.clear()


def _line(record: RefRecord) -> bytes:
    name, kind, oid, peeled, _ = record
    if kind == PEELED:
        return b"%b %b\n^%b\n" % (oid.hex().encode(), name, peeled.hex().encode())
    return b"%b %b\n" % (oid.hex().encode(), name)


def _target(name: str, value: bytes) -> str:
    """Return the ref that a symbolic one points to. Raises UnreadableRef."""
    target = decode_ref_name(value)
    if name.startswith("refs/") and not is_valid_ref_name(name):
        raise UnreadableRef(name, "it is not a valid ref name")
    if not target.startswith("refs/") or not is_valid_ref_name(target):
        raise UnreadableRef(name, f"it points to {target[:80]!r}, which is no ref's name")
    return target
