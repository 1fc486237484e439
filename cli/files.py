"""Output files that appear whole or not at all.

    FILE.pack      <- written in the same folder (packcore.store.temporaries), fsynced, renamed
    FILE.idx       <- likewise, after the pack: a reader that sees the index also sees its pack

After an exception, Ctrl-C included, the temporary files are gone and the names are untouched. The next file
written to the folder removes what a killed process left.
"""

from __future__ import annotations

import contextlib
import errno
import os
from contextlib import ExitStack
from pathlib import Path
from typing import IO, TYPE_CHECKING

from packcore.store.temporaries import Temporary, sweep, sync_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

__all__ = ["AtomicFiles"]


class AtomicFiles:
    """Files that appear together when the block is left, in the order in which they were opened."""

    def __init__(self, *, read_only: bool = False) -> None:
        self._mode = 0o444 if read_only else 0o666
        self._stack = ExitStack()
        self._waiting: list[tuple[IO[bytes], Temporary, Path]] = []

    def open(self, path: str | Path) -> IO[bytes]:
        """Open a file, for reading back too, that will have this name once all is well."""
        path = Path(path)
        with _naming(path):
            if not path.parent.is_dir():
                raise FileNotFoundError(errno.ENOENT, f"there is no folder {path.parent}")
            if path.is_dir():
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
            sweep(path.parent)
            temporary = Temporary(path.parent)
            self._stack.callback(temporary.close)
            file = self._stack.enter_context(temporary.open())
        self._waiting.append((file, temporary, path))
        return file

    def name(self, file: IO[bytes], path: Path) -> None:
        """Let an opened file appear under another name in the same folder, once that is known."""
        self._waiting = [
            (each, temporary, path if each is file else old) for each, temporary, old in self._waiting
        ]

    def __enter__(self) -> AtomicFiles:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._stack:
            if kind is None:
                self._publish()
            elif isinstance(error, OSError) and error.errno == errno.ENOSPC and not error.filename:
                error.filename = " and ".join(str(path) for _, _, path in self._waiting)

    def _publish(self) -> None:
        mode = self._mode & ~_umask()
        for file, temporary, path in self._waiting:
            with _naming(path):
                file.flush()
                temporary.set_mode(mode)
                os.fsync(file.fileno())
                file.close()
        for _, temporary, path in self._waiting:
            with _naming(path):
                temporary.rename(path)
        for folder in dict.fromkeys(path.parent for _, _, path in self._waiting):
            with contextlib.suppress(OSError):  # a folder that may be written to but not read
                sync_folder(folder)


@contextlib.contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Let an error name the user's file: the temporary one is nothing that a user knows."""
    try:
        yield
    except OSError as error:
        error.filename, error.filename2 = str(path), None
        raise


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
