"""The digest at the end of a file, computed piece by piece from the bytes before it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packcore.limits import MIB

if TYPE_CHECKING:
    from packcore.ids import ObjectFormat

__all__ = ["digest_before"]


def digest_before(data: memoryview, end: int, object_format: ObjectFormat) -> bytes:
    """Return the digest of all bytes before `end`, touching one megabyte of a map at a time."""
    digest = object_format.new_hash()
    for start in range(0, end, MIB):
        digest.update(data[start : min(start + MIB, end)])
    return digest.digest()
