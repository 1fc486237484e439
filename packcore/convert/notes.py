"""Notes follow their objects: every commit of a notes ref gets a tree whose entries have the new names.

    holders    commits (and tags) that a notes ref reaches: their tree is a notes tree
    trees      root of a notes tree -> its translation, a new tree, since no old one has the same entries

A note about an object that isn't translated keeps its old name, and git ignores it. Everything else in these
trees keeps its path. A tree without any note is an ordinary tree.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from packcore.convert.faults import foreign_submodule
from packcore.convert.notes_tree import ROOT, Change, Folder, compare, sort_row
from packcore.convert.notes_writer import NotesWriter
from packcore.errors import RepositoryError
from packcore.objects import MODE_GITLINK, ObjectType, commit_links, mode_kind, tag_target, tree_rows
from packcore.store.memory import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Mapping

    from packcore.convert.notes_tree import Rows
    from packcore.ids import ObjectFormat, ObjectId
    from packcore.store.base import ObjectStore

__all__ = ["TranslatedNotes"]

_TREES_KEPT = 2048
"""Trees that are cached from one notes commit to the next, which shares most of them."""
_RUNNING_MAX = 16
"""Notes histories that are followed in parallel: a branched one, or several refs."""


@dataclass(slots=True)
class _Running:
    """The notes of one root and their translation, from which the translation of its child continues."""

    writer: NotesWriter
    root: ObjectId | None = None
    about: set[ObjectId] = field(default_factory=set)
    repeated: Counter[ObjectId] = field(default_factory=Counter)
    """How often a note was met again, about an old object that became one with another."""


class TranslatedNotes:
    """The notes of some refs, and their translation."""

    def __init__(
        self,
        store: ObjectStore,
        tips: Iterable[ObjectId],
        known: Container[ObjectId],
        object_format: ObjectFormat,
    ) -> None:
        """Find all notes trees that the tips reach; `known` are the objects to translate.

        Raises MissingObject, CorruptData, and RepositoryError for a tree that can't be translated.
        """
        self._store = store
        self._known = known
        self._rows_of = lru_cache(_TREES_KEPT)(self._read_rows)
        self.holders: dict[ObjectId, ObjectId | None] = {}
        """Commits and tags, with their own notes tree if they have one."""
        self.tips: list[ObjectId] = []
        """Notes trees that a ref points to directly."""
        self.made = MemoryStore(object_format)
        """The new trees."""
        self.trees: dict[ObjectId, ObjectId] = {}
        """Old root to new root."""
        self.renamed: set[ObjectId] = set()
        """The old ids of objects whose notes were renamed."""
        self.kept: set[ObjectId] = set()
        """Ids in the names of notes that belong to no object."""
        self._first_parents: dict[ObjectId, ObjectId] = {}
        self._running: dict[ObjectId | None, _Running] = {}
        self._find_holders(list(tips))
        self.old_trees: set[ObjectId] = set()
        """Roots and fan-out folders. They are not translated unless something else refers to them."""
        self._find_trees()

    def mentions(self, root: ObjectId) -> Iterator[ObjectId]:
        """Yield the ids that a notes tree adds to its parent's: entries and known annotated objects."""
        before = self._roots_before.get(root)
        for change in compare(before if before in self.trees else None, root, self._rows_of, self._store)[1]:
            if change.about is not None and change.about in self._known:
                yield change.about
            yield change.row[1]

    def translate(self, root: ObjectId, ids: Mapping[ObjectId, ObjectId]) -> ObjectId:
        """Make the new tree and return its id; all objects that it mentions must have their new id in `ids`.

        Raises RepositoryError if a note is about a known object without a new id, which waits for the note
        itself, and if one object has two notes.
        """
        if root in self.trees:
            return self.trees[root]
        running = self._running.pop(self._roots_before.get(root), None)
        running = running or _Running(NotesWriter(self.made.add))
        gone, new = compare(running.root, root, self._rows_of, self._store)
        for change in gone:
            self._take_out(running, change, ids)
        for change in new:
            self._put_in(running, change, ids)
        running.root = root
        self.trees[root] = running.writer.write()
        self._running[root] = running
        if len(self._running) > _RUNNING_MAX:
            del self._running[next(iter(self._running))]
        return self.trees[root]

    def _take_out(self, running: _Running, change: Change, ids: Mapping[ObjectId, ObjectId]) -> None:
        about = change.about
        if about is not None:
            running.about.discard(about)
        if about is None or about not in ids:
            running.writer.drop_other(change.path)
        elif running.repeated[ids[about]]:
            running.repeated[ids[about]] -= 1
        else:
            running.writer.drop(ids[about])

    def _put_in(self, running: _Running, change: Change, ids: Mapping[ObjectId, ObjectId]) -> None:
        about, row = change.about, (change.row[0], ids[change.row[1]])
        if about is None:
            running.writer.put_other(change.path, row)
            return
        if about in running.about:
            raise RepositoryError(f"tree {change.root.hex()} has two notes about {about.hex()}")
        running.about.add(about)
        if about in ids:
            before = running.writer.note(ids[about])
            if before not in (None, row):
                raise RepositoryError(
                    f"tree {change.root.hex()} has two notes about {about.hex()}: one about a copy of it "
                    "that differs only in its signature, and both become one object",
                    hint="remove one of the notes, or convert without this notes ref",
                )
            running.repeated[ids[about]] += before is not None
            running.writer.put(ids[about], row)
            self.renamed.add(about)
        elif about in self._known:
            raise RepositoryError(
                f"the notes in tree {change.root.hex()} can't be converted: one is about {about.hex()}, "
                "whose message names a commit of these notes",
                hint="convert without rewriting ids in messages",
            )
        else:
            running.writer.put_other(change.path, row)
            self.kept.add(about)

    def _find_holders(self, waiting: list[ObjectId]) -> None:
        object_format = self._store.object_format
        while waiting:
            oid = waiting.pop()
            if oid in self.holders:
                continue
            type_, data = self._store.read(oid)
            if type_ is ObjectType.COMMIT:
                links = commit_links(data, object_format, oid)
                self.holders[oid] = links.tree
                waiting += links.parents
                if links.parents:
                    self._first_parents[oid] = links.parents[0]
            elif type_ is ObjectType.TAG:
                target = tag_target(data, object_format, oid)[0]
                is_tree = self._store.header(target).type is ObjectType.TREE
                self.holders[oid] = target if is_tree else None
                waiting += [] if is_tree else [target]
            elif type_ is ObjectType.TREE:
                self.tips.append(oid)

    def _find_trees(self) -> None:
        """Search each root; one without any note is an ordinary tree."""
        ordinary = set()
        seen: dict[tuple[ObjectId, int], tuple[bool, list[tuple[Folder, ObjectId]]]] = {}
        for root in {*self.tips, *filter(None, self.holders.values())}:
            stack, trees, holds_notes = [(ROOT, root)], set(), False
            while stack:
                folder, oid = stack.pop()
                trees.add(oid)
                key = (oid, len(folder.digits))
                found, below = seen.get(key) or self._look_through(folder, oid)
                if folder is not ROOT:  # roots are long, and hardly ever repeat
                    seen[key] = found, below
                holds_notes = holds_notes or found
                stack += below
            if holds_notes:
                self.old_trees |= trees
            else:
                ordinary.add(root)
        self.tips = [root for root in self.tips if root not in ordinary]
        self.holders = {oid: None if root in ordinary else root for oid, root in self.holders.items()}
        self._roots_before: dict[ObjectId, ObjectId | None] = {}
        for oid, parent in self._first_parents.items():
            root_of = self.holders[oid]
            if root_of is not None and root_of != self.holders[parent]:
                self._roots_before.setdefault(root_of, self.holders[parent])

    def _look_through(self, folder: Folder, oid: ObjectId) -> tuple[bool, list[tuple[Folder, ObjectId]]]:
        """Return whether a tree itself has notes, and the fan-out folders in it."""
        holds_notes, below = False, []
        for mode, name, entry in self._read_rows(oid):
            inner, about = sort_row(folder, mode, name, self._store.object_format.hex_size)
            holds_notes = holds_notes or about is not None
            if inner is not None:
                below.append((inner, entry))
            elif mode_kind(mode) == MODE_GITLINK and entry not in self._known:
                raise foreign_submodule(oid, folder.path + name, entry)
        return holds_notes, below

    def _read_rows(self, oid: ObjectId) -> Rows:
        return tree_rows(self._store.read(oid).data, self._store.object_format, oid)
