"""Temporary files for objects too large for memory while deltas are applied.

A delta may copy from anywhere in its base, so the whole base must be available. Up to `Limits.big_object` it
is in memory. From there on it is a file without a name, which disappears when it is closed or when the
process ends in any way. It is mapped for reading like packs, with the same bound on resident pages.
"""

from __future__ import annotations

import mmap
from typing import TYPE_CHECKING

from packcore.delta.blockwise import apply_delta_blocks
from packcore.delta.codec import TargetTooLarge, apply_delta
from packcore.errors import RepositoryError
from packcore.limits import BLOCK_BYTES
from packcore.pack.mapping import LOOK_BYTES, RESIDENT_BYTES, give_back

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

__all__ = ["Content", "Scratch", "apply_to", "blocks_of", "passed_on", "same_content"]


class Scratch:
    """The bytes of one large object. Closing or dropping it deletes its file."""

    def __init__(self, blocks: Iterable[bytes], directory: Path | None = None) -> None:
        self.size = 0
        self._map: mmap.mmap | None = None
        self._touched_bytes = 0
        import tempfile  # takes more time to load than the rest of us, and hardly any object is so large

        try:
            self._file = tempfile.TemporaryFile(dir=directory, prefix="tmp_obj_", buffering=0)  # noqa: SIM115 -- held open as long as the object is needed
        except OSError as error:
            raise _unwritable(error) from None
        try:
            for block in blocks:
                self._write(block)
        except BaseException:
            self._file.close()
            raise

    def _write(self, block: bytes) -> None:
        view = memoryview(block)
        try:
            while view:
                view = view[self._file.write(view) :]
        except OSError as error:
            raise _unwritable(error) from None
        self.size += len(block)

    def read(self, offset: int, size: int) -> bytes:
        """Return up to `size` bytes, starting at `offset`."""
        # Mapped, because a delta may copy single bytes from anywhere, millions of times.
        mapped = self._map
        if mapped is None:
            if not self.size:
                return b""
            mapped = self._map = mmap.mmap(self._file.fileno(), self.size, access=mmap.ACCESS_READ)
        self._touched_bytes += LOOK_BYTES + size
        if self._touched_bytes > RESIDENT_BYTES:
            self._touched_bytes = 0
            give_back(mapped)
        return mapped[offset : offset + size]

    def blocks(self) -> Iterator[bytes]:
        """Yield everything in blocks of at most 64 KiB."""
        for offset in range(0, self.size, BLOCK_BYTES):
            yield self.read(offset, BLOCK_BYTES)

    def close(self) -> None:
        """Close the file."""
        if self._map is not None:
            self._map.close()
        self._file.close()

    def __del__(self) -> None:
        if getattr(self, "_file", None):
            self.close()


Content = bytes | Scratch
"""The bytes of an object, in memory or in a file."""


def blocks_of(content: Content) -> Iterator[bytes]:
    """Yield the bytes of an object in blocks of at most 64 KiB."""
    if isinstance(content, Scratch):
        return content.blocks()
    return (content[start : start + BLOCK_BYTES] for start in range(0, len(content), BLOCK_BYTES))


def same_content(one: Content, other: Content) -> bool:
    """Return whether two objects have the same bytes, each in memory or in a file."""
    if isinstance(one, bytes) and isinstance(other, bytes):
        return one == other
    sizes = {len(content) if isinstance(content, bytes) else content.size for content in (one, other)}
    if len(sizes) > 1:
        return False
    pairs = zip(blocks_of(one), blocks_of(other), strict=True)
    return all(left == right for left, right in pairs)


def apply_to(base: Content, delta: bytes | Iterable[bytes], whole_bytes_max: int) -> Iterator[bytes]:
    """Yield the target of a delta in blocks; base, delta and target may each be too large for memory.

    A target of up to `whole_bytes_max` bytes comes as one block if base and delta are in memory.
    """
    if isinstance(base, bytes) and isinstance(delta, bytes):
        try:
            return iter((apply_delta(base, delta, target_bytes_max=whole_bytes_max),))
        except TargetTooLarge:
            pass
    delta_blocks = (delta,) if isinstance(delta, bytes) else delta
    if isinstance(base, Scratch):
        return apply_delta_blocks(base.read, base.size, delta_blocks)
    return apply_delta_blocks(_reader_of(base), len(base), delta_blocks)


def passed_on(blocks: Iterable[bytes], update: Callable[[bytes], None]) -> Iterator[bytes]:
    """Yield the blocks, each after `update` was called with it, such as a hash's."""
    for block in blocks:
        update(block)
        yield block


def _reader_of(base: bytes) -> Callable[[int, int], bytes]:
    return lambda offset, size: base[offset : offset + size]


def _unwritable(error: OSError) -> RepositoryError:
    return RepositoryError(
        f"a temporary file can't be written: {error.strerror}",
        hint="free some disk space, or set TMPDIR to a folder with more",
    )
