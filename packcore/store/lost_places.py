"""Where a missing object may have been: places that a repository names or has, and that can't be looked into.

objects/info/alternates names /pool/x.git/objects, which is not there      a file system not mounted
objects/pack/pack-1.pack has no index                                      its .idx was lost
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from packcore.errors import MissingObject
from packcore.store.alternates import listed_alternates
from packcore.store.path_kind import is_folder

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

__all__ = ["LostPlaces", "lost_places"]

_SHOWN_MAX = 3


class LostPlaces:
    """The lost places of some `objects` directories, looked for once, when an object is missed."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = folders
        self._words: str | None = None

    def explain(self, error: MissingObject) -> MissingObject:
        """Return the error, with the first few places in its words if any. Raises RepositoryError."""
        if self._words is None:
            self._words = "; ".join(lost_places(self._folders)[:_SHOWN_MAX])
        return MissingObject(error.oid, context=self._words) if self._words else error

    def forget(self) -> None:
        """Look again the next time: packs have come."""
        self._words = None


def lost_places(folders: Iterable[Path]) -> list[str]:
    """Return a sentence for each such place, from `objects` directories. Raises RepositoryError."""
    found = []
    for objects in folders:
        found += [
            f"{objects / 'info' / 'alternates'} names {path}, which is not there"
            for path in listed_alternates(objects)
            if not is_folder(path)
        ]
        found += [
            f"{pack} has no index"
            for pack in sorted((objects / "pack").glob("pack-*.pack"))
            if not pack.with_suffix(".idx").exists()
        ]
    return found
