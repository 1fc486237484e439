"""Check a whole repository, as `git fsck` does: every object, every link, every ref.

    error in tag <oid>: badDate: …        an object that breaks its format         packcore.checks.objects
    error: <what>                         bytes that can't be read, or that have another id
    broken link from    tree <oid>        a reachable object refers to one that isn't there
                  to    blob <oid>
    missing blob <oid>                    the one that isn't there
    dangling commit <oid>                 nothing refers to it; legal

The first pass reads and hashes every copy of each object in storage order, even if another copy is intact,
because a repair needs to know. It checks the first intact copy and marks all objects that it refers to. It
compares each pack with its trailer, its index and the CRC-32 of its entries, and the commit-graph with the
commits. The second pass follows all links from the refs. Memory: about 130 bytes for each object; an object
larger than `Limits.big_object` is never whole in memory.
"""

from __future__ import annotations

from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from packcore.checks.objects import check_object
from packcore.checks.promised import promised_and_missing
from packcore.checks.shortcuts import check_shortcuts
from packcore.checks.special import check_special_blob
from packcore.checks.trees import survey_tree
from packcore.errors import (
    CorruptData,
    CorruptObject,
    CorruptPack,
    LimitExceeded,
    MissingObject,
    RepositoryError,
    UnreadableRef,
)
from packcore.objects import (
    LARGE_TREE_BYTES,
    MODE_DIRECTORY,
    MODE_GITLINK,
    ObjectType,
    commit_links,
    iter_rows,
    mode_kind,
    row_chunks,
    tag_target,
    tree_rows,
)
from packcore.progress import SILENT, Phase, Progress

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packcore.checks.objects import Finding
    from packcore.ids import ObjectFormat, ObjectId
    from packcore.store.copies import Copy
    from packcore.store.repository import Repository

__all__ = ["FsckFinding", "check_repository", "object_links"]

_TYPE_BITS = 7
_USED = 8
_REACHABLE = 16
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
    for fault_text in check_shortcuts(repository):
        yield FsckFinding(f"error: {fault_text}", is_error=True, kind="unreadable", oid=None)
    with progress.phase("checking connectivity", unit="objects") as phase:
        yield from check.refs()
        yield from check.connectivity(phase)
    if dangling:
        yield from check.dangling()


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


class _Fsck:
    """The state of one check."""

    def __init__(self, repository: Repository, *, strict: bool) -> None:
        self.repository = repository
        self.strict = strict
        self.flags: dict[ObjectId, int] = {}
        """The type of every readable object, and its two marks."""
        self.unread: set[ObjectId] = set()
        self.shallow: frozenset[ObjectId] = frozenset()
        self.special: dict[tuple[bytes, ObjectId], None] = {}
        self.promised: set[ObjectId] | None = None
        """The objects that a partial clone may lack; None until something is missing."""
        self.tips: list[tuple[ObjectId, ObjectType | None]] = []

    def objects(self, phase: Phase) -> Iterator[FsckFinding]:
        repository = self.repository
        self.shallow = repository.shallow()
        self.flags = dict.fromkeys(repository, 0)
        self.unread = set(self.flags)
        phase.total(len(self.flags))
        for number, copy in enumerate(repository.copies.all(), 1):
            if number % _ADVANCE_EVERY == 0:
                phase.advance(_ADVANCE_EVERY)
            try:
                yield from self._object(copy)
            except _FAILURES as error:
                where = "" if isinstance(error, CorruptPack) else f"{copy.where}: "
                yield FsckFinding(f"error: {where}{error}", is_error=True, kind="unreadable", oid=copy.oid)
        phase.advance(len(self.flags) % _ADVANCE_EVERY)
        yield from self._packs()
        for kind, oid in self.special:
            if oid in self.unread:
                continue
            try:
                for found in check_special_blob(repository, kind, oid):
                    yield self._line(ObjectType.BLOB, oid, found)
            except _FAILURES as error:
                yield FsckFinding(f"error: {error}", is_error=True, kind="unreadable", oid=oid)

    def _packs(self) -> Iterator[FsckFinding]:
        """Check packs and indexes against their own digests."""
        for pack in self.repository.copies.packs():
            try:
                pack.copier.check_trailer(pack.object_format.new_hash)
                pack.index.verify()
            except CorruptData as error:
                yield FsckFinding(f"error: {error}", is_error=True, kind="unreadable", oid=None)

    def _object(self, copy: Copy) -> Iterator[FsckFinding]:
        repository, oid = self.repository, copy.oid
        copy.check_frame()
        type_, size = copy.header()
        if not self.flags[oid]:
            self.flags[oid] = int(type_)
        if size >= repository.limits.big_object and type_ is ObjectType.BLOB:
            repository.copies.check(copy)
            self._is_whole(oid, type_)
            return
        type_, data = repository.copies.read_copy(copy)
        if self._is_whole(oid, type_):
            yield from self._content(oid, type_, data)

    def _is_whole(self, oid: ObjectId, type_: ObjectType) -> bool:
        """Record that a copy is intact; return whether it is the first."""
        if oid not in self.unread:
            return False
        self.unread.discard(oid)
        self.flags[oid] = self.flags[oid] & ~_TYPE_BITS | int(type_)
        return True

    def _content(self, oid: ObjectId, type_: ObjectType, data: bytes) -> Iterator[FsckFinding]:
        object_format = self.repository.object_format
        if type_ is ObjectType.TREE:
            yield from self._tree(oid, data)
            return
        for found in check_object(type_, data, object_format, strict=self.strict):
            yield self._line(type_, oid, found)
        with suppress(CorruptObject):  # check_object just reported it
            for target, _ in object_links(type_, data, object_format, oid):
                if target in self.flags:
                    self.flags[target] |= _USED

    def _tree(self, oid: ObjectId, data: bytes) -> Iterator[FsckFinding]:
        """Check a tree and mark its entries as used. Its rows are parsed only once, unless it is large."""
        object_format, flags = self.repository.object_format, self.flags
        rows = None
        with suppress(CorruptObject):  # survey_tree reports it
            rows = tree_rows(data, object_format) if len(data) < LARGE_TREE_BYTES else None
        survey = survey_tree(data, object_format, strict=self.strict, rows=rows)
        for found in survey.findings:
            yield self._line(ObjectType.TREE, oid, found)
        self.special.update(dict.fromkeys(survey.special))
        get = flags.get
        with suppress(CorruptObject):
            for some in row_chunks(data, object_format) if rows is None else [rows]:
                # Nearly all entries of most trees are marked already.
                for mode, _, entry in [row for row in some if not get(row[2], _USED) & _USED]:
                    if mode_kind(mode) != MODE_GITLINK:
                        flags[entry] |= _USED

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
            if oid not in self.flags and self._is_promised(oid):
                continue
            if oid not in self.flags:
                text = f"error: {name}: invalid sha1 pointer {oid.hex()}"
                yield FsckFinding(text, is_error=True, kind="ref", oid=oid)
                continue
            kind = self.flags[oid] & _TYPE_BITS
            if name.startswith("refs/heads/") and kind != ObjectType.COMMIT and oid not in self.unread:
                yield FsckFinding(f"error: {name}: not a commit", is_error=True, kind="ref", oid=oid)
            self.flags[oid] |= _USED
            self.tips.append((oid, None))

    def connectivity(self, phase: Phase) -> Iterator[FsckFinding]:
        """Follow all links from the refs; report each absent object once, each broken link to it."""
        flags = self.flags
        missing: dict[ObjectId, ObjectType] = {}
        stack = [oid for oid, _ in self.tips]
        for oid in stack:
            flags[oid] |= _REACHABLE
        while stack:
            oid = stack.pop()
            phase.advance(1)
            type_bits = flags[oid] & _TYPE_BITS
            if type_bits == ObjectType.BLOB or oid in self.unread or not type_bits:
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
                elif not mark & _REACHABLE:
                    flags[target] = mark | _REACHABLE
                    stack.append(target)
                if mark is not None and mark & _TYPE_BITS not in (target_type, 0):
                    yield self._broken_link(oid, ObjectType(type_bits), target, target_type)
        for oid, type_ in missing.items():
            text = f"missing {type_.name.lower()} {oid.hex()}"
            yield FsckFinding(text, is_error=True, kind="missing", oid=oid)

    def _is_promised(self, oid: ObjectId) -> bool:
        if self.promised is None:
            self.promised = promised_and_missing(self.repository)
        return oid in self.promised

    def _links(self, oid: ObjectId) -> Iterator[tuple[ObjectId, ObjectType]]:
        with suppress(*_FAILURES, MissingObject):  # reported when it was first read
            type_, data = self.repository.read(oid)
            if type_ is ObjectType.TREE:
                yield from self._open_entries(data, oid)
                return
            links = object_links(type_, data, self.repository.object_format, oid)
            yield from islice(links, 1) if oid in self.shallow and type_ is ObjectType.COMMIT else links

    def _open_entries(self, data: bytes, oid: ObjectId) -> Iterator[tuple[ObjectId, ObjectType]]:
        """Yield the links of a tree, except those to objects of the right type that were reached before."""
        get = self.flags.get
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
        for oid, flags in self.flags.items():
            if not flags & (_USED | _REACHABLE) and flags & _TYPE_BITS:
                text = f"dangling {ObjectType(flags & _TYPE_BITS).name.lower()} {oid.hex()}"
                yield FsckFinding(text, is_error=False, kind="dangling", oid=oid)


def _final_flags(mode_digits: bytes) -> int | None:
    """Return the flags of an object that needs no further check if a tree lists it with this mode."""
    kind = mode_kind(mode_digits)
    if kind == MODE_GITLINK:
        return None  # it is in another repository
    return (ObjectType.TREE if kind == MODE_DIRECTORY else ObjectType.BLOB) | _USED | _REACHABLE
