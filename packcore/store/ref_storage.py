"""What a repository's refs can do, however they are kept: as files, or in reftables.

    RefFiles        packcore.store.ref_files        a file for each ref, and packed-refs
    ReftableRefs    packcore.store.reftable_refs    a stack of tables

Reading rests on three functions: one ref by name, the table of refs that hold ids, and the others. All else,
following symbolic refs and listing, is here.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import suppress
from typing import TYPE_CHECKING

from packcore.errors import RepositoryError, UnreadableRef
from packcore.refs import Ref, RefList, check_ref_name, encode_ref_name
from packcore.store.ref_lock import RefLocks
from packcore.store.ref_table import RefTable, reduced, table_of
from packcore.store.reflogs import Reflogs

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from packcore.ids import ObjectFormat, ObjectId
    from packcore.store.loose_refs import LooseRefs
    from packcore.store.packed_refs import PackedRefs
    from packcore.store.reflogs import LogEntry

__all__ = ["PER_WORKTREE", "SYMREF_DEPTH_MAX", "RefStorage"]

SYMREF_DEPTH_MAX = 5
"""Longest chain of symbolic refs to follow; git's limit."""
PER_WORKTREE = ("refs/bisect/", "refs/worktree/", "refs/rewritten/")
"""Refs that each linked worktree has for itself."""


class RefStorage(ABC):
    """The refs below a git directory."""

    def __init__(self, git_directory: Path, common_directory: Path, object_format: ObjectFormat) -> None:
        self._git = git_directory
        self.common_directory = common_directory
        """The directory of all refs except a linked worktree's own."""
        self.object_format = object_format
        self.locks = RefLocks(git_directory, common_directory)
        self.logs = Reflogs()

    @abstractmethod
    def read_raw(self, name: str) -> ObjectId | str | None:
        """Return the id that a ref holds, or the name that it points to, or None if it doesn't exist.

        Raises UnreadableRef, or CorruptData if the refs can't be read at all.
        """

    @abstractmethod
    def packed(self) -> PackedRefs:
        """Return the refs that are kept in a table. Raises CorruptData, RepositoryError."""

    @abstractmethod
    def loose(self, prefixes: Sequence[bytes] = ()) -> LooseRefs:
        """Return the refs that the table doesn't decide, as `scan_loose_refs`."""

    @abstractmethod
    def points_to(self, name: str) -> str | None:
        """Return the ref that a symbolic one points to; None for any other, or if it is unreadable."""

    @abstractmethod
    def read_log(self, name: str) -> list[LogEntry] | None:
        """Return the changes of a ref, oldest first; None if it has no log.

        Raises RepositoryError, CorruptData.
        """

    @abstractmethod
    def close(self) -> None:
        """Release files and locks. Idempotent; later calls read again."""

    # Reading

    def read(self, name: str) -> Ref | None:
        """Return a ref after following symbolic ones, or None if it, or what it points to, doesn't exist.

        Raises UnreadableRef.
        """
        target = name
        for _ in range(SYMREF_DEPTH_MAX + 1):
            try:
                found = self.read_raw(target)
            except UnreadableRef as error:
                if target == name:
                    raise
                reason = f"it points to {target}: {error.reason}"
                raise UnreadableRef(name, reason, points_to=target) from None
            if found is None:
                return None
            if not isinstance(found, str):
                peeled = self._known_peeled(target, found)
                return Ref(name, found, target if target != name else None, peeled)
            target = found
        raise UnreadableRef(name, f"more than {SYMREF_DEPTH_MAX} symbolic refs lead on from it")

    def all(self) -> RefList:
        """Return every ref below refs/, and every unreadable name there.

        Raises CorruptData or RepositoryError if they can't be listed.
        """
        return self.table().list()

    def table(self, prefixes: Sequence[str] = ()) -> RefTable:
        """Return the refs whose names begin with a prefix, in columns; by default all. Raises as `all`.

        Includes unlistable folders that may hold such refs.
        """
        wanted = reduced(map(encode_ref_name, prefixes))
        loose = self.loose(wanted)  # before packed-refs: a ref packed meanwhile is in at least one
        packed = self.packed()
        unreadable = {**loose.faults, **loose.folders}
        decided: dict[bytes, Ref | ObjectId | None] = dict.fromkeys(map(encode_ref_name, loose.faults))
        for name, value in loose.values.items():
            raw = encode_ref_name(name)
            if not isinstance(value, str):
                decided[raw] = value
                continue
            try:
                decided[raw] = self._followed(name)
            except UnreadableRef as error:
                decided[raw], unreadable[name] = None, error
        return table_of(packed, wanted, decided, unreadable)

    def _followed(self, name: str) -> Ref | None:
        """Return what a symbolic ref resolves to."""
        ref = self.read(name)
        if ref is None and isinstance(target := self.read_raw(name), str):
            reason = f"it points to {target}, which is not there"
            raise UnreadableRef(name, reason, is_dangling=True, points_to=target)
        return ref  # None if it was deleted after the listing

    def _known_peeled(self, name: str, oid: ObjectId) -> ObjectId | None:
        packed = self.packed().get(name)
        return packed.peeled if packed is not None and packed.oid == oid else None

    def head_target(self) -> ObjectId | str | None:
        """Return the ref that HEAD points to, or HEAD's own id; None if it is unreadable."""
        with suppress(UnreadableRef):
            return self.read_raw("HEAD")
        return None

    def names_to(self, name: str) -> list[str]:
        """Follow symbolic refs; return the name, those between, and the one that an update changes.

        The last may not exist yet. Raises InvalidRefName, RepositoryError.
        """
        names: list[str] = []
        for _ in range(SYMREF_DEPTH_MAX + 1):
            check_ref_name(name, one_level=name == "HEAD")
            if name != "HEAD" and not name.startswith("refs/"):
                raise RepositoryError(f"{name!r} is not below refs/")
            found = self.points_to(name)
            names.append(name)
            if found is None:
                return names
            name = found
        raise RepositoryError(f"{name}: symbolic refs are nested too deep")

    def names_logged(self, named: str, name: str, head: ObjectId | str | None = None) -> list[str]:
        """Return the refs whose logs get a line if `name` changes; `named` was requested, and leads there.

        HEAD is among them if it points there. `head` is `head_target`'s result, if called.
        """
        names = self.names_to(named) if named != name else [name]
        if "HEAD" not in names and (head or self.head_target()) in names:
            names.insert(0, "HEAD")
        return names

    @abstractmethod
    def read_logs(self) -> Iterator[tuple[str, Iterable[LogEntry]]]:
        """Yield each ref that has a log, with its entries. Raises CorruptData, RepositoryError."""

    # Writing

    @abstractmethod
    def update(self, name: str, new: ObjectId, old: ObjectId | None) -> None:
        """Point a ref to an id if it still holds `old`; None means anything, zero that it must be new.

        For a symbolic ref, its target changes. Raises InvalidRefName, RefMoved, and RepositoryError for a
        lock held by another process, a conflicting name, or a failed write.
        """

    @abstractmethod
    def delete(self, name: str, old: ObjectId | None) -> None:
        """Remove a ref itself (symbolic or not) if it still holds `old`; None means anything.

        Raises as `update` does, and RefMoved if it doesn't exist.
        """

    @abstractmethod
    def set_symbolic(self, name: str, target: str) -> None:
        """Make `name` (HEAD, or a ref) a symbolic ref to `target`, which need not exist yet."""
