"""Follows all links from what is in use, and reports broken ones, what is missing, and what is left over.

    broken link from    tree <oid>        an object refers to one that isn't there, or is of another type
                  to    blob <oid>
    missing blob <oid>                    the one that isn't there
    dangling commit <oid>                 nothing refers to it
    unreachable tree <oid>                nothing in use leads to it

With `name_objects`, `<oid> (refs/heads/main~3:doc/)` says how an object was first reached.
"""

from __future__ import annotations

import re
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING

from packcore.checks.marks import REACHABLE, READ, TYPE_BITS, USED, final_flags, object_links
from packcore.checks.report import FsckFinding, error
from packcore.errors import CorruptData, LimitExceeded
from packcore.objects import MODE_DIRECTORY, MODE_GITLINK, ObjectType, mode_kind, row_chunks
from packcore.refs import decode_ref_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from packcore.checks.marks import Marks
    from packcore.checks.options import FsckOptions
    from packcore.checks.report import FindingKind
    from packcore.ids import ObjectId
    from packcore.progress import Phase
    from packcore.store.repository import Repository

__all__ = ["Connectivity"]

_FAILURES = (CorruptData, LimitExceeded)
_GENERATION = re.compile(r"(.*)~([0-9]+)\Z", re.DOTALL)


class Connectivity:
    """One walk over the links."""

    def __init__(
        self,
        repository: Repository,
        marks: Marks,
        options: FsckOptions,
        is_promised: Callable[[ObjectId], bool],
    ) -> None:
        self._repository = repository
        self._marks = marks
        self._options = options
        self._is_promised = is_promised
        self._names: dict[ObjectId, str] = {}
        self._fault: Exception | None = None
        """Why the object whose links were read last can't be read."""

    def walk(
        self, tips: Sequence[tuple[ObjectId, str]], absent: Mapping[ObjectId, str], phase: Phase
    ) -> Iterator[FsckFinding]:
        """Follow all links from `tips`; report each absent object once, each broken link to it.

        `absent` has blobs that are known to be absent.
        """
        missing = dict.fromkeys(absent, ObjectType.BLOB)
        flags = self._marks.flags
        stack = []
        for oid, name in (*tips, *absent.items()):
            self._name(oid, name)
        for oid, _ in tips:
            if not flags[oid] & REACHABLE:
                flags[oid] |= REACHABLE
                stack.append(oid)
        while stack:
            oid = stack.pop()
            phase.advance(1)
            type_bits = flags[oid] & TYPE_BITS
            if type_bits == ObjectType.BLOB or not self._marks.was_read(oid) or not type_bits:
                continue
            type_ = ObjectType(type_bits)
            for target, target_type in self._links(oid, type_):
                mark = flags.get(target)
                if mark is None and target in self._repository:
                    # Known, although it is not stored; or in a pack, if only loose objects are checked.
                    mark = flags[target] = self._repository.header(target).type | USED | REACHABLE | READ
                if mark is None and self._is_promised(target):
                    continue
                if mark is None:
                    missing.setdefault(target, target_type)
                    yield self._broken_link(oid, type_, target, target_type)
                    continue
                if not mark & TYPE_BITS and mark & READ:
                    mark = flags[target] = mark | target_type  # nothing was read so far
                if not mark & REACHABLE:
                    flags[target] = mark | REACHABLE
                    stack.append(target)
                if (actual := mark & TYPE_BITS) not in (target_type, 0):
                    names = [ObjectType(code).name.lower() for code in (actual, target_type)]
                    yield error(f"object {target.hex()} is a {names[0]}, not a {names[1]}", "object", target)
                    yield self._broken_link(oid, type_, target, target_type)
            if (fault := self._fault) is not None:
                self._fault = None
                yield error(fault, "unreadable", oid)
        for oid, type_ in missing.items():
            text = f"missing {type_.name.lower()} {self._described(oid)}"
            yield FsckFinding(text, is_error=True, kind="missing", oid=oid)

    def left(self) -> Iterator[FsckFinding]:
        """Report what is unreachable, or else dangling, as far as that was asked for."""
        options, flags = self._options, self._marks.flags
        if options.connectivity_only and options.dangling and not options.unreachable:
            self._mark_unreachable()
        for oid, mark in flags.items():
            if mark & REACHABLE or not (options.unreachable or (options.dangling and not mark & USED)):
                continue
            type_bits = mark & TYPE_BITS or self._type_of(oid)
            if type_bits:
                kind: FindingKind = "unreachable" if options.unreachable else "dangling"
                text = f"{kind} {ObjectType(type_bits).name.lower()} {oid.hex()}"
                yield FsckFinding(text, is_error=False, kind=kind, oid=oid)

    def _mark_unreachable(self) -> None:
        """Mark what unreachable objects refer to, which no one has read so far."""
        flags = self._marks.flags
        for oid in [oid for oid, mark in flags.items() if not mark & REACHABLE]:
            flags[oid] |= self._type_of(oid)
            if flags[oid] & TYPE_BITS not in (0, ObjectType.BLOB):
                for target, _ in self._links(oid, ObjectType(flags[oid] & TYPE_BITS)):
                    if target in flags:
                        flags[target] |= USED
        self._fault = None

    def _type_of(self, oid: ObjectId) -> int:
        if self._marks.was_read(oid):
            with suppress(*_FAILURES):
                return self._repository.header(oid).type
        return 0

    # Links

    def _links(self, oid: ObjectId, type_: ObjectType) -> Iterator[tuple[ObjectId, ObjectType]]:
        """Yield what an object refers to, after giving it a name."""
        try:
            found, data = self._repository.read(oid)
            if found is not type_:
                return  # reported as a broken link
            if type_ is ObjectType.TREE:
                yield from self._entries(data, oid)
                return
            links = object_links(type_, data, self._repository.object_format, oid)
            is_cut = oid in self._marks.shallow and type_ is ObjectType.COMMIT
            for number, (target, target_type) in enumerate(islice(links, 1) if is_cut else links):
                if (name := self._names.get(oid)) is not None:
                    self._name(target, _linked_name(name, type_, number))
                yield target, target_type
        except _FAILURES as fault:
            if self._options.connectivity_only:  # otherwise reported when it was first read
                self._fault = fault

    def _entries(self, data: bytes, oid: ObjectId) -> Iterator[tuple[ObjectId, ObjectType]]:
        """Yield the links of a tree, except those to objects of the right type that were reached before."""
        get, named = self._marks.flags.get, self._names.get(oid)
        for rows in row_chunks(data, self._repository.object_format, oid):
            final = {mode: final_flags(mode) for mode in {mode for mode, _, _ in rows}}
            for mode, path, entry in [row for row in rows if get(row[2], 0) ^ REACHABLE != final[row[0]]]:
                kind = mode_kind(mode)
                if kind != MODE_GITLINK:
                    is_folder = kind == MODE_DIRECTORY
                    if named is not None:
                        self._name(entry, f"{named}{decode_ref_name(path)}{'/' if is_folder else ''}")
                    yield entry, ObjectType.TREE if is_folder else ObjectType.BLOB

    # Words

    def _name(self, oid: ObjectId, name: str) -> None:
        if name and self._options.name_objects:
            self._names.setdefault(oid, name)

    def _described(self, oid: ObjectId) -> str:
        name = self._names.get(oid)
        return oid.hex() if name is None else f"{oid.hex()} ({name})"

    def _broken_link(
        self, oid: ObjectId, type_: ObjectType, target: ObjectId, target_type: ObjectType
    ) -> FsckFinding:
        text = (
            f"broken link from {type_.name.lower():>7} {self._described(oid)}\n"
            f"              to {target_type.name.lower():>7} {self._described(target)}"
        )
        return FsckFinding(text, is_error=True, kind="broken link", oid=target)


def _linked_name(name: str, type_: ObjectType, number: int) -> str:
    """Return the name of an object's nth link, as git's revisions spell it."""
    if type_ is ObjectType.TAG:
        return name
    if not number:
        return f"{name}:"
    if number > 1:
        return f"{name}^{number}"
    if name.endswith("^"):
        return f"{name[:-1]}~2"
    match = _GENERATION.match(name)
    return f"{match[1]}~{int(match[2]) + 1}" if match else f"{name}^"
