"""What a check of a repository remembers of each object, in one small number.

    type 1 to 4     of the object; before it is read, as the first link to it says
    USED            something refers to it
    REACHABLE       a ref leads to it

Links are checked as objects are read, in any order. If each link names an object that is here and of the
right type, nothing is broken wherever the refs lead, and no link needs to be followed from the refs.
`are_sound` says whether that is so. Memory: about 130 bytes for each object.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from packcore.errors import MissingObject
from packcore.objects import (
    MODE_DIRECTORY,
    MODE_GITLINK,
    ObjectType,
    commit_links,
    iter_rows,
    mode_kind,
    tag_target,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from packcore.ids import ObjectFormat, ObjectId
    from packcore.store.repository import Repository

__all__ = ["REACHABLE", "TYPE_BITS", "USED", "Marks", "object_links"]

TYPE_BITS = 7
USED = 8
REACHABLE = 16

_Row = tuple[bytes, bytes, "ObjectId"]


class Marks:
    """The marks of all objects of a repository."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self.shallow: frozenset[ObjectId] = frozenset()
        self.flags: dict[ObjectId, int] = {}
        self.unread: set[ObjectId] = set()
        """The objects of which no intact copy was read so far."""
        self._stated: dict[ObjectId, int] = {}
        """The types that damaged copies state."""
        self._absent: set[ObjectId] = set()
        self._types_fit = True

    def list_objects(self, oids: Iterable[ObjectId]) -> None:
        """Start with all objects to check. Raises CorruptData."""
        self.shallow = self._repository.shallow()
        self.flags = dict.fromkeys(oids, 0)
        self.unread = set(self.flags)

    def state(self, oid: ObjectId, type_: int) -> None:
        """Note the type that the head of a damaged copy states."""
        self._stated.setdefault(oid, type_)

    def type_of(self, oid: ObjectId) -> int:
        """Return the type code of an object, 0 if it isn't known."""
        return self.flags.get(oid, 0) & TYPE_BITS

    def is_first(self, oid: ObjectId, type_: int) -> bool:
        """Record that a copy is intact; return whether it is the first. Raises KeyError if unlisted."""
        flags = self.flags[oid]
        if oid not in self.unread:
            return False
        self.unread.discard(oid)
        if flags & TYPE_BITS != type_:
            if flags & TYPE_BITS:
                self._types_fit = False
            self.flags[oid] = flags & ~TYPE_BITS | type_
        return True

    def mark(self, oid: ObjectId, type_: int) -> None:
        """Record a link to an object that must be of this type."""
        flags = self.flags.get(oid)
        if flags is None:
            self._mark_unlisted(oid, type_)
            return
        if flags & TYPE_BITS not in (0, type_):
            self._types_fit = False
            type_ = flags & TYPE_BITS
        self.flags[oid] = flags | USED | type_

    def mark_links(self, oid: ObjectId, type_: ObjectType, data: bytes) -> None:
        """Record the links of a commit or a tag. Raises CorruptObject."""
        links = object_links(type_, data, self._repository.object_format, oid)
        if oid in self.shallow and type_ is ObjectType.COMMIT:
            for target, target_type in islice(links, 1):
                self.mark(target, target_type)
            for target, _ in links:  # may be missing
                if target in self.flags:
                    self.flags[target] |= USED
            return
        for target, target_type in links:
            self.mark(target, target_type)

    def mark_rows(self, rows: list[_Row]) -> None:
        """Record the links of a tree."""
        get = self.flags.get
        final = {mode: _final_flags(mode) for mode in {mode for mode, _, _ in rows}}
        # Nearly all entries of most trees are marked already.
        for mode, _, entry in [row for row in rows if get(row[2]) != final[row[0]]]:
            kind = mode_kind(mode)
            if kind != MODE_GITLINK:
                self.mark(entry, ObjectType.TREE if kind == MODE_DIRECTORY else ObjectType.BLOB)

    def _mark_unlisted(self, oid: ObjectId, type_: int) -> None:
        if oid in self._absent:
            return
        try:
            # The empty tree is known, although it may not be stored.
            known = self._repository.header(oid).type
        except MissingObject:
            self._absent.add(oid)
            return
        self._types_fit &= known == type_
        self.flags[oid] = known | USED | REACHABLE

    def settle(self) -> None:
        """Give unreadable objects the type that their copies state, once everything was read."""
        for oid in self.unread:
            self.flags[oid] = self.flags[oid] & ~TYPE_BITS | self._stated.get(oid, 0)

    def are_sound(self, promised: Iterable[ObjectId]) -> bool:
        """Return whether every object is readable, and every link leads to one that is here or promised."""
        return self._types_fit and not self.unread and self._absent <= set(promised)

    @property
    def lacks_some(self) -> bool:
        """Whether a link leads to an object that isn't here."""
        return bool(self._absent)


def object_links(
    type_: ObjectType, data: bytes, object_format: ObjectFormat, oid: ObjectId
) -> Iterator[tuple[ObjectId, ObjectType]]:
    """Yield the ids that an object refers to, with the type that each must have, except submodules.

    Raises CorruptObject; for a tree, only when it reaches the damage.
    """
    if type_ is ObjectType.COMMIT:
        links = commit_links(data, object_format, oid)
        yield links.tree, ObjectType.TREE
        for parent in links.parents:
            yield parent, ObjectType.COMMIT
    elif type_ is ObjectType.TAG:
        yield tag_target(data, object_format, oid)
    elif type_ is ObjectType.TREE:
        for mode_digits, _, entry in iter_rows(data, object_format, oid):
            kind = mode_kind(mode_digits)
            if kind != MODE_GITLINK:
                yield entry, ObjectType.TREE if kind == MODE_DIRECTORY else ObjectType.BLOB


def _final_flags(mode_digits: bytes) -> int | None:
    """Return the flags of an object for which a link with this mode changes nothing."""
    kind = mode_kind(mode_digits)
    if kind == MODE_GITLINK:
        return None  # it is in another repository
    return (ObjectType.TREE if kind == MODE_DIRECTORY else ObjectType.BLOB) | USED
