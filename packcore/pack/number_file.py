"""Files beside a pack that hold one number for each object: .rev and .mtimes (gitformat-pack).

signature        4       what the numbers are
0 0 0 1  format  8       version, 1 for sha1 or 2 for sha256
numbers      n x 4       big-endian
pack's digest, digest of all this
"""

from __future__ import annotations

import sys
from array import array
from typing import TYPE_CHECKING

from packcore.errors import CorruptIndex
from packcore.pack.index import big_endian

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from packcore.ids import ObjectFormat

__all__ = ["read_numbers", "write_numbers"]

_HEADER_BYTES = 12


def write_numbers(
    signature: bytes, numbers: Iterable[int], pack_checksum: bytes, object_format: ObjectFormat
) -> Iterator[bytes]:
    """Yield the bytes of such a file."""
    table = array("I", numbers)
    if sys.byteorder == "little":
        table.byteswap()
    digest = object_format.new_hash()
    for block in (signature, b"\0\0\0\1", object_format.format_id, table.tobytes(), pack_checksum):
        digest.update(block)
        yield block
    yield digest.digest()


def read_numbers(
    signature: bytes, data: bytes, count: int, object_format: ObjectFormat, *, kind: str, path: str
) -> array[int]:
    """Return the numbers for a pack of `count` objects; `kind` is what the file is, for errors.

    Raises CorruptIndex for a wrong signature, version, format, size or digest.
    """
    digest_size = object_format.digest_size
    if len(data) != _HEADER_BYTES + 4 * count + 2 * digest_size:
        raise CorruptIndex(f"it has {len(data)} bytes, which does not fit {count} objects", path=path)
    if data[:_HEADER_BYTES] != signature + b"\0\0\0\1" + object_format.format_id:
        raise CorruptIndex(
            f"validation error: it is no {kind} of version 1 for {object_format.name}", path=path
        )
    if object_format.new_hash(data[:-digest_size]).digest() != data[-digest_size:]:
        raise CorruptIndex("validation error: its digest does not match its bytes", path=path)
    return big_endian("I", data[_HEADER_BYTES : _HEADER_BYTES + 4 * count])
