r"""Locks ref files and replaces their content (git's lockfile protocol).

    packcore-tmp-ext4-<hex>.owner    who holds locks here: one file per process, under flock(2) while it lives
    refs/heads/main.lock             a hard link to it: appears with its content, or not at all
    packcore-tmp-ext4-<hex>.ref      the new value, written and synced; renamed to refs/heads/main

    packcore lock
    process 4711 on build7
    file-system ext4

Git and other programs see a lock file and leave the ref alone; none of them reads it. We recognize ours by
the first line. Ours is cleared if no process holds its owner's file any more, under the rules of
`packcore.store.temporaries`; another program's lock never is. No lock is taken through a symbolic link: a
folder below the repository that is one is refused. Left out: git's time limit for locks. We try a bounded
number of times.
"""

from __future__ import annotations

import errno
import os
import re
import stat
import threading
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from packcore.errors import RefLocked, RepositoryError
from packcore.store.folders import files_below
from packcore.store.path_kind import is_there
from packcore.store.temporaries import (
    Temporary,
    file_system,
    is_on_one_kernel,
    is_temporary,
    seized,
    sync_folder,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["HeldLock", "LockOwner", "RefLocks", "owner_mark", "read_owner"]

LOCK_TRIES = 100
LOCK_PAUSE_SECONDS = 0.01
OWNER_SUFFIX = ".owner"
_LOCK_BYTES_MAX = 512
_NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.EMLINK, errno.ENOSYS, errno.EXDEV)
_OWNER = rb"packcore lock\nprocess ([^\n]{1,300})\nfile-system ([a-z0-9]{1,20})\n"


class HeldLock:
    """One held lock: write the new content, then put it in place. All methods raise OSError."""

    def __init__(self, path: Path, folder: Path) -> None:
        self._path = path
        self._folder = folder
        self._new: Temporary | None = None
        self.has_changed = False
        """Whether the file was replaced or removed, which is durable once the lock is released."""

    def write(self, blocks: Iterable[bytes]) -> None:
        """Make the new content durable beside the file, which is still unchanged."""
        self._new = Temporary(self._folder, suffix=".ref", mode=0o666)
        self._new.write(blocks)

    def commit(self) -> None:
        """Replace the file with what was written."""
        assert self._new is not None
        self._new.rename(self._path)
        self.has_changed = True

    def remove(self) -> None:
        """Remove the file, if it is there."""
        self._path.unlink(missing_ok=True)
        self.has_changed = True

    def close(self) -> None:
        """Remove what was written and not committed."""
        if self._new is not None:
            self._new.close()


class RefLocks:
    """The locks below a git directory, and the folders that ref files need.

    Threads may share one; `deferred` in one of them applies to all.
    """

    def __init__(self, git_directory: Path, common_directory: Path) -> None:
        self._git = git_directory
        self._common = common_directory
        self._owners: dict[Path, Temporary] = {}
        self._full_owners: list[Temporary] = []
        self._guard = threading.Lock()
        self._unsynced: dict[Path, None] = {}
        self._is_deferred = False

    @contextmanager
    def hold(self, path: Path) -> Iterator[HeldLock]:
        """Hold `path`.lock; the yielded lock replaces the file, durably once the block has ended.

        Raises RefLocked if another process has it, and RepositoryError if it can't be taken or the content
        can't be written.
        """
        lock = path.with_name(path.name + ".lock")
        try:
            self._take(lock)
        except OSError as error:
            raise RepositoryError(f"{lock}: can't lock: {error.strerror}") from None
        held = HeldLock(path, self._base(path))
        try:
            try:
                yield held
            finally:
                held.close()
                with suppress(OSError):  # gone, or not removable now: `sweep` finds it by its owner
                    lock.unlink()
                self._unsynced[path.parent] = None
            if held.has_changed and not self._is_deferred:
                self._sync()
        except OSError as error:
            raise RepositoryError(f"{path}: {error.strerror}") from None

    @contextmanager
    def deferred(self) -> Iterator[None]:
        """Make many changes durable together, each folder once, at the end of the block.

        Raises RepositoryError.
        """
        if self._is_deferred:
            yield
            return
        self._is_deferred = True
        try:
            yield
        finally:
            self._is_deferred = False
            try:
                self._sync()
            except OSError as error:
                raise RepositoryError(f"{self._common}: {error.strerror}") from None

    def _sync(self) -> None:
        while self._unsynced:
            folder, _ = self._unsynced.popitem()
            with suppress(FileNotFoundError, NotADirectoryError):  # empty, and removed meanwhile
                sync_folder(folder)

    def close(self) -> None:
        """Remove this process's owner files. Idempotent; the next lock makes a new one."""
        with self._guard:
            with suppress(OSError):
                self._sync()  # so that no lock reappears without its owner after a power loss
            owners = [*self._owners.values(), *self._full_owners]
            self._owners.clear()
            self._full_owners.clear()
            for owner in owners:
                with suppress(OSError):
                    if owner.path.lstat().st_nlink > 1:
                        owner.forget()  # a lock could not be removed; let the next run find it
                owner.close()

    # Many together

    def take_all(self, paths: Iterable[str]) -> dict[str, RepositoryError]:
        """Take the locks of many files, without an open file for each; return why some can't be taken.

        `release_all` releases them. They don't replace the files' content. Only waits for the first lock that
        another process holds.
        """
        faults: dict[str, RepositoryError] = {}
        made: dict[str, str] = {}
        for path in paths:
            lock, folder = f"{path}.lock", path.rpartition("/")[0]
            try:
                if folder not in made:
                    self._make_parents(Path(folder))
                    made[folder] = str(self._owner(self._base(Path(lock))))
                os.link(made[folder], lock)
            except (OSError, AttributeError):
                try:
                    # Held by another, the folder is gone, no more links, or no links at all.
                    self._take(Path(lock), tries=1 if faults else LOCK_TRIES)
                    made.pop(folder, None)
                except RepositoryError as error:
                    faults[path] = error
                except OSError as error:
                    faults[path] = RepositoryError(f"{lock}: can't lock: {error.strerror}")
            except RepositoryError as error:
                faults[path] = error
        return faults

    def release_all(self, paths: Iterable[str]) -> None:
        """Release the locks of many files, and remove folders that are then empty. Raises RepositoryError.

        Changes below them are durable then.
        """
        folders: dict[Path, None] = {}
        latest = ""
        for path in paths:
            with suppress(OSError):
                os.unlink(f"{path}.lock")  # noqa: PTH108 -- for very many
            if (folder := path.rpartition("/")[0]) != latest:
                folders[Path(folder)] = None
                latest = folder
        self._unsynced |= folders
        for each in folders:
            self.remove_empty_parents(each)
        if not self._is_deferred:
            try:
                self._sync()
            except OSError as error:
                raise RepositoryError(f"{self._common}: {error.strerror}") from None

    # Taking

    def _take(self, lock: Path, *, tries: int | None = None) -> None:
        pause = threading.Event()
        for _ in range(tries or LOCK_TRIES):
            self._make_parents(lock.parent)
            try:
                self._place(lock)
            except FileExistsError:
                if not _clear(lock):
                    pause.wait(LOCK_PAUSE_SECONDS)
            except FileNotFoundError:
                continue  # the new folder, or the owner file, was removed: try again
            else:
                return
        raise _refusal(lock)

    def _place(self, lock: Path) -> None:
        base = self._base(lock)
        refused = _link_refusal(self._owner(base), lock)
        if refused == errno.EMLINK:
            refused = _link_refusal(self._other_owner(base), lock)
        if refused:
            # Such a lock is recognized by its words, but stays after a crash.
            handle = os.open(lock, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
            with os.fdopen(handle, "wb") as file:
                file.write(owner_mark("other"))

    def _owner(self, base: Path) -> Path:
        with self._guard:
            owner = self._owners.get(base)
            if owner is not None and not is_there(owner.path):
                owner.close()
                owner = None
            if owner is None:
                owner = self._owners[base] = Temporary(base, suffix=OWNER_SUFFIX, mode=0o644)
                owner.write([owner_mark(file_system(base))])
                sync_folder(base)
            return owner.path

    def _other_owner(self, base: Path) -> Path:
        """Return a new owner file, if the current one has as many links as the disk allows."""
        with self._guard:
            if (owner := self._owners.pop(base, None)) is not None:
                self._full_owners.append(owner)
        return self._owner(base)

    def _base(self, path: Path) -> Path:
        inside = (base for base in (self._git, self._common) if path.is_relative_to(base))
        return next(inside, path.parent)  # if packed-refs is a link to another repository's

    def _make_parents(self, folder: Path) -> None:
        base = self._base(folder)
        current = base
        for part in folder.relative_to(base).parts:
            above, current = current, current / part
            with suppress(FileExistsError):
                current.mkdir()
                self._unsynced[above] = None
            mode = os.lstat(current).st_mode
            if stat.S_ISLNK(mode):
                raise RepositoryError(f"{current} is a symbolic link; refs are not written through one")
            if not stat.S_ISDIR(mode):
                raise RepositoryError(f"{current} is in the way: a folder is needed there")

    def remove_empty_parents(self, folder: Path) -> None:
        """Remove a deleted ref's folder and those above it while they are empty."""
        base = self._common / "refs"
        # Keep refs/heads and refs/tags, as git does.
        while folder.is_relative_to(base) and len(folder.relative_to(base).parts) > 1:
            try:
                folder.rmdir()
            except OSError:
                return
            folder = folder.parent

    # After a crash

    def sweep(self) -> None:
        """Clear the locks that dead processes left behind; what can't be removed stays."""
        for base in dict.fromkeys((self._git, self._common)):
            try:
                with os.scandir(base) as entries:
                    names = [entry.name for entry in entries if is_temporary(entry.name)]
            except OSError:
                continue
            for name in names:
                if name.endswith(OWNER_SUFFIX):
                    self._sweep_owner(base / name)

    def _sweep_owner(self, owner: Path) -> None:
        with seized(owner) as is_left_over, suppress(OSError):
            if is_left_over and is_on_one_kernel(owner) and owner.lstat().st_nlink > 1:
                for lock in self._locks():
                    with suppress(OSError):
                        if lock.samefile(owner):
                            lock.unlink()

    def _locks(self) -> Iterator[Path]:
        for base in dict.fromkeys((self._git, self._common)):
            yield from base.glob("*.lock")
            yield from base.glob("reftable/*.lock")
            yield from (path for path in files_below(base / "refs") if path.name.endswith(".lock"))


def _link_refusal(owner: Path, lock: Path) -> int:
    """Make a lock as a hard link to its owner file; return the error number if impossible, else 0.

    Raises OSError.
    """
    if not hasattr(os, "link"):  # as in WebAssembly
        return errno.ENOSYS
    try:
        os.link(owner, lock)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        return error.errno or errno.ENOSYS
    return 0


class LockOwner(NamedTuple):
    """What our lock file says about the process that made it."""

    process: str
    file_system: str


def owner_mark(kind: str) -> bytes:
    """Return the content of this process's lock files; `kind` is the file system as it sees it."""
    import platform

    host = re.sub(r"[^!-~]", "?", platform.node())[:200] or "an unnamed host"
    return f"packcore lock\nprocess {os.getpid()} on {host}\nfile-system {kind}\n".encode()


def read_owner(lock: Path) -> LockOwner | None:
    """Return who made a lock; None if it isn't ours, or is gone."""
    try:
        with lock.open("rb") as file:
            match = re.match(_OWNER, file.read(_LOCK_BYTES_MAX))
    except OSError:
        return None
    if match is None:
        return None
    return LockOwner(match[1].decode("ascii", "replace"), match[2].decode())


def _clear(lock: Path) -> bool:
    """Remove a lock if it is ours and its process is surely gone; return whether it was removed."""
    owner = read_owner(lock)
    if owner is None:
        return False
    with seized(lock, owner.file_system) as is_left_over:
        if is_left_over:
            with suppress(OSError):
                lock.unlink()
                return True
    return False


def _refusal(lock: Path) -> RefLocked:
    owner = read_owner(lock)
    if owner is None:
        return RefLocked(
            str(lock),
            "another program, most likely git",
            hint=f"run again when it has ended; if no program is at work there, remove {lock}",
        )
    return RefLocked(
        str(lock),
        f"packcore, process {owner.process}",
        hint=f"run again when it has ended; if that process no longer runs, remove {lock}",
    )
