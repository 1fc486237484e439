"""Writes objects that nothing refers to where a user can look at them, as `git fsck --lost-found` does.

lost-found/commit/<oid>     the id of a commit and a line feed
lost-found/other/<oid>      the same of a tree or tag; of a blob, its content
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from packcore.errors import RepositoryError
from packcore.objects import ObjectType
from packcore.store.temporaries import write_whole

if TYPE_CHECKING:
    from packcore.ids import ObjectId
    from packcore.store.repository import Repository

__all__ = ["keep_lost"]


def keep_lost(repository: Repository, oid: ObjectId) -> None:
    """Write one object. Raises RepositoryError if it can't be written, CorruptData if it can't be read."""
    type_ = repository.header(oid).type
    folder = repository.path / "lost-found" / ("commit" if type_ is ObjectType.COMMIT else "other")
    blocks = repository.stream(oid) if type_ is ObjectType.BLOB else iter([f"{oid.hex()}\n".encode()])
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(folder / oid.hex(), blocks, 0o644)
    except OSError as error:
        raise RepositoryError(f"{folder / oid.hex()}: {error.strerror}") from None
