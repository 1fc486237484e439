r"""The frame of a pack: its header, and the header of each entry (gitformat-pack in git's documentation).

    pack     "PACK"  version  count  │ entry ... entry │ digest of all before it
             4       4        4                          20 or 32 bytes
    entry    type and size │ base, of a delta           │ zlib stream
             1 to 10 bytes │ ofs: 1 to 9, ref: 20 or 32 │
    first    1 ttt ssss       1: one more byte; ttt the type; the lowest 4 bits of the size
    others   1 sssssss        7 further bits each, least significant first

The size is the length of the inflated stream: the size of the object, or of the delta itself.

A blob (type 3) of 300 bytes:

        bc        12
    1 011 1100  0 0010010     size = 0xc + (0x12 << 4)

>>> encode_entry_header(3, 300).hex()
'bc12'
>>> decode_entry_header(b"\xbc\x12", 0)
(3, 300, 2)
>>> encode_pack_header(2).hex(" ", 4)
'5041434b 00000002 00000002'

Version 3 packs are read like version 2, since their entries are the same. Types 0 and 5 don't exist.
"""

from __future__ import annotations

import struct

from packcore.errors import CorruptPack
from packcore.varint import INTEGER_MAX

__all__ = [
    "ENTRY_HEADER_BYTES_MAX",
    "OFS_DELTA",
    "PACK_HEADER_BYTES",
    "PACK_SIGNATURE",
    "PACK_VERSION",
    "REF_DELTA",
    "TYPE_NAMES",
    "decode_entry_header",
    "decode_pack_header",
    "encode_entry_header",
    "encode_pack_header",
]

PACK_SIGNATURE = b"PACK"
PACK_VERSION = 2
"""The version that we write."""
PACK_HEADER_BYTES = 12
OFS_DELTA = 6
"""Type code of a delta that names its base by its distance in the same pack."""
REF_DELTA = 7
"""Type code of a delta that names its base by id."""
TYPE_NAMES = {1: "commit", 2: "tree", 3: "blob", 4: "tag", OFS_DELTA: "ofs-delta", REF_DELTA: "ref-delta"}
"""Every type code that an entry may have."""
ENTRY_HEADER_BYTES_MAX = 10 + 32
"""The most bytes that an entry can have before its zlib stream."""


def encode_pack_header(count: int) -> bytes:
    """Return the twelve bytes that open a pack of `count` entries."""
    return struct.pack(">4sLL", PACK_SIGNATURE, PACK_VERSION, count)


def decode_pack_header(data: bytes | memoryview) -> tuple[int, int]:
    """Return the version (2 or 3) and the number of entries.

    Raises CorruptPack for fewer than twelve bytes, a wrong signature or an unknown version.
    """
    if len(data) < PACK_HEADER_BYTES:
        raise CorruptPack("it ends within its header", offset=len(data))
    signature, version, count = struct.unpack_from(">4sLL", data)
    if signature != PACK_SIGNATURE:
        raise CorruptPack(f"starts with {signature!r}, not {PACK_SIGNATURE!r}", offset=0)
    if version not in {2, 3}:
        raise CorruptPack(f"has version {version}; 2 and 3 are known", offset=4)
    return version, count


def encode_entry_header(type_code: int, size: int) -> bytes:
    """Return the header for an entry's type and size; the caller appends the base of a delta."""
    byte = type_code << 4 | size & 0x0F
    size >>= 4
    coded = bytearray()
    while size:
        coded.append(byte | 0x80)
        byte = size & 0x7F
        size >>= 7
    coded.append(byte)
    return bytes(coded)


def decode_entry_header(data: bytes | memoryview, position: int) -> tuple[int, int, int]:
    """Read type code and size at `position`; return both, and the position behind them.

    Raises CorruptPack (its offset is the position in `data`) for a type that doesn't exist, a size
    above 63 bits, or bytes that end early.
    """
    start = position
    try:
        byte = data[position]
        position += 1
        type_code = byte >> 4 & 7
        size = byte & 0x0F
        shift = 4
        while byte & 0x80:
            byte = data[position]
            position += 1
            size |= (byte & 0x7F) << shift
            shift += 7
            if shift > 67:
                break
    except IndexError:
        raise CorruptPack("it ends within an entry's header", offset=len(data)) from None
    if size > INTEGER_MAX or byte & 0x80:
        raise CorruptPack("an entry's size is larger than 63 bits", offset=start)
    if type_code not in TYPE_NAMES:
        raise CorruptPack(f"an entry has type {type_code}, which doesn't exist", offset=start)
    return type_code, size, position
