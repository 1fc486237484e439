"""A disk that fails on purpose: counts the calls that change files below one folder, and strikes at the Nth.

    Fault("kill", 17)     the process ends before the 17th call
    Fault("torn", 17)     as above, but half of what the call was to write is written
    Fault("io", 17)       that call fails with EIO, the ones after it don't
    Fault("short", 17)    that write takes half of what it was given, and says so
    Fault("full", 17)     from that call on nothing can be written or made: ENOSPC
    Fault("quota", 17)    the same with EDQUOT

What Python calls is replaced in the process itself (`os.open`, `os.rename`, …, and the files that `io.open`
gives for writing), so this is for a process of its own: `tests.crash.worker`. Every call is written to a
log, from which `tests.crash.power` builds what a loss of power may leave. Files without a name and
files outside the folder don't count.
"""

from __future__ import annotations

import builtins
import errno
import io
import os
from typing import IO, TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Call", "Disk", "Fault"]

_MAKES = {"open", "write", "mkdir", "link", "truncate"}
"""What a full disk refuses."""
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT
KILLED = 137


class Fault(NamedTuple):
    """What goes wrong, and at which call, counted from 1."""

    kind: str
    at: int


class Call(NamedTuple):
    """One call: its kind, the path (and the second one), and of a write where and what."""

    kind: str
    path: str
    other: str = ""
    at: int = 0
    data: bytes = b""


class Disk:
    """The calls of this process below `root`, from `install` on."""

    def __init__(self, root: str, fault: Fault | None) -> None:
        self._root = os.path.realpath(root) + "/"
        self._fault = fault
        self.calls: list[Call] = []
        self._files: dict[int, str] = {}
        """By descriptor: a path with a number, which names one file whatever it is called later."""
        self._opened = 0
        self.real = {name: getattr(os, name) for name in _NAMES}
        self._open_file = io.open

    def install(self) -> None:
        """Replace what the process calls."""
        os.open = self._os_open
        os.dup = self._dup
        os.fsync = self._fsync  # type: ignore[assignment]
        os.ftruncate = self._ftruncate
        for name in ("unlink", "remove", "rmdir", "mkdir"):
            setattr(os, name, self._one_path(name))
        for name in ("rename", "replace", "link"):
            setattr(os, name, self._two_paths(name))
        io.open = self._io_open  # type: ignore[assignment]
        builtins.open = self._io_open  # type: ignore[assignment]

    # Striking

    def strike(self, call: Call) -> bool:
        """Note a call; fail or end here if it is the one. Tell whether a write is to be cut short."""
        self.calls.append(call)
        fault = self._fault
        if fault is None or len(self.calls) < fault.at:
            return False
        if fault.kind in ("full", "quota") and call.kind in _MAKES:
            self.calls.pop()
            number = errno.ENOSPC if fault.kind == "full" else errno.EDQUOT
            raise OSError(number, os.strerror(number), call.path)
        if len(self.calls) > fault.at:
            return False
        if fault.kind == "kill" or (fault.kind == "torn" and call.kind != "write"):
            os._exit(KILLED)
        if fault.kind == "io":
            raise OSError(errno.EIO, os.strerror(errno.EIO), call.path)
        return fault.kind in ("torn", "short")

    def is_torn(self) -> bool:
        """Tell whether the process ends after half a write."""
        return self._fault is not None and self._fault.kind == "torn"

    # The calls

    def _below(self, path: Any, folder: int | None = None) -> str | None:
        """Return a path below the root, or None for one that doesn't count."""
        if isinstance(path, int):
            return None
        text = os.fsdecode(path)
        if folder is not None:
            text = os.path.join(os.readlink(f"/proc/self/fd/{folder}"), text)
        text = os.path.abspath(text)
        whole = os.path.join(os.path.realpath(os.path.dirname(text)), os.path.basename(text))
        return whole if f"{whole}/".startswith(self._root) else None

    def _track(self, handle: int, path: str | None) -> None:
        self._opened += 1
        if path is None:
            self._files.pop(handle, None)
        else:
            self._files[handle] = f"{path}\0{self._opened}"

    def file_of(self, handle: int) -> str | None:
        """Return what a descriptor was opened as."""
        return self._files.get(handle)

    def _os_open(self, path: Any, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        whole = self._below(path, dir_fd)
        nameless = getattr(os, "O_TMPFILE", -1)
        named = flags & nameless != nameless or nameless == -1
        makes = bool(flags & os.O_CREAT) and named and whole is not None and not os.path.lexists(whole)
        handle: int
        if whole is not None and (makes or flags & os.O_TRUNC):
            self.strike(Call("open", whole, str(self._opened + 1)))
        handle = self.real["open"](path, flags, mode, dir_fd=dir_fd)
        self._track(handle, whole if named else None)
        return handle

    def _dup(self, handle: int) -> int:
        copy: int = self.real["dup"](handle)
        found = self._files.get(handle)
        if found is None:
            self._files.pop(copy, None)
        else:
            self._files[copy] = found
        return copy

    def _fsync(self, handle: int) -> None:
        found = self.file_of(handle)
        if found is not None:
            self.strike(Call("fsync", found))
        self.real["fsync"](handle)

    def _ftruncate(self, handle: int, length: int) -> None:
        found = self.file_of(handle)
        if found is not None:
            self.strike(Call("truncate", found, at=length))
        self.real["ftruncate"](handle, length)

    def _one_path(self, name: str) -> Callable[..., None]:
        kind = "unlink" if name == "remove" else name

        def call(path: Any, *rest: Any, dir_fd: int | None = None) -> None:
            whole = self._below(path, dir_fd)
            # What can't succeed changes nothing, and is no place to strike.
            if whole is not None and os.path.lexists(whole) == (kind == "mkdir"):
                whole = None
            if whole is not None:
                self.strike(Call(kind, whole))
            self._do(name, whole, path, *rest, dir_fd=dir_fd)

        return call

    def _two_paths(self, name: str) -> Callable[..., None]:
        kind = "rename" if name == "replace" else name

        def call(one: Any, other: Any, **options: Any) -> None:
            first, second = self._below(one), self._below(other)
            if first is not None and not os.path.lexists(first):
                first = None
            if first is not None and second is not None:
                self.strike(Call(kind, first, second))
            self._do(name, first and second, one, other, **options)

        return call

    def _do(self, name: str, counted: str | None, *arguments: Any, **options: Any) -> None:
        """Make a call; one that fails by itself changes nothing, and does not count."""
        noted = self.calls[-1] if counted and self.calls else None
        try:
            self.real[name](*arguments, **options)
        except OSError:
            if noted is not None and self.calls[-1] is noted:
                self.calls.pop()
            raise

    def _io_open(
        self, file: Any, mode: str = "r", buffering: int = -1, *rest: Any, **options: Any
    ) -> IO[Any]:
        if not set(mode) & set("wax+"):
            return self._open_file(file, mode, buffering, *rest, **options)
        raw = _File(self, file, mode.replace("b", "").replace("t", ""), options)
        if buffering == 0:
            return raw
        kind = io.BufferedRandom if "+" in mode else io.BufferedWriter
        buffered = kind(raw)
        if "b" in mode:
            return buffered
        names = ("encoding", "errors", "newline")
        words = dict(zip(names, rest, strict=False)) | {n: options[n] for n in names if n in options}
        return io.TextIOWrapper(buffered, **words)


class _File(io.FileIO):
    """A file for writing whose writes count."""

    def __init__(self, disk: Disk, file: Any, mode: str, options: dict[str, Any]) -> None:
        self._disk = disk
        closefd = options.get("closefd", True)
        if isinstance(file, int):
            super().__init__(file, mode, closefd=closefd)
            return

        def opener(path: str, flags: int) -> int:
            given = options.get("opener")
            return given(path, flags) if given else os.open(path, flags, 0o666)

        super().__init__(file, mode, closefd=closefd, opener=opener)

    def write(self, data: Any) -> int:
        found = self._disk.file_of(self.fileno())
        data = bytes(data)
        if found is not None and self._disk.strike(Call("write", found, at=self.tell(), data=data)):
            half = super().write(data[: max(1, len(data) // 2)])
            if self._disk.is_torn():
                os._exit(KILLED)
            return half
        return super().write(data)


_NAMES = (
    "open",
    "dup",
    "fsync",
    "ftruncate",
    "unlink",
    "remove",
    "rmdir",
    "mkdir",
    "rename",
    "replace",
    "link",
)
