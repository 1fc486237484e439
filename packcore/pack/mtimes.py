r"""When each object of a cruft pack was last touched (.mtimes): see `number_file` and gitformat-pack.

    "MTME"  0 0 0 1  format   signature, version, 1 for sha1 or 2 for sha256
    times         n x 4       seconds since 1970, in the order of ids
    pack's digest, digest of all this

>>> from packcore.ids import SHA1
>>> data = b"".join(write_mtimes([1_700_000_000], bytes(20), SHA1))
>>> data[:16].hex(" ", 4)
'4d544d45 00000001 00000001 6553f100'
>>> list(read_mtimes(data, 1, SHA1, "x.mtimes"))
[1700000000]

git keeps unreachable objects in a cruft pack until they are old enough to be deleted. In a pack without such
a file, all objects are as old as the pack.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from packcore.pack.number_file import read_numbers, write_numbers

if TYPE_CHECKING:
    from array import array
    from collections.abc import Iterable, Iterator

    from packcore.ids import ObjectFormat

__all__ = ["read_mtimes", "write_mtimes"]

_SIGNATURE = b"MTME"
_MOST = 0xFFFFFFFF


def write_mtimes(mtimes: Iterable[int], pack_checksum: bytes, object_format: ObjectFormat) -> Iterator[bytes]:
    """Yield the bytes of an .mtimes file; `mtimes` are in the order of ids."""
    fitting = (min(max(mtime, 0), _MOST) for mtime in mtimes)
    return write_numbers(_SIGNATURE, fitting, pack_checksum, object_format)


def read_mtimes(data: bytes, count: int, object_format: ObjectFormat, path: str) -> array[int]:
    """Return the times in the order of ids, for a pack of `count` objects. Raises CorruptIndex."""
    return read_numbers(_SIGNATURE, data, count, object_format, kind="file of mtimes", path=path)
