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
from packcore.refs import check_ref_name, decode_ref_name, encode_ref_name
from packcore.store.folders import files_below, remove_empty_folders
from packcore.store.loose_refs import LooseRefs, read_loose_ref, scan_loose_refs
from packcore.store.packed_file import PackedFile
from packcore.store.ref_names import ref_name_fault
from packcore.store.ref_storage import PER_WORKTREE, RefStorage
from packcore.store.reflogs import read_log, remove_log
from packcore.store.temporaries import sync_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from packcore.ids import ObjectFormat, ObjectId
    from packcore.store.packed_file import RefViews
    from packcore.store.packed_refs import PackedRefs
    from packcore.store.reflogs import LogEntry

__all__ = ["RefFiles"]

_SHOWN_CHARACTERS_MAX = 200


class RefFiles(RefStorage):
    """The refs below a git directory."""

    def __init__(
        self,
        git_directory: Path,
        common_directory: Path,
        object_format: ObjectFormat,
        views: RefViews | None = None,
    ) -> None:
        """Take a repository's folders; `views` is what a server keeps between requests."""
        super().__init__(git_directory, common_directory, object_format)
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

    def loose(self, prefixes: Sequence[bytes] = ()) -> LooseRefs:
        """Return the refs that are files, as `scan_loose_refs`."""
        shared = scan_loose_refs(self.common_directory, self.object_format, prefixes)
        if self._git == self.common_directory:
            return shared
        own = scan_loose_refs(self._git, self.object_format, prefixes)
        values = {name: value for name, value in shared.values.items() if not name.startswith(PER_WORKTREE)}
        values |= {name: value for name, value in own.values.items() if name.startswith(PER_WORKTREE)}
        return LooseRefs(values, {**shared.faults, **own.faults}, {**shared.folders, **own.folders})

    def packed(self, *, fresh: bool = False) -> PackedRefs:
        """Return packed-refs, read again when the file changed, or if it must be `fresh`.

        Raises CorruptData if it doesn't parse, RepositoryError if it can't be opened.
        """
        return self._packed.read(fresh=fresh)

    def read_logs(self) -> Iterator[tuple[str, Iterable[LogEntry]]]:
        """Yield each ref that has a log, with its entries. Raises RepositoryError."""
        for base in dict.fromkeys((self.common_directory, self._git)):
            folder = base / "logs"
            for path in files_below(folder):
                name = decode_ref_name(os.fsencode(path.relative_to(folder)))
                if self._log_path(name) == path:
                    yield name, read_log(path, self.object_format)

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

    def points_to(self, name: str) -> str | None:
        """Return the ref that a symbolic one points to; None for any other, or if it is unreadable."""
        with suppress(UnreadableRef):
            found = read_loose_ref(self.path_of(name), name, self.object_format)
            return found if isinstance(found, str) else None
        return None

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

    def log(
        self, named: str, name: str, old: ObjectId, new: ObjectId, head: ObjectId | str | None = None
    ) -> None:
        """Log a change of `name`, also in the logs of symbolic refs that lead to it, including HEAD.

        `named` is the ref through which it was requested; `head` is `head_target`'s result, if called.
        """
        for one in self.names_logged(named, name, head):
            if one != name or any(new):
                self.logs.write(one, self._log_path(one), old, new)

    @property
    def has_logs(self) -> bool:
        """Whether any ref below refs/ may have a log."""
        return (self.common_directory / "logs" / "refs").exists()

    def read_log(self, name: str) -> list[LogEntry] | None:
        """Return the changes of a ref, oldest first; None if it has no log. Raises RepositoryError."""
        return list(read_log(self._log_path(name), self.object_format)) or None

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
        shared = name.startswith("refs/") and not name.startswith(PER_WORKTREE)
        return self.common_directory if shared else self._git


def _to_path(name: str) -> str:
    return os.fsdecode(encode_ref_name(name))
