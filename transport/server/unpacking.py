"""Whether what a push brings is kept as a pack or as loose objects, and the second of these.

    receive.unpackLimit, else transfer.unpackLimit    packs of fewer objects are unpacked; 0: none is

git unpacks below 100 objects where nothing is set: `git gc` bears thousands of loose objects, and few packs.
`packcore receive-pack` and `http-backend`, which take git's place, do so too. Specified in git-config.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from packcore.store.collisions import refuse_collisions

if TYPE_CHECKING:
    from packcore.store.repository import Repository
    from packcore.store.spool import SpooledPack

__all__ = ["GIT_UNPACK_LIMIT", "unpack", "unpack_limit"]

GIT_UNPACK_LIMIT = 100


def unpack_limit(repository: Repository, default: int) -> int:
    """Return from how many objects on a pack is kept. Raises RepositoryError."""
    for key in ("receive.unpacklimit", "transfer.unpacklimit"):
        if repository.config.get(key) is not None:
            return repository.config.get_size(key) or 0
    return default


def unpack(repository: Repository, spool: SpooledPack) -> None:
    """Write the objects of a pack that aren't here as loose ones. Raises CorruptObject, RepositoryError."""
    here = refuse_collisions(repository.copies, spool, added=spool.added) | spool.added
    for oid in spool.storage_order(spool):
        if oid in here:
            continue
        header = spool.header(oid)
        if header.size < repository.limits.big_object:
            repository.write_loose(header.type, spool.read(oid).data)
        else:
            repository.write_loose_stream(header.type, header.size, spool.stream(oid))
