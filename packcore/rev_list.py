"""What `git rev-list` lists, in git's order (git-rev-list).

edges       uninteresting parents of listed commits               with `edges`, before all else
boundary    parents of listed commits that aren't listed          with `boundary`, after the commits
commits     newest first                                          packcore.rev_walk
objects     tags, trees and blobs that were given, in the order given; then each commit's tree, depth
            first, without what the edges' trees hold             packcore.walk, packcore.filtered_walk
omitted     what a filter left out                                with `omitted`
missing     objects that aren't here                              with `missing` other than "error"
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from packcore.ancestry import CommitList
from packcore.checks.promised import promised_and_missing
from packcore.errors import CorruptData, MissingObject, RepositoryError
from packcore.filtered_walk import FilteringLister
from packcore.objects import ObjectType, parse_tag
from packcore.pathspec import TreeComparison
from packcore.progress import SILENT, Phase, Progress
from packcore.reach import reached_ids
from packcore.rev_walk import CommitChoice, RevisionWalk
from packcore.revision_set import RevisionSet, parse_revisions
from packcore.walk import ObjectLister

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

    from packcore.ancestry import ListedCommit
    from packcore.ids import ObjectId
    from packcore.listed_objects import ListedObjects
    from packcore.object_filter import Filter
    from packcore.pathspec import Pathspec
    from packcore.store.repository import Repository
    from packcore.tree_path import TreePath
    from packcore.walk import Tips

__all__ = [
    "ListedItems",
    "ListedObject",
    "Listing",
    "RevList",
    "check_bitmap",
    "list_revisions",
    "listed_by_bitmaps",
]


class Listing(NamedTuple):
    """How revisions are listed; the fields are named after the options of git rev-list."""

    objects: bool = False
    parents: bool = False
    """Rewrite parents where paths leave some out."""
    max_count: int | None = None
    skip: int = 0
    reverse: bool = False
    order: Literal["topo", "date"] | None = None
    """So that no commit comes before a child of its own; None is by date alone."""
    no_walk: Literal["sorted", "unsorted"] | None = None
    """Only the commits that are given themselves, unless some are left out."""
    first_parent: bool = False
    since: int | None = None
    until: int | None = None
    """Seconds since 1970."""
    paths: Pathspec | None = None
    filter: Filter | None = None
    filter_given: bool = False
    """Filter what is given by name, too."""
    omitted: bool = False
    """Collect what the filter leaves out."""
    missing: Literal["error", "print", "allow-any", "allow-promisor"] = "error"
    in_commit_order: bool = False
    edges: Literal["parents", "all"] | None = None
    """Collect edges: `all` are those that were given, too."""
    boundary: bool = False
    """List the parents of listed commits, too, after them."""


class ListedObject(NamedTuple):
    """A line of `rev-list`."""

    oid: ObjectId
    where: TreePath | bytes | None
    """Its path, as in `Candidate.where`; None for a commit; the name of the tag for a tag."""

    @property
    def path(self) -> bytes | None:
        """The same as bytes, made on each access."""
        return None if self.where is None else bytes(self.where)


class ListedItems:
    """Objects in the order listed, in two columns; each `ListedObject` is made when it is asked for."""

    def __init__(self) -> None:
        self._oids: list[ObjectId] = []
        self._wheres: list[TreePath | bytes | None] = []

    def add(self, oid: ObjectId, where: TreePath | bytes | None) -> None:
        """Add one."""
        self._oids.append(oid)
        self._wheres.append(where)

    def add_all(self, listed: ListedObjects) -> None:
        """Add the rows of a table."""
        self._oids += listed.oids
        self._wheres += listed.wheres

    def __len__(self) -> int:
        return len(self._oids)

    def __iter__(self) -> Iterator[ListedObject]:
        return map(ListedObject, self._oids, self._wheres)


class RevList(NamedTuple):
    """What was listed."""

    items: ListedItems
    parents: dict[ObjectId, tuple[ObjectId, ...]]
    """Of each listed commit; with `parents` and `paths`, rewritten to listed ones."""
    edges: list[ObjectId]
    boundary: frozenset[ObjectId]
    """The listed commits that are only parents of others."""
    omitted: list[ObjectId]
    missing: list[ObjectId]


def list_revisions(
    repository: Repository,
    revisions: Sequence[str] | RevisionSet,
    listing: Listing | None = None,
    *,
    progress: Progress = SILENT,
) -> RevList:
    """List what revisions reach; they may be a result of `parse_revisions`.

    Raises UnknownRevision, MissingObject, CorruptData, LimitExceeded, and UnreadableRef for a ref that can't
    be read, unless the set is given with its unreadable refs.
    """
    listing = listing or Listing()
    if isinstance(revisions, RevisionSet):
        chosen = revisions
    else:
        chosen = parse_revisions(repository, revisions)
        for error in chosen.unreadable:
            raise error
    with progress.phase("listing objects", unit="objects") as phase:
        return _Work(repository, chosen, listing, phase).result()


def listed_by_bitmaps(repository: Repository, chosen: RevisionSet) -> list[ObjectId] | None:
    """Return the ids of the objects of a list without options, in any order; None if bitmaps don't tell."""
    if repository.shallow() or chosen.paths:
        return None
    had = set(chosen.haves)
    return reached_ids(repository, [want for want in chosen.wants if want not in had], chosen.haves)


def check_bitmap(repository: Repository, commit: ObjectId, *, progress: Progress = SILENT) -> int:
    """Compare the bitmap of a commit with what a walk from it lists; return the number of objects.

    Raises RepositoryError if it has none, CorruptData if they differ.
    """
    shortcuts = repository.prepared()
    bitmap = None if shortcuts is None else shortcuts.bitmap
    bits = None if bitmap is None else bitmap.reached_from(commit)
    if bitmap is None or bits is None:
        why = "; ".join(shortcuts.faults) if shortcuts is not None else ""
        raise RepositoryError(f"commit {commit.hex()} doesn't have an indexed bitmap", hint=why or None)
    stored = set(bitmap.oids(bits))
    alone = RevisionSet([commit], [], {}, [])
    found = list_revisions(repository, alone, Listing(objects=True), progress=progress).items
    walked = {each.oid for each in found}
    if stored != walked:
        lacks, has = len(walked - stored), len(stored - walked)
        raise CorruptData(
            f"the bitmap of commit {commit.hex()} lacks {lacks} objects, and has {has} that it doesn't reach"
        )
    return len(stored)


class _Work:
    """One listing."""

    def __init__(self, repository: Repository, chosen: RevisionSet, listing: Listing, phase: Phase) -> None:
        self._repository = repository
        self._chosen = chosen
        self._listing = listing
        self._missing: dict[ObjectId, None] = {}
        self._on_missing = self._noting()
        self._lister = self._make_lister(phase)
        self._items = ListedItems()
        self._boundary: list[ObjectId] = []

    def _make_lister(self, phase: Phase) -> ObjectLister:
        listing, repository = self._listing, self._repository
        if listing.filter is None and listing.paths is None and listing.missing == "error":
            return ObjectLister(repository, repository.limits, phase, absent_ok=False)
        return FilteringLister(
            repository,
            repository.limits,
            phase,
            filter_=listing.filter,
            pathspec=listing.paths,
            spare_given=not listing.filter_given,
            on_missing=self._on_missing,
            omitted=set() if listing.omitted else None,
        )

    def _noting(self) -> Callable[[MissingObject], None] | None:
        """Return what is called with the error for an absent object; None if it is to be raised."""
        promised: set[ObjectId] | None = None

        def note(error: MissingObject) -> None:
            nonlocal promised
            oid = self._repository.object_format.from_hex(error.oid)
            if self._listing.missing == "allow-promisor":
                promised = promised_and_missing(self._repository) if promised is None else promised
                if oid not in promised:
                    raise error
            self._missing[oid] = None

        return None if self._listing.missing == "error" else note

    def result(self) -> RevList:
        listing, lister, repository = self._listing, self._lister, self._repository
        for have in self._chosen.haves:
            repository.header(have)  # one that isn't here may be a slip of the pen
        excluded = lister.resolve(self._chosen.haves, wanted=False)
        had = set(self._chosen.haves)
        wanted = [lister.resolve([want], wanted=True) for want in self._chosen.wants if want not in had]
        tips = list(dict.fromkeys(commit for each in wanted for commit in each.commits))
        walk = self._walk(tips, excluded.commits)
        commits = self._cut(walk, tips)
        named = [*excluded.commits, *tips] if listing.edges == "all" else []
        edges = walk.edges([oid for oid in named if oid in {*self._chosen.haves, *self._chosen.wants}])
        if listing.objects:
            lister.exclude(excluded, CommitList([], [tree for _, tree in edges]))
        if isinstance(lister, FilteringLister):
            lister.reached = {commit.tree for commit in commits}
        groups = [[commit] for commit in commits] if listing.in_commit_order else [commits]
        self._boundary = self._boundary_of(walk, commits) if listing.boundary else []
        if listing.reverse:
            self._add_boundary()
        for number, group in enumerate(groups or [[]]):
            self._add_commits(group, {*tips, *self._chosen.wants})
            if number == len(groups) - 1 and not listing.reverse:
                self._add_boundary()
            for each in wanted if listing.objects and number == 0 else ():
                self._add_tags(each)
                lister.name(each, self._chosen.paths)
            for commit in group if listing.objects else ():
                if commit.tree not in lister.seen:
                    lister.below(commit.tree, b"", is_tree=True, context=commit.oid)
            self._take_candidates()
        omitted = lister.omitted if isinstance(lister, FilteringLister) else None
        parents = walk.parents
        if listing.parents and listing.paths is not None:
            parents = {commit.oid: walk.rewritten_parents(commit.oid) for commit in commits}
        return RevList(
            self._items,
            parents,
            [oid for oid, _ in edges] if listing.edges else [],
            frozenset(self._boundary),
            sorted(omitted or ()),
            sorted(self._missing),
        )

    def _boundary_of(self, walk: RevisionWalk, commits: Sequence[ListedCommit]) -> list[ObjectId]:
        """Return the parents of listed commits that aren't listed, the first one's last, or the reverse."""
        listed = {commit.oid for commit in commits}
        oldest_last = commits[::-1] if self._listing.reverse else commits
        met = dict.fromkeys(parent for commit in oldest_last for parent in walk.parents.get(commit.oid, ()))
        found = [oid for oid in met if oid not in listed]
        ordered = walk.in_topological_order(found[::-1])
        return ordered[::-1] if self._listing.reverse else ordered

    def _walk(self, tips: Iterable[ObjectId], haves: Iterable[ObjectId]) -> RevisionWalk:
        """Walk from the tips; return the walk at its end."""
        listing, repository = self._listing, self._repository
        haves = list(dict.fromkeys(haves))
        choice = CommitChoice(
            first_parent=listing.first_parent,
            no_parents=listing.no_walk is not None and not haves,
            since=listing.since,
            until=listing.until,
            rewrites_parents=listing.parents and listing.paths is not None,
            order=listing.order,
            paths=None
            if listing.paths is None
            else TreeComparison(repository, listing.paths, repository.limits),
        )
        enough = None if listing.max_count is None else listing.skip + listing.max_count
        if listing.order or (listing.parents and listing.paths):
            enough = None
        note = self._on_missing
        on_missing = None if note is None else lambda oid: note(MissingObject(oid.hex()))
        walk = RevisionWalk(repository, repository.shallow(), choice, enough=enough, on_missing=on_missing)
        for commit in haves:
            walk.exclude(commit)
        for commit in tips:
            walk.want(commit)
        walk.run(self._lister.count_commit)
        return walk

    def _cut(self, walk: RevisionWalk, tips: Sequence[ObjectId]) -> list[ListedCommit]:
        """Return the commits that are asked for, in the order that is asked for."""
        listing, commits = self._listing, walk.shown
        if listing.no_walk == "unsorted" and not walk.has_haves:
            places = {oid: place for place, oid in enumerate(tips)}
            commits.sort(key=lambda commit: places[commit.oid])
        end = None if listing.max_count is None else listing.skip + listing.max_count
        commits = commits[listing.skip : end]
        return commits[::-1] if listing.reverse else commits

    def _add_commits(self, commits: Iterable[ListedCommit], given: Collection[ObjectId]) -> None:
        lister = self._lister
        for commit in commits:
            if not isinstance(lister, FilteringLister) or lister.shows(
                ObjectType.COMMIT, is_given=commit.oid in given
            ):
                self._items.add(commit.oid, None)

    def _add_boundary(self) -> None:
        for oid in self._boundary:
            self._items.add(oid, None)

    def _add_tags(self, tips: Tips) -> None:
        """List the tags on the way from what was given, after the objects before them."""
        self._take_candidates()
        lister, repository = self._lister, self._repository
        for oid, _ in tips.tags:
            if not isinstance(lister, FilteringLister) or lister.shows(ObjectType.TAG, is_given=True):
                tag = parse_tag(repository.read(oid).data, repository.object_format, oid)
                self._items.add(oid, tag.name)

    def _take_candidates(self) -> None:
        self._items.add_all(self._lister.take())
