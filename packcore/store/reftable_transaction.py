"""Changes refs in reftables: a new table for each transaction (reftable, "Update transactions").

    1  tables.list.lock is taken: no other program changes any ref of this stack now
    2  each ref is compared with what the caller saw, and each name with its neighbours
    3  the new table is written beside the others and synced; it is read back, as every table is read
    4  the new tables.list, with that name at the end, replaces the old one: all changes are visible at once
    5  the tables that the new one took in are removed

git takes the same lock. A table that git is just joining with others has a lock of its own; such a table, and
those before it, are left as they are. A process killed before step 4 has changed nothing; a table that isn't
listed means nothing, and git removes it some day. A linked worktree's own refs are in a second stack, so a
transaction over both may be seen half done.
"""

from __future__ import annotations

import os
import secrets
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, NamedTuple

from packcore.errors import PackcoreError, RefMoved, RepositoryError, UnreadableRef
from packcore.ids import ObjectId
from packcore.refs import check_ref_name, encode_ref_name
from packcore.store.reftable import DELETED, DIRECT, PEELED, SYMBOLIC, LogRecord, RefRecord, Reftable, log_key
from packcore.store.reftable_write import joined_table, table_bytes, taken_in
from packcore.store.temporaries import Temporary, sync_folder
from packcore.varint import encode_ofs

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from packcore.ids import ObjectFormat
    from packcore.store.ref_batch import Peeled
    from packcore.store.ref_lock import HeldLock
    from packcore.store.reftable_reading import ReftableReading
    from packcore.store.reftable_stack import ReftableStack

__all__ = ["Asked", "Transaction"]


class Asked(NamedTuple):
    """One requested change."""

    name: str
    old: ObjectId | None
    """What the ref must hold: zero if it must not exist, None for anything."""
    new: ObjectId | str
    """An id, zero to delete the ref itself, or the name that it shall point to."""


class Transaction:
    """Changes of refs that appear together."""

    def __init__(self, refs: ReftableReading, peeled: Peeled | None = None) -> None:
        """`peeled` returns what annotated tags resolve to; without it, readers look that up."""
        self._refs = refs
        self._peeled = peeled
        self._made: dict[str, Asked] = {}
        """The changes to make, by the name of the ref that changes."""
        self._gone: set[str] = set()
        """Those of them that are deleted."""
        self._folders: set[str] = set()
        """What the names of the others need as folders."""
        self._drafts: dict[ReftableStack, _Draft] = {}
        self.faults: dict[str, PackcoreError] = {}
        """Why changes are not made, by the name that was given."""

    def make(self, asked: Sequence[Asked], *, together: bool) -> None:
        """Make the changes: with `together`, all of them or raise the first fault; else as many as possible.

        Raises RefLocked, RepositoryError, CorruptData; nothing has changed then, unless the disk failed when
        the new list was in place already.
        """
        with ExitStack() as locks:
            for stack in self._refs.stacks():
                lock = locks.enter_context(self._refs.locks.hold(stack.path / "tables.list"))
                locks.enter_context(stack.unchanging())
                self._drafts[stack] = _Draft(stack, lock, self._refs.object_format)
            # Deletions first: they make room for the names of others.
            for one in sorted(asked, key=lambda one: not self._is_deletion(one)):
                try:
                    self._take(one)
                except PackcoreError as error:
                    if together:
                        raise
                    self.faults[one.name] = error
            if self._made:
                self._draft_peeled()
                for draft in self._drafts.values():
                    draft.write()

    def _is_deletion(self, asked: Asked) -> bool:
        return asked.new == self._refs.object_format.zero

    def _take(self, asked: Asked) -> None:
        """Check one change and put it into its draft. Raises PackcoreError."""
        refs, zero = self._refs, self._refs.object_format.zero
        is_symbolic, is_deletion = isinstance(asked.new, str), self._is_deletion(asked)
        check_ref_name(asked.name, one_level=asked.name == "HEAD")
        name = asked.name if is_symbolic or is_deletion else refs.names_to(asked.name)[-1]
        if name in self._made:
            raise RepositoryError(f"{name} is changed twice in one transaction")
        before = self._compared(name, asked.old)
        if is_deletion and not refs.has(name):
            raise RefMoved(name, "it is not there")
        if not is_deletion and name != "HEAD":
            self._refuse_clash(name)
        self._made[name] = asked
        if is_deletion:
            self._gone.add(name)
        draft = self._drafts[refs.stack_of(name)]
        if isinstance(asked.new, str):
            draft.put(name, SYMBOLIC, encode_ref_name(asked.new))
            return
        if is_deletion:
            draft.put(name, DELETED, b"")
            draft.drop_log(name)
        else:
            draft.put(name, DIRECT, asked.new)
        if refs.logs.is_on:
            self._log(asked.name, name, before, zero if is_deletion else asked.new)

    def _compared(self, name: str, old: ObjectId | None) -> ObjectId:
        """Return what a ref holds, zero for nothing. Raises RefMoved if that isn't `old`."""
        zero = self._refs.object_format.zero
        try:
            ref = self._refs.read(name)
        except UnreadableRef:
            if old is None:
                return zero
            raise
        current = zero if ref is None else ref.oid
        if old is not None and current != old:
            raise RefMoved(name, f"it is at {current.hex()}, not at {old.hex()}")
        return current

    def _refuse_clash(self, name: str) -> None:
        """Refuse a name that needs another one as its folder, as git does however refs are kept."""
        above = _folders(name)
        others = [one for one in above if one in self._made or self._refs.has(one)]
        others += self._refs.names_below(name)
        if name in self._folders:
            others += [made for made in self._made if made.startswith(f"{name}/")]
        other = next((one for one in others if one not in self._gone), None)
        if other is not None:
            raise RepositoryError(f"can't make {name}: {other} is in the way")
        self._folders.update(above)

    def _log(self, named: str, name: str, old: ObjectId, new: ObjectId) -> None:
        logs = self._refs.logs
        for one in self._refs.names_logged(named, name):
            draft = self._drafts[self._refs.stack_of(one)]
            if (one != name or any(new)) and (logs.logged.has(one) or draft.has_log(one)):
                draft.put_log(one, old + new + _signature(*logs.signed_message()))

    def _draft_peeled(self) -> None:
        """Let the records of annotated tags say what these resolve to."""
        if self._peeled is None:
            return
        ids = {
            asked.new for asked in self._made.values() if not isinstance(asked.new, str) and any(asked.new)
        }
        found = self._peeled(ids)
        for draft in self._drafts.values():
            draft.peel(found)


class _Draft:
    """A stack's next table, while the stack is locked."""

    def __init__(self, stack: ReftableStack, lock: HeldLock, object_format: ObjectFormat) -> None:
        self._stack = stack
        self._lock = lock
        self._format = object_format
        self._names = list(stack.names())
        self._tables = stack.tables()
        self._update_index = 1 + max((table.update_index_max for table in self._tables), default=0)
        self._refs: dict[bytes, RefRecord] = {}
        self._logs: dict[bytes, LogRecord] = {}
        self._logged: dict[bytes, set[int]] | None = None

    def put(self, name: str, kind: int, value: bytes) -> None:
        """Set what a ref holds."""
        raw = encode_ref_name(name)
        self._refs[raw] = RefRecord(raw, kind, bytes(value), b"", self._update_index)

    def peel(self, found: dict[ObjectId, ObjectId]) -> None:
        """Add what annotated tags resolve to."""
        for name, ref in self._refs.items():
            if ref.kind == DIRECT and (target := found.get(ObjectId(ref.value))) is not None:
                self._refs[name] = ref._replace(kind=PEELED, peeled=bytes(target))

    def put_log(self, name: str, entry: bytes) -> None:
        """Add an entry to a ref's log."""
        self._add_log(LogRecord(encode_ref_name(name), self._update_index, entry))

    def drop_log(self, name: str) -> None:
        """Remove a ref's log."""
        raw = encode_ref_name(name)
        for update_index in self._all_logged().get(raw, ()):
            self._add_log(LogRecord(raw, update_index, b""))

    def has_log(self, name: str) -> bool:
        """Return whether a ref has a log."""
        return bool(self._all_logged().get(encode_ref_name(name)))

    def _add_log(self, record: LogRecord) -> None:
        self._logs[log_key(record)] = record

    def _all_logged(self) -> dict[bytes, set[int]]:
        """Return the update indexes of each ref's log entries."""
        if self._logged is None:
            self._logged = {}
            for table in self._tables:
                for record in table.logs():
                    indexes = self._logged.setdefault(record.name, set())
                    (indexes.add if record.entry else indexes.discard)(record.update_index)
        return self._logged

    def write(self) -> None:
        """Make the changes visible; nothing to do without any. Raises OSError, CorruptData."""
        if not self._refs and not self._logs:
            return
        folder, index = self._stack.path, self._update_index
        refs = [self._refs[name] for name in sorted(self._refs)]
        logs = [self._logs[key] for key in sorted(self._logs)]
        table = Reftable(table_bytes(refs, logs, (index, index), self._format), str(folder), self._format)
        kept = len(self._tables) - taken_in(self._joinable_sizes(), table.byte_count)
        if kept < len(self._tables):
            data = joined_table([*self._tables[kept:], table], self._format, is_base=not kept)
            table = Reftable(data, str(folder), self._format)
        name = f"0x{table.update_index_min:012x}-0x{table.update_index_max:012x}-{secrets.token_hex(4)}.ref"
        self._write_table(folder / name, table)
        names = [*self._names[:kept], name]
        self._lock.write([f"{one}\n".encode() for one in names])
        self._lock.commit()
        for old in self._names[kept:]:
            with suppress(OSError):  # a table that isn't listed means nothing
                (folder / old).unlink()

    def _joinable_sizes(self) -> list[int]:
        """Return the sizes of the tables at the end of the stack that no other program is joining."""
        sizes: list[int] = []
        for name, table in zip(reversed(self._names), reversed(self._tables), strict=True):
            if os.path.lexists(self._stack.path / f"{name}.lock"):
                break
            sizes.insert(0, table.byte_count)
        return sizes

    def _write_table(self, path: Path, table: Reftable) -> None:
        for _ in table.refs():  # raises if it is not as it should be
            pass
        temporary = Temporary(path.parent.parent, suffix=".ref", mode=0o666)
        try:
            temporary.write([table.data])
            temporary.rename(path)
        finally:
            temporary.close()
        sync_folder(path.parent)


def _folders(name: str) -> list[str]:
    """Return what a ref's name would need as folders, without `refs`."""
    parts = name.split("/")
    return ["/".join(parts[:length]) for length in range(2, len(parts))]


def _signature(signed: bytes, message: bytes) -> bytes:
    """Return who made a change, when and why, as a log entry has it: `signed` is `Name <mail> seconds zone`.

    git stores the zone as its four digits read as a number, not as minutes.
    """
    who, seconds, zone = signed.rsplit(b" ", 2)
    name, _, mail = who.rpartition(b" <")
    fields = (name, mail.removesuffix(b">"))
    named = b"".join(encode_ofs(len(field)) + field for field in fields)
    text = message.strip(b"\n") + b"\n"
    return (
        named
        + encode_ofs(int(seconds))
        + int(zone).to_bytes(2, "big", signed=True)
        + encode_ofs(len(text))
        + text
    )
