"""Walks over commits alone: which commits wants reach and haves don't; ancestry.

    A───B───C───D  want     newest first, by committer date, in one heap for both sides: lists D, C
         `──E───F  have     everything that a have reaches is uninteresting: F, E, B, A
                            edge, an uninteresting parent of a listed commit: B

The walk stops a few commits after two conditions hold: only uninteresting commits wait, and the newest of
them is older than the oldest listed commit. Clocks that are off by more than that margin make it list too
much, never too little: the receiver then gets a commit that it has. git bounds its walk the same way.

A store may hold only the newest part of history, as a fetched pack does. With haves, a parent that the store
lacks is a boundary, not an error; see `absent_ok`.
"""

from __future__ import annotations

from heapq import heappop, heappush
from typing import TYPE_CHECKING, NamedTuple

from packcore.descent import trace_descents
from packcore.errors import CorruptData, CorruptObject, LimitExceeded, MissingObject
from packcore.history import History
from packcore.limits import Limits
from packcore.objects import CommitLinks, ObjectType, commit_links, tag_target
from packcore.store.bulk import reading

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Container, Iterable, Sequence

    from packcore.ids import ObjectId
    from packcore.store.base import ObjectStore

__all__ = [
    "CommitList",
    "CommitWalk",
    "ListedCommit",
    "are_ancestors",
    "is_ancestor",
    "list_commits",
    "peel",
    "too_many_tags",
    "walk_commits",
]

_TAG_DEPTH = Limits().tag_depth
SLOP_COMMITS = 64
"""Uninteresting commits to visit after the dates say that the walk is done."""


class ListedCommit(NamedTuple):
    """A commit that the walk lists."""

    oid: ObjectId
    tree: ObjectId
    size: int
    """Bytes of the commit object."""


class CommitList(NamedTuple):
    """What a commit walk found."""

    commits: list[ListedCommit]
    """Newest first."""
    edge_trees: list[ObjectId]
    """Trees of the haves and of the edges whose commits the store has."""


def list_commits(
    store: ObjectStore,
    wants: Iterable[ObjectId],
    haves: Iterable[ObjectId] = (),
    *,
    shallow: Collection[ObjectId] = frozenset(),
    haves_complete: bool = False,
) -> list[ObjectId]:
    """Return the commits reachable from `wants` and not from `haves`, newest first.

    Tags are followed to their commits; other objects are ignored. `shallow` and `haves_complete` as in
    `packcore.walk.list_objects`. Raises MissingObject and CorruptObject.
    """
    haves = list(haves)
    absent_ok = bool(haves) and not haves_complete
    want_commits = [oid for oid, type_ in (peel(store, want) for want in wants) if type_ is ObjectType.COMMIT]
    have_commits: list[ObjectId] = []
    for have in haves:
        try:
            oid, _ = peel(store, have)
        except MissingObject:
            oid = have
        have_commits.append(oid)
    found = walk_commits(store, want_commits, have_commits, shallow=shallow, absent_ok=absent_ok)
    return [commit.oid for commit in found.commits]


def walk_commits(
    store: ObjectStore,
    wants: Iterable[ObjectId],
    haves: Iterable[ObjectId] = (),
    *,
    shallow: Collection[ObjectId] = frozenset(),
    absent_ok: bool = False,
    on_commit: Callable[[], None] | None = None,
    had: Container[ObjectId] = frozenset(),
) -> CommitList:
    """Walk from commits (tags already followed); return the commits to send, and the trees at the edge.

    `haves` may be absent from the store. Commits in `shallow` are treated as having no parents. With
    `absent_ok` a parent that the store lacks is a boundary. `had` holds ids that the haves reach. Raises
    MissingObject for any other absent commit, and CorruptObject for one that doesn't parse or has another
    type.
    """
    walk = CommitWalk(store, shallow, had, absent_ok=absent_ok)
    have_ids = list(dict.fromkeys(haves))
    for have in have_ids:
        walk.exclude(have)
    for want in dict.fromkeys(wants):
        walk.want(want)
    walk.run(on_commit)
    return walk.result(have_ids)


class _Node(NamedTuple):
    links: CommitLinks
    size: int


class CommitWalk:
    """The state of one walk. Ids in `uninteresting` may be absent from the store.

    `packcore.rev_walk` derives from it: `follow` and `accepts_absent` are what it overrides.
    """

    def __init__(
        self,
        store: ObjectStore,
        shallow: Collection[ObjectId],
        had: Container[ObjectId],
        *,
        absent_ok: bool,
    ) -> None:
        self.store = store
        self.read = reading(store)
        self.had = had
        self.history = History(store)
        self.shallow = frozenset(shallow)
        self.absent_ok = absent_ok
        self.nodes: dict[ObjectId, _Node | None] = {}
        """Every commit met; None if the store lacks it, or its links are no longer needed."""
        self.heap: list[tuple[int, int, ObjectId]] = []
        self.waiting: set[ObjectId] = set()
        """Interesting commits in the heap."""
        self.uninteresting: set[ObjectId] = set()
        self.has_haves = False
        self.is_done = False
        self.listed: list[ListedCommit] = []

    def exclude(self, oid: ObjectId) -> None:
        """Leave out a commit and all that it reaches; the store may lack it."""
        self.has_haves = True
        self.uninteresting.add(oid)
        if oid not in self.nodes:
            self._push(oid, needed_by=None)

    def want(self, oid: ObjectId) -> None:
        """List a commit and all that it reaches. Raises MissingObject, CorruptObject."""
        if oid not in self.nodes:
            self._push(oid, needed_by="wanted")

    def run(self, on_commit: Callable[[], None] | None) -> None:
        """Walk to the end, or until `is_done`; `on_commit` is called for each listed commit."""
        oldest_listed_date: int | None = None
        slop = SLOP_COMMITS
        while self.heap and not self.is_done:
            negative_date, _, oid = heappop(self.heap)
            if not self.waiting:
                if oldest_listed_date is None:
                    break  # everything wanted is excluded already
                if -negative_date < oldest_listed_date:
                    slop -= 1
                    if slop < 0:
                        break
            node = self.nodes[oid]
            assert node is not None
            if oid in self.uninteresting:
                for parent in node.links.parents:
                    self.mark(parent)
                continue
            self.waiting.discard(oid)
            date = -negative_date
            oldest_listed_date = date if oldest_listed_date is None else min(date, oldest_listed_date)
            self.listed.append(ListedCommit(oid, node.links.tree, node.size))
            if on_commit is not None:
                on_commit()
            for parent in self.follow(oid, node.links):
                if parent not in self.nodes:
                    self._push(parent, needed_by=oid)
            if not self.has_haves:
                self.nodes[oid] = None  # nothing will be marked later: free the links' memory

    def follow(self, oid: ObjectId, links: CommitLinks) -> Iterable[ObjectId]:  # noqa: ARG002 -- see above
        """Return the parents of an interesting commit to go on with."""
        return links.parents

    def accepts_absent(self, oid: ObjectId, needed_by: ObjectId | str) -> bool:  # noqa: ARG002 -- see above
        """Return whether a commit that the store lacks is a boundary, and no error."""
        return self.absent_ok and needed_by != "wanted"

    def mark(self, start: ObjectId) -> None:
        """Mark a commit and all known commits below it as uninteresting."""
        stack = [start]
        while stack:
            oid = stack.pop()
            if oid in self.nodes:
                if oid in self.uninteresting:
                    continue
                self.uninteresting.add(oid)
                if oid in self.waiting:
                    self.waiting.discard(oid)
                elif (node := self.nodes[oid]) is not None:
                    stack.extend(node.links.parents)
            else:
                self.uninteresting.add(oid)
                self._push(oid, needed_by=None)

    def _push(self, oid: ObjectId, needed_by: ObjectId | str | None) -> None:
        """Read a commit and put it in the heap; `needed_by` is None for an uninteresting one.

        For an uninteresting commit, the commit-graph has everything that is needed.
        """
        if oid in self.had:
            self.nodes[oid] = None
            self.uninteresting.add(oid)
            return
        if needed_by is None and (links := self.history.links(oid)) is not None:
            self._wait(oid, links, 0)
            return
        try:
            type_, data = self.read(oid)
        except MissingObject as error:
            if error.oid != oid.hex():
                raise
            if needed_by is None or self.accepts_absent(oid, needed_by):
                self.nodes[oid] = None
                self.uninteresting.add(oid)
                return
            who = needed_by if isinstance(needed_by, str) else f"parent of commit {needed_by.hex()}"
            raise error.needed_by(who) from None
        except (CorruptData, LimitExceeded):
            if needed_by is not None:
                raise
            self.nodes[oid] = None  # the receiver has it, so damage here doesn't matter
            return
        if type_ != ObjectType.COMMIT:
            if needed_by is None:
                self.nodes[oid] = None
                return
            raise CorruptObject(
                f"a commit is needed here, but it is a {ObjectType(type_).name.lower()}", oid=oid.hex()
            )
        self._wait(oid, commit_links(data, self.store.object_format, oid), len(data))

    def _wait(self, oid: ObjectId, links: CommitLinks, size: int) -> None:
        if oid in self.shallow:
            links = links._replace(parents=())
        self.nodes[oid] = _Node(links, size)
        heappush(self.heap, (-links.date, len(self.nodes), oid))
        if oid not in self.uninteresting:
            self.waiting.add(oid)

    def result(self, haves: list[ObjectId]) -> CommitList:
        """Return the listed commits, and the trees of the edges and of `haves`."""
        commits = [commit for commit in self.listed if commit.oid not in self.uninteresting]
        edges = dict.fromkeys(haves)
        if self.has_haves:
            for commit in commits:
                node = self.nodes[commit.oid]
                if node is not None:
                    edges.update(dict.fromkeys(p for p in node.links.parents if p in self.uninteresting))
        nodes = (self.nodes.get(oid) for oid in edges)
        return CommitList(commits, list(dict.fromkeys(node.links.tree for node in nodes if node)))


def is_ancestor(store: ObjectStore, ancestor: ObjectId, descendant: ObjectId) -> bool:
    """Return whether `ancestor` is `descendant` or reachable from it by parents; as `are_ancestors`."""
    return are_ancestors(store, [(ancestor, descendant)])[0]


def are_ancestors(store: ObjectStore, pairs: Sequence[tuple[ObjectId, ObjectId]]) -> list[bool]:
    """Return for each (ancestor, descendant) whether it is the same commit or reachable from it by parents.

    One walk answers for all pairs. The store may hold only the new commits: an ancestor counts as reached
    when it appears as a parent's id, even if the store lacks it, and a parent that the store lacks ends
    that line of the walk. So True is always correct; False is correct if the store holds the history down
    to the ancestor. Tags are followed. Raises MissingObject if a descendant is absent.
    """
    found = [ancestor == descendant for ancestor, descendant in pairs]
    open_ = [place for place, is_same in enumerate(found) if not is_same]
    asked = []
    for place in open_:
        ancestor, descendant = pairs[place]
        if ancestor in store:
            ancestor, _ = peel(store, ancestor)
        asked.append((ancestor, peel(store, descendant)[0]))
    for place, descent in zip(open_, trace_descents(History(store), asked), strict=True):
        found[place] = descent.reached
    return found


def peel(store: ObjectStore, oid: ObjectId, tag_depth: int = _TAG_DEPTH) -> tuple[ObjectId, ObjectType]:
    """Follow tags to what they tag; return that object's id and type.

    Raises MissingObject, naming the tag that needs the object, CorruptObject, and LimitExceeded for more than
    `tag_depth` tags in a row.
    """
    tag: ObjectId | None = None
    for _ in range(tag_depth + 1):
        try:
            type_ = store.header(oid).type
            if type_ is not ObjectType.TAG:
                return oid, type_
            data = store.read(oid).data
        except MissingObject as error:
            if tag is None or error.oid != oid.hex():
                raise
            raise MissingObject(oid.hex(), context=f"target of tag {tag.hex()}") from None
        tag, oid = oid, tag_target(data, store.object_format, oid)[0]
    raise too_many_tags(oid, tag_depth)


def too_many_tags(oid: ObjectId, tag_depth: int) -> LimitExceeded:
    """Return the error for an endless chain of tags; `oid` is the first tag beyond the limit."""
    return LimitExceeded(
        f"tag {oid.hex()} follows more than {tag_depth} tags in a row (tag_depth)", limit="tag_depth"
    )
