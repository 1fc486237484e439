"""A pack that is copied as it lies, from the first entry to the last: a plan's entries, and its bytes.

    ids asked for  =  ids of the index                  PackIndex.holds_just
    entry heads    -> how many deltas, how deep         looked at once, a microsecond or less for each
    entries        -> made when somebody asks           nobody does who only writes the pack
    bytes          -> blocks of 64 KiB                  as they lie; the digest of all is the pack's own

What is copied in this way is what would be written entry by entry. Only a pack whose entries are plain
is: whole objects, and ofs-deltas of entries before them, each head as short as it can be. Damage shows when
all is out and the digest, which is made anyway, is not the pack's own: then the entries' CRC-32 are asked which
of them it is, and no trailer follows. To ask them before would take ten times as long as to copy.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, overload

from packcore.errors import CorruptPack
from packcore.pack.format import OFS_DELTA, PACK_HEADER_BYTES, encode_pack_header
from packcore.pack.mapping import RESIDENT_BYTES
from packcore.plan import PackEntry, Reused

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packcore.pack.mapping import PackSource
    from packcore.store.packfile import PackFile

__all__ = ["WholePack"]

_SIZE_BYTES_MAX = 9
"""Larger sizes than this can hold, 60 bits, are odd."""
_TYPE_BITS = 0x70
_OFS_DELTA_BITS = OFS_DELTA << 4
_WHOLE_BITS = frozenset({0x10, 0x20, 0x30, 0x40})


class WholePack(Sequence[PackEntry]):
    """The entries of one pack in its order, made when they are asked for. `PackFile.whole` makes it."""

    def __init__(self, pack: PackFile, source: PackSource, delta_count: int, depth: int) -> None:
        self.delta_count = delta_count
        self.depth = depth
        """Deltas between the deepest object and its whole root."""
        self._pack = pack
        self._source = source

    @classmethod
    def of(cls, pack: PackFile, source: PackSource) -> WholePack | None:
        """Look at the head of each entry; return None for a pack that is not plain, or is odd."""
        offsets = sorted(pack.index.offsets())
        if not offsets or offsets[0] != PACK_HEADER_BYTES or offsets[-1] >= source.entries_end:
            return None
        if source.slice(0, PACK_HEADER_BYTES) != encode_pack_header(len(offsets)):
            return None
        try:
            depths = _depths(source, offsets)
        except (IndexError, KeyError):  # the pack ends there, or no entry starts there
            return None
        if len(depths) < len(offsets):
            return None
        delta_count = sum(depth > 0 for depth in depths.values())
        return cls(pack, source, delta_count, max(depths.values()))

    def blocks(self, block_bytes: int) -> Iterator[bytes]:
        """Yield the pack's bytes without its trailer, as they lie."""
        end = self._source.entries_end
        for start in range(0, end, block_bytes):
            yield self._source.slice(start, min(start + block_bytes, end))

    def check(self, digest: bytes) -> None:
        """Raise CorruptPack, naming the entry if that can be told, where `digest` isn't that of the pack."""
        pack = self._pack
        if digest == pack.index.pack_checksum:
            return
        for entry in self._entries:
            assert isinstance(entry.encoding, Reused)
            for _ in pack.copy_payload(entry.encoding.raw):
                pass  # each is checked by its CRC-32 on the way
        raise CorruptPack(
            f"its trailer says {pack.index.pack_checksum.hex()}, its bytes give {digest.hex()}",
            pack=pack.name,
        )

    def __len__(self) -> int:
        return len(self._pack)

    @overload
    def __getitem__(self, index: int) -> PackEntry: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[PackEntry]: ...
    def __getitem__(self, index: int | slice) -> PackEntry | Sequence[PackEntry]:
        return self._entries[index]

    def __iter__(self) -> Iterator[PackEntry]:
        return iter(self._entries)

    def __eq__(self, other: object) -> bool:
        return self._entries == (other._entries if isinstance(other, WholePack) else other)

    __hash__ = None  # type: ignore[assignment]

    @cached_property
    def _entries(self) -> tuple[PackEntry, ...]:
        pack = self._pack
        oids = pack.storage_order(pack)
        listing = pack.listing()
        found = zip(oids, listing.headers(oids), listing.raws(oids), strict=True)
        index_of: dict[bytes | None, int] = {oid: index for index, oid in enumerate(oids)}
        made = []
        for oid, header, lying in found:
            type_, size = header or pack.header(oid)
            raw = lying or pack.raw_found(oid, pack.index.find_offset(oid))
            made.append(PackEntry(oid, type_, size, Reused(raw, index_of.get(raw.base))))
        return tuple(made)


def _depths(source: PackSource, offsets: list[int]) -> dict[int, int]:
    """Return how deep the entry at each offset lies. Raises IndexError, KeyError for what isn't plain."""
    data = source.view
    depths: dict[int, int] = {}
    give_back_at = RESIDENT_BYTES
    # Once for each entry of packs of any size, so all is in one loop.
    for offset in offsets:
        if offset > give_back_at:
            source.give_back()
            give_back_at = offset + RESIDENT_BYTES
        byte = data[offset]
        bits = byte & _TYPE_BITS
        position = offset + 1
        if byte >= 0x80:
            while byte >= 0x80 and position < offset + _SIZE_BYTES_MAX:
                byte = data[position]
                position += 1
            if not 0 < byte < 0x80:
                raise KeyError(offset)  # longer than it need be, or than it may be
        if bits == _OFS_DELTA_BITS:
            byte = data[position]
            distance = byte & 0x7F
            while byte >= 0x80 and distance < offset:
                position += 1
                byte = data[position]
                distance = distance + 1 << 7 | byte & 0x7F
            depths[offset] = depths[offset - distance] + 1
        elif bits in _WHOLE_BITS:
            depths[offset] = 0
        else:
            raise KeyError(offset)  # a ref-delta, or nothing that there is
    return depths
