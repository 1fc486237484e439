"""packed-refs on disk and its content in memory: read again when the file is replaced.

A change is a new file under the old name, with a new inode number. The old number can't be reused while the
file that was read is kept open. A program that writes into the file itself changes its times. Times
distinguish two moments only if enough time passes between them, which a clock checks. `RefViews` keeps the
content for several repositories, for a server that opens one for each request.
"""

from __future__ import annotations

import os
import sys
import threading
import weakref
from collections import OrderedDict
from typing import TYPE_CHECKING, TypeVar

from packcore.errors import RepositoryError
from packcore.store.packed_refs import PackedRefs

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from packcore.ids import ObjectFormat
    from packcore.store.reftable_stack import ReftableStack

__all__ = ["PackedFile", "RefViews"]

_View = TypeVar("_View", "PackedFile", "ReftableStack")

_UNSURE_NS = 2 * 10**9
"""A file changed this shortly before it was read may change again with the same times."""


class PackedFile:
    """One packed-refs file. Threads may share it."""

    def __init__(
        self, path: Path, object_format: ObjectFormat, clock: Callable[[], int] | None = None
    ) -> None:
        """`clock` returns the time in nanoseconds; None assumes that two changes have different times."""
        self.path = path
        self._format = object_format
        self._clock = clock
        self._table = PackedRefs(b"", object_format)
        self._stamp: tuple[int, ...] | None = None
        self._pin: weakref.finalize[..., PackedFile] | None = None
        """Closes the file that was read."""
        self._guard = threading.Lock()

    def read(self, *, fresh: bool = False) -> PackedRefs:
        """Return what the file holds, read again when it changed, or if it must be `fresh`.

        Raises CorruptData if it doesn't parse, RepositoryError if it can't be opened.
        """
        with self._guard:
            try:
                if fresh or self._stamp is None or _stamp(os.stat(self.path)) != self._stamp:  # noqa: PTH116
                    self._read()
            except FileNotFoundError:
                self._drop()
            except OSError as error:
                raise RepositoryError(f"{self.path}: {error.strerror}") from None
            return self._table

    def _read(self) -> None:
        self._drop()
        with self.path.open("rb") as file:
            before = os.fstat(file.fileno())
            now = None if self._clock is None else self._clock()
            self._table = PackedRefs.parse(file.read(), self.path, self._format)
            if now is None or now - max(before.st_mtime_ns, before.st_ctime_ns) > _UNSURE_NS:
                self._stamp = _stamp(before)
                # Windows could not replace an open file; its number is not reused there.
                if sys.platform != "win32":
                    self._pin = weakref.finalize(self, os.close, os.dup(file.fileno()))

    def _drop(self) -> None:
        self._table, self._stamp = PackedRefs(b"", self._format), None
        if self._pin is not None:
            self._pin()
            self._pin = None

    def close(self) -> None:
        """Forget what was read; the next use reads it again. Idempotent."""
        with self._guard:
            self._drop()

    @property
    def held_bytes(self) -> int:
        """Memory in use."""
        return self._table.byte_count


def _stamp(status: os.stat_result) -> tuple[int, ...]:
    return status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino, status.st_dev


class RefViews:
    """The latest packed-refs files and stacks of reftables, each read once while unchanged."""

    def __init__(
        self, clock: Callable[[], int], *, count_max: int = 32, bytes_max: int = 256 * 1024 * 1024
    ) -> None:
        """Limit the views to keep, and their bytes; `clock` as for PackedFile."""
        self._clock = clock
        self._count_max = count_max
        self._bytes_max = bytes_max
        self._views: OrderedDict[tuple[Path, str], PackedFile | ReftableStack] = OrderedDict()
        self._guard = threading.Lock()

    def packed_file(self, path: Path, object_format: ObjectFormat) -> PackedFile:
        """Return the file at a path."""
        return self._kept(
            PackedFile, path, object_format, lambda: PackedFile(path, object_format, self._clock)
        )

    def reftable_stack(self, path: Path, object_format: ObjectFormat) -> ReftableStack:
        """Return the stack in a folder."""
        from packcore.store.reftable_stack import ReftableStack

        return self._kept(ReftableStack, path, object_format, lambda: ReftableStack(path, object_format))

    def _kept(
        self, kind: type[_View], path: Path, object_format: ObjectFormat, make: Callable[[], _View]
    ) -> _View:
        """Return the view of a path that is kept, or make it; drop the oldest ones beyond the limits."""
        key = path, object_format.name
        with self._guard:
            found = self._views.get(key)
            if not isinstance(found, kind):
                found = self._views[key] = make()
            self._views.move_to_end(key)
            others = [other for other in self._views if other != key]
            held = sum(view.held_bytes for view in self._views.values())
            while others and (len(self._views) > self._count_max or held > self._bytes_max):
                oldest = self._views.pop(others.pop(0))
                held -= oldest.held_bytes
                oldest.close()
        return found

    def close(self) -> None:
        """Forget everything. Idempotent."""
        with self._guard:
            while self._views:
                self._views.popitem()[1].close()
