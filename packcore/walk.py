"""From wants and haves to the objects to send, each with the path where the walk first met it.

    commits         newest first                       packcore.ancestry
    tags            those on the way from the wants
    trees, blobs    of each commit in that order, depth first, as the tree lists them

That is the order of `git rev-list --objects`, and the set is the same. Like git, the walk lists an object
that only an older commit of the receiver holds: excluding it would mean reading every tree that the receiver
ever had. It excludes all trees and blobs of the haves themselves and of the edge (uninteresting parents of
listed commits). If the repository has bitmaps, it knows exactly what the haves reach, and reads none of their
trees (`packcore.reach`).

The store may lack the following: with `haves`, whatever the receiver may have (a pack fetched against these
haves holds only the rest); below a `shallow` commit, its parents; always, submodule entries. Any other absent
object raises MissingObject. An all-zero id in a tree names no object and is skipped.

Memory: about 130 bytes for each listed object (300 as a candidate) and 120 for each excluded one, plus the
waiting entries of the trees on the way down, each id once. A path costs its last name (`packcore.tree_path`).
Every tree is read once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from packcore.ancestry import CommitList, is_ancestor, list_commits, peel, too_many_tags, walk_commits
from packcore.errors import CorruptShortcut, LimitExceeded, MissingObject
from packcore.limits import Limits
from packcore.listed_objects import ListedObjects, describe, wrong_type
from packcore.objects import (
    MODE_DIRECTORY,
    MODE_GITLINK,
    ObjectType,
    commit_links,
    mode_kind,
    tag_target,
    tree_rows,
)
from packcore.progress import SILENT, Phase, Progress
from packcore.reach import reach_by_bitmaps
from packcore.store.bulk import reading, shortcuts_of
from packcore.tree_path import TreePath
from packcore.tree_versions import Folder, TreeVersions

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from packcore.ids import ObjectId
    from packcore.plans.entries import Candidate
    from packcore.reach import Reach
    from packcore.store.base import ObjectStore

    MakeLister = Callable[..., "ObjectLister"]
    """Takes store, limits, phase and `absent_ok`, as `ObjectLister` does."""

__all__ = [
    "ObjectChecker",
    "ObjectLister",
    "Tips",
    "is_ancestor",
    "list_bases",
    "list_commits",
    "list_objects",
]

ADVANCE_EVERY = 256
"""Objects between two progress events."""
_WAITING_MAX = 1 << 14
"""Waiting entries before duplicates are dropped, keeping the first of each id."""

_Waiting = tuple["ObjectId", bool, "Folder", bytes, int]
"""An entry to visit: its id, whether it is a tree, its folder, its name and its depth."""


def list_objects(
    store: ObjectStore,
    wants: Iterable[ObjectId],
    haves: Iterable[ObjectId] = (),
    *,
    shallow: Collection[ObjectId] = frozenset(),
    limits: Limits | None = None,
    progress: Progress = SILENT,
    haves_complete: bool = False,
    want_paths: Mapping[ObjectId, bytes] | None = None,
    named_anyway: bool = False,
    absent_ok: bool = False,
    make_lister: MakeLister | None = None,
) -> list[Candidate]:
    """Return the objects reachable from `wants` and not from `haves`, in the order to send them.

    `wants` and `haves` are ids of objects of any type; haves may be absent from the store. Commits in
    `shallow` are treated as having no parents. `haves_complete` says that the store holds everything that
    the haves reach: then nothing may be missing, as without haves.
    `want_paths` names paths of wanted trees and blobs, where these are known. With `named_anyway` these are
    listed even if the haves reach them: a partial clone requests what it left out. With `absent_ok`
    missing objects below the wants are skipped: the list has only what is here. `make_lister` makes a lister
    that leaves some out (`packcore.filtered_walk`).

    Raises MissingObject (naming what needs it), CorruptObject, and LimitExceeded for `tree_depth` and
    `pack_objects`.
    """
    limits = limits or Limits()
    wants, haves = list(dict.fromkeys(wants)), list(dict.fromkeys(haves))
    absent_ok = absent_ok or (bool(haves) and not haves_complete)

    def listed(phase: Phase, *, by_bitmaps: bool) -> list[Candidate]:
        lister = (make_lister or ObjectLister)(store, limits, phase, absent_ok=absent_ok)
        excluded = lister.resolve(haves, wanted=False)
        had = set(haves)
        wanted = lister.resolve([want for want in wants if want not in had], wanted=True)
        reach = reach_by_bitmaps(store, excluded.commits) if by_bitmaps else None
        found = walk_commits(
            store,
            wanted.commits,
            excluded.commits if reach is None else (),
            shallow=shallow,
            absent_ok=absent_ok,
            on_commit=lister.count_commit,
            had=frozenset() if reach is None else reach,
        )
        if named_anyway:
            lister.name(wanted, want_paths or {})
        if reach is not None:
            lister.seen = _SeenOrHad(lister.seen, reach)
        lister.exclude(excluded, found)
        return lister.collect(wanted, found, want_paths or {})

    with progress.phase("listing objects", unit="objects") as phase:
        # If history is cut off, a commit's set holds more than the commit reaches.
        if haves and not shallow and (shortcuts := shortcuts_of(store)) is not None:
            try:
                return listed(phase, by_bitmaps=True)
            except CorruptShortcut as error:
                shortcuts.leave_bitmap(error)
        return listed(phase, by_bitmaps=False)


def list_bases(
    store: ObjectStore,
    haves: Iterable[ObjectId],
    objects: Iterable[Candidate],
    *,
    limits: Limits | None = None,
    progress: Progress = SILENT,
) -> list[Candidate]:
    """Return what the haves themselves hold and `objects` doesn't: possible bases of a thin pack.

    These are the trees and blobs of the haves themselves, not of their history, if the store has them.
    Raises CorruptObject and LimitExceeded as `list_objects`.
    """
    trees = []
    for have in haves:
        try:
            oid, type_ = peel(store, have)
            if type_ is ObjectType.COMMIT:
                oid = commit_links(store.read(oid).data, store.object_format, oid).tree
            if oid in store:
                trees.append(oid)
        except MissingObject:
            continue
    with progress.phase("listing bases", unit="objects") as phase:
        lister = ObjectLister(store, limits or Limits(), phase, absent_ok=True)
        held = lister.collect(lister.resolve(trees, wanted=True), CommitList([], []), {})
    sent = {candidate.oid for candidate in objects}
    return [candidate for candidate in held if candidate.oid not in sent]


class Tips(NamedTuple):
    """Wants or haves by type, after following tags."""

    commits: list[ObjectId]
    tags: list[tuple[ObjectId, int]]
    others: dict[ObjectId, ObjectType]
    """Trees and blobs, in the given order."""


class ObjectLister:
    """The state of one listing."""

    def __init__(self, store: ObjectStore, limits: Limits, phase: Phase, *, absent_ok: bool) -> None:
        self.store = store
        self.read = reading(store)
        self.limits = limits
        self.phase = phase
        self.absent_ok = absent_ok
        self.seen: set[ObjectId] = {store.object_format.zero}
        """Trees, blobs and tags that are already listed or excluded."""
        self.listed = ListedObjects(store, absent_ok=absent_ok)
        self.versions = TreeVersions(store.object_format)
        self.roots: dict[TreePath | bytes, Folder] = {}
        """For each path where a walk began, what holds it."""
        self.uncounted = 0

    def count_commit(self) -> None:
        """Report one commit as progress."""
        self.count(1)

    def count(self, objects: int) -> None:
        """Report objects as progress, many at a time."""
        self.uncounted += objects
        if self.uncounted >= ADVANCE_EVERY:
            self.phase.advance(self.uncounted)
            self.uncounted = 0

    def resolve(self, tips: Iterable[ObjectId], *, wanted: bool) -> Tips:
        """Sort tips by type and follow tags. An absent have counts as a commit that we lack."""
        found = Tips([], [], {})
        for tip in tips:
            oid, context = tip, "wanted"
            tags_before = len(found.tags)
            while True:
                try:
                    type_, size = self.store.header(oid)
                except MissingObject as error:
                    if error.oid != oid.hex() or (wanted and not (self.absent_ok and oid != tip)):
                        raise error.needed_by(context) from None
                    if not wanted:
                        found.commits.append(oid)
                    break
                if type_ is not ObjectType.TAG:
                    if type_ is ObjectType.COMMIT:
                        found.commits.append(oid)
                    else:
                        found.others[oid] = type_
                    break
                if oid in self.seen:
                    break
                self.seen.add(oid)
                if len(found.tags) - tags_before == self.limits.tag_depth:
                    raise too_many_tags(oid, self.limits.tag_depth)
                found.tags.append((oid, size))
                target, _ = tag_target(self.store.read(oid).data, self.store.object_format, oid)
                context, oid = f"target of tag {oid.hex()}", target
        return found

    def exclude(self, tips: Tips, found: CommitList) -> None:
        """Mark as had: blobs, and everything in the trees of haves and edges that the store has."""
        seen, object_format = self.seen, self.store.object_format
        seen.update(oid for oid, type_ in tips.others.items() if type_ is ObjectType.BLOB)
        trees = (oid for oid, type_ in tips.others.items() if type_ is ObjectType.TREE)
        stack = [*trees, *found.edge_trees]
        while stack:
            oid = stack.pop()
            if oid in seen:
                continue
            seen.add(oid)
            try:
                type_, data = self.store.read(oid)
            except MissingObject as error:
                if error.oid != oid.hex():
                    raise
                continue  # below a have: not needed here
            if type_ is not ObjectType.TREE:
                continue
            for mode, _, entry in tree_rows(data, object_format, oid):
                if entry not in seen:
                    kind = mode_kind(mode)
                    if kind == MODE_DIRECTORY:
                        stack.append(entry)
                    elif kind != MODE_GITLINK:
                        seen.add(entry)

    def collect(
        self, wanted: Tips, found: CommitList, want_paths: Mapping[ObjectId, bytes]
    ) -> list[Candidate]:
        """List commits, tags, what tips name directly, and what the commits hold."""
        self.visit(wanted, found, want_paths)
        return self.take().candidates()

    def visit(self, wanted: Tips, found: CommitList, want_paths: Mapping[ObjectId, bytes]) -> None:
        """Add to `listed` what `collect` lists. Raises as `below`."""
        for commit in found.commits:
            self.listed.add(commit.oid, ObjectType.COMMIT, commit.size, b"")
        for oid, size in wanted.tags:
            self.listed.add(oid, ObjectType.TAG, size, b"")
        self.count(len(wanted.tags))
        self.name(wanted, want_paths)
        for commit in found.commits:
            if commit.tree not in self.seen:
                self.below(commit.tree, b"", is_tree=True, context=commit.oid)
        self.phase.advance(self.uncounted)

    def take(self) -> ListedObjects:
        """Return what was listed since the last call, with its blobs looked up. Raises as `below`."""
        taken = self.listed
        taken.complete()
        self.listed = ListedObjects(self.store, absent_ok=self.absent_ok)
        return taken

    def name(self, wanted: Tips, want_paths: Mapping[ObjectId, bytes]) -> None:
        """List the trees and blobs that tips name directly, and their content."""
        for oid, type_ in wanted.others.items():
            path = TreePath.of(filter(None, want_paths.get(oid, b"").split(b"/")))
            self.below(oid, path or b"", is_tree=type_ is ObjectType.TREE, context="wanted")

    def below(
        self, root: ObjectId, root_path: TreePath | bytes, *, is_tree: bool, context: ObjectId | str
    ) -> None:
        """List a tree and what it holds, depth first; or one blob.

        The hot loop of the walk, so it is one function: most entries of most trees are seen already,
        and a comprehension drops these before anything else looks at them.
        """
        seen, listed = self.seen, self.listed
        read = self.read
        add, add_blob, new_rows = listed.add, listed.add_blob, self.versions.new_rows
        depth_max = self.limits.tree_depth
        tree = ObjectType.TREE
        before = len(listed)
        listed.start(context)
        waiting_max = _WAITING_MAX
        if root_path not in self.roots:
            self.roots[root_path] = Folder(None, {b"": root_path})
        stack: list[_Waiting] = [(root, is_tree, self.roots[root_path], b"", 0)]
        while stack:
            oid, is_tree, folder, name, depth = stack.pop()
            if oid in seen:
                continue
            seen.add(oid)
            path = folder[name]
            if not is_tree:
                add_blob(oid, path)
                continue
            try:
                type_, data = read(oid)
            except MissingObject as error:
                if self.absent_ok and error.oid == oid.hex() and oid != root:
                    continue
                if self.absent_ok and error.oid == oid.hex() and not isinstance(context, str):
                    continue
                raise error.needed_by(describe(path, context)) from None
            if type_ != tree:
                raise wrong_type(oid, ObjectType(type_), "tree")
            add(oid, tree, len(data), path)
            if depth >= depth_max:
                raise LimitExceeded(f"trees are nested deeper than {depth_max} levels", limit="tree_depth")
            inner = folder.inner.get(name)
            if inner is None:
                inner = folder.inner[name] = Folder(path if isinstance(path, TreePath) else None)
            new = [row for row in new_rows(inner.version, data, oid) if row[2] not in seen]
            if not new:
                continue
            new.reverse()
            depth += 1
            for mode, name, entry in new:
                kind = mode_kind(mode)
                if kind != MODE_GITLINK:
                    stack.append((entry, kind == MODE_DIRECTORY, inner, name, depth))
            if len(stack) > waiting_max:
                stack = _last_of_each(stack)
                waiting_max = max(_WAITING_MAX, 2 * len(stack))
        if len(listed) > self.limits.pack_objects:
            raise LimitExceeded(f"more than {self.limits.pack_objects} objects", limit="pack_objects")
        self.count(len(listed) - before)


class ObjectChecker(ObjectLister):
    """A lister that lists nothing: for callers that only need to know that everything is here."""

    def collect(
        self, wanted: Tips, found: CommitList, want_paths: Mapping[ObjectId, bytes]
    ) -> list[Candidate]:
        """Look at everything that would be listed, and return nothing."""
        self.visit(wanted, found, want_paths)
        self.take()
        return []


class _SeenOrHad(set["ObjectId"]):
    """What was seen, and what the haves reach, as one set for `in`."""

    def __init__(self, seen: set[ObjectId], had: Reach) -> None:
        super().__init__(seen)
        self._had = had

    def __contains__(self, oid: object) -> bool:
        return set.__contains__(self, oid) or oid in self._had


def _last_of_each(stack: list[_Waiting]) -> list[_Waiting]:
    """Drop each waiting entry that is below another one of the same id, which comes first."""
    met: set[ObjectId] = set()
    kept: list[_Waiting] = []
    for waiting in reversed(stack):
        if waiting[0] not in met:
            met.add(waiting[0])
            kept.append(waiting)
    kept.reverse()
    return kept
