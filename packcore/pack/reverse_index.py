r"""The reverse index (.rev): maps pack order to the order of ids (gitformat-pack, "pack-*.rev files").

    "RIDX"  0 0 0 1  format    signature, version, 1 for sha1 or 2 for sha256
    positions        n x 4     [k]: the position in the .idx of the pack's k-th entry
    pack's digest, digest of all this

Three objects, in the pack in the order of ids 2, 0, 1:

>>> from packcore.ids import SHA1
>>> data = b"".join(write_reverse_index([2, 0, 1], bytes(20), SHA1))
>>> data[:24].hex(" ", 4)
'52494458 00000001 00000001 00000002 00000000 00000001'
>>> list(read_reverse_index(data, 3, SHA1, "x.rev"))
[2, 0, 1]

Git uses it to find where an entry ends and what comes next. Here the sorted offsets do that, which costs less
than opening one more file. So we write it only for git, and read it only to check it.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

from packcore.errors import CorruptIndex
from packcore.pack.number_file import read_numbers, write_numbers

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from packcore.ids import ObjectFormat

__all__ = ["REVERSE_INDEX_SIGNATURE", "pack_order_positions", "read_reverse_index", "write_reverse_index"]

REVERSE_INDEX_SIGNATURE = b"RIDX"


def pack_order_positions(order: Sequence[int]) -> array[int]:
    """Invert `PackTable.sorted_by_id`: return the position among the ids for each entry of the pack."""
    positions = array("I", bytes(4 * len(order)))
    for position, entry_index in enumerate(order):
        positions[entry_index] = position
    return positions


def write_reverse_index(
    positions: Iterable[int], pack_checksum: bytes, object_format: ObjectFormat
) -> Iterator[bytes]:
    """Yield the bytes of a reverse index exactly as git writes it. `positions` are in pack order."""
    return write_numbers(REVERSE_INDEX_SIGNATURE, positions, pack_checksum, object_format)


def read_reverse_index(data: bytes, count: int, object_format: ObjectFormat, path: str) -> array[int]:
    """Return the positions in pack order, for a pack of `count` objects.

    Raises CorruptIndex for a wrong signature, version, format, size or digest, and if the table does not list
    each position once.
    """
    positions = read_numbers(
        REVERSE_INDEX_SIGNATURE, data, count, object_format, kind="reverse index", path=path
    )
    if sorted(positions) != list(range(count)):
        raise CorruptIndex("validation error: it does not name each object once", path=path)
    return positions
