"""Shapes: how to take an input apart, and how to put changed pieces together with all checksums right.

    split   valid bytes -> pieces           join   pieces -> bytes, with lengths and checksums made to fit

A mutation of raw bytes seldom gets past a checksum, and a changed zlib stream hardly ever inflates. So most
mutations change a piece, drop one, repeat one or swap two, and `join` seals the result.

| shape       | pieces                                   | what join makes right            |
|-------------|------------------------------------------|----------------------------------|
| PACK        | header, then each entry inflated         | sizes, zlib streams, trailer     |
| SEALED      | all but the digest at the end            | that digest                      |
| PACK_PAIR   | index, then the pieces of its pack       | all of both, and the link        |
| ZLIB, GZIP  | what is inflated                         | the stream                       |
| PACKETS     | payloads, and the special packets        | pkt-line lengths                 |
| CHUNKS      | chunks of a body                         | chunk sizes, the last chunk      |
| LINES       | lines                                    | nothing                          |
| REFTABLE    | header, blocks, the footer's positions   | the footer's header and checksum |
"""

from __future__ import annotations

import gzip
import hashlib
import zlib
from typing import TYPE_CHECKING, NamedTuple

from packcore.deflate import deflate
from packcore.pack.format import decode_entry_header, encode_entry_header
from packcore.varint import decode_ofs

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "CHUNKS",
    "GZIP",
    "HEAD_AND_CHUNKS",
    "LINES",
    "PACK",
    "PACKETS",
    "PACK_PAIR",
    "REFTABLE",
    "SEALED",
    "WORDS",
    "ZLIB",
    "Shape",
    "join_pair",
    "split_pair",
]

_DIGEST_BYTES = 20
_PACK_HEADER_BYTES = 12
_SPECIAL = (b"0000", b"0001", b"0002")


class Shape(NamedTuple):
    """`split` may raise ValueError, IndexError, zlib.error or PackcoreError for bytes without this shape."""

    split: Callable[[bytes], list[bytes]]
    join: Callable[[list[bytes]], bytes]


def _seal(body: bytes) -> bytes:
    return body + hashlib.sha1(body).digest()


def _inflate(data: bytes, at: int = 0, bytes_max: int = 1 << 16) -> tuple[bytes, int]:
    """Inflate the stream at a place; return what came out, and where it ends."""
    inflater = zlib.decompressobj()
    out = inflater.decompress(data[at:], bytes_max)
    if not inflater.eof:
        raise ValueError("not a whole stream")
    return out, len(data) - len(inflater.unused_data)


# --- packs --------------------------------------------------------------------------------------------


def _head_end(data: bytes, at: int) -> int:
    """Return where the zlib stream of the entry at a place starts: behind type, size and base."""
    kind, _, end = decode_entry_header(data, at)
    if kind == 6:
        _, end = decode_ofs(data, end)
    elif kind == 7:
        end += _DIGEST_BYTES
    return end


def _split_pack(data: bytes) -> list[bytes]:
    pieces = [data[:_PACK_HEADER_BYTES]]
    at, end = _PACK_HEADER_BYTES, len(data) - _DIGEST_BYTES
    while at < end:
        start = _head_end(data, at)
        inflated, behind = _inflate(data, start)
        pieces.append(data[at:start] + inflated)
        at = behind
    return pieces


def _join_entry(piece: bytes) -> bytes:
    try:
        kind, _, size_end = decode_entry_header(piece, 0)
        start = _head_end(piece, 0)
    except Exception:  # a change made it no entry: it goes in as it is
        return piece
    data = piece[start:]
    return encode_entry_header(kind, len(data)) + piece[size_end:start] + deflate(data)


def _join_pack(pieces: list[bytes]) -> bytes:
    return _sealed_pack(pieces)[0]


def _sealed_pack(pieces: list[bytes]) -> tuple[bytes, list[bytes]]:
    """Return a pack, and its entries alone."""
    header, entries = (pieces[0], pieces[1:]) if pieces else (b"", [])
    if len(header) == _PACK_HEADER_BYTES and header[8:11] == b"\0\0\0":
        header = header[:8] + len(entries).to_bytes(4, "big")
    made = [_join_entry(piece) for piece in entries]
    return _seal(header + b"".join(made)), made


def split_pair(data: bytes) -> tuple[bytes, bytes]:
    """Take an index and a pack apart, which a length of four bytes divides."""
    size = int.from_bytes(data[:4], "big")
    return data[4 : 4 + size], data[4 + size :]


def join_pair(index: bytes, pack: bytes) -> bytes:
    """Put an index and a pack into one input."""
    return len(index).to_bytes(4, "big") + index + pack


def _split_pack_pair(data: bytes) -> list[bytes]:
    index, pack = split_pair(data)
    return [index[: -2 * _DIGEST_BYTES], *_split_pack(pack)]


def _join_pack_pair(pieces: list[bytes]) -> bytes:
    pack, entries = _sealed_pack(pieces[1:])
    index = _moved(b"".join(pieces[:1]), entries)
    return join_pair(_seal(index + pack[-_DIGEST_BYTES:]), pack)


def _moved(index: bytes, entries: list[bytes]) -> bytes:
    """Return an index of version 2 that leads to these entries, if it has as many."""
    count = int.from_bytes(index[1028:1032], "big")
    crcs, offsets = 1032 + 20 * count, 1032 + 24 * count
    if count != len(entries) or not index.startswith(b"\xfftOc") or len(index) < offsets + 4 * count:
        return index
    table = [index[at : at + 4] for at in range(offsets, offsets + 4 * count, 4)]
    made, place = bytearray(index), _PACK_HEADER_BYTES
    for position, entry in zip(sorted(range(count), key=table.__getitem__), entries, strict=True):
        for start, value in ((crcs, zlib.crc32(entry)), (offsets, place)):
            made[start + 4 * position : start + 4 * position + 4] = value.to_bytes(4, "big")
        place += len(entry)
    return bytes(made)


PACK = Shape(_split_pack, _join_pack)
PACK_PAIR = Shape(_split_pack_pair, _join_pack_pair)
SEALED = Shape(lambda data: [data[:-_DIGEST_BYTES]], lambda pieces: _seal(b"".join(pieces)))


# --- refs ---------------------------------------------------------------------------------------------


def _split_reftable(data: bytes) -> list[bytes]:
    return [data[:24], data[24:-68], data[-44:-4]]


def _join_reftable(pieces: list[bytes]) -> bytes:
    header, body, positions = (*pieces, b"", b"", b"")[:3]
    footer = header + positions
    return header + body + footer + zlib.crc32(footer).to_bytes(4, "big")


REFTABLE = Shape(_split_reftable, _join_reftable)


# --- streams, lines, frames ---------------------------------------------------------------------------


def _split_packets(data: bytes) -> list[bytes]:
    pieces: list[bytes] = []
    at = 0
    while at < len(data):
        size = int(data[at : at + 4], 16)
        if size < 4:
            pieces.append(data[at : at + 4])
            at += 4
        else:
            pieces.append(data[at + 4 : at + size])
            at += size
    return pieces


def _join_packets(pieces: list[bytes]) -> bytes:
    return b"".join(
        piece if piece in _SPECIAL else b"%04x" % min(len(piece) + 4, 65520) + piece for piece in pieces
    )


def _split_chunks(data: bytes) -> list[bytes]:
    pieces: list[bytes] = []
    while data:
        line, _, data = data.partition(b"\r\n")
        size = int(line.partition(b";")[0], 16)
        if not size:
            break
        pieces.append(data[:size])
        data = data[size + 2 :]
    return pieces


def _join_chunks(pieces: list[bytes]) -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces if piece) + b"0\r\n\r\n"


def _split_head_and_chunks(data: bytes) -> list[bytes]:
    head, blank, body = data.partition(b"\r\n\r\n")
    return [head + blank, *_split_chunks(body)]


ZLIB = Shape(lambda data: [_inflate(data)[0]], lambda pieces: zlib.compress(b"".join(pieces), 1))
GZIP = Shape(
    lambda data: [gzip.decompress(data)],
    lambda pieces: b"".join(gzip.compress(piece, 1, mtime=0) for piece in pieces),
)
PACKETS = Shape(_split_packets, _join_packets)
CHUNKS = Shape(_split_chunks, _join_chunks)
HEAD_AND_CHUNKS = Shape(
    _split_head_and_chunks, lambda pieces: b"".join(pieces[:1]) + _join_chunks(pieces[1:])
)
LINES = Shape(lambda data: data.splitlines(keepends=True), b"".join)
WORDS = Shape(lambda data: data.split(b" "), b" ".join)
