"""What a check of a repository remembers of each object, in one small number.

    type 1 to 4     of the object; before it is read, as the first link to it says
    USED            something refers to it
    REACHABLE       a ref leads to it
    READ            an intact copy was read, or no one asked for that

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

__all__ = ["REACHABLE", "READ", "TYPE_BITS", "USED", "Marks", "final_flags", "object_links"]

TYPE_BITS = 7
USED = 8
REACHABLE = 16
READ = 32

_Row = tuple[bytes, bytes, "ObjectId"]


class Marks:
    """The marks of all objects of a repository."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self.shallow: frozenset[ObjectId] = frozenset()
        self.flags: dict[ObjectId, int] = {}
        self._stated: dict[ObjectId, int] = {}
        """The types that damaged copies state."""
        self._absent: set[ObjectId] = set()
        self._types_fit = True
        self._all_read = True

    def list_objects(self, oids: Iterable[ObjectId], *, are_read: bool = False) -> None:
        """Start with all objects to check; `are_read` takes all for intact. Raises CorruptData."""
        self.shallow = self._repository.shallow()
        self.flags = dict.fromkeys(oids, READ if are_read else 0)

    def state(self, oid: ObjectId, type_: int) -> None:
        """Note the type that the head of a damaged copy states."""
        self._stated.setdefault(oid, type_)

    def type_of(self, oid: ObjectId) -> int:
        """Return the type code of an object, 0 if it isn't known."""
        return self.flags.get(oid, 0) & TYPE_BITS

    def is_first(self, oid: ObjectId, type_: int) -> bool:
        """Record that a copy is intact; return whether it is the first. Raises KeyError if unlisted."""
        flags = self.flags[oid]
        if flags & READ:
            return False
        if flags & TYPE_BITS not in (0, type_):
            self._types_fit = False
        self.flags[oid] = flags & ~TYPE_BITS | type_ | READ
        return True

    def forget_read(self, oid: ObjectId) -> None:
        """Take an object for unread again."""
        self.flags[oid] &= ~READ

    def was_read(self, oid: ObjectId) -> bool:
        """Return whether an intact copy of an object was read; True for one that wasn't to be checked."""
        return bool(self.flags.get(oid, READ) & READ)

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
        final = {mode: final_flags(mode) for mode in {mode for mode, _, _ in rows}}
        # Nearly all entries of most trees are marked already.
        for mode, _, entry in [row for row in rows if get(row[2], 0) | READ != final[row[0]]]:
            kind = mode_kind(mode)
            if kind != MODE_GITLINK:
                self.mark(entry, ObjectType.TREE if kind == MODE_DIRECTORY else ObjectType.BLOB)

    def mark_entries(self, links: list[tuple[ObjectId, int | None]]) -> None:
        """Record links of a tree, each with the `final_flags` of its mode."""
        get = self.flags.get
        for oid, final in links:
            if final is not None and get(oid, 0) | READ != final:
                self.mark(oid, final & TYPE_BITS)

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
        self.flags[oid] = known | USED | REACHABLE | READ

    def settle(self) -> None:
        """Give unreadable objects the type that their copies state, once everything was read."""
        unread = [oid for oid, flags in self.flags.items() if not flags & READ]
        self._all_read = not unread
        for oid in unread:
            self.flags[oid] = self.flags[oid] & ~TYPE_BITS | self._stated.get(oid, 0)

    def are_sound(self, promised: Iterable[ObjectId]) -> bool:
        """Return whether every object is readable, and every link leads to one that is here or promised."""
        return self._types_fit and self._all_read and self._absent <= set(promised)

    def noted(self) -> tuple[bytes, bool, set[ObjectId]]:
        """Return everything that was noted, for `take_over`: the flags come in the order of the listing."""
        return bytes(self.flags.values()), self._types_fit, self._absent

    def take_over(self, noted: tuple[bytes, bool, set[ObjectId]]) -> None:
        """Add what another process noted that began with the same listing."""
        theirs, types_fit, absent = noted
        self._types_fit &= types_fit
        for (oid, own), other in zip(self.flags.items(), theirs, strict=False):
            if own == other:
                continue
            type_, other_type = own & TYPE_BITS, other & TYPE_BITS
            if type_ and other_type and type_ != other_type:
                self._types_fit = False
            chosen = type_ if own & READ or not other_type else other_type
            self.flags[oid] = (own | other) & ~TYPE_BITS | chosen
        for oid in absent:
            self._mark_unlisted(oid, 0)

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


def final_flags(mode_digits: bytes) -> int | None:
    """Return the flags of an object that was read, and for which a link with this mode changes nothing."""
    kind = mode_kind(mode_digits)
    if kind == MODE_GITLINK:
        return None  # it is in another repository
    return (ObjectType.TREE if kind == MODE_DIRECTORY else ObjectType.BLOB) | USED | READ
