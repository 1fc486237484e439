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

import re
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from packcore.checks.connectivity import Connectivity
from packcore.checks.content import ContentChecks
from packcore.checks.damage import describe_damage
from packcore.checks.in_use import InUse
from packcore.checks.marks import Marks, object_links
from packcore.checks.options import FsckOptions, FsckSettings
from packcore.checks.promised import promised_and_missing
from packcore.checks.references import check_references
from packcore.checks.report import FsckFinding, error
from packcore.checks.shared_out import share_out
from packcore.checks.shortcuts import check_shortcuts
from packcore.checks.special import check_special_blob
from packcore.checks.whole_pack import check_whole_pack
from packcore.errors import CorruptData, CorruptObject, LimitExceeded
from packcore.objects import ObjectType, commit_links, tag_target
from packcore.progress import SILENT, Phase, Progress
from packcore.refs import decode_ref_name
from packcore.store.copies import LooseCopy
from packcore.store.lost_places import lost_places

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from packcore.checks.objects import Finding
    from packcore.ids import ObjectId
    from packcore.store.copies import Copy
    from packcore.store.repository import Repository

__all__ = ["BY_DEFAULT", "FsckFinding", "FsckOptions", "check_repository", "object_links"]

BY_DEFAULT = FsckOptions()
"""As `git fsck` without options."""

_ADVANCE_EVERY = 256

_FAILURES = (CorruptData, LimitExceeded)


def check_repository(
    repository: Repository,
    options: FsckOptions = BY_DEFAULT,
    *,
    jobs: int | None = 1,
    progress: Progress = SILENT,
) -> Iterator[FsckFinding]:
    """Check objects, links and refs in up to `jobs` processes, and yield each problem as it is found.

    No content of objects or refs makes this raise. If the objects can't even be listed (a broken pack
    index), the report ends with a finding for that error. In a partial clone, objects that its remote
    promised may be missing. Raises RepositoryError for a setting `fsck.*` that git refuses, too, and
    WorkerLost if a process is killed.
    """
    check = _Fsck(repository, options, jobs=jobs)
    with progress.phase("checking objects", unit="objects") as phase:
        try:
            yield from check.objects(phase)
        except CorruptData as fault:
            yield error(fault, "unreadable")
    for pack_fault in repository.pack_faults.values():
        yield error(pack_fault, "unreadable")
    for place in lost_places(repository.shortcuts.folders):
        yield FsckFinding(f"warning: {place}", is_error=False, kind="unreadable", oid=None)
    if options.references:
        yield from check_references(repository, check.settings.severities)
    with progress.phase("checking connectivity", unit="objects") as phase:
        yield from check.connectivity(phase)
    for text in check_shortcuts(repository, check.marks.type_of):
        yield error(text, "shortcut")


class _Fsck:
    """The state of one check."""

    def __init__(self, repository: Repository, options: FsckOptions, *, jobs: int | None) -> None:
        self.repository = repository
        self.options = options
        self.jobs = jobs
        self.settings = FsckSettings.of(repository, strict=options.strict)
        self.marks = Marks(repository)
        self.whole: set[str] = set()
        """The names of the packs that are intact."""
        self.special: dict[tuple[bytes, ObjectId], None] = {}
        self.promised: set[ObjectId] | None = None
        """The objects that a partial clone may lack; None until something is missing."""

    def objects(self, phase: Phase) -> Iterator[FsckFinding]:
        repository, copies = self.repository, self.repository.copies
        marks, options = self.marks, self.options
        if options.connectivity_only:
            marks.list_objects(repository, are_read=True)
            return
        marks.list_objects(repository if options.full else (copy.oid for copy in copies.loose()))
        checks = ContentChecks(marks, repository.object_format, strict=options.strict, settings=self.settings)
        if options.root or options.tags:
            checks.watch = self._watch
        phase.total(len(marks.flags))
        packs = copies.packs() if options.full else []
        done = share_out(copies, packs, checks, jobs=self.jobs, advance=phase.advance)
        for pack in packs:
            is_intact = done.packs.get(pack.name)
            if is_intact is None:
                is_intact = check_whole_pack(pack, checks, phase.advance, jobs=self.jobs)
            if is_intact:
                self.whole.add(pack.name)
                for copy in copies.of_pack(pack) if checks.are_held() else ():
                    yield from self._reported(checks, copy.oid)
            else:
                yield from self._copies(copies.of_pack(pack), checks, phase)
        if done.doubtful is None:
            yield from self._copies(copies.loose(), checks, phase)
        elif done.doubtful or checks.are_held():
            yield from self._left_loose(done.doubtful, checks, phase)
        marks.settle()
        if options.full:
            yield from self._packs()
        for kind, oid in self.special:
            if not marks.was_read(oid):
                continue
            try:
                for found in self.settings.judged(oid, check_special_blob(repository, kind, oid)):
                    yield self._line(ObjectType.BLOB, oid, found)
            except _FAILURES as fault:
                yield error(fault, "unreadable", oid)

    def _packs(self) -> Iterator[FsckFinding]:
        """Check packs and indexes against their own digests."""
        for pack in self.repository.copies.packs():
            if pack.name in self.whole:
                continue
            try:
                pack.copier.check_trailer(pack.object_format.new_hash)
                pack.index.verify()
            except CorruptData as fault:
                yield error(fault, "unreadable")

    def _copies(self, some: Iterable[Copy], checks: ContentChecks, phase: Phase) -> Iterator[FsckFinding]:
        """Check copies one by one, and report each that is damaged."""
        for number, copy in enumerate(some, 1):
            if number % _ADVANCE_EVERY == 0:
                phase.advance(_ADVANCE_EVERY)
            if copy.oid not in self.marks.flags:
                continue  # it came after the listing
            try:
                type_, data = self._read(copy)
            except _FAILURES as fault:
                yield from self._damaged(copy, fault)
                continue  # what is to be said of the object comes with a copy that is intact
            if self.marks.is_first(copy.oid, type_) and data is not None:
                try:
                    checks.check(copy.oid, type_, data)
                except _FAILURES as fault:
                    yield from self._damaged(copy, fault)
            yield from self._reported(checks, copy.oid)

    def _damaged(self, copy: Copy, fault: CorruptData | LimitExceeded) -> Iterator[FsckFinding]:
        for line in describe_damage(copy, fault):
            yield error(line, "unreadable", copy.oid)

    def _left_loose(
        self, doubtful: set[tuple[int, ObjectId]], checks: ContentChecks, phase: Phase
    ) -> Iterator[FsckFinding]:
        """Look at loose objects that other processes did not find intact, and report on the others."""
        copies = self.repository.copies
        for number, store in enumerate([copies.own_loose(), *copies.borrowed_loose()]):
            for oid in store:
                if (number, oid) in doubtful:
                    yield from self._copies([LooseCopy(oid, store)], checks, phase)
                else:
                    yield from self._reported(checks, oid)

    def _read(self, copy: Copy) -> tuple[ObjectType, bytes | None]:
        """Return an object as this copy has it; a large blob without its bytes, which were only compared."""
        if (short := copy.read_short()) is not None:
            return short
        copy.check_frame()
        type_, size = copy.header()
        self.marks.state(copy.oid, type_)
        if size >= self.repository.limits.big_object and type_ is ObjectType.BLOB:
            self.repository.copies.check(copy)
            return type_, None
        return self.repository.copies.read_copy(copy)

    def _reported(self, checks: ContentChecks, oid: ObjectId) -> Iterator[FsckFinding]:
        if (held := checks.take(oid)) is not None:
            yield from held.asked
            self.special.update(dict.fromkeys(held.special))
            for found in held.findings:
                yield self._line(held.type, oid, found)

    def _watch(self, oid: ObjectId, type_: ObjectType, data: bytes) -> Sequence[FsckFinding]:
        """Return what was asked to be reported of a commit or a tag."""
        object_format = self.repository.object_format
        with suppress(CorruptObject):
            if type_ is ObjectType.COMMIT:
                has_parents = commit_links(data, object_format, oid).parents and oid not in self.marks.shallow
                if self.options.root and not has_parents:
                    text = f"root {oid.hex()}"
                    return [FsckFinding(text, is_error=False, kind="root", oid=oid)]
            elif self.options.tags:
                target, target_type = tag_target(data, object_format, oid)
                name = re.search(rb"^tag (.*)$", data, re.MULTILINE)
                label = decode_ref_name(name[1]) if name else ""
                text = f"tagged {target_type.name.lower()} {target.hex()} ({label}) in {oid.hex()}"
                return [FsckFinding(text, is_error=False, kind="tagged", oid=oid)]
        return ()

    def _line(self, type_: ObjectType, oid: ObjectId, found: Finding) -> FsckFinding:
        is_error = found.severity.is_error(strict=False)
        label = "error" if is_error else "warning"
        text = f"{label} in {type_.name.lower()} {oid.hex()}: {found.message_id}: {found.text}"
        return FsckFinding(text, is_error=is_error, kind="object", oid=oid)

    def connectivity(self, phase: Phase) -> Iterator[FsckFinding]:
        """Find what is in use, and report what that lacks, and what nothing uses."""
        options, marks = self.options, self.marks
        in_use = InUse(self.repository, marks, options, self._is_promised)
        yield from in_use.find()
        if options.unreachable and not options.heads and not in_use.has_refs:
            options = replace(options, unreachable=False)  # everything would be
        links = Connectivity(self.repository, marks, options, self._is_promised)
        if (
            options.walks
            or in_use.missing
            or not marks.are_sound(self._promised() if marks.lacks_some else ())
        ):
            yield from links.walk(in_use.tips, in_use.missing, phase)
        yield from links.left()

    def _is_promised(self, oid: ObjectId) -> bool:
        return oid in self._promised()

    def _promised(self) -> set[ObjectId]:
        if self.promised is None:
            self.promised = promised_and_missing(self.repository)
        return self.promised
