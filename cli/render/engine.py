"""Which packages the engine found: needed in reports of bugs or slowness."""

from __future__ import annotations

from packcore.deflate import DEFLATE_LIBRARY
from packcore.delta.chunks import CHUNK_HASH

__all__ = ["engine_line"]


def engine_line() -> str:
    """Return one line such as `deflate: zlib-ng 2.3.3, chunk hash: xxhash 3.6.0`."""
    return f"deflate: {DEFLATE_LIBRARY}, chunk hash: {CHUNK_HASH}"
