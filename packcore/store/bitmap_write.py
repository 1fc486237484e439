"""Writes a bitmap from its sets. See `packcore.store.bitmap`.

Neighbours reach nearly the same objects, so most sets are stored as the difference from the one before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from packcore.store.bitmap import BITMAP_SIGNATURE, FULL
from packcore.store.ewah import encode_ewah

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from packcore.ids import ObjectFormat

__all__ = ["write_bitmap"]

_CHAIN_MAX = 16
"""Longest run of differences: each costs a reader one more set."""


def write_bitmap(
    checksum: bytes,
    object_count: int,
    types: Sequence[int],
    sets: Iterable[tuple[int, int]],
    object_format: ObjectFormat,
) -> Iterator[bytes]:
    """Yield the bytes of a bitmap.

    `checksum` is that of the pack or multi-pack-index with these `object_count` objects. `types` are the
    sets of its commits, trees, blobs and tags; `sets` are the rows of some commits and what they reach.
    """
    digest = object_format.new_hash()
    entries: list[bytes] = []
    before, chain = 0, 0
    for number, (row, bits) in enumerate(sets):
        whole = encode_ewah(bits, object_count)
        stored, xor = whole, 0
        if number and chain < _CHAIN_MAX:
            difference = encode_ewah(bits ^ before, object_count)
            if len(difference) < len(whole):
                stored, xor = difference, 1
        chain = chain + 1 if xor else 0
        before = bits
        entries.append(row.to_bytes(4, "big") + bytes([xor, 0]) + stored)
    head = BITMAP_SIGNATURE + b"\0\1" + FULL.to_bytes(2, "big") + len(entries).to_bytes(4, "big") + checksum
    for block in (head, *(encode_ewah(bits, object_count) for bits in types), *entries):
        digest.update(block)
        yield block
    yield digest.digest()
