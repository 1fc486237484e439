"""Small packs that are meant to cost much: what a reader of outside bytes has to survive.

    BOMBS["one delta"]()      each returns the bytes of a pack, made from a few lines

The sizes in the table are those of attacks seen: kilobytes sent for hundreds of megabytes or for minutes.
"""

from __future__ import annotations

import hashlib
import zlib
from typing import TYPE_CHECKING, NamedTuple

from packcore.delta.codec import encode_copy
from packcore.ids import SHA1, ObjectId
from packcore.limits import KIB, MIB
from packcore.objects import ObjectType
from packcore.pack.format import OFS_DELTA, encode_entry_header, encode_pack_header
from packcore.varint import encode_ofs, encode_size

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "BombPack",
    "chain",
    "delta_of_bytes",
    "deltas_in_row",
    "huge_tag",
    "large_attributes",
    "many_parents",
    "nested_trees",
    "one_delta",
    "tags_in_row",
    "wide_tree",
    "wide_trees_in_each_other",
]

WHO = b"A <a@example.com> 1000000000 +0000"


class BombPack(NamedTuple):
    """A pack, and the object that a ref would name."""

    data: bytes
    tip: ObjectId


class _Writer:
    """Writes entries one by one; an object may come in blocks."""

    def __init__(self) -> None:
        self._body = bytearray()
        self._count = 0

    def whole(self, type_: ObjectType, data: bytes) -> ObjectId:
        """Add an object."""
        return self.stream(type_, len(data), (data,))

    def stream(self, type_: ObjectType, size: int, blocks: Iterable[bytes]) -> ObjectId:
        """Add an object of any size."""
        digest = hashlib.sha1(b"%s %d\0" % (type_.label, size), usedforsecurity=False)
        deflater = zlib.compressobj(9)
        self._head(type_, size)
        for block in blocks:
            digest.update(block)
            self._body += deflater.compress(block)
        self._body += deflater.flush()
        return ObjectId(digest.digest())

    def delta(self, base_at: int, delta: bytes) -> None:
        """Add a delta on the entry at an offset."""
        distance = self.offset - base_at
        self._head(OFS_DELTA, len(delta))
        self._body += encode_ofs(distance) + zlib.compress(delta, 9)

    @property
    def offset(self) -> int:
        """Where the next entry starts."""
        return 12 + len(self._body)

    def sealed(self, tip: ObjectId) -> BombPack:
        """Return the pack, its count and trailer right."""
        pack = encode_pack_header(self._count) + bytes(self._body)
        return BombPack(pack + SHA1.new_hash(pack).digest(), tip)

    def _head(self, type_code: int, size: int) -> None:
        self._body += encode_entry_header(type_code, size)
        self._count += 1


def _commit(pack: _Writer, tree: ObjectId, parents: bytes = b"") -> ObjectId:
    """Add a commit on a tree; `parents` are its lines."""
    text = b"tree %s\n%sauthor %s\ncommitter %s\n\nm\n" % (tree.hex().encode(), parents, WHO, WHO)
    return pack.whole(ObjectType.COMMIT, text)


def _commit_on_blob(pack: _Writer, blob: ObjectId) -> ObjectId:
    tree = pack.whole(ObjectType.TREE, b"100644 f\0" + blob)
    return _commit(pack, tree)


def one_delta(size: int) -> BombPack:
    """One delta makes `size` bytes (a multiple of 64 KiB) of a base of 64 KiB; 16 KB for 1 GiB."""
    pack = _Writer()
    base_at = pack.offset
    pack.whole(ObjectType.BLOB, bytes(64 * KIB))
    copies = size // (64 * KIB)
    pack.delta(base_at, encode_size(64 * KIB) + encode_size(size) + encode_copy(0, 64 * KIB) * copies)
    blob = _digest(ObjectType.BLOB, size, (bytes(64 * KIB) for _ in range(copies)))
    return pack.sealed(_commit_on_blob(pack, blob))


def delta_of_bytes(count: int) -> BombPack:
    """A delta of `count` instructions, each of which copies one byte."""
    pack = _Writer()
    base_at = pack.offset
    pack.whole(ObjectType.BLOB, b"0123456789abcdef")
    pack.delta(base_at, encode_size(16) + encode_size(count) + b"\x91\x05\x01" * count)
    return pack.sealed(_commit_on_blob(pack, _digest(ObjectType.BLOB, count, (b"5" * count,))))


def huge_tag(size: int) -> BombPack:
    """A tag with a message of `size` bytes."""
    pack = _Writer()
    commit = _commit_on_blob(pack, pack.whole(ObjectType.BLOB, b"x"))
    head = b"object %s\ntype commit\ntag v\ntagger %s\n\n" % (commit.hex().encode(), WHO)
    blocks = (head, *(bytes(MIB) for _ in range(size // MIB)))
    return pack.sealed(pack.stream(ObjectType.TAG, len(head) + size, blocks))


def large_attributes(size: int) -> BombPack:
    """A .gitattributes of empty lines."""
    pack = _Writer()
    blob = pack.stream(ObjectType.BLOB, size, (b"\n" * MIB for _ in range(size // MIB)))
    return pack.sealed(_commit(pack, pack.whole(ObjectType.TREE, b"100644 .gitattributes\0" + blob)))


def many_parents(count: int) -> BombPack:
    """A commit that names one parent `count` times."""
    pack = _Writer()
    tree = pack.whole(ObjectType.TREE, b"100644 f\0" + pack.whole(ObjectType.BLOB, b"x"))
    parent = _commit(pack, tree)
    return pack.sealed(_commit(pack, tree, b"parent %s\n" % parent.hex().encode() * count))


def wide_tree(count: int) -> BombPack:
    """A tree of `count` entries for one blob."""
    pack = _Writer()
    blob = pack.whole(ObjectType.BLOB, b"x")
    rows = b"".join(b"100644 %07d\0%s" % (number, blob) for number in range(count))
    return pack.sealed(_commit(pack, pack.whole(ObjectType.TREE, rows)))


def nested_trees(depth: int, name_bytes: int) -> BombPack:
    """Trees in each other, each with a long name: paths of up to depth * name_bytes bytes."""
    pack = _Writer()
    tree = pack.whole(ObjectType.TREE, b"100644 f\0" + pack.whole(ObjectType.BLOB, b"x"))
    for _ in range(depth - 1):
        tree = pack.whole(ObjectType.TREE, b"40000 %s\0%s" % (b"n" * name_bytes, tree))
    return pack.sealed(_commit(pack, tree))


def wide_trees_in_each_other(depth: int, width: int) -> BombPack:
    """Trees in each other, each with the same `width` blobs behind the next tree."""
    pack = _Writer()
    blobs = [pack.whole(ObjectType.BLOB, b"%d" % number) for number in range(width)]
    rows = b"".join(b"100644 b%07d\0%s" % (number, blob) for number, blob in enumerate(blobs))
    tree = pack.whole(ObjectType.TREE, rows)
    # Each a delta: a new first entry, and the rest copied.
    first_at = pack.offset
    first = b"40000 a\0" + tree + rows
    tree = pack.whole(ObjectType.TREE, first)
    for _ in range(depth - 2):
        head = b"40000 a\0" + tree
        copied = _copies(len(head), len(rows))
        delta = encode_size(len(first)) + encode_size(len(first)) + bytes([len(head)]) + head + copied
        pack.delta(first_at, delta)
        tree = SHA1.hash_object(b"tree", head + rows)
    return pack.sealed(_commit(pack, tree))


def chain(depth: int, size: int) -> BombPack:
    """A chain of `depth` deltas over objects of `size` bytes, each of which changes one."""
    pack = _Writer()
    at = pack.offset
    data = bytes(size)
    pack.whole(ObjectType.BLOB, data)
    for number in range(depth):
        mark = b"%08d" % number
        delta = encode_size(size) + encode_size(size) + bytes([len(mark)]) + mark
        delta += _copies(len(mark), size - len(mark))
        next_at = pack.offset
        pack.delta(at, delta)
        at = next_at
    last = b"%08d" % (depth - 1) + data[8:]
    return pack.sealed(_commit_on_blob(pack, SHA1.hash_object(b"blob", last)))


def deltas_in_row(depth: int, size: int) -> BombPack:
    """As many deltas over objects of that size, but all of them on one base."""
    pack = _Writer()
    at = pack.offset
    data = bytes(size)
    blob = pack.whole(ObjectType.BLOB, data)
    for number in range(depth):
        mark = b"%08d" % number
        delta = encode_size(size) + encode_size(size) + bytes([len(mark)]) + mark
        pack.delta(at, delta + _copies(len(mark), size - len(mark)))
    return pack.sealed(_commit_on_blob(pack, blob))


def tags_in_row(count: int) -> BombPack:
    """Tags of tags."""
    pack = _Writer()
    oid, kind = _commit_on_blob(pack, pack.whole(ObjectType.BLOB, b"x")), b"commit"
    for _ in range(count):
        text = b"object %s\ntype %s\ntag v\ntagger %s\n\nm\n" % (oid.hex().encode(), kind, WHO)
        oid, kind = pack.whole(ObjectType.TAG, text), b"tag"
    return pack.sealed(oid)


def commits_in_row(count: int) -> BombPack:
    """A history of commits of one tree."""
    pack = _Writer()
    tree = pack.whole(ObjectType.TREE, b"100644 f\0" + pack.whole(ObjectType.BLOB, b"x"))
    oid = _commit(pack, tree)
    for _ in range(count):
        oid = _commit(pack, tree, b"parent %s\n" % oid.hex().encode())
    return pack.sealed(oid)


def _copies(offset: int, size: int) -> bytes:
    """Return copy instructions of at most 64 KiB for a run of a base."""
    end = offset + size
    starts = range(offset, end, 64 * KIB)
    return b"".join(encode_copy(start, min(64 * KIB, end - start)) for start in starts)


def _digest(type_: ObjectType, size: int, blocks: Iterable[bytes]) -> ObjectId:
    digest = SHA1.new_hash(b"%s %d\0" % (type_.label, size))
    for block in blocks:
        digest.update(block)
    return ObjectId(digest.digest())
