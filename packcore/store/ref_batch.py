"""Changes very many refs together: writes packed-refs once instead of a file for each ref.

    1  the loose locks of all names are taken, in order: now no other program changes one of them
    2  packed-refs.lock; then each ref is compared with what the caller saw, by one scan of the loose files
    3  the new packed-refs is written beside the old one, and synced: no other content is written
    4  it is renamed: from here on every ref without a loose file has its new value
    5  the loose files of these refs are removed, then the locks

git takes these locks in the same order, and reads the result as its own. A process killed before step 4 has
changed nothing; after it, refs with a loose file may keep their old value until that file is removed, as with
`packcore.store.ref_transaction`. A lock is a link and keeps no file open.
"""

from __future__ import annotations

import os
from bisect import bisect_left
from collections.abc import Callable, Collection
from contextlib import contextmanager
from typing import TYPE_CHECKING

from packcore.errors import PackcoreError, RefMoved, RepositoryError, UnreadableRef
from packcore.ids import ObjectId
from packcore.refs import decode_ref_name, encode_ref_name
from packcore.store.ref_names import RefNameLimits
from packcore.store.temporaries import sync_folder

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from packcore.store.loose_refs import LooseRefs
    from packcore.store.packed_refs import PackedRefs, PackedRow
    from packcore.store.ref_change import RefChange
    from packcore.store.ref_files import RefFiles

__all__ = ["Peeled", "RefBatch", "neighbour"]

Peeled = Callable[[Collection[ObjectId]], dict[ObjectId, ObjectId]]
"""Returns, for the ids that are annotated tags, what they resolve to."""


class RefBatch:
    """Changes of refs below refs/ in the common directory, at most one for each ref."""

    def __init__(self, refs: RefFiles, changes: Sequence[RefChange], peeled: Peeled | None) -> None:
        """Take changes of the refs themselves, after following symbolic ones.

        Without `peeled`, packed-refs no longer says what every tag resolves to.
        """
        self._refs = refs
        self._zero = refs.object_format.zero
        self._peeled = peeled
        self._changes = {encode_ref_name(change.name): change for change in sorted(changes)}
        base = os.fspath(refs.common_directory)
        self._paths = {name: f"{base}/{os.fsdecode(name)}" for name in self._changes}
        self.faults: dict[str, PackcoreError] = {}
        """Why refs are not changed, by name."""

    def make(self, named: Mapping[str, str], *, together: bool) -> None:
        """Make the changes: with `together`, all of them or raise the first fault; else as many as possible.

        `named` has the symbolic refs through which some were requested, by the ref that they resolve to.
        Raises RepositoryError and CorruptData; nothing has changed then.
        """
        locks = self._refs.locks
        lost = locks.take_all(self._paths.values())
        held = {name: path for name, path in self._paths.items() if path not in lost}
        try:
            for name, path in self._paths.items():
                if path in lost:
                    self._refuse(name, lost[path])
            self._stop_at_fault(together)
            with self._packed_lock() as write:
                loose, packed = self._refs.loose(), self._refs.packed(fresh=True)
                values = {name: self._compared(name, loose, packed) for name in held}
                before = {name: value for name, value in values.items() if value is not None}
                self._refuse_clashes(before, loose, packed)
                self._stop_at_fault(together)
                left = [name for name in before if self._changes[name].name not in self.faults]
                rows = self._rows(left, packed)
                self._log(left, before, named)
                write(rows, packed)
            self._remove_loose(left, loose)
        finally:
            locks.release_all(held.values())
        if self._refs.has_logs:
            for name in left:
                if self._changes[name].is_delete:
                    self._refs.remove_log(self._changes[name].name)

    def _refuse(self, name: bytes, error: PackcoreError) -> None:
        self.faults[self._changes[name].name] = error

    def _stop_at_fault(self, together: bool) -> None:
        if together and self.faults:
            raise next(iter(self.faults.values()))

    # What is there

    def _compared(self, name: bytes, loose: LooseRefs, packed: PackedRefs) -> ObjectId | None:
        """Return what a ref holds, zero for nothing; None, with a fault, if it isn't what the caller saw."""
        change = self._changes[name]
        try:
            current = self._current(change, name, loose, packed)
        except UnreadableRef as error:
            # As in `RefFiles`: a file without a value may be overwritten.
            if error.is_blank and change.old == self._zero:
                return self._zero
            self._refuse(name, error)
            return None
        if current != change.old:
            self._refuse(name, RefMoved(change.name, f"it is at {current.hex()}, not at {change.old.hex()}"))
            return None
        if change.is_delete and current == self._zero and change.name not in loose.values:
            self._refuse(name, RefMoved(change.name, "it is not there"))
            return None
        return current

    def _current(self, change: RefChange, name: bytes, loose: LooseRefs, packed: PackedRefs) -> ObjectId:
        if (fault := loose.faults.get(change.name)) is not None:
            raise fault
        value = loose.values.get(change.name)
        if isinstance(value, str):
            found = self._refs.read(change.name)
            return self._zero if found is None else found.oid
        if value is not None:
            return value
        row = packed.by_name.get(name)
        if row is None:
            return self._zero
        found_packed = packed.ref_of(row)
        if found_packed.oid == self._zero:
            raise UnreadableRef(change.name, "packed-refs gives it the zero id")
        return found_packed.oid

    def _refuse_clashes(self, names: Collection[bytes], loose: LooseRefs, packed: PackedRefs) -> None:
        """Refuse impossible names: none may be another one's folder, or too long for a file."""
        there = {*packed.by_name, *map(encode_ref_name, (*loose.values, *loose.faults))}
        limits = RefNameLimits.of(self._refs.common_directory)
        ordered, taken = sorted(there), set(there)
        for name in names:
            if self._changes[name].is_delete or name in there:
                continue
            fault = limits.fault(name)
            if fault is None and (other := neighbour(name, taken, ordered)) is not None:
                fault = f"{decode_ref_name(other)} is in the way"
            if fault is None:
                taken.add(name)
            else:
                self._refuse(name, RepositoryError(f"can't make {self._changes[name].name[:200]}: {fault}"))

    # What is made

    @contextmanager
    def _packed_lock(self) -> Iterator[Callable[[dict[bytes, PackedRow | None], PackedRefs], None]]:
        path = self._refs.packed_path()
        with self._refs.locks.hold(path) as lock:

            def write(rows: dict[bytes, PackedRow | None], packed: PackedRefs) -> None:
                if rows:
                    lock.write(packed.rewritten(rows, peeled=self._peeled is not None))
                    lock.commit()
                    # Before loose files go: otherwise a power loss could bring back older values from here.
                    sync_folder(path.parent)

            yield write

    def _rows(self, names: Sequence[bytes], packed: PackedRefs) -> dict[bytes, PackedRow | None]:
        made = [name for name in names if not self._changes[name].is_delete]
        peeled = {} if self._peeled is None else self._peeled({self._changes[name].new for name in made})
        rows: dict[bytes, PackedRow | None] = {
            name: None for name in names if self._changes[name].is_delete and name in packed.by_name
        }
        for name in made:
            oid = self._changes[name].new
            tagged = peeled.get(oid)
            rows[name] = (oid.hex().encode(), name, b"" if tagged is None else tagged.hex().encode())
        return rows

    def _log(self, names: Sequence[bytes], before: dict[bytes, ObjectId], named: Mapping[str, str]) -> None:
        if self._refs.logs.is_on:
            head = self._refs.head_target()
            for name in names:
                change = self._changes[name]
                self._refs.log(
                    named.get(change.name, change.name), change.name, before[name], change.new, head
                )

    def _remove_loose(self, names: Sequence[bytes], loose: LooseRefs) -> None:
        for name in names:
            change = self._changes[name]
            if change.name in loose.values or change.name in loose.faults:
                try:
                    os.unlink(self._paths[name])  # noqa: PTH108 -- for very many
                except FileNotFoundError:
                    pass
                except OSError as error:
                    self._refuse(name, RepositoryError(f"{self._paths[name]}: {error.strerror}"))


def neighbour(name: bytes, taken: Collection[bytes], ordered: Sequence[bytes]) -> bytes | None:
    """Return a name that conflicts with `name`: a taken one above it, or an ordered one below it."""
    end = name.find(b"/", len(b"refs/"))
    while end > 0:
        if name[:end] in taken:
            return name[:end]
        end = name.find(b"/", end + 1)
    inside = name + b"/"
    at = bisect_left(ordered, inside)
    return ordered[at] if at < len(ordered) and ordered[at].startswith(inside) else None
