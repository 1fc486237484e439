r"""Files and folders in the making: named so that git leaves them alone, and found again after a crash.

    packcore-tmp-ext4-5f0c9a1b7d3e.spool     the file system as its maker saw it, twelve hex digits, a suffix

Its maker holds flock(2) on it. The kernel drops that lock when the process ends, however it ends, and
whatever its process number or container. So an unlocked temporary is left over, with one exception: a machine
that reaches the same disk over a network holds its locks elsewhere. Hence:

    made on, and seen on, the same kind of file system,     left over as soon as it is unlocked
    one that a single kernel mounts at a time
    any other                                               left over when it is unlocked and a day old

git's prune removes `tmp_*` in objects/ and objects/pack/ above a given age, in use or not. Our names have
another start; `git count-objects -v` lists them as garbage. Earlier versions left `tmp_packcore_*` and
`.tmp-packcore-*`.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
import weakref
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import IO, TYPE_CHECKING

_HAS_LOCKS = sys.platform not in {"win32", "emscripten", "wasi"}
if _HAS_LOCKS:
    import fcntl

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = [
    "TEMPORARY_PREFIX",
    "Temporary",
    "file_system",
    "is_on_one_kernel",
    "is_temporary",
    "make_removable",
    "remove_tree",
    "seized",
    "sweep",
    "sync_folder",
    "temporary_folder",
    "write_whole",
]

TEMPORARY_PREFIX = "packcore-tmp-"
STALE_SECONDS = 24 * 3600
"""An unlocked temporary of this age belongs to no running process on any machine."""

# Windows would translate line ends in a file that is not opened as binary.
_FLAGS = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
_EARLIER_PREFIXES = ("tmp_packcore_", ".tmp-packcore-")
_OTHER = "other"
_MOUNTED_BY_ONE_KERNEL = frozenset(
    {
        *("bcachefs", "btrfs", "ext2", "ext3", "ext4", "f2fs", "jfs"),
        *("overlay", "ramfs", "reiserfs", "tmpfs", "xfs", "zfs"),
    }
)
"""File systems that no second machine can use, so this kernel knows every lock."""
_MOUNTS = Path("/proc/self/mountinfo")


class Temporary:
    """Our own file, in use until `close`, `forget`, or the end of the process.

    `path` names it, `handle` is its descriptor. Raises OSError.
    """

    def __init__(self, folder: Path, *, suffix: str = "", mode: int = 0o600) -> None:
        kind = file_system(folder)
        while True:
            self.path = folder / f"{TEMPORARY_PREFIX}{kind}-{os.urandom(6).hex()}{suffix}"
            try:
                self.handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL | _FLAGS, mode)
            except FileExistsError:
                continue
            self._remove = weakref.finalize(self, _unlink, self.path)
            if sys.platform == "win32":  # no locks, and an open file could not be renamed
                self._let_go()
                return
            if not _lock(self.handle) and kind != _OTHER:
                kind = _OTHER  # this file system has no locks, or a sweep was faster
            elif _leads_to(self.path, self.handle):
                return
            self.close()

    def write(self, blocks: Iterable[bytes]) -> None:
        """Write blocks and make them durable."""
        with self.open() as file:
            for block in blocks:
                file.write(block)
            file.flush()
            os.fsync(file.fileno())

    def open(self) -> IO[bytes]:
        """Return a new file object over it, for writing and reading back. Raises OSError."""
        if sys.platform == "win32":
            return self.path.open("r+b")
        return os.fdopen(os.dup(self.handle), "w+b")

    def set_mode(self, mode: int) -> None:
        """Set the file's permissions. Raises OSError."""
        if sys.platform != "win32":  # there, a read-only file could be neither replaced nor removed
            self.path.chmod(mode)

    def rename(self, target: Path) -> None:
        """Rename the file to its final name, replacing what is there; it is no longer temporary."""
        make_removable(target)
        self.path.replace(target)
        self.forget()

    def forget(self) -> None:
        """Leave the file to its new name."""
        self._remove.detach()

    def close(self) -> None:
        """Remove the file, unless it was renamed, and close it. Idempotent."""
        self._remove()
        self._let_go()

    def _let_go(self) -> None:
        if self.handle >= 0:
            with suppress(OSError):  # the file is discarded anyway
                os.close(self.handle)
            self.handle = -1


@contextmanager
def temporary_folder(parent: Path) -> Iterator[Path]:
    """Make a folder that is in use until the block ends and then removed. Raises OSError."""
    while True:
        kind = file_system(parent)
        path = parent / f"{TEMPORARY_PREFIX}{kind}-{os.urandom(6).hex()}"
        path.mkdir(mode=0o700)
        handle = os.open(path, os.O_RDONLY) if sys.platform != "win32" else None
        if handle is None or (_lock(handle) is not False and _leads_to(path, handle)):
            break
        os.close(handle)
    try:
        yield path
    finally:
        remove_tree(path)
        if handle is not None:
            os.close(handle)


def write_whole(target: Path, blocks: Iterable[bytes], mode: int, *, suffix: str = "") -> None:
    """Write a file that appears whole or not at all; `sync_folder` makes its name durable. Raises OSError."""
    temporary = Temporary(target.parent, suffix=suffix)
    try:
        temporary.write(blocks)
        temporary.set_mode(mode)
        temporary.rename(target)
    finally:
        temporary.close()


def make_removable(path: Path) -> None:
    """Clear git's read-only mark, which on Windows prevents removing and replacing a file."""
    if sys.platform == "win32":
        with suppress(OSError):  # nothing to do if it isn't there; otherwise removing it fails too
            path.chmod(0o666)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable. Raises OSError."""
    if sys.platform == "win32":  # a folder can't be opened there
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno != errno.EINVAL:  # a file system without it
            raise
    finally:
        os.close(handle)


def is_temporary(name: str) -> bool:
    """Return whether a file has the name of one of our temporaries."""
    return name.startswith((TEMPORARY_PREFIX, *_EARLIER_PREFIXES))


def sweep(folder: Path) -> None:
    """Remove what earlier processes left in a folder; what can't be removed stays."""
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries if is_temporary(entry.name)]
    except OSError:
        return
    for name in names:
        with seized(folder / name) as is_left_over:
            if is_left_over:
                _remove(folder / name)


@contextmanager
def seized(path: Path, kind: str | None = None) -> Iterator[bool]:
    """Yield whether `path` is left over; inside the block no other process treats it as such.

    `kind` is the file system as its maker saw it; None takes it from the name.
    """
    handle = _opened(path)
    if handle is None:
        yield False
        return
    if sys.platform == "win32":  # no locks, and an open file could not be removed
        is_stale = _is_stale(path, handle)
        os.close(handle)
        yield is_stale
        return
    try:
        locked = _lock(handle)
        if locked is False or not _leads_to(path, handle):
            yield False
        else:
            yield bool(locked and is_on_one_kernel(path, kind)) or _is_stale(path, handle)
    finally:
        os.close(handle)


def _opened(path: Path) -> int | None:
    flags = _FLAGS | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    for access in (os.O_RDWR, os.O_RDONLY):  # over NFS only a file open for writing can be locked
        with suppress(OSError):
            return os.open(path, access | flags)
    return None


def file_system(folder: Path) -> str:
    """Return the kind of a folder's file system if only one kernel can mount it, else "other"."""
    return _file_system(os.fspath(folder), folder.stat().st_dev)


@lru_cache(maxsize=64)
def _file_system(folder: str, device: int) -> str:  # noqa: ARG001 -- a mount changes it
    folder = os.path.realpath(folder)
    try:
        lines = _MOUNTS.read_bytes().splitlines()
    except OSError:
        return _OTHER
    found, best = _OTHER, -1
    for line in lines:
        fields, _, rest = line.partition(b" - ")
        point = os.fsdecode(fields.split()[4].decode("unicode_escape").encode("latin-1"))
        if len(point) >= best and (folder + "/").startswith(point.rstrip("/") + "/"):
            found, best = rest.split()[0].decode("ascii", "replace"), len(point)
    return found if found in _MOUNTED_BY_ONE_KERNEL else _OTHER


def is_on_one_kernel(path: Path, kind: str | None = None) -> bool:
    """Return whether this kernel knows every lock on a file; `kind` as for `seized`."""
    if kind is None:
        kind = path.name.removeprefix(TEMPORARY_PREFIX).partition("-")[0]
    return kind in _MOUNTED_BY_ONE_KERNEL and kind == file_system(path.parent)


def _is_stale(path: Path, handle: int) -> bool:
    """Return whether a file is old by the file system's own clock: the time that it gives a new file."""
    if not is_temporary(path.name):
        return False
    import tempfile

    try:
        with tempfile.TemporaryFile(dir=path.parent) as probe:
            return os.fstat(probe.fileno()).st_mtime - os.fstat(handle).st_mtime > STALE_SECONDS
    except OSError:
        return False


def _lock(handle: int) -> bool | None:
    """Take the lock that marks a file as in use; False if another process has it, None without locks."""
    if not _HAS_LOCKS:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


def _leads_to(path: Path, handle: int) -> bool:
    """Return whether a path still names the open file."""
    try:
        return os.path.samestat(path.lstat(), os.fstat(handle))
    except OSError:
        return False


def remove_tree(folder: Path) -> None:
    """Remove a folder and what is in it, as far as possible."""
    import shutil  # loads every kind of compression

    shutil.rmtree(folder, ignore_errors=True)


def _remove(path: Path) -> None:
    with suppress(OSError):
        if stat.S_ISDIR(path.lstat().st_mode):
            remove_tree(path)
        else:
            path.unlink()


def _unlink(path: Path) -> None:
    with suppress(OSError):  # someone removed it, or its folder
        path.unlink()
