"""Copies entries of one pack unchanged, checking each by its CRC-32 in the pack's index.

up to 64 KiB    checked before it is given out
larger          checked at its end, on the way; `check_entry` checks it beforehand if another copy can
                still take its place
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from packcore.deflate import crc32
from packcore.errors import CorruptPack
from packcore.limits import BLOCK_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from hashlib import _Hash

    from packcore.pack.mapping import PackSource
    from packcore.store.base import RawEntry
    from packcore.store.pack_order import PackOrder

__all__ = ["EntryCopier"]


class EntryCopier:
    """Copies the entries of the pack of this source and order."""

    def __init__(self, source: PackSource, order: PackOrder) -> None:
        self._source = source
        self._order = order

    def payload(self, entry: RawEntry) -> Iterator[bytes]:
        """Yield an entry's zlib stream in blocks of at most 64 KiB. Raises CorruptPack as shown above."""
        _, start, payload, end, _, _ = entry
        if end - start > BLOCK_BYTES:
            return self._blocks(start, payload, end)
        data = self._source.slice(start, end)
        self.check_crc(crc32(data), self._order.crc_at(start), start)
        return iter((data[payload - start :],))

    def _blocks(self, start: int, payload: int, end: int) -> Iterator[bytes]:
        said = self._order.crc_at(start)
        crc = crc32(self._source.slice(start, payload))
        for block in self._source.slices(payload, end):
            crc = crc32(block, crc)
            yield block
        self.check_crc(crc, said, start)

    def check_entry(self, offset: int) -> None:
        """Raise CorruptPack if the entry at `offset` doesn't match the index's CRC-32, if there is one."""
        crc = 0
        for block in self._source.slices(offset, self._order.end_of(offset)):
            crc = crc32(block, crc)
        self.check_crc(crc, self._order.crc_at(offset), offset)

    def check_trailer(self, new_hash: Callable[[], _Hash]) -> None:
        """Read the whole pack, and raise CorruptPack if its trailer is not the digest of its bytes."""
        source, digest = self._source, new_hash()
        for block in source.slices(0, source.entries_end):
            digest.update(block)
        said = source.slice(source.entries_end, source.pack_bytes)
        if digest.digest() != said:
            raise CorruptPack(
                f"checksum mismatch: its trailer says {said.hex()}, its bytes give {digest.hexdigest()}",
                pack=source.name,
            )

    def check_crc(self, crc: int, said: int | None, offset: int) -> None:
        """Raise CorruptPack if the CRC-32 of the entry at `offset` differs from the one in the index."""
        if said is not None and crc != said:
            raise CorruptPack(
                f"the entry's CRC-32 is {crc:08x}, its index says {said:08x}",
                offset=offset,
                pack=self._source.name,
            )
