"""Packs made by hand, entry by entry, right or wrong on purpose.

build_pack([whole(3, b"text"), ofs_delta(0, delta), ref_delta(oid, delta)])
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, NamedTuple

from packcore.deflate import deflate
from packcore.delta.codec import Copy, Insert, encode_delta
from packcore.ids import SHA1, ObjectFormat, ObjectId
from packcore.objects import ObjectType
from packcore.pack.format import OFS_DELTA, REF_DELTA, encode_entry_header, encode_pack_header
from packcore.pack.indexer import index_pack_file
from packcore.varint import encode_ofs

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

BLOB = int(ObjectType.BLOB)


class Entry(NamedTuple):
    """One future entry: `base` is the number of an entry, or an id."""

    type_code: int
    data: bytes
    base: int | ObjectId | None = None
    size: int | None = None
    """The size in the header; None means the correct one."""


def whole(data: bytes, type_code: int = BLOB, size: int | None = None) -> Entry:
    return Entry(type_code, data, None, size)


def ofs_delta(base: int, delta: bytes) -> Entry:
    return Entry(OFS_DELTA, delta, base)


def ref_delta(base: ObjectId, delta: bytes) -> Entry:
    return Entry(REF_DELTA, delta, base)


def blob_id(data: bytes, object_format: ObjectFormat = SHA1) -> ObjectId:
    return object_format.hash_object(b"blob", data)


def simple_delta(base: bytes, target: bytes) -> bytes:
    """Return a delta that keeps the common start and end."""
    shorter = min(len(base), len(target))
    start = next((i for i in range(shorter) if base[i] != target[i]), shorter)
    end = next((i for i in range(shorter - start) if base[-1 - i] != target[-1 - i]), shorter - start)
    instructions: list[Copy | Insert] = []
    if start:
        instructions.append(Copy(0, start))
    if middle := target[start : len(target) - end]:
        instructions.append(Insert(middle))
    if end:
        instructions.append(Copy(len(base) - end, end))
    return encode_delta(len(base), len(target), instructions)


def build_body(entries: Sequence[Entry], count: int | None = None) -> tuple[bytes, list[int]]:
    """Return a pack without its trailer, and the offsets of its entries."""
    body = bytearray(encode_pack_header(len(entries) if count is None else count))
    offsets: list[int] = []
    for entry in entries:
        offset = len(body)
        offsets.append(offset)
        body += encode_entry_header(entry.type_code, len(entry.data) if entry.size is None else entry.size)
        if isinstance(entry.base, int):
            body += encode_ofs(offset - offsets[entry.base])
        elif entry.base is not None:
            body += entry.base
        body += deflate(entry.data)
    return bytes(body), offsets


def seal(body: bytes, object_format: ObjectFormat = SHA1) -> bytes:
    """Append the right trailer."""
    return body + object_format.new_hash(body).digest()


def build_pack(
    entries: Sequence[Entry], *, object_format: ObjectFormat = SHA1, count: int | None = None
) -> bytes:
    return seal(build_body(entries, count)[0], object_format)


def chain_of(texts: Sequence[bytes], *, by_ref: bool = False) -> list[Entry]:
    """Return the first text whole and each further one as a delta against the one before."""
    entries = [whole(texts[0])]
    for number in range(1, len(texts)):
        delta = simple_delta(texts[number - 1], texts[number])
        entries.append(
            ref_delta(blob_id(texts[number - 1]), delta) if by_ref else ofs_delta(number - 1, delta)
        )
    return entries


def cut(data: bytes, size: int) -> Iterator[bytes]:
    """Yield the data in blocks of `size` bytes."""
    for start in range(0, len(data), size):
        yield data[start : start + size]


def write_pack_file(directory: Path, blocks: Iterable[bytes], name: str = "test.pack") -> Path:
    path = directory / name
    path.write_bytes(b"".join(blocks))
    return path


def indexed_pack(directory: Path, data: bytes, name: str = "pack-a.pack") -> Path:
    """Write a pack with its index beside it, and return the pack's path."""
    path = write_pack_file(directory, [data], name)
    indexed = index_pack_file(path, object_format=SHA1)
    path.with_suffix(".idx").write_bytes(b"".join(indexed.index_blocks()))
    return path


def versions(count: int, size: int = 500) -> list[bytes]:
    """Return a text that does not compress, and changed versions of it."""
    chance = random.Random(4)
    texts = [chance.randbytes(size)]
    texts += [texts[0][: 10 + n] + b"change %d" % n + texts[0][10 + n :] for n in range(1, count)]
    return texts
