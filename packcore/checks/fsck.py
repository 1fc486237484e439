"""Check a whole repository, as `git fsck` does: every object, every link, every ref.

    error in tag <oid>: badDate: …        an object that breaks its format         packcore.checks.objects
    error: <what>                         bytes that can't be read, or that have another id
    broken link from    tree <oid>        a reachable object refers to one that isn't there
                  to    blob <oid>
    missing blob <oid>                    the one that isn't there
    dangling commit <oid>                 nothing refers to it; legal

The first pass reads and hashes every copy of each object, even if another copy is intact, because a repair
needs to know: an intact pack in one run, everything else object by object. It checks the first intact copy
and all its links. It compares each pack with its trailer, its index and the CRC-32 of its entries, and the
commit-graph with the commits. Only if some link leads nowhere, a second pass follows all links from the refs,
since what nothing reaches may have broken links. Memory: about 130 bytes for each object, and 55 more for
each of the pack being read; an object larger than `Limits.big_object` is never whole in memory.
"""

from __future__ import annotations

from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from packcore.checks.content import ContentChecks
from packcore.checks.marks import REACHABLE, TYPE_BITS, USED, Marks, object_links
from packcore.checks.promised import promised_and_missing
from packcore.checks.shortcuts import check_shortcuts
from packcore.checks.special import check_special_blob
from packcore.checks.whole_pack import check_whole_pack
from packcore.errors import (
    CorruptData,
    CorruptPack,
    LimitExceeded,
    MissingObject,
    RepositoryError,
    UnreadableRef,
)
from packcore.objects import MODE_DIRECTORY, MODE_GITLINK, ObjectType, mode_kind, row_chunks
from packcore.progress import SILENT, Phase, Progress

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from packcore.checks.objects import Finding
    from packcore.ids import ObjectId
    from packcore.store.copies import Copy
    from packcore.store.repository import Repository

__all__ = ["FsckFinding", "check_repository", "object_links"]

_ADVANCE_EVERY = 256

_FAILURES = (CorruptData, LimitExceeded)


class FsckFinding(NamedTuple):
    """One line (or two) of the report."""

    text: str
    """The text that `git fsck` prints."""
    is_error: bool
    """Whether it means that the repository is broken: then the command fails."""
    kind: str
    """"object", "unreadable", "broken link", "missing", "ref" or "dangling"."""
    oid: ObjectId | None


def check_repository(
    repository: Repository,
    *,
    strict: bool = False,
    dangling: bool = True,
    progress: Progress = SILENT,
) -> Iterator[FsckFinding]:
    """Check objects, links and refs, and yield each problem as it is found.

    `strict` makes warnings errors. No content of objects or refs makes this raise. If the objects can't even
    be listed (a broken pack index), the report ends with a finding for that error. In a partial clone,
    objects that its remote promised may be missing.
    """
    check = _Fsck(repository, strict=strict)
    with progress.phase("checking objects", unit="objects") as phase:
        try:
            yield from check.objects(phase)
        except CorruptData as error:
            yield FsckFinding(f"error: {error}", is_error=True, kind="unreadable", oid=None)
    for fault in repository.pack_faults.values():
        yield FsckFinding(f"error: {fault}", is_error=True, kind="unreadable", oid=None)
    for fault_text in check_shortcuts(repository, check.marks.type_of):
        yield FsckFinding(f"error: {fault_text}", is_error=True, kind="unreadable", oid=None)
    with progress.phase("checking connectivity", unit="objects") as phase:
        yield from check.refs()
        if not check.is_connected():
            yield from check.connectivity(phase)
    if dangling:
        yield from check.dangling()


class _Fsck:
    """The state of one check."""

    def __init__(self, repository: Repository, *, strict: bool) -> None:
        self.repository = repository
        self.strict = strict
        self.marks = Marks(repository)
        self.whole: set[str] = set()
        """The names of the packs that are intact."""
        self.special: dict[tuple[bytes, ObjectId], None] = {}
        self.promised: set[ObjectId] | None = None
        """The objects that a partial clone may lack; None until something is missing."""
        self.tips: list[tuple[ObjectId, ObjectType | None]] = []

    def objects(self, phase: Phase) -> Iterator[FsckFinding]:
        repository, copies = self.repository, self.repository.copies
        marks = self.marks
        marks.list_objects()
        checks = ContentChecks(marks, repository.object_format, strict=self.strict)
        phase.total(len(marks.flags))
        for pack in copies.packs():
            if check_whole_pack(pack, checks, phase):
                self.whole.add(pack.name)
                for copy in copies.of_pack(pack) if checks.are_held() else ():
                    yield from self._reported(checks, copy.oid)
            else:
                yield from self._copies(copies.of_pack(pack), checks, phase)
        yield from self._copies(copies.loose(), checks, phase)
        marks.settle()
        yield from self._packs()
        for kind, oid in self.special:
            if oid in marks.unread:
                continue
            try:
                for found in check_special_blob(repository, kind, oid):
                    yield self._line(ObjectType.BLOB, oid, found)
            except _FAILURES as error:
                yield FsckFinding(f"error: {error}", is_error=True, kind="unreadable", oid=oid)

    def _packs(self) -> Iterator[FsckFinding]:
        """Check packs and indexes against their own digests."""
        for pack in self.repository.copies.packs():
            if pack.name in self.whole:
                continue
            try:
                pack.copier.check_trailer(pack.object_format.new_hash)
                pack.index.verify()
            except CorruptData as error:
                yield FsckFinding(f"error: {error}", is_error=True, kind="unreadable", oid=None)

    def _copies(self, some: Iterable[Copy], checks: ContentChecks, phase: Phase) -> Iterator[FsckFinding]:
        """Check copies one by one, and report each that is damaged."""
        for number, copy in enumerate(some, 1):
            if number % _ADVANCE_EVERY == 0:
                phase.advance(_ADVANCE_EVERY)
            try:
                self._object(copy, checks)
            except _FAILURES as error:
                where = "" if isinstance(error, CorruptPack) else f"{copy.where}: "
                yield FsckFinding(f"error: {where}{error}", is_error=True, kind="unreadable", oid=copy.oid)
            yield from self._reported(checks, copy.oid)

    def _object(self, copy: Copy, checks: ContentChecks) -> None:
        repository, oid = self.repository, copy.oid
        copy.check_frame()
        type_, size = copy.header()
        self.marks.state(oid, type_)
        if size >= repository.limits.big_object and type_ is ObjectType.BLOB:
            repository.copies.check(copy)
            self.marks.is_first(oid, type_)
            return
        type_, data = repository.copies.read_copy(copy)
        if self.marks.is_first(oid, type_):
            checks.check(oid, type_, data)

    def _reported(self, checks: ContentChecks, oid: ObjectId) -> Iterator[FsckFinding]:
        if (held := checks.take(oid)) is not None:
            self.special.update(dict.fromkeys(held.special))
            for found in held.findings:
                yield self._line(held.type, oid, found)

    def _line(self, type_: ObjectType, oid: ObjectId, found: Finding) -> FsckFinding:
        is_error = found.severity.is_error(strict=self.strict)
        label = "error" if is_error else "warning"
        text = f"{label} in {type_.name.lower()} {oid.hex()}: {found.message_id}: {found.text}"
        return FsckFinding(text, is_error=is_error, kind="object", oid=oid)

    def refs(self) -> Iterator[FsckFinding]:
        try:
            refs = self.repository.refs()
        except (CorruptData, RepositoryError) as error:
            yield FsckFinding(f"error: {error}", is_error=True, kind="ref", oid=None)
            return
        zero = self.repository.object_format.zero
        for name, fault in refs.unreadable.items():
            text = f"error: {name}: invalid sha1 pointer {zero.hex()} ({fault.reason})"
            yield FsckFinding(text, is_error=True, kind="ref", oid=None)
        tips = {name: ref.oid for name, ref in refs.known.items()}
        try:
            head = self.repository.head()
        except UnreadableRef as error:
            head = None
            yield FsckFinding(f"error: {error}", is_error=True, kind="ref", oid=None)
        if isinstance(head, bytes):
            tips["HEAD"] = head
        elif head is not None and not head.startswith("refs/heads/"):
            text = f"error: HEAD points to something strange ({head})"
            yield FsckFinding(text, is_error=True, kind="ref", oid=None)
        for name, oid in tips.items():
            if oid not in self.marks.flags and self._is_promised(oid):
                continue
            if oid not in self.marks.flags:
                text = f"error: {name}: invalid sha1 pointer {oid.hex()}"
                yield FsckFinding(text, is_error=True, kind="ref", oid=oid)
                continue
            kind = self.marks.flags[oid] & TYPE_BITS
            if name.startswith("refs/heads/") and kind != ObjectType.COMMIT and oid not in self.marks.unread:
                yield FsckFinding(f"error: {name}: not a commit", is_error=True, kind="ref", oid=oid)
            self.marks.flags[oid] |= USED
            self.tips.append((oid, None))

    def is_connected(self) -> bool:
        """Return whether no link leads to an object that is missing or of another type, from anywhere."""
        marks = self.marks
        return marks.are_sound(self._promised() if marks.lacks_some else ())

    def connectivity(self, phase: Phase) -> Iterator[FsckFinding]:
        """Follow all links from the refs; report each absent object once, each broken link to it."""
        flags = self.marks.flags
        missing: dict[ObjectId, ObjectType] = {}
        stack = [oid for oid, _ in self.tips]
        for oid in stack:
            flags[oid] |= REACHABLE
        while stack:
            oid = stack.pop()
            phase.advance(1)
            type_bits = flags[oid] & TYPE_BITS
            if type_bits == ObjectType.BLOB or oid in self.marks.unread or not type_bits:
                continue
            for target, target_type in self._links(oid):
                mark = flags.get(target)
                if mark is None and target in self.repository:  # known, although it is not stored
                    mark = flags[target] = int(self.repository.header(target).type)
                if mark is None and self._is_promised(target):
                    continue
                if mark is None:
                    missing.setdefault(target, target_type)
                    yield self._broken_link(oid, ObjectType(type_bits), target, target_type)
                elif not mark & REACHABLE:
                    flags[target] = mark | REACHABLE
                    stack.append(target)
                if mark is not None and mark & TYPE_BITS not in (target_type, 0):
                    yield self._broken_link(oid, ObjectType(type_bits), target, target_type)
        for oid, type_ in missing.items():
            text = f"missing {type_.name.lower()} {oid.hex()}"
            yield FsckFinding(text, is_error=True, kind="missing", oid=oid)

    def _is_promised(self, oid: ObjectId) -> bool:
        return oid in self._promised()

    def _promised(self) -> set[ObjectId]:
        if self.promised is None:
            self.promised = promised_and_missing(self.repository)
        return self.promised

    def _links(self, oid: ObjectId) -> Iterator[tuple[ObjectId, ObjectType]]:
        with suppress(*_FAILURES, MissingObject):  # reported when it was first read
            type_, data = self.repository.read(oid)
            if type_ is ObjectType.TREE:
                yield from self._open_entries(data, oid)
                return
            links = object_links(type_, data, self.repository.object_format, oid)
            yield from islice(links, 1) if oid in self.marks.shallow and type_ is ObjectType.COMMIT else links

    def _open_entries(self, data: bytes, oid: ObjectId) -> Iterator[tuple[ObjectId, ObjectType]]:
        """Yield the links of a tree, except those to objects of the right type that were reached before."""
        get = self.marks.flags.get
        for rows in row_chunks(data, self.repository.object_format, oid):
            final = {mode: _final_flags(mode) for mode in {mode for mode, _, _ in rows}}
            for mode, _, entry in [row for row in rows if get(row[2]) != final[row[0]]]:
                kind = mode_kind(mode)
                if kind != MODE_GITLINK:
                    yield entry, ObjectType.TREE if kind == MODE_DIRECTORY else ObjectType.BLOB

    @staticmethod
    def _broken_link(
        oid: ObjectId, type_: ObjectType, target: ObjectId, target_type: ObjectType
    ) -> FsckFinding:
        text = (
            f"broken link from {type_.name.lower():>7} {oid.hex()}\n"
            f"              to {target_type.name.lower():>7} {target.hex()}"
        )
        return FsckFinding(text, is_error=True, kind="broken link", oid=target)

    def dangling(self) -> Iterator[FsckFinding]:
        for oid, flags in self.marks.flags.items():
            if not flags & (USED | REACHABLE) and flags & TYPE_BITS:
                text = f"dangling {ObjectType(flags & TYPE_BITS).name.lower()} {oid.hex()}"
                yield FsckFinding(text, is_error=False, kind="dangling", oid=oid)


def _final_flags(mode_digits: bytes) -> int | None:
    """Return the flags of an object that needs no further check if a tree lists it with this mode."""
    kind = mode_kind(mode_digits)
    if kind == MODE_GITLINK:
        return None  # it is in another repository
    return (ObjectType.TREE if kind == MODE_DIRECTORY else ObjectType.BLOB) | USED | REACHABLE
