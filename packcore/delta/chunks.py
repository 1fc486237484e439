r"""Cut objects into chunks and fingerprint the chunks: this is how similar objects find each other.

    text      lines                                             cut at \n
    trees     the object ids of the entries                     a renamed entry is still the same chunk
    binaries  11 to 121 bytes, cut after NUL, newline,          cut by content, so inserting or deleting
              space or punctuation; runs of padding whole       bytes does not move later cuts

A fingerprint has 64 bits: xxh3, or BLAKE2b where xxhash can't be imported. It is only a key that says where
to look. So choices are the same with either hash, bytes are compared before they are copied, and a collision
costs a little time but never correctness.
"""

from __future__ import annotations

import re
from itertools import accumulate, count
from operator import add
from typing import TYPE_CHECKING

try:
    from xxhash import VERSION as XXHASH_VERSION
    from xxhash import xxh3_64_intdigest
except ImportError:
    from hashlib import blake2b

    XXHASH_VERSION = ""

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = [
    "CHUNK_BYTES_MIN",
    "CHUNK_HASH",
    "chunk_starts",
    "cut",
    "cut_all",
    "fingerprints",
    "has_lines",
    "tree_entry_start",
    "tree_ids",
]

CHUNK_HASH = f"xxhash {XXHASH_VERSION}" if XXHASH_VERSION else "blake2b"
"""Name and version of the fingerprint hash."""
CHUNK_BYTES_MIN = 8
"""Shorter chunks occur everywhere and carry no information."""
LINE_BYTES_MAX = 200
"""Above this mean line length, newlines are considered accidental and the data is cut by content."""
_LINES_SAMPLE_BYTES = 4096
"""Only this many bytes are checked for lines: counting all newlines takes longer than cutting at them."""

_TREE_BYTES_BACK = 512
"""How far back from a byte to look for the start of its tree entry."""
_MODE_BYTES = {b"40000": 5, b"00644": 6, b"00755": 6, b"00664": 6, b"20000": 6, b"60000": 6}
"""Length of a mode by its last five digits. It is five for 140000, where the 1 belongs to the id before."""
_MODE_BYTES_MAX = 6
_CONTENT_CUT = re.compile(
    rb"(?s)\x00{64,256}|\xff{64,256}|.{10}[^\x00\n\x20-\x2f]{0,110}+[\x00\n\x20-\x2f]|.{1,120}"
)
"""Padding comes first: cut every eleven bytes, it would make most of the chunks, all of them equal."""
_TREE_IDS = {digest_size: re.compile(rb"(?s)[^\0]*\0(.{%d})" % digest_size) for digest_size in (20, 32)}


def has_lines(data: bytes, start: int, end: int) -> bool:
    """Return whether to cut the bytes from start to end into lines, judging by a sample at their start."""
    if end - start > _LINES_SAMPLE_BYTES:
        end = start + _LINES_SAMPLE_BYTES
    size = end - start
    # In nearly all texts, a quarter of the bytes already has enough lines for the whole.
    quarter = start + (size >> 2)
    lines = data.count(b"\n", start, quarter)
    return (
        lines * LINE_BYTES_MAX >= size or (lines + data.count(b"\n", quarter, end)) * LINE_BYTES_MAX >= size
    )


def cut(data: bytes, *, by_lines: bool | None = None) -> list[bytes]:
    """Return the chunks of a blob, without those too short to carry information.

    For a part of a blob, pass in `by_lines` how the whole blob is cut; otherwise the part's chunks may differ
    from those of the whole.
    """
    if by_lines is None:
        by_lines = has_lines(data, 0, len(data))
    chunks = data.split(b"\n") if by_lines else _CONTENT_CUT.findall(data)
    return [chunk for chunk in chunks if len(chunk) >= CHUNK_BYTES_MIN]


def cut_all(data: bytes, start: int, end: int, *, by_lines: bool) -> list[bytes]:
    """Return all chunks between start and end, however short; lines come without their newlines."""
    return data[start:end].split(b"\n") if by_lines else _CONTENT_CUT.findall(data, start, end)


def chunk_starts(chunks: list[bytes], start: int, *, by_lines: bool) -> list[int]:
    """Return the start of each chunk, given all chunks from `start` on."""
    if not chunks:
        return []
    starts = accumulate(map(len, chunks[:-1]), initial=start)
    # Lines come without their newlines; each line but the first has one before it.
    return list(map(add, starts, count()) if by_lines else starts)


def tree_ids(tree: bytes, start: int, end: int, digest_size: int) -> list[bytes]:
    """Return the object ids of the tree entries that start between start and end.

    For bytes that are not a tree, return arbitrary slices or nothing.
    """
    return _TREE_IDS[digest_size].findall(tree, start, end)


def tree_entry_start(tree: bytes, position: int, digest_size: int) -> int:
    """Return where the tree entry that contains `position` starts: at a mode that follows an id.

    The result is a guess if the entry's name is longer than 500 bytes, if git would not write its mode, or if
    an id happens to contain what looks like a mode that follows an id.
    """
    reach_from = position - _TREE_BYTES_BACK if position > _TREE_BYTES_BACK else 0
    space = position + _MODE_BYTES_MAX + 1
    while (space := tree.rfind(b" ", reach_from, space)) >= 0:
        start = space - _MODE_BYTES.get(tree[space - 5 : space], 0)
        nul = start - digest_size - 1  # of the entry before
        if start <= position and start < space and (tree[nul] == 0 if nul >= 0 else start == 0):
            return start
    return reach_from


def fingerprints(chunks: Iterable[bytes]) -> list[int]:
    """Return the 64-bit fingerprint of each chunk. No choice may depend on the values.

    >>> one, other, again = fingerprints([b"hello", b"world", b"hello"])
    >>> one == again, one == other
    (True, False)
    """
    return list(map(_fingerprint, chunks))


def _blake2b_64(chunk: bytes) -> int:
    """Return 64 bits of BLAKE2b. A checksum would be quicker, but collisions are easily made for one."""
    return int.from_bytes(blake2b(chunk, digest_size=8).digest(), "little")


_fingerprint: Callable[[bytes], int] = xxh3_64_intdigest if XXHASH_VERSION else _blake2b_64
