"""Objects to order, as bytes: commits, trees and tags for tests that build histories by hand.

oid = store.add(*commit(tree, parents=[…], date=5))      each maker returns (type, bytes)
build(store, history)                                    a random history from Hypothesis
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from packcore.objects import MODE_DIRECTORY, MODE_TYPE_MASK, ObjectType

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from packcore.ids import ObjectId

__all__ = ["Writer", "blob", "commit", "tag", "tree"]

Made = tuple[ObjectType, bytes]


class Writer(Protocol):
    """What takes in objects: MemoryStore.add, LooseStore.write."""

    def __call__(self, type_: ObjectType, data: bytes, /) -> ObjectId: ...


def blob(data: bytes) -> Made:
    """A blob."""
    return ObjectType.BLOB, data


def tree(entries: Mapping[bytes, tuple[int, ObjectId]]) -> Made:
    """A tree of name -> (mode, id), sorted as git sorts it."""

    def key(item: tuple[bytes, tuple[int, ObjectId]]) -> bytes:
        name, (mode, _) = item
        return name + b"/" if mode & MODE_TYPE_MASK == MODE_DIRECTORY else name

    rows = sorted(entries.items(), key=key)
    return ObjectType.TREE, b"".join(b"%o %s\0%s" % (mode, name, oid) for name, (mode, oid) in rows)


def commit(
    tree_oid: ObjectId,
    parents: Sequence[ObjectId] = (),
    *,
    date: int = 1_000_000_000,
    message: bytes = b"m\n",
) -> Made:
    """A commit."""
    who = b"A U Thor <author@example.com> %d +0000" % date
    lines = [b"tree " + tree_oid.hex().encode(), *(b"parent " + oid.hex().encode() for oid in parents)]
    lines += [b"author " + who, b"committer " + who, b"", message]
    return ObjectType.COMMIT, b"\n".join(lines)


def tag(target: ObjectId, target_type: ObjectType = ObjectType.COMMIT, *, name: bytes = b"v1") -> Made:
    """An annotated tag."""
    lines = [b"object " + target.hex().encode(), b"type " + target_type.label, b"tag " + name]
    lines += [b"tagger A U Thor <author@example.com> 1000000000 +0000", b"", b"m\n"]
    return ObjectType.TAG, b"\n".join(lines)
