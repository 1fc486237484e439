"""Checks what objects say, and records their links, each in one look at its bytes.

    commit, tag    packcore.checks.objects
    tree           packcore.checks.trees
                   with the names and modes of a tree that was in order: only its ids
                   a version of a tree that was in order: only the new entries
    blob           nothing: two kinds are checked afterwards, by the names that trees give them

Nearly every tree of a history is a version of another one: most have the same names, and the others differ in
a few entries. Findings are held until they are taken, so objects may be checked in any order and reported in
that of the storage.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from packcore.checks.known_heads import KnownHeads
from packcore.checks.objects import check_object, links_of_sound_commit
from packcore.checks.report import error
from packcore.checks.trees import survey_entries, survey_tree
from packcore.delta.new_entries import new_entries
from packcore.errors import CorruptData, CorruptObject, LimitExceeded
from packcore.objects import LARGE_TREE_BYTES, ObjectType, row_chunks, tree_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from packcore.checks.findings import Finding
    from packcore.checks.marks import Marks
    from packcore.checks.options import FsckSettings
    from packcore.checks.report import FsckFinding
    from packcore.ids import ObjectFormat, ObjectId

__all__ = ["ContentChecks", "Held"]


class Held(NamedTuple):
    """What is to be reported of an object."""

    oid: ObjectId
    type: ObjectType
    findings: Sequence[Finding]
    special: Sequence[tuple[bytes, ObjectId]]
    """The special blobs that a tree lists: see `packcore.checks.special`."""
    asked: Sequence[FsckFinding] = ()
    """What goes before these: what was asked for of a commit or a tag, or why bytes are no tree."""


class ContentChecks:
    """Checks objects one at a time, each once."""

    def __init__(
        self, marks: Marks, object_format: ObjectFormat, *, strict: bool, settings: FsckSettings
    ) -> None:
        self.marks = marks
        self._object_format = object_format
        self._strict = strict
        self._settings = settings
        self.watch: Callable[[ObjectId, ObjectType, bytes], Sequence[FsckFinding]] | None = None
        """Gets each commit and tag in which nothing is an error, and returns what was asked for of it."""
        self._held: dict[ObjectId, Held] = {}
        self._odd_trees: set[ObjectId] = set()
        """Trees with findings: their versions are checked whole."""
        self._known_heads = KnownHeads(object_format)

    def check_first(
        self,
        oid: ObjectId,
        type_: ObjectType,
        data: bytes,
        version: tuple[ObjectId, bytes] | None = None,
    ) -> None:
        """Check an intact object, unless a copy of it was checked before.

        If a pack that can't be opened keeps that from being done, the object counts as not read. Raises as
        looking up what it refers to, and KeyError if it was not listed.
        """
        if not self.marks.is_first(oid, type_):
            return
        try:
            self.check(oid, type_, data, version)
        except (CorruptData, LimitExceeded):
            self.marks.forget_read(oid)
            raise

    def check(
        self,
        oid: ObjectId,
        type_: ObjectType,
        data: bytes,
        version: tuple[ObjectId, bytes] | None = None,
    ) -> None:
        """Check an intact object and record its links. `version` is another version, checked before."""
        if type_ is ObjectType.TREE:
            self._check_tree(oid, data, version)
        elif type_ is ObjectType.COMMIT and self.watch is None and self._check_sound_commit(oid, data):
            return
        elif type_ is not ObjectType.BLOB:
            severities = self._settings.severities
            found = check_object(type_, data, self._object_format, strict=self._strict, severities=severities)
            if oid in self._settings.skipped:
                found = []
            asked: Sequence[FsckFinding] = ()
            if self.watch is not None and not any(one.severity.is_error(strict=False) for one in found):
                asked = self.watch(oid, type_, data)
            if found or asked:
                self._held[oid] = Held(oid, type_, found, (), asked)
            with suppress(CorruptObject):  # check_object just reported it
                self.marks.mark_links(oid, type_, data)

    def _check_sound_commit(self, oid: ObjectId, data: bytes) -> bool:
        """Record the links of a commit in which nothing is wrong; return False if it needs a closer look."""
        if oid in self.marks.shallow:
            return False
        links = links_of_sound_commit(data, self._object_format)
        if links is None:
            return False
        tree, *parents = links
        self.marks.mark(tree, ObjectType.TREE)
        for parent in parents:
            self.marks.mark(parent, ObjectType.COMMIT)
        return True

    def _check_tree(self, oid: ObjectId, data: bytes, version: tuple[ObjectId, bytes] | None) -> None:
        """Check a tree: as little of it as can differ from trees that were in order."""
        split = self._known_heads.split(data)
        if split is not None and (links := self._known_heads.new_links(split)) is not None:
            self.marks.mark_entries(links)
            self._known_heads.add(split)
            return
        if version is None or version[0] in self._odd_trees or not self._check_new(oid, data, version[1]):
            self._check_whole(oid, data)
        if split is not None and oid not in self._held and oid not in self._odd_trees:
            self._known_heads.add(split)

    def _check_new(self, oid: ObjectId, data: bytes, version: bytes) -> bool:
        """Check the entries that another version lacks; return False if all must be checked."""
        object_format = self._object_format
        new = new_entries(version, data, object_format.digest_size)
        if new is None or not new.keeps_order:
            return False
        try:
            rows = tree_rows(b"".join([data[start:end] for start, end in new.ranges]), object_format)
        except CorruptObject:
            return False
        survey = survey_entries(rows, object_format, strict=self._strict)
        if survey.findings:
            return False
        if survey.special:
            self._held[oid] = Held(oid, ObjectType.TREE, (), survey.special)
        self.marks.mark_rows(rows)
        return True

    def _check_whole(self, oid: ObjectId, data: bytes) -> None:
        """Check a whole tree. Its rows are parsed only once, unless it is large."""
        object_format = self._object_format
        rows = None
        with suppress(CorruptObject):  # survey_tree reports it
            rows = tree_rows(data, object_format) if len(data) < LARGE_TREE_BYTES else None
        survey = survey_tree(data, object_format, strict=self._strict, rows=rows)
        if survey.findings:
            self._odd_trees.add(oid)
        findings = self._settings.judged(oid, survey.findings) if survey.findings else []
        if findings or survey.special:
            asked = [error(f"{survey.why}: tree {oid.hex()}", "object", oid)] if survey.why else []
            self._held[oid] = Held(oid, ObjectType.TREE, findings, survey.special, asked)
        with suppress(CorruptObject):
            for some in row_chunks(data, object_format) if rows is None else [rows]:
                self.marks.mark_rows(some)

    def take(self, oid: ObjectId) -> Held | None:
        """Return what is to be reported of an object, once."""
        return self._held.pop(oid, None) if self._held else None

    def noted(self) -> Any:
        """Return everything that was noted, for `take_over` in the process that this one forked from."""
        return self.marks.noted(), self._held, self._odd_trees

    def take_over(self, noted: Any) -> None:
        """Add what another process noted."""
        marks, held, odd_trees = noted
        self.marks.take_over(marks)
        self._held.update(held)
        self._odd_trees.update(odd_trees)

    def are_held(self) -> bool:
        """Return whether anything is to be reported."""
        return bool(self._held)
