"""The refs of an open repository: read, listed, and changed by compare-and-swap. A part of `Repository`."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from packcore.errors import CorruptData, MissingObject, UnreadableRef
from packcore.objects import ObjectType, tag_target
from packcore.refs import check_ref_name, decode_ref_name
from packcore.store.open_refs import change_refs, change_refs_apart, open_refs
from packcore.store.reflogs import logged_refs

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from packcore.errors import PackcoreError
    from packcore.ids import ObjectFormat, ObjectId
    from packcore.refs import Ref, RefList
    from packcore.store.base import ObjectHeader, StoredObject
    from packcore.store.config import GitConfig
    from packcore.store.loose import LooseStore
    from packcore.store.open_refs import Refs
    from packcore.store.ref_change import RefChange
    from packcore.store.ref_table import RefTable
    from packcore.store.reflogs import LogEntry

__all__ = ["RepositoryRefs", "Worktree"]

_MANY_NAMES = 100
_TAG_DEPTH_MAX = 100
"""Longest chain of tags to follow."""


class Worktree(NamedTuple):
    """A worktree of the same repository."""

    prefix: str
    """What git puts before the name of a ref that is its own: `main-worktree/` or `worktrees/<name>/`."""
    path: Path
    """Its git directory."""
    refs: Refs


class RepositoryRefs:
    """What a repository does with its refs."""

    path: Path
    common_path: Path
    config: GitConfig
    _format: ObjectFormat
    _refs: Refs
    _loose: LooseStore

    if TYPE_CHECKING:
        # Implemented by the repository.
        def __contains__(self, oid: object) -> bool:
            """Return whether an object is here."""

        def header(self, oid: ObjectId) -> ObjectHeader:
            """Return type and size."""

        def headers(self, oids: Sequence[ObjectId]) -> list[ObjectHeader | None]:
            """Return type and size of many objects."""

        def read(self, oid: ObjectId) -> StoredObject:
            """Return the object whole."""

    def refs(self) -> RefList:
        """Return every ref below refs/: the known ones, and the unreadable ones.

        Doesn't check that the objects exist. Raises CorruptData or RepositoryError if the refs can't be
        listed.
        """
        return self._refs.all()

    def ref_table(self, prefixes: Sequence[str] = ()) -> RefTable:
        """Return the refs with a prefix, by default all, in columns, without HEAD. Raises as `refs`."""
        return self._refs.table(prefixes)

    def read_ref(self, name: str) -> Ref | None:
        """Return one ref by its full name (`HEAD` too), or None if it, or what it points to, doesn't exist.

        Raises UnreadableRef if it exists and can't be read.
        """
        check_ref_name(name, one_level=True)
        return self._refs.read(name)

    def read_refs(self, names: Collection[str]) -> dict[str, Ref | UnreadableRef]:
        """Return refs by their full names, which must be valid; absent ones are left out.

        Many are looked up in one list of all. Raises CorruptData or RepositoryError if that fails.
        """
        if len(names) < _MANY_NAMES:
            found: dict[str, Ref | UnreadableRef] = {}
            for name in names:
                try:
                    ref = self._refs.read(name)
                except UnreadableRef as error:
                    found[name] = error
                else:
                    found |= {} if ref is None else {name: ref}
            return found
        return self._refs.table().of_names(names)

    def symbolic_refs(self) -> frozenset[str]:
        """Return the names of all refs that may be symbolic, without HEAD. Raises as `refs`."""
        table = self._refs.table()
        return frozenset({*map(decode_ref_name, table.symrefs), *table.unreadable})

    def head(self) -> str | ObjectId | None:
        """Return the ref name that HEAD points to (it may not exist), or HEAD's own id.

        Raises UnreadableRef.
        """
        return self._refs.read_raw("HEAD")

    @property
    def ref_storage(self) -> Refs:
        """How the refs are kept."""
        return self._refs

    def other_worktrees(self) -> Iterator[Worktree]:
        """Yield each other worktree, the main one first. Its refs are open until the next.

        Raises RepositoryError.
        """
        linked = [
            folder for folder in sorted(self.common_path.glob("worktrees/*")) if (folder / "HEAD").exists()
        ]
        for folder in (self.common_path, *linked):
            if folder.resolve() == self.path.resolve():
                continue
            refs = open_refs(folder, self.common_path, self.config)
            try:
                prefix = "main-worktree/" if folder is self.common_path else f"worktrees/{folder.name}/"
                yield Worktree(prefix, folder, refs)
            finally:
                refs.close()

    def ref_logs(self) -> Iterator[tuple[str, Iterable[LogEntry]]]:
        """Yield each ref that has a log, with its entries. Raises CorruptData, RepositoryError."""
        return self._refs.read_logs()

    def final_ref_name(self, name: str) -> str:
        """Return the ref that an update of this one changes. Raises InvalidRefName, RepositoryError."""
        return self._refs.names_to(name)[-1]

    @property
    def is_bare(self) -> bool:
        """Whether it has no work tree. Raises RepositoryError."""
        return self.config.get_bool("core.bare", default=self.path.name != ".git")

    def reflog(self, name: str) -> list[LogEntry] | None:
        """Return the changes of a ref by its full name, oldest first; None if it has no log.

        Raises InvalidRefName, RepositoryError, CorruptData.
        """
        check_ref_name(name, one_level=True)
        return self._refs.read_log(name)

    def log_ref_changes(self, signed: Callable[[], bytes], message: bytes) -> None:
        """Write reflogs from now on: see `packcore.store.reflogs`. Raises RepositoryError."""
        self._refs.logs.begin(logged_refs(self.config, is_bare=self.is_bare), signed, message)

    def update_ref(self, name: str, new: ObjectId, old: ObjectId | None = None) -> None:
        """Point a ref to `new` if it still holds `old`.

        None for `old` means anything; the zero id, that it must not exist. `new` must be present.
        Raises InvalidRefName, RefMoved, MissingObject, RepositoryError.
        """
        if new == self._format.zero:
            self.delete_ref(name, old)
            return
        if new not in self:
            raise MissingObject(new.hex(), context=f"new value of {name}")
        self._loose.sync()
        self._refs.update(name, new, old)

    def delete_ref(self, name: str, old: ObjectId | None = None) -> None:
        """Remove a ref if it still holds `old`; None means anything. Raises as `update_ref`."""
        self._refs.delete(name, old)

    def change_refs(self, changes: Sequence[RefChange]) -> None:
        """Make several changes, all or none; each as `update_ref` with its `old`. Raises as that does."""
        lost = self._lost(changes)
        for change in changes:
            if change.new in lost:
                raise MissingObject(change.new.hex(), context=f"new value of {change.name}")
        self._loose.sync()
        change_refs(self._refs, changes, self._peeled)

    def change_refs_apart(self, changes: Sequence[RefChange]) -> dict[str, PackcoreError]:
        """Make several changes separately; return why some are not made, by name."""
        lost = self._lost(changes)
        faults: dict[str, PackcoreError] = {
            change.name: MissingObject(change.new.hex(), context=f"new value of {change.name}")
            for change in changes
            if change.new in lost
        }
        self._loose.sync()
        left = [change for change in changes if change.new not in lost]
        return faults | change_refs_apart(self._refs, left, self._peeled)

    def _lost(self, changes: Sequence[RefChange]) -> set[ObjectId]:
        return {oid for oid in {change.new for change in changes} if any(oid) and oid not in self}

    def _peeled(self, oids: Collection[ObjectId]) -> dict[ObjectId, ObjectId]:
        """Return what annotated tags resolve to, for packed-refs, without those that lead nowhere."""
        ordered = sorted(oids)
        found = zip(ordered, self.headers(ordered), strict=True)
        tags = [oid for oid, header in found if header is not None and header.type is ObjectType.TAG]
        return {tag: oid for tag in tags if (oid := self._tagged(tag)) is not None}

    def _tagged(self, oid: ObjectId) -> ObjectId | None:
        with suppress(CorruptData):
            for _ in range(_TAG_DEPTH_MAX):
                if self.header(oid).type is not ObjectType.TAG:
                    return oid
                oid = tag_target(self.read(oid).data, self._format, oid)[0]
        return None

    def refs_durable_together(self) -> AbstractContextManager[None]:
        """Make many ref changes durable together, at the end of the block. Raises RepositoryError."""
        return self._refs.locks.deferred()

    def set_head(self, name: str) -> None:
        """Make HEAD point to the branch with this full ref name, which may not exist yet."""
        self._refs.set_symbolic("HEAD", name)

    def set_symbolic_ref(self, name: str, target: str) -> None:
        """Make any ref a symbolic one."""
        self._refs.set_symbolic(name, target)
