"""The walk of `git rev-list` over commits: which are shown, and which parents the walk goes on with.

    first_parent    only the first parent of each
    since, until    bounds of the committer date; the walk ends at the first
    paths           only commits that change something there (git-rev-list, "History Simplification"):
                    of a merge that has all of it from one parent, only that parent is followed

The set is the same as git's, in git's order: by date, of equal dates the one met first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from packcore.ancestry import CommitWalk
from packcore.objects import commit_links
from packcore.topo_order import in_topological_order

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from packcore.ancestry import ListedCommit
    from packcore.ids import ObjectId
    from packcore.objects import CommitLinks
    from packcore.pathspec import TreeComparison
    from packcore.store.base import ObjectStore

__all__ = ["CommitChoice", "RevisionWalk"]


class CommitChoice(NamedTuple):
    """Which of the reached commits are shown."""

    first_parent: bool = False
    no_parents: bool = False
    """Only what is given itself."""
    since: int | None = None
    """Seconds since 1970: older ones aren't."""
    until: int | None = None
    """Later ones aren't."""
    paths: TreeComparison | None = None
    rewrites_parents: bool = False
    """Whether `rewritten_parents` will be asked for: then merges of several such lines are shown, too."""
    order: Literal["topo", "date"] | None = None
    """See `packcore.topo_order`; None is by date alone."""


class RevisionWalk(CommitWalk):
    """A walk whose results are `shown` and `edges`."""

    def __init__(
        self,
        store: ObjectStore,
        shallow: Collection[ObjectId],
        choice: CommitChoice,
        *,
        enough: int | None = None,
        on_missing: Callable[[ObjectId], None] | None = None,
    ) -> None:
        """With `enough`, a walk without haves ends after so many; `on_missing` gets absent commits."""
        super().__init__(store, shallow, frozenset(), absent_ok=on_missing is not None)
        self._choice = choice
        self._enough = enough
        self._on_missing = on_missing
        self._shown = 0
        self._hidden: set[ObjectId] = set()
        self._same: set[ObjectId] = set()
        """Commits that change nothing at the paths."""
        self._rewritten: dict[ObjectId, ObjectId | None] = {}
        self._bottoms: set[ObjectId] = set()
        self._trees: dict[ObjectId, ObjectId] = {}
        self._dates: dict[ObjectId, int] = {}
        self.parents: dict[ObjectId, tuple[ObjectId, ...]] = {}
        """Of each commit that was visited; with `paths`, those through which they came."""

    def exclude(self, oid: ObjectId) -> None:
        """Leave out a commit that was given for this, and all that it reaches."""
        super().exclude(oid)
        self._bottoms.add(oid)

    def run(self, on_commit: Callable[[], None] | None) -> None:
        """Walk to the end, or until there are enough."""
        for bottom in self._bottoms:
            self._look_ahead(bottom)
        super().run(on_commit)

    def mark(self, start: ObjectId) -> None:
        """Mark a commit and what is known below it as uninteresting, and its parents known or not.

        A merge is simplified by what is known of its parents at that time, so git's set needs git's marks.
        """
        super().mark(start)
        self._look_ahead(start)

    def _look_ahead(self, oid: ObjectId) -> None:
        """Mark the parents of an uninteresting commit, and what is known below them."""
        stack = [oid]
        while stack:
            node = self.nodes.get(stack.pop())
            for parent in () if node is None else node.links.parents:
                if parent not in self.uninteresting:
                    self.uninteresting.add(parent)
                    self.waiting.discard(parent)
                    stack.append(parent)

    def follow(self, oid: ObjectId, links: CommitLinks) -> tuple[ObjectId, ...]:
        """Decide whether the commit is shown; return the parents to go on with."""
        choice = self._choice
        if choice.order is not None:
            self._dates[oid] = links.date
        if choice.since is not None and links.date < choice.since:
            self._hidden.add(oid)
            if self.has_haves:  # then it counts as left out by name, and so do its parents
                self.uninteresting.add(oid)
                for parent in links.parents:
                    self.mark(parent)
            return ()
        parents = self._visit(oid, links)
        if choice.until is not None and links.date > choice.until:
            self._hidden.add(oid)
        elif oid not in self._same:
            self._shown += 1
            self.is_done = self._shown == self._enough and not self.has_haves
        if choice.no_parents:
            return ()
        return parents[:1] if choice.first_parent else parents

    def _visit(self, oid: ObjectId, links: CommitLinks) -> tuple[ObjectId, ...]:
        """Note whether a commit changes the paths, and through which parents they came; return these."""
        parents = tuple(links.parents)
        if self._choice.paths is not None:
            changes, parents = self._simplified(self._choice.paths, links)
            if not changes:
                self._same.add(oid)
        self.parents[oid] = parents
        return parents

    def accepts_absent(self, oid: ObjectId, needed_by: ObjectId | str) -> bool:
        """Report an absent parent, if they are wanted."""
        if self._on_missing is None or needed_by == "wanted":
            return False
        self._on_missing(oid)
        return True

    def _simplified(self, paths: TreeComparison, links: CommitLinks) -> tuple[bool, tuple[ObjectId, ...]]:
        """Return whether a commit changes the paths, and the parents through which they came."""
        if not links.parents:
            return paths.differ(links.tree, None), ()
        changed: dict[bool, bool] = {}
        """By whether the parent is relevant: one that the haves reach says little about our own history."""
        for parent in links.parents[:1] if self._choice.first_parent else links.parents:
            is_relevant = self._is_relevant(parent)
            differs = paths.differ(links.tree, self._tree_of(parent))
            if not differs and is_relevant:
                return False, (parent,)
            changed[is_relevant] = changed.get(is_relevant, False) or differs
        if self._choice.first_parent and any(map(self._is_relevant, links.parents[1:2])):
            changed.setdefault(True, False)  # git takes the second parent into account that far
        return changed.get(True, changed.get(False, False)), tuple(links.parents)

    def _is_relevant(self, commit: ObjectId) -> bool:
        return commit not in self.uninteresting or commit in self._bottoms

    def _tree_of(self, commit: ObjectId) -> ObjectId | None:
        tree = self._trees.get(commit)
        if tree is None:
            if self._on_missing is not None and commit not in self.store:
                return None
            tree = commit_links(self.store.read(commit).data, self.store.object_format, commit).tree
            self._trees[commit] = tree
        return tree

    @property
    def shown(self) -> list[ListedCommit]:
        """The commits to show, newest first or in the order that was chosen."""
        interesting = {one.oid: one for one in self.listed if one.oid not in self.uninteresting}
        order = self._choice.order
        oids = list(interesting)
        if order is not None:
            oids = in_topological_order(oids, self.parents, self._dates if order == "date" else None)
        return [interesting[oid] for oid in oids if oid not in self._hidden and self._is_shown(oid)]

    def in_topological_order(self, commits: Sequence[ObjectId]) -> list[ObjectId]:
        """Return commits so that none comes before a child of its own."""
        parents = {oid: self._parents_of(oid) for oid in commits}
        dates = self._dates if self._choice.order == "date" else None
        return in_topological_order(commits, parents, dates)

    def _parents_of(self, oid: ObjectId) -> tuple[ObjectId, ...]:
        """Return a commit's parents, visited or not; those of one that the walk did not read are unknown."""
        node = self.nodes.get(oid)
        if oid not in self.parents:
            self._dates[oid] = 0 if node is None else node.links.date
            self.parents[oid] = () if node is None else tuple(node.links.parents)
        return self.parents[oid]

    def _is_shown(self, oid: ObjectId) -> bool:
        """Return whether a commit changes the paths, or ties lines of history that do."""
        if oid not in self._same:
            return True
        return self._choice.rewrites_parents and sum(map(self._is_relevant, self.parents[oid])) > 1

    def rewritten_parents(self, oid: ObjectId) -> tuple[ObjectId, ...]:
        """Return a commit's parents; for those that change nothing, their nearest ancestors that do.

        The walk must be complete.
        """
        found = (self._rewrite(parent) for parent in self.parents.get(oid, ()))
        return tuple(dict.fromkeys(parent for parent in found if parent is not None))

    def _rewrite(self, oid: ObjectId) -> ObjectId | None:
        """Return the commit that stands for this one; None if nothing below it changes the paths."""
        passed: list[ObjectId] = []
        found: ObjectId | None = oid
        while found is not None and found not in self._rewritten:
            if found in self.uninteresting or not self._changes_nothing(found):
                break
            following = self._only_relevant(found)
            if following is found:
                break
            passed.append(found)
            found = following
        found = None if found is None else self._rewritten.get(found, found)
        self._rewritten.update(dict.fromkeys(passed, found))
        return found

    def _changes_nothing(self, oid: ObjectId) -> bool:
        if oid not in self.parents and oid in self._hidden:  # too old for the walk
            links = commit_links(self.store.read(oid).data, self.store.object_format, oid)
            if oid in self.shallow:
                links = links._replace(parents=())
            self._visit(oid, links)
            self._hidden.update(parent for parent in links.parents if parent not in self.parents)
        return oid in self._same

    def _only_relevant(self, oid: ObjectId) -> ObjectId | None:
        """Return the parent to go on with, None if there is none, the commit itself if there are several."""
        parents = self.parents.get(oid, ())
        if len(parents) > 1 and not self._choice.first_parent:
            parents = tuple(filter(self._is_relevant, parents))
            return parents[0] if len(parents) == 1 else oid
        return parents[0] if parents else None

    def edges(self, given: Sequence[ObjectId] = ()) -> list[tuple[ObjectId, ObjectId]]:
        """Return commits at the edge, each with its tree: uninteresting parents of listed ones, then `given`.

        Of the given ones only those that aren't listed.
        """
        if not self.has_haves:
            return []
        found: dict[ObjectId, None] = {}
        for one in self.listed:
            if one.oid not in self.uninteresting:
                parents = self.parents.get(one.oid, ())
                found.update(dict.fromkeys(parent for parent in parents if parent in self.uninteresting))
        found.update(dict.fromkeys(oid for oid in given if oid in self.uninteresting))
        nodes = [(oid, self.nodes.get(oid)) for oid in found]
        return [(oid, node.links.tree) for oid, node in nodes if node is not None]
