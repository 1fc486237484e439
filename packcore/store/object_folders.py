"""A repository's object folders, its own and those of its alternates: packs and loose objects."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from packcore.store.alternates import find_alternates
from packcore.store.copies import Copies
from packcore.store.known import KnownObjects
from packcore.store.loose import LooseStore
from packcore.store.packed import PackedStore
from packcore.store.union import UnionStore

if TYPE_CHECKING:
    from pathlib import Path

    from packcore.ids import ObjectFormat
    from packcore.limits import Limits
    from packcore.store.base import ObjectStore

__all__ = ["ObjectFolders"]


class ObjectFolders(NamedTuple):
    """The open stores of these folders."""

    packs: list[PackedStore]
    """One for each folder."""
    copies: Copies
    """All copies of objects in these folders."""
    all: UnionStore
    """Packs before loose objects, folder by folder, then the objects that every repository has."""

    @classmethod
    def open(cls, objects: Path, object_format: ObjectFormat, limits: Limits) -> ObjectFolders:
        """Open the folder and its alternates. Raises RepositoryError, CorruptData."""
        packs: list[PackedStore] = []
        copies = Copies(object_format)
        stores: list[ObjectStore] = []
        for folder in [objects, *find_alternates(objects)]:
            packed = PackedStore(folder / "pack", object_format, limits, rescan=False, copies=copies)
            loose = LooseStore(folder, object_format, limits)
            copies.add_loose(loose)
            packs.append(packed)
            stores += [packed, loose]
        return cls(packs, copies, UnionStore([*stores, KnownObjects(object_format)]))
