"""The disk of the simulated machine: memory behind the calls that the engine makes, with faults.

    tempfile.TemporaryFile     a file in memory (memfd) that may be full, torn or unreadable
    files in the world's folder   really there, on a memory disk, since a repository is many files:
      tempfile.mkstemp, os.open, os.link, os.replace, os.unlink, os.fsync, os.fdopen, io.open, ...

Every call is a step of the process that makes it: the place where it may be killed. What a server does
passes through untouched.
"""

from __future__ import annotations

import errno
import fcntl
import io
import os
import tempfile
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any
from unittest import mock

from tests.simulation.world import Process

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.simulation.faults import Fault
    from tests.simulation.world import World

__all__ = ["Disk"]


class Disk:
    """What one world's processes write to."""

    def __init__(self, world: World, faults: list[Fault]) -> None:
        self._world = world
        self._faults = {fault.kind: fault for fault in faults}
        self._counts = {"write": 0, "read": 0, "file": 0}
        self.written_bytes = 0
        self._tore = self._filled = False
        self._opened: list[tuple[int, int, int]] = []

    def process(self) -> Process | None:
        """Return the process that is at work; None for a server."""
        owner = self._world.clockwork.current.owner
        return owner if isinstance(owner, Process) else None

    def step(self, what: str) -> bool:
        """Count a call; tell whether it is a process's. Raises Killed."""
        process = self.process()
        if process is None:
            return False
        process.step()
        self._counts[what] = self._counts.get(what, 0) + 1
        return True

    def make_file(self) -> None:
        """Count a new file. Raises OSError."""
        if self.step("file"):
            self._fail("disk-no-file", self._counts["file"], errno.EMFILE)

    def write(self, size: int) -> int:
        """Return how many of so many bytes can be written. Raises OSError."""
        if not self.step("write"):
            return size
        full, torn = self._faults.get("disk-full"), self._faults.get("disk-torn")
        if torn is not None and self._counts["write"] > torn.at and size > 1:
            if not self._tore:
                self._world.fired("disk-torn")
            self._tore = True
            size = max(1, size // 3)
        if full is not None and self.written_bytes + size > full.at:
            if not self._filled:
                self._world.fired("disk-full")
            self._filled = True
            size = full.at - self.written_bytes
            if size <= 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self.written_bytes += size
        return size

    def read(self) -> None:
        """Count a read. Raises OSError."""
        if self.step("read"):
            self._fail("disk-unreadable", self._counts["read"], errno.EIO)

    def _fail(self, kind: str, count: int, code: int) -> None:
        fault = self._faults.get(kind)
        if fault is not None and count == fault.at + 1:
            self._world.fired(kind)
            raise OSError(code, os.strerror(code))

    def opened(self, handle: int) -> None:
        """Remember a file that a process has opened."""
        status = os.fstat(handle)
        self._opened.append((handle, status.st_dev, status.st_ino))

    def let_go(self) -> None:
        """Drop the locks of a killed process on its files, as the kernel does."""
        for handle, *place in self._opened:
            with suppress(OSError):
                status = os.fstat(handle)
                if [status.st_dev, status.st_ino] == place:
                    fcntl.flock(handle, fcntl.LOCK_UN)
        self._opened.clear()

    def heal(self) -> None:
        """Let everything work from now on."""
        self._faults.clear()


class _File(io.FileIO):
    """A file whose writes and reads ask the disk."""

    def __init__(self, handle: int, mode: str, disk: Disk, *, closes: bool = True) -> None:
        super().__init__(handle, mode, closefd=closes)
        self._disk = disk

    def write(self, data: Any, /) -> int:
        size = memoryview(data).nbytes
        if not size:
            return 0
        taken = self._disk.write(size)
        return super().write(memoryview(data).cast("B")[:taken])

    def read(self, size: int | None = -1, /) -> Any:
        self._disk.read()
        return super().read(-1 if size is None else size)

    def readinto(self, buffer: Any, /) -> int:
        self._disk.read()
        return super().readinto(buffer) or 0


@contextmanager
def mounted(disk_of: Callable[[], Disk | None], folder: str) -> Iterator[None]:
    """Put the disk under the engine: files without a name, and those below `folder`."""
    patches = [
        mock.patch.object(tempfile, "TemporaryFile", _temporary_file(disk_of)),
        mock.patch.object(tempfile, "mkstemp", _mkstemp(disk_of)),
        mock.patch.object(os, "fdopen", _fdopen(disk_of)),
        mock.patch.object(io, "open", _io_open(disk_of, folder)),
    ]
    for name in ("open", "mkdir", "link", "replace", "rename", "unlink", "rmdir", "chmod", "fsync"):
        patches.append(mock.patch.object(os, name, _stepping(getattr(os, name), disk_of, folder)))
    for patch in patches:
        patch.start()
    try:
        yield
    finally:
        for patch in reversed(patches):
            patch.stop()


def _temporary_file(disk_of: Callable[[], Disk | None]) -> Callable[..., Any]:
    real = tempfile.TemporaryFile

    def temporary_file(mode: str = "w+b", buffering: int = -1, **options: Any) -> Any:
        disk = disk_of()
        if disk is None:
            return real(mode, buffering, **options)
        disk.make_file()
        raw = _File(os.memfd_create("simulated"), "r+b", disk)
        return raw if buffering == 0 else io.BufferedRandom(raw)

    return temporary_file


def _mkstemp(disk_of: Callable[[], Disk | None]) -> Callable[..., Any]:
    real = tempfile.mkstemp

    def mkstemp(*arguments: Any, **options: Any) -> Any:
        disk = disk_of()
        if disk is not None:
            disk.make_file()
        return real(*arguments, **options)

    return mkstemp


def _fdopen(disk_of: Callable[[], Disk | None]) -> Callable[..., Any]:
    real = os.fdopen

    def fdopen(handle: int, mode: str = "r", *arguments: Any, **options: Any) -> Any:
        disk = disk_of()
        if disk is None or disk.process() is None:
            return real(handle, mode, *arguments, **options)
        return _buffered(_File(handle, mode.replace("b", ""), disk), mode, options.get("encoding"))

    return fdopen


def _io_open(disk_of: Callable[[], Disk | None], folder: str) -> Callable[..., Any]:
    real = io.open

    def io_open(file: Any, mode: str = "r", *arguments: Any, **options: Any) -> Any:
        disk = disk_of()
        if disk is None or disk.process() is None or "r" in mode or not str(file).startswith(folder):
            return real(file, mode, *arguments, **options)
        disk.make_file()
        return _buffered(_File(file, mode.replace("b", ""), disk), mode, options.get("encoding"))

    return io_open


def _buffered(raw: _File, mode: str, encoding: str | None) -> Any:
    binary: Any = io.BufferedRandom(raw) if "+" in mode else io.BufferedWriter(raw)
    if "r" in mode and "+" not in mode:
        binary = io.BufferedReader(raw)
    return binary if "b" in mode else io.TextIOWrapper(binary, encoding or "utf-8")


def _stepping(
    real: Callable[..., Any], disk_of: Callable[[], Disk | None], folder: str
) -> Callable[..., Any]:
    def stepping(first: Any, *arguments: Any, **options: Any) -> Any:
        if isinstance(first, int) or str(first).startswith(folder):
            disk = disk_of()
            process = None if disk is None else disk.process()
            if process is not None and process.killed and real.__name__ == "unlink":
                return None  # a finalizer of the dead, which must neither act nor raise
            if disk is not None and disk.step(real.__name__) and real.__name__ == "open":
                handle = real(first, *arguments, **options)
                disk.opened(handle)
                return handle
        return real(first, *arguments, **options)

    return stepping
