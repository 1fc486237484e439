"""Which of a push's tips reach something that is missing: one walk for all of them, however many there are.

    missing blob  ->  the trees that hold it  ->  the commits of these  ->  their descendants  ->  the tips

Where nothing is missing, `packcore.walk.list_objects` says so, and this is not needed. Only what the pushed
tips reach and the repository's refs don't is looked at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from packcore.ancestry import peel, walk_commits
from packcore.errors import CorruptObject, MissingObject
from packcore.objects import MODE_DIRECTORY, MODE_GITLINK, ObjectType, commit_links, mode_kind, tree_rows

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from packcore.ids import ObjectId
    from packcore.store.base import ObjectStore

__all__ = ["broken_tips"]


def broken_tips(
    store: ObjectStore,
    tips: Iterable[ObjectId],
    haves: Iterable[ObjectId],
    *,
    shallow: Collection[ObjectId] = frozenset(),
) -> dict[ObjectId, str]:
    """Return those tips from which something is missing, each with words that say what.

    `tips` are there themselves; `haves` are whole; commits in `shallow` have no parents.
    Raises CorruptObject.
    """
    search = _Search(store, shallow)
    peeled: dict[ObjectId, ObjectId] = {}
    for tip in dict.fromkeys(tips):
        try:
            peeled[tip], type_ = peel(store, tip)
        except MissingObject as error:
            search.faults[tip] = str(error)
            peeled[tip] = tip
        else:
            search.add(peeled[tip], type_)
    search.run(haves)
    return {tip: search.faults[end] for tip, end in peeled.items() if end in search.faults}


class _Search:
    """What was looked at, and who needs what."""

    def __init__(self, store: ObjectStore, shallow: Collection[ObjectId]) -> None:
        self._store = store
        self._shallow = shallow
        self._commits: list[ObjectId] = []
        self._trees: list[ObjectId] = []
        self._whole: set[ObjectId] = {store.object_format.zero}
        """Trees and blobs that are excluded, or present and looked at."""
        self._needed_by: dict[ObjectId, list[ObjectId]] = {}
        """Commits and trees that hold a commit, a tree, or something that is missing."""
        self.faults: dict[ObjectId, str] = {}

    def add(self, oid: ObjectId, type_: ObjectType) -> None:
        """Look at what a tip comes to."""
        if type_ is ObjectType.COMMIT:
            self._commits.append(oid)
        elif type_ is ObjectType.TREE:
            self._trees.append(oid)

    def run(self, haves: Iterable[ObjectId]) -> None:
        """Look at everything that is new, and carry each fault up to who needs it."""
        have_commits = [oid for oid, type_ in self._peeled(haves) if type_ is ObjectType.COMMIT]
        found = walk_commits(self._store, self._commits, have_commits, shallow=self._shallow, absent_ok=True)
        self._exclude(found.edge_trees)
        for commit in found.commits:
            links = commit_links(self._store.read(commit.oid).data, self._store.object_format, commit.oid)
            self._need(links.tree, commit.oid)
            self._trees.append(links.tree)
            for parent in () if commit.oid in self._shallow else links.parents:
                self._need(parent, commit.oid)
                if parent not in self._store:
                    self._miss(parent, f"parent of commit {commit.oid.hex()}")
        self._look_at_trees()
        self._carry_up()

    def _peeled(self, oids: Iterable[ObjectId]) -> Iterator[tuple[ObjectId, ObjectType]]:
        for oid in oids:
            try:
                yield peel(self._store, oid)
            except MissingObject:
                continue  # what the repository lacks already is not this push's fault

    def _need(self, oid: ObjectId, who: ObjectId) -> None:
        self._needed_by.setdefault(oid, []).append(who)

    def _miss(self, oid: ObjectId, context: str) -> None:
        self.faults.setdefault(oid, str(MissingObject(oid.hex(), context=context)))

    def _exclude(self, trees: Iterable[ObjectId]) -> None:
        stack = list(trees)
        while stack:
            oid = stack.pop()
            if oid in self._whole:
                continue
            self._whole.add(oid)
            if oid in self._store:
                for kind, entry in self._rows(oid):
                    stack.append(entry) if kind == MODE_DIRECTORY else self._whole.add(entry)

    def _look_at_trees(self) -> None:
        seen: set[ObjectId] = set()
        while self._trees:
            oid = self._trees.pop()
            if oid in seen or oid in self._whole:
                continue
            seen.add(oid)
            if oid not in self._store:
                self._miss(oid, "a tree")
                continue
            for kind, entry in self._rows(oid):
                if entry in self._whole:
                    continue
                if kind == MODE_DIRECTORY:
                    self._need(entry, oid)
                    self._trees.append(entry)
                elif entry in self._store:
                    self._whole.add(entry)
                else:
                    self._need(entry, oid)
                    self._miss(entry, f"in tree {oid.hex()}")

    def _rows(self, oid: ObjectId) -> Iterator[tuple[int, ObjectId]]:
        type_, data = self._store.read(oid)
        if type_ is not ObjectType.TREE:
            raise CorruptObject(f"a tree is needed here, but it is a {type_.name.lower()}", oid=oid.hex())
        for mode, _, entry in tree_rows(data, self._store.object_format, oid):
            if (kind := mode_kind(mode)) != MODE_GITLINK:
                yield kind, entry

    def _carry_up(self) -> None:
        stack = list(self.faults)
        while stack:
            oid = stack.pop()
            for who in self._needed_by.get(oid, ()):
                if who not in self.faults:
                    self.faults[who] = self.faults[oid]
                    stack.append(who)
