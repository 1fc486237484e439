"""The real bytes that seeds are made of: objects, packs with their indexes, and recorded conversations."""

from __future__ import annotations

import ast
from functools import cache

from packcore.delta.codec import Copy, Insert, encode_delta
from packcore.ids import SHA1, ObjectId
from packcore.objects import ObjectType
from packcore.pack.indexer import IndexedPack, index_pack_file
from packcore.store.repository import Repository
from tests.fuzz.target import FOLDER, scratch
from tests.packcore.pack_builder import build_pack, ofs_delta, ref_delta, versions, whole

__all__ = [
    "BASE",
    "COMMIT",
    "TAG",
    "TREE",
    "blob_id",
    "conversation",
    "indexed",
    "packs",
    "repository",
    "thin_pack",
]

BASE = versions(1, 300)[0]
"""What deltas are made against; of a thin pack it is the base that stays outside."""
_NEXT = BASE[:90] + b"changed" + BASE[100:]
_DELTA = encode_delta(len(BASE), len(_NEXT), [Copy(0, 90), Insert(b"changed"), Copy(100, len(BASE) - 100)])


def blob_id(data: bytes) -> ObjectId:
    """Return the id of a blob."""
    return SHA1.hash_object(b"blob", data)


TREE = (
    b"100644 .gitmodules\0" + blob_id(BASE)
    + b"100755 run\0" + blob_id(_NEXT)
    + b"40000 src\0" + SHA1.hash_object(b"tree", b"")
    + b"160000 sub\0" + bytes(range(20))
)  # fmt: skip
_WHO = b"A U Thor <author@example.com> 1112911993 -0700\n"
COMMIT = (
    b"tree " + SHA1.hash_object(b"tree", TREE).hex().encode() + b"\nparent " + b"1b" * 20
    + b"\nauthor " + _WHO + b"committer " + _WHO
    + b"encoding ISO-8859-1\ngpgsig -----BEGIN PGP SIGNATURE-----\n \n -----END PGP SIGNATURE-----\n"
    + b"\nSubject\n\nText that names 1b1b1b1b1b.\n"
)  # fmt: skip
TAG = (
    b"object " + SHA1.hash_object(b"commit", COMMIT).hex().encode()
    + b"\ntype commit\ntag v1.0\ntagger " + _WHO + b"\nRelease\n"
)  # fmt: skip


@cache
def packs() -> tuple[bytes, ...]:
    """Return small packs: of all types and both kinds of delta, a chain, an object twice, none at all."""
    chain = versions(4, 120)
    return (
        build_pack(
            [
                whole(COMMIT, ObjectType.COMMIT), whole(TREE, ObjectType.TREE), whole(TAG, ObjectType.TAG),
                whole(BASE), ofs_delta(3, _DELTA), whole(b""),
            ]
        ),
        build_pack([ref_delta(blob_id(BASE), _DELTA), whole(BASE)]),
        build_pack([whole(chain[0]), *(ofs_delta(n, _step(chain[n], chain[n + 1])) for n in range(3))]),
        build_pack([whole(b"twice"), whole(b"twice")]),
        build_pack([]),
    )  # fmt: skip


def _step(old: bytes, new: bytes) -> bytes:
    return encode_delta(len(old), len(new), [Copy(0, 10), Insert(new[10:100]), Insert(new[100:])])


def thin_pack() -> bytes:
    """Return a pack whose one delta needs BASE from outside."""
    return build_pack([ref_delta(blob_id(BASE), _DELTA)])


def indexed(pack: bytes) -> IndexedPack:
    """Return what an index of a pack is made of."""
    path = scratch("sample.pack")
    path.write_bytes(pack)
    return index_pack_file(path, object_format=SHA1)


@cache
def repository() -> Repository:
    """Return a repository with a commit, its tree and blobs, a tag, and branches."""
    path = scratch("sample.git")
    made = Repository.init(path)
    made.write_loose(ObjectType.BLOB, BASE)
    made.write_loose(ObjectType.BLOB, _NEXT)
    made.write_loose(ObjectType.TREE, b"")
    tree = made.write_loose(ObjectType.TREE, TREE)
    head = b"tree " + tree.hex().encode() + b"\n"
    who = b"author " + _WHO + b"committer " + _WHO
    first = made.write_loose(ObjectType.COMMIT, head + who + b"\nfirst\n")
    parent = b"parent " + first.hex().encode() + b"\n"
    second = made.write_loose(ObjectType.COMMIT, head + parent + who + b"\nsecond\n")
    tag = b"object " + second.hex().encode() + b"\ntype commit\ntag v1\ntagger " + _WHO + b"\nv1\n"
    made.update_ref("refs/tags/v1", made.write_loose(ObjectType.TAG, tag))
    made.update_ref("refs/heads/main", second)
    made.update_ref("refs/heads/topic", first)
    made.set_head("refs/heads/main")
    return made


def conversation(name: str) -> list[tuple[str, bytes, bytes]]:
    """Return the exchanges of a transcript: its title, what was said, what was heard.

    The transcripts were recorded from git's own servers.
    """
    exchanges: list[tuple[str, bytes, bytes]] = []
    text = (FOLDER.parent / "transcripts" / f"{name}.txt").read_text()
    for line in text.splitlines():
        if line.startswith(("advertise ", "request ")):
            exchanges.append((line, b"", b""))
        elif line.startswith(("< ", "> ")):
            title, said, heard = exchanges[-1]
            piece = ast.literal_eval(line[2:])
            exchanges[-1] = (title, said + piece, heard) if line[0] == ">" else (title, said, heard + piece)
        elif line.startswith("="):
            break
    return exchanges
