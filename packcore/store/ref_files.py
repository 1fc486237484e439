r"""Refs on disk: one file each, `packed-refs`, `HEAD`, and their locks (gitrepository-layout, git-pack-refs).

    HEAD                     "ref: refs/heads/main\n", or an id in hex
    refs/heads/main          an id in hex, or "ref: ..."                  wins over
    packed-refs              "# pack-refs with: peeled fully-peeled sorted"
                             "<hex> <name>", sorted by the names' bytes
                             "^<hex>": what the annotated tag above resolves to
    refs/heads/main.lock     packcore.store.ref_lock

Every change is a compare-and-swap under the ref's lock. In a linked worktree, `HEAD` and
refs/{bisect,worktree,rewritten} belong to the worktree, all others to the common directory. If changes are
logged (`packcore.store.reflogs`), the line is written under the lock, before the ref changes.
"""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from packcore.errors import RefMoved, RepositoryError, UnreadableRef
from packcore.refs import (
    Ref,
    RefList,
    check_ref_name,
    encode_ref_name,
)
from packcore.store.folders import remove_empty_folders
from packcore.store.loose_refs import LooseRefs, read_loose_ref, scan_loose_refs
from packcore.store.packed_file import PackedFile
from packcore.store.ref_lock import RefLocks
from packcore.store.ref_names import ref_name_fault
from packcore.store.ref_table import RefTable, reduced, table_of
from packcore.store.reflogs import LogEntry, Reflogs, read_log, remove_log
from packcore.store.temporaries import sync_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from packcore.ids import ObjectFormat, ObjectId
    from packcore.store.packed_file import RefViews
    from packcore.store.packed_refs import PackedRefs

__all__ = ["RefFiles"]

_SHOWN_CHARACTERS_MAX = 200
SYMREF_DEPTH_MAX = 5
"""Longest chain of symbolic refs to follow; git's limit."""
_PER_WORKTREE = ("refs/bisect/", "refs/worktree/", "refs/rewritten/")


class RefFiles:
    """The refs below a git directory."""

    def __init__(
        self,
        git_directory: Path,
        common_directory: Path,
        object_format: ObjectFormat,
        views: RefViews | None = None,
    ) -> None:
        """Take a repository's folders; `views` is what a server keeps between requests."""
        self._git = git_directory
        self.common_directory = common_directory
        """The directory of all refs except a linked worktree's own."""
        self.object_format = object_format
        self.locks = RefLocks(git_directory, common_directory)
        self.logs = Reflogs()
        path = common_directory / "packed-refs"
        self._packed = (
            PackedFile(path, object_format) if views is None else views.packed_file(path, object_format)
        )
        self._shares_packed = views is not None

    def close(self) -> None:
        """Release files and locks. Idempotent; later calls read again."""
        self.locks.close()
        if not self._shares_packed:
            self._packed.close()

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

    def read_raw(self, name: str) -> ObjectId | str | None:
        """Return the id that a ref holds, or the name that it points to, or None if it doesn't exist.

        A loose file hides the ref's line in packed-refs even if it is unreadable: that line is older.
        Raises UnreadableRef.
        """
        loose = read_loose_ref(self.path_of(name), name, self.object_format)
        if loose is not None:
            return loose
        packed = self.packed().get(name)
        if packed is None:
            return None
        if packed.oid == self.object_format.zero:
            raise UnreadableRef(name, "packed-refs gives it the zero id")
        return packed.oid

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

    def loose(self, prefixes: Sequence[bytes] = ()) -> LooseRefs:
        """Return the refs that are files, as `scan_loose_refs`."""
        shared = scan_loose_refs(self.common_directory, self.object_format, prefixes)
        if self._git == self.common_directory:
            return shared
        own = scan_loose_refs(self._git, self.object_format, prefixes)
        values = {name: value for name, value in shared.values.items() if not name.startswith(_PER_WORKTREE)}
        values |= {name: value for name, value in own.values.items() if name.startswith(_PER_WORKTREE)}
        return LooseRefs(values, {**shared.faults, **own.faults}, {**shared.folders, **own.folders})

    def packed(self, *, fresh: bool = False) -> PackedRefs:
        """Return packed-refs, read again when the file changed, or if it must be `fresh`.

        Raises CorruptData if it doesn't parse, RepositoryError if it can't be opened.
        """
        return self._packed.read(fresh=fresh)

    # Writing

    def update(self, name: str, new: ObjectId, old: ObjectId | None) -> None:
        """Point a ref to an id if it still holds `old`; None means anything, zero that it must be new.

        For a symbolic ref, its target changes. Raises InvalidRefName, RefMoved, and RepositoryError for a
        lock held by another process, a conflicting name, or a failed write.
        """
        named, name = name, self.names_to(name)[-1]
        self.refuse_clash(name)
        with self.locked_change(name, old, new, named=named) as change:
            change()

    def delete(self, name: str, old: ObjectId | None) -> None:
        """Remove a ref itself (symbolic or not) if it still holds `old`; None means anything.

        Raises as `update` does, and RefMoved if it doesn't exist.
        """
        check_ref_name(name)
        with self.locked_change(name, old, self.object_format.zero) as change:
            change()

    @contextmanager
    def locked_change(
        self, name: str, old: ObjectId | None, new: ObjectId, *, named: str | None = None
    ) -> Iterator[Callable[[], None]]:
        """Hold one ref's lock and compare the ref with `old`; the yielded function makes the change.

        `name` is not resolved; `named` is the symbolic ref through which it was requested. Raises as
        `update` and `delete` do.
        """
        path = self.path_of(name)
        deletes = new == self.object_format.zero
        with self.locks.hold(path) as lock:
            before = self._compare(name, old)
            if deletes and not self._is_there(name):
                raise RefMoved(name, "it is not there")
            if not deletes:
                lock.write([new.hex().encode() + b"\n"])

            def change() -> None:
                if self.logs.is_on:
                    self.log(named or name, name, before, new)
                if not deletes:
                    lock.commit()
                    return
                if name in self.packed():
                    self._write_packed_without(name)
                lock.remove()

            yield change
        if deletes:
            self.remove_log(name)
            self.locks.remove_empty_parents(path.parent)

    def set_symbolic(self, name: str, target: str) -> None:
        """Make `name` (HEAD, or a ref) a symbolic ref to `target`, which need not exist yet."""
        check_ref_name(name, one_level=True)
        check_ref_name(target)
        if not target.startswith("refs/"):
            raise RepositoryError(f"{name} can't point to {target!r}: not below refs/")
        with self.locks.hold(self.path_of(name)) as lock:
            lock.write([b"ref: " + encode_ref_name(target) + b"\n"])
            lock.commit()

    def names_to(self, name: str) -> list[str]:
        """Follow symbolic refs; return the name, those between, and the one that an update changes.

        The last may not exist yet. Raises InvalidRefName, RepositoryError.
        """
        names: list[str] = []
        for _ in range(SYMREF_DEPTH_MAX + 1):
            check_ref_name(name, one_level=name == "HEAD")
            if name != "HEAD" and not name.startswith("refs/"):
                raise RepositoryError(f"{name!r} is not below refs/")
            try:
                found = read_loose_ref(self.path_of(name), name, self.object_format)
            except UnreadableRef:
                found = None
            names.append(name)
            if not isinstance(found, str):
                return names
            name = found
        raise RepositoryError(f"{name}: symbolic refs are nested too deep")

    def _is_there(self, name: str) -> bool:
        try:
            return self.read_raw(name) is not None
        except UnreadableRef:
            return True

    def _compare(self, name: str, old: ObjectId | None) -> ObjectId:
        """Return what a ref holds, zero if nothing. Raises RefMoved if that isn't `old`."""
        if old is None and not self.logs.is_on:
            return self.object_format.zero  # not needed
        try:
            ref = self.read(name)
        except UnreadableRef as error:
            # The file has no value to lose, or may be overwritten.
            if old is None or (error.is_blank and old == self.object_format.zero):
                return self.object_format.zero
            raise
        current = ref.oid if ref is not None else self.object_format.zero
        if old is not None and current != old:
            raise RefMoved(name, f"it is at {current.hex()}, not at {old.hex()}")
        return current

    def packed_path(self) -> Path:
        """Return the file that is replaced to change packed-refs.

        A link stays a link: repositories that share refs (git-new-workdir) share this file through it.
        """
        path = self.common_directory / "packed-refs"
        return path.resolve() if path.is_symlink() else path

    def head_target(self) -> ObjectId | str | None:
        """Return the ref that HEAD points to, or HEAD's own id; None if it is unreadable."""
        with suppress(UnreadableRef):
            return self.read_raw("HEAD")
        return None

    def log(
        self, named: str, name: str, old: ObjectId, new: ObjectId, head: ObjectId | str | None = None
    ) -> None:
        """Log a change of `name`, also in the logs of symbolic refs that lead to it, including HEAD.

        `named` is the ref through which it was requested; `head` is `head_target`'s result, if called.
        """
        names = self.names_to(named) if named != name else [name]
        if "HEAD" not in names and (head or self.head_target()) in names:
            names.insert(0, "HEAD")
        for one in names:
            if one != name or any(new):
                self.logs.write(one, self._log_path(one), old, new)

    @property
    def has_logs(self) -> bool:
        """Whether any ref below refs/ may have a log."""
        return (self.common_directory / "logs" / "refs").exists()

    def read_log(self, name: str) -> list[LogEntry] | None:
        """Return the changes of a ref, oldest first; None if it has no log. Raises as `reflogs.read_log`."""
        return read_log(self._log_path(name), self.object_format)

    def remove_log(self, name: str) -> None:
        """Remove a deleted ref's log, if it has one."""
        logs = self._log_path("refs").parent
        kept = (logs, logs / "refs", *((logs / "refs" / name.split("/")[1],) if "/" in name else ()))
        remove_log(self._log_path(name), kept)

    def refuse_clash(self, name: str) -> None:
        """Refuse an impossible name: refs are files, and none can be another's folder."""
        fault = ref_name_fault(name, self.common_directory)
        if fault is not None and not self._is_there(name):
            raise RepositoryError(f"can't make {name[:_SHOWN_CHARACTERS_MAX]}: {fault}")
        parts = name.split("/")
        for length in range(2, len(parts)):
            parent = "/".join(parts[:length])
            if self._is_there(parent):
                raise RepositoryError(f"can't make {name}: {parent} is in the way")
        child = self.packed().first_below(name)
        folder = self.path_of(name)
        if child is None and os.path.isdir(folder) and not folder.is_symlink():  # noqa: PTH112 -- False if too long
            remove_empty_folders(folder)
            loose, below = self.loose([encode_ref_name(f"{name}/")]), f"{name}/"
            child = next((one for one in (*loose.values, *loose.faults) if one.startswith(below)), None)
        if child is not None:
            raise RepositoryError(f"can't make {name}: {child} is in the way")

    def _write_packed_without(self, name: str) -> None:
        path = self.packed_path()
        with self.locks.hold(path) as lock:
            # A time stamp can't distinguish two changes at the same moment, and this one must lose nothing.
            lock.write(self.packed(fresh=True).rewritten({encode_ref_name(name): None}))
            lock.commit()
            # Before the ref's own file goes: otherwise a power loss could bring back the older value.
            sync_folder(path.parent)

    def path_of(self, name: str) -> Path:
        """Return where a ref's own file is, or would be."""
        return self._folder(name) / _to_path(name)

    def is_shared(self, name: str) -> bool:
        """Return whether a ref is below refs/, and not a linked worktree's own."""
        return name.startswith("refs/") and self._folder(name) == self.common_directory

    def _log_path(self, name: str) -> Path:
        return self._folder(name) / "logs" / _to_path(name)

    def _folder(self, name: str) -> Path:
        shared = name.startswith("refs/") and not name.startswith(_PER_WORKTREE)
        return self.common_directory if shared else self._git


def _to_path(name: str) -> str:
    return os.fsdecode(encode_ref_name(name))
