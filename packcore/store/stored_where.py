"""Which objects a pack need not hold, because of where they are stored: rules of git-pack-objects.

    --incremental             in any pack
    --local                   in an alternate, packed or loose
    --honor-pack-keep         in a pack of this repository that has a .keep file
    --keep-pack=NAME          in the pack of that name

As in git, one such copy is enough, whatever other copies there are.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from packcore.store.path_kind import is_there

if TYPE_CHECKING:
    from collections.abc import Sequence

    from packcore.ids import ObjectId
    from packcore.store.packfile import PackFile
    from packcore.store.repository import Repository

__all__ = ["LeaveOut", "in_packs"]


@dataclass(frozen=True, slots=True)
class LeaveOut:
    """The rules that apply."""

    packed: bool = False
    borrowed: bool = False
    """What an alternate has."""
    kept: bool = False
    """What a pack with a .keep file has."""
    packs: frozenset[str] = frozenset()
    """What packs of these file names have."""

    def __bool__(self) -> bool:
        return self.packed or self.borrowed or self.kept or bool(self.packs)

    def find(self, repository: Repository, oids: Sequence[ObjectId]) -> set[ObjectId]:
        """Return those of the objects that are left out. Raises CorruptIndex, RepositoryError."""
        packs = [pack for pack in repository.copies.packs() if self._covers(repository, pack)]
        found = in_packs(packs, oids)
        if self.borrowed:
            for loose in repository.copies.borrowed_loose():
                found.update(oid for oid in oids if oid in loose)
        return found

    def _covers(self, repository: Repository, pack: PackFile) -> bool:
        path = Path(pack.name)
        is_own = path.parent == repository.pack_directory
        return (
            self.packed
            or (self.borrowed and not is_own)
            or (self.kept and is_own and is_there(path.with_suffix(".keep")))
            or path.name in self.packs
        )


def in_packs(packs: Sequence[PackFile], oids: Sequence[ObjectId]) -> set[ObjectId]:
    """Return those of the objects that one of the packs has. Raises CorruptIndex."""
    found: set[ObjectId] = set()
    for pack in packs:
        offsets = pack.index.find_offsets(oids)
        found.update(oid for oid, offset in zip(oids, offsets, strict=True) if offset >= 0)
    return found
