"""Packs that a server has made, kept for the next client that asks for the same.

    join(key)      the pack for this request, and whether the caller has to make it
    leave(kept)    the caller reads it no longer
    append(...)    the maker's blocks; False where they can't be kept

The packs are files in a temporary folder, which is made with the first of them and removed by `close`; what a
killed server leaves is removed by the next one. Together they take at most `bytes_max`. The least recently
used ones make room; one that is being read stays. A pack of more than half of `bytes_max` isn't kept.
"""

from __future__ import annotations

import tempfile
import threading
from collections import OrderedDict
from contextlib import ExitStack, suppress
from pathlib import Path

from packcore.store.temporaries import sweep, temporary_folder
from transport.errors import InvalidOption
from transport.server.kept_pack import KeptPack

__all__ = ["PACK_CACHE_BYTES", "Abandoned", "PackCache"]

PACK_CACHE_BYTES = 256 * 1024 * 1024
_PACKS_MAX = 1000
_TOO_LARGE_MAX = 1000
"""Requests that are remembered as having packs too large to be kept."""


class Abandoned(Exception):
    """No reader is left, so that the pack need not be made."""


class PackCache:
    """The packs of one server. Threads may share it."""

    def __init__(self, folder: str | Path | None = None, *, bytes_max: int = PACK_CACHE_BYTES) -> None:
        """Keep packs below `folder`; None: below the system's temporary folder.

        Raises InvalidOption where `folder` can't be used.
        """
        self._parent = Path(folder or tempfile.gettempdir())
        if folder is not None:
            try:
                self._parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise InvalidOption(f"{folder}: no packs can be kept here: {error.strerror}") from None
        self._bytes_max = bytes_max
        self._lock = threading.Lock()
        self._packs: OrderedDict[bytes, KeptPack] = OrderedDict()
        self._too_large: OrderedDict[bytes, None] = OrderedDict()
        self._byte_count = 0
        self._numbers = 0
        self._alone = self._reused = 0
        self._folder: Path | None = None
        self._resources = ExitStack()
        self._is_closed = False

    @property
    def byte_count(self) -> int:
        """How many bytes the files have now."""
        return self._byte_count

    def counts(self) -> dict[str, int]:
        """Return for how many requests a pack was made, and for how many one was there."""
        with self._lock:
            return {"made": self._numbers + self._alone, "kept": self._reused}

    def join(self, key: bytes) -> tuple[KeptPack, bool] | None:
        """Return the pack for a request, and whether the caller is to make it; None: it can't be kept.

        The caller must call `leave` when it has read it.
        """
        with self._lock:
            if self._is_closed or key in self._too_large:
                self._alone += 1
                return None
            kept = self._packs.get(key)
            is_new = kept is None
            if kept is None:
                folder = self._own_folder()
                if folder is None:
                    self._alone += 1
                    return None
                self._numbers += 1
                kept = KeptPack(key, folder / f"{self._numbers}.pack", self._lock)
                self._packs[key] = kept
            self._reused += not is_new
            self._packs.move_to_end(key)
            kept.readers += 1
            return kept, is_new

    def leave(self, kept: KeptPack) -> None:
        """Count a reader out; a pack that isn't whole goes with its last one."""
        rest = None
        with self._lock:
            kept.readers -= 1
            if not kept.readers and not (kept.is_whole and self._packs.get(kept.key) is kept):
                rest, kept.rest = kept.rest, None
                self._drop(kept)
            self._make_room(0)
        if rest is not None:
            rest.resources.close()

    def append(self, kept: KeptPack, block: bytes) -> bool:
        """Write a block; return False where it can't be kept. Raises Abandoned."""
        with self._lock:
            if not kept.readers or self._is_closed:
                raise Abandoned
            if kept.byte_count + len(block) > self._bytes_max // 2:
                self._too_large[kept.key] = None
                if len(self._too_large) > _TOO_LARGE_MAX:
                    self._too_large.popitem(last=False)
                return False
            if not self._make_room(len(block)):
                return False
            self._byte_count += len(block)
            kept.byte_count += len(block)
        try:
            kept.write(block)
        except OSError:
            return False
        return True

    def forget(self, kept: KeptPack) -> None:
        """Make the pack again for the next client; those that read it go on."""
        with self._lock:
            if self._packs.get(kept.key) is kept:
                del self._packs[kept.key]

    def close(self) -> None:
        """Remove all files. Idempotent."""
        with self._lock:
            self._is_closed = True
            self._packs.clear()
            self._resources.close()

    def _own_folder(self) -> Path | None:
        if self._folder is None:
            sweep(self._parent)
            with suppress(OSError):
                self._folder = self._resources.enter_context(temporary_folder(self._parent))
        return self._folder

    def _make_room(self, byte_count: int) -> bool:
        """Drop packs until so many bytes more can be kept; return whether they can."""
        unread = (kept for kept in list(self._packs.values()) if kept.is_whole and not kept.readers)
        while self._byte_count + byte_count > self._bytes_max or len(self._packs) > _PACKS_MAX:
            oldest = next(unread, None)
            if oldest is None:
                return self._byte_count + byte_count <= self._bytes_max
            self._drop(oldest)
        return True

    def _drop(self, kept: KeptPack) -> None:
        if self._packs.get(kept.key) is kept:
            del self._packs[kept.key]
        self._byte_count -= kept.byte_count
        kept.byte_count = 0
        with suppress(OSError):
            kept.path.unlink()
