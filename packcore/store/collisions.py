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
from functools import partial
from typing import TYPE_CHECKING

from packcore.errors import CorruptObject, WrongId
from packcore.store.base import DAMAGE

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator

    from packcore.ids import ObjectId
    from packcore.store.base import ObjectHeader, ObjectStore
    from packcore.store.copies import Copies

__all__ = ["is_here", "refuse_collisions"]


def refuse_collisions(
    copies: Copies, arriving: ObjectStore, *, added: Container[ObjectId] = ()
) -> set[ObjectId]:
    """Return the ids of which an intact copy is here. Raises CorruptObject if an object differs from it.

    `added` are objects that came from here, and are not compared.
    """
    held = (oid for oid in copies.held(arriving) if oid not in added)
    return {oid for oid in held if is_here(copies, oid, arriving.header(oid), partial(arriving.stream, oid))}


def is_here(
    copies: Copies, oid: ObjectId, header: ObjectHeader, blocks: Callable[[], Iterator[bytes]]
) -> bool:
    """Return whether there is an intact copy of an object; `blocks` returns the bytes that arrive.

    Raises CorruptObject if a copy is sound and has other bytes.
    """
    for copy in copies.of(oid):
        try:
            copy.check_frame()
            is_same = copy.header() == header
            digest = _digest(copy.blocks())
        except WrongId:
            is_same = False
        except DAMAGE:
            continue
        if not is_same or digest != _digest(blocks()):
            raise CorruptObject(
                f"it arrived with other bytes than in {copy.where}: {copies.object_format.name.upper()} "
                "COLLISION FOUND, or a forged object",
                oid=oid.hex(),
                hint="nothing was stored; fsck tells whether the bytes here have this id",
            )
        return True
    return False


def _digest(blocks: Iterator[bytes]) -> bytes:
    # Blocks may be cut differently on both sides. Ids are not made with this function.
    digest = hashlib.blake2b()
    for block in blocks:
        digest.update(block)
    return digest.digest()
