"""Compares arriving objects with those of the same ids that are here, so that none is taken for another.

    here               arriving       what follows
    the same bytes     the same       nothing: the object is here
    other bytes        any            refused: a hash collision, or one of them was forged
    unreadable         any            taken in: the arriving copy repairs the damage

Other bytes are ones that read without an error: the zlib stream has its checksum, the entry its CRC-32, so
it wasn't the disk that changed them. Whether they have that id makes no difference. git refuses both, too
("SHA1 COLLISION FOUND").

Only ids that are here cost anything: each object is read once on each side, in blocks.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from packcore.errors import CorruptObject, WrongId
from packcore.store.base import DAMAGE

if TYPE_CHECKING:
    from collections.abc import Container, Iterator

    from packcore.ids import ObjectId
    from packcore.store.base import ObjectStore
    from packcore.store.copies import Copies, Copy

__all__ = ["refuse_collisions"]


def refuse_collisions(
    copies: Copies, arriving: ObjectStore, *, added: Container[ObjectId] = ()
) -> set[ObjectId]:
    """Return the ids of which an intact copy is here. Raises CorruptObject if an object differs from it.

    `added` are objects that came from here, and are not compared.
    """
    intact = set()
    for oid in copies.held(arriving):
        if oid in added:
            continue
        for copy in copies.of(oid):
            same = _is_same(copy, arriving)
            if same is False:
                raise CorruptObject(
                    f"it arrived with other bytes than in {copy.where}: a hash collision, or a forged object",
                    oid=oid.hex(),
                    hint="nothing was stored; fsck tells whether the bytes here have this id",
                )
            if same:
                intact.add(oid)
                break
    return intact


def _is_same(copy: Copy, arriving: ObjectStore) -> bool | None:
    """Return whether a copy has the bytes of the arriving object; None if it is damaged."""
    theirs = arriving.header(copy.oid)
    try:
        copy.check_frame()
        same_header = copy.header() == theirs
        ours = _digest(copy.blocks())
    except WrongId:
        return False
    except DAMAGE:
        return None
    return same_header and ours == _digest(arriving.stream(copy.oid))


def _digest(blocks: Iterator[bytes]) -> bytes:
    # Blocks may be cut differently on both sides. Ids are not made with this function.
    digest = hashlib.blake2b()
    for block in blocks:
        digest.update(block)
    return digest.digest()
