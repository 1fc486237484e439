"""Writes a pack index, version 2 or 1, exactly as git does; `packcore.pack.index` describes both.

    IndexForm()             version 2; offsets from 0x80000000 on are in the table of far offsets
    IndexForm(2, 0x40)      those above 0x40 too: small packs can show that a reader handles far offsets
    IndexForm(1)            version 1, without CRC-32, unless an offset doesn't fit: then version 2

An index over no objects, sha1, is 8 + 1024 + 40 bytes:

>>> from packcore.ids import SHA1
>>> from packcore.pack.table import PackTable
>>> table = PackTable(SHA1)
>>> table.checksum = bytes(20)
>>> data = b"".join(write_index(table, table.sorted_by_id()))
>>> len(data), data[:8].hex()
(1072, 'ff744f6300000002')
"""

from __future__ import annotations

import sys
from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING

from packcore.pack.index import FAN_OUT_BYTES, FAR_OFFSET, INDEX_SIGNATURE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from packcore.pack.table import PackTable

__all__ = ["DEFAULT_FORM", "IndexForm", "write_index"]

_BLOCK_ENTRIES = 4096


@dataclass(frozen=True, slots=True)
class IndexForm:
    """How an index is written: git's `--index-version=<version>[,<offset>]`."""

    version: int = 2
    near_max: int = FAR_OFFSET - 1
    """The largest offset that is stored in 32 bits. Version 1 is not used for a pack with a larger one."""

    def __post_init__(self) -> None:
        """Raise ValueError for what git can't write."""
        if self.version not in (1, 2):
            raise ValueError(f"an index has version 1 or 2, not {self.version}")
        if not 0 <= self.near_max < FAR_OFFSET:
            raise ValueError(f"an offset of 32 bits is below {FAR_OFFSET:#x}, not {self.near_max:#x}")

    def version_for(self, table: PackTable) -> int:
        """Return the version that is written for this pack."""
        return 2 if table.offsets and table.offsets[-1] > self.near_max else self.version


DEFAULT_FORM = IndexForm()
"""What git writes without options."""


def write_index(table: PackTable, order: Sequence[int], form: IndexForm = DEFAULT_FORM) -> Iterator[bytes]:
    """Yield an index in blocks.

    `order` is `table.sorted_by_id()`. The table must be resolved, and have the checksum of its pack.
    """
    digest = table.object_format.new_hash()
    version = form.version_for(table)
    for block in _body_v2(table, order, form.near_max) if version == 2 else _body_v1(table, order):
        digest.update(block)
        yield block
    yield digest.digest()


def _body_v2(table: PackTable, order: Sequence[int], near_max: int) -> Iterator[bytes]:
    digest_size = table.object_format.digest_size
    oids = bytes(table.oids)
    yield INDEX_SIGNATURE + b"\0\0\0\2"
    yield _fan_out(oids, digest_size)
    for block in _blocks(order):
        yield b"".join([oids[i * digest_size : (i + 1) * digest_size] for i in block])
    yield _big_endian(array("I", map(table.crcs.__getitem__, order)))
    near = array("I")
    far = array("Q")
    for offset in map(table.offsets.__getitem__, order):
        if offset <= near_max:
            near.append(offset)
        else:
            near.append(FAR_OFFSET | len(far))
            far.append(offset)
    yield _big_endian(near)
    yield _big_endian(far)
    yield table.checksum


def _body_v1(table: PackTable, order: Sequence[int]) -> Iterator[bytes]:
    digest_size = table.object_format.digest_size
    oids, offsets = bytes(table.oids), table.offsets
    yield _fan_out(oids, digest_size)
    for block in _blocks(order):
        yield b"".join(
            [offsets[i].to_bytes(4, "big") + oids[i * digest_size : (i + 1) * digest_size] for i in block]
        )
    yield table.checksum


def _fan_out(oids: bytes, digest_size: int) -> bytes:
    counts = array("I", bytes(FAN_OUT_BYTES))
    for first in oids[::digest_size]:
        counts[first] += 1
    for first in range(1, 256):
        counts[first] += counts[first - 1]
    return _big_endian(counts)


def _blocks(order: Sequence[int]) -> Iterator[Sequence[int]]:
    return (order[start : start + _BLOCK_ENTRIES] for start in range(0, len(order), _BLOCK_ENTRIES))


def _big_endian(values: array[int]) -> bytes:
    if sys.byteorder == "little":
        values.byteswap()
    return values.tobytes()
