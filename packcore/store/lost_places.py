"""Where a missing object may have been: places of a repository that can't be searched.

objects/info/alternates names /pool/x.git/objects, which is not there      a file system not mounted
objects/pack/pack-1.pack has no index                                      its .idx was lost
a partial clone                                                            its remote has what it left out
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from packcore.errors import MissingObject
from packcore.store.alternates import listed_alternates
from packcore.store.path_kind import is_folder
from packcore.store.promises import promisor_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from packcore.store.config import GitConfig

__all__ = ["LostPlaces", "lost_places"]

_SHOWN_MAX = 3


class LostPlaces:
    """The lost places of some `objects` directories, searched once, when an object is missing."""

    def __init__(self, folders: Sequence[Path], config: GitConfig) -> None:
        self._folders = folders
        self._config = config
        self._words: str | None = None

    def explain(self, error: MissingObject) -> MissingObject:
        """Return the error, with the first few places in its message if any. Raises RepositoryError."""
        promisor = promisor_of(self._config)
        if self._words is None:
            words = lost_places(self._folders)[:_SHOWN_MAX]
            if promisor is not None:
                words.insert(0, f"this is a partial clone: its remote {promisor} may have the object")
            self._words = "; ".join(words)
        if not self._words:
            return error
        hint = None if promisor is None else "take the repository that it was cloned from"
        return MissingObject(error.oid, context=self._words, hint=hint)

    def forget(self) -> None:
        """Search again the next time, since packs were added."""
        self._words = None


def lost_places(folders: Iterable[Path]) -> list[str]:
    """Return a sentence for each such place in `objects` directories. Raises RepositoryError."""
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
