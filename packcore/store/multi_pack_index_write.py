"""Writes a multi-pack-index, with the order that a bitmap over it needs (`multi_pack_index` has the format).

If several packs hold an object, the copy in the first of them counts. The first pack is the preferred one of
the order.
"""

from __future__ import annotations

from itertools import accumulate
from struct import pack
from typing import TYPE_CHECKING

from packcore.store.chunk_file import chunk_file_blocks

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from packcore.ids import ObjectFormat, ObjectId
    from packcore.pack.index import PackIndex

__all__ = ["write_multi_pack_index"]

_FAR = 0x80000000
_ALIGNMENT = 4


def write_multi_pack_index(
    packs: Sequence[tuple[str, PackIndex]], object_format: ObjectFormat
) -> Iterator[bytes]:
    """Yield the bytes of a table over packs, by name without suffix, the preferred one first.

    Memory: some 200 bytes for each object.
    """
    names = sorted(name for name, _ in packs)
    numbers = [names.index(name) for name, _ in packs]
    chosen: dict[ObjectId, tuple[int, int, int]] = {}
    for place, (number, (_, index)) in enumerate(zip(numbers, packs, strict=True)):
        for oid, offset in zip(index, index.offsets(), strict=True):
            known = chosen.get(oid)
            if known is None or (known[0] == place and offset < known[2]):
                chosen[oid] = place, number, offset
    oids = sorted(chosen)
    counts = [0] * 256
    for oid in oids:
        counts[oid[0]] += 1
    far = bytearray()
    # If any offset needs eight bytes, all beyond 31 bits use them; otherwise four bytes hold up to 32 bits.
    needs_far = any(offset >> 32 for _, _, offset in chosen.values())
    rows = bytearray()
    for oid in oids:
        _, number, offset = chosen[oid]
        if needs_far and offset >= _FAR:
            rows += pack(">II", number, _FAR | len(far) // 8)
            far += pack(">Q", offset)
        else:
            rows += pack(">II", number, offset)

    def in_order(row: int) -> tuple[bool, int, int]:
        place, number, offset = chosen[oids[row]]
        return place > 0, number, offset

    order = sorted(range(len(oids)), key=in_order)
    text = b"".join(name.encode("utf-8", "surrogateescape") + b".idx\0" for name in names)
    chunks = [
        (b"PNAM", text + bytes(-len(text) % _ALIGNMENT)),
        (b"OIDF", pack(">256I", *accumulate(counts))),
        (b"OIDL", b"".join(oids)),
        (b"OOFF", bytes(rows)),
        *([(b"LOFF", bytes(far))] if far else []),
        (b"RIDX", pack(f">{len(order)}I", *order)),
    ]
    after = b"\0" + len(names).to_bytes(4, "big")
    return chunk_file_blocks(b"MIDX", object_format, chunks, after_count=after)
