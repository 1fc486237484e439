"""Where a missing object may have been: places that a repository names or has, and that can't be looked into.

objects/info/alternates names /pool/x.git/objects, which is not there      a file system not mounted
objects/pack/pack-1.pack has no index                                      its .idx was lost
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from packcore.store.alternates import listed_alternates
from packcore.store.path_kind import is_folder

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

__all__ = ["lost_places"]


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
