"""Reading bytes from stdin."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["pipe_blocks"]

BLOCK_BYTES = 64 * 1024


def pipe_blocks(stream: IO[bytes]) -> Iterator[bytes]:
    """Yield a stream's bytes as they come, in blocks of at most 64 KiB."""
    read = getattr(stream, "read1", stream.read)
    while block := read(BLOCK_BYTES):
        yield block
