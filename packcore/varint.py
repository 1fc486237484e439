r"""The two variable-length integers that are separate fields of a pack (see gitformat-pack).

    size    seven bits per byte, least significant first, 0x80 = one more byte   delta heads
    ofs     seven bits per byte, most significant first, 0x80 = one more byte,   ofs-delta: how far
            and each further byte adds one, so that no value has two encodings   back the base starts

             300 as size              300 as ofs
    bytes    ac        02             81        2c
    bits     1 0101100 0 0000010      1 0000001 0 0101100
    value    0x2c    + 2 << 7         ((1 + 1) << 7) + 0x2c

The third encoding, type and size together in an entry header, is in `packcore.pack.format`. Decoding refuses
values above 2**63-1, because nothing in a pack may be that big.

>>> encode_size(300).hex(), encode_ofs(300).hex()
('ac02', '812c')
>>> decode_size(b"\xac\x02", 0), decode_ofs(b"\x81\x2c", 0)
((300, 2), (300, 2))
"""

from __future__ import annotations

from packcore.errors import CorruptData

__all__ = ["INTEGER_MAX", "decode_ofs", "decode_size", "encode_ofs", "encode_size"]

INTEGER_MAX = (1 << 63) - 1
"""The largest value that can be decoded: git's off_t."""


def encode_size(value: int) -> bytes:
    """Return a size (0 or more) as encoded in the head of a delta."""
    if value < 0x4000:  # nearly all of them
        return bytes((value,)) if value < 0x80 else bytes((value & 0x7F | 0x80, value >> 7))
    coded = bytearray()
    while value > 0x7F:
        coded.append(value & 0x7F | 0x80)
        value >>= 7
    coded.append(value)
    return bytes(coded)


def decode_size(data: bytes | memoryview, position: int) -> tuple[int, int]:
    """Read a size at `position`; return it and the position behind it.

    Raises CorruptData if the bytes end within it or it is too large.
    """
    value = shift = 0
    while True:
        if position >= len(data):
            raise CorruptData("an integer is cut off")
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if value > INTEGER_MAX or shift > 63:
            raise CorruptData("an integer is larger than 63 bits")
        if byte < 0x80:
            return value, position
        shift += 7


def encode_ofs(value: int) -> bytes:
    """Return a distance (1 or more) as encoded in the header of an ofs-delta."""
    coded = [value & 0x7F]
    value >>= 7
    while value:
        value -= 1
        coded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(reversed(coded))


def decode_ofs(data: bytes | memoryview, position: int) -> tuple[int, int]:
    """Read a distance at `position`; return it and the position behind it.

    Raises CorruptData if the bytes end within it or it is too large.
    """
    value = -1
    while True:
        if position >= len(data):
            raise CorruptData("an integer is cut off")
        byte = data[position]
        position += 1
        value = (value + 1) << 7 | byte & 0x7F
        if value > INTEGER_MAX:
            raise CorruptData("an integer is larger than 63 bits")
        if byte < 0x80:
            return value, position
