"""Output files that appear whole or not at all.

    FILE.pack      <- written as .tmp-packcore-XXXX in the same folder, fsynced, renamed
    FILE.idx       <- likewise, after the pack: whoever sees the index sees the pack it is of

Left by an exception, Ctrl-C included, the temporary files are gone and the names are untouched.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["AtomicFiles"]

TEMPORARY_PREFIX = ".tmp-packcore-"


class AtomicFiles:
    """Files that appear together when the block is left, in the order in which they were opened."""

    def __init__(self, *, read_only: bool = False) -> None:
        self._mode = 0o444 if read_only else 0o666
        self._stack = ExitStack()
        self._waiting: list[tuple[IO[bytes], Path, Path]] = []

    def open(self, path: str | Path) -> IO[bytes]:
        """Open a file, for reading back too, that will have this name once all is well."""
        path = Path(path)
        handle, name = tempfile.mkstemp(prefix=TEMPORARY_PREFIX, dir=path.parent)
        self._stack.callback(_unlink, Path(name))
        file = self._stack.enter_context(os.fdopen(handle, "w+b"))
        self._waiting.append((file, Path(name), path))
        return file

    def __enter__(self) -> AtomicFiles:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._stack:
            if kind is None:
                self._publish()

    def _publish(self) -> None:
        mode = self._mode & ~_umask()
        for file, temporary, _ in self._waiting:
            file.flush()
            temporary.chmod(mode)
            os.fsync(file.fileno())
            file.close()
        for _, temporary, path in self._waiting:
            temporary.replace(path)
        for folder in dict.fromkeys(path.parent for _, _, path in self._waiting):
            _sync_folder(folder)


def _unlink(path: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        path.unlink()


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _sync_folder(folder: Path) -> None:
    """Make renames durable, where the system lets a folder be synced."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
