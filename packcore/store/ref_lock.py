r"""Locks of ref files, and how their content is replaced (git's lockfile protocol).

    refs/heads/main.lock     made with O_EXCL: its holder may replace refs/heads/main by renaming it

No lock is taken through a symbolic link: a folder below the repository that is one is refused. Left out:
the waiting clock that git has for locks. We try a bounded number of times.
"""

from __future__ import annotations

import os
import stat
import threading
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from packcore.errors import RepositoryError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["RefLocks", "remove_empty_folders"]

LOCK_TRIES = 100
LOCK_PAUSE_SECONDS = 0.01


class RefLocks:
    """The locks below a git directory, and the folders that ref files need."""

    def __init__(self, git_directory: Path, common_directory: Path) -> None:
        self._git = git_directory
        self._common = common_directory

    @contextmanager
    def hold(self, path: Path) -> Iterator[Callable[[bytes], None]]:
        """Hold `path`.lock; the function that this yields puts new content in place of the file.

        Raises RepositoryError where the lock can't be taken or the content can't be written.
        """
        lock = path.with_name(path.name + ".lock")
        committed = False

        def commit(content: bytes) -> None:
            nonlocal committed
            with os.fdopen(os.dup(handle), "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(handle)
            lock.replace(path)
            committed = True

        try:
            handle = self._open(lock)
        except OSError as error:
            raise RepositoryError(f"{lock}: can't lock: {error.strerror}") from None
        try:
            yield commit
        except OSError as error:
            raise RepositoryError(f"{path}: {error.strerror}") from None
        finally:
            os.close(handle)
            if not committed:
                with suppress(FileNotFoundError):
                    lock.unlink()

    def _open(self, lock: Path) -> int:
        pause = threading.Event()
        for _ in range(LOCK_TRIES):
            self._make_parents(lock.parent)
            try:
                return os.open(lock, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
            except FileExistsError:
                pause.wait(LOCK_PAUSE_SECONDS)
            except FileNotFoundError:
                continue  # somebody removed the folder that we just made: once more
        raise RepositoryError(f"{lock} is held by another process", hint="if none runs, remove that file")

    def _make_parents(self, folder: Path) -> None:
        base = self._git if folder.is_relative_to(self._git) else self._common
        current = base
        for part in folder.relative_to(base).parts:
            current /= part
            with suppress(FileExistsError):
                current.mkdir()
            mode = os.lstat(current).st_mode
            if stat.S_ISLNK(mode):
                raise RepositoryError(f"{current} is a symbolic link; refs are not written through one")
            if not stat.S_ISDIR(mode):
                raise RepositoryError(f"{current} is in the way: a folder is needed there")

    def remove_empty_parents(self, folder: Path) -> None:
        """Remove a deleted ref's folder and those above it while they are empty."""
        base = self._common / "refs"
        # refs/heads and refs/tags stay, as git keeps them.
        while folder.is_relative_to(base) and len(folder.relative_to(base).parts) > 1:
            try:
                folder.rmdir()
            except OSError:
                return
            folder = folder.parent


def remove_empty_folders(folder: Path) -> None:
    """Remove a folder and those in it, as far as they hold no file."""
    for inner, _, _ in os.walk(folder, topdown=False):
        with suppress(OSError):  # not empty: then a ref is in there
            Path(inner).rmdir()
