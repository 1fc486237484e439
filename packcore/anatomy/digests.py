"""The digest that closes a file, made of what lies before it, piece by piece."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packcore.limits import MIB

if TYPE_CHECKING:
    from packcore.ids import ObjectFormat

__all__ = ["digest_before"]


def digest_before(data: memoryview, end: int, object_format: ObjectFormat) -> bytes:
    """Return the digest of all bytes before `end`; a megabyte of a map is touched at a time."""
    digest = object_format.new_hash()
    for start in range(0, end, MIB):
        digest.update(data[start : min(start + MIB, end)])
    return digest.digest()
