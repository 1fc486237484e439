"""Which of the objects that a client wants can't be sent, since something that they reach is damaged here.

    want -> tag -> commit -> parents, then its tree -> trees, blobs       each read to its end, its id checked
    what a damaged or missing object is reached by                        can't be sent either

A fetch finds damage in the middle of a pack and can only fail as a whole. A client of ours then asks this
question, leaves out the refs in the answer, and fetches the rest. It costs as much reading as a pack does,
and is never asked where all is well. What the haves reach isn't looked at, since it would not be sent.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from packcore.errors import CorruptData, CorruptObject, LimitExceeded
from packcore.objects import MODE_GITLINK, ObjectType, commit_links, mode_kind, tag_target, tree_rows
from packcore.store.base import DAMAGE
from transport.server.words import public_words

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from packcore.ids import ObjectId
    from packcore.objects import CommitLinks
    from packcore.store.base import StoredObject
    from packcore.store.repository import Repository
    from transport.server.words import Words

__all__ = ["damaged_wants"]


def damaged_wants(
    repository: Repository,
    wants: Iterable[ObjectId],
    haves: Iterable[ObjectId],
    *,
    shallow: Collection[ObjectId] = frozenset(),
    words: Words = public_words,
) -> dict[ObjectId, str]:
    """Return those wants that can't be sent whole, each with words that name the damaged object and its file.

    `shallow` are commits whose parents are left out. Objects that the haves reach count as whole.
    """
    search = _Search(repository, shallow, words)
    search.exclude(haves)
    wants = list(dict.fromkeys(wants))
    for want in wants:
        search.look_at(want)
    return {want: search.faults[want] for want in wants if want in search.faults}


class _Frame(NamedTuple):
    """An object whose links are being followed."""

    oid: ObjectId
    links: Iterator[ObjectId]


class _Search:
    """What was looked at. Links are followed depth first: an object is judged after all that it reaches."""

    def __init__(self, repository: Repository, shallow: Collection[ObjectId], words: Words) -> None:
        self._repository = repository
        self._format = repository.object_format
        self._shallow = shallow
        self._words = words
        self.faults: dict[ObjectId, str] = {}
        """By object that can't be sent: what is damaged, itself or something that it reaches."""
        self._seen: set[ObjectId] = {self._format.zero}
        """Objects that were looked at, or are excluded."""
        self._had: set[ObjectId] = set()
        """Commits that the client has, and whose trees are not excluded yet."""

    def exclude(self, haves: Iterable[ObjectId]) -> None:
        """Take for whole what the haves reach; trees only when something that is wanted leads to them."""
        waiting = list(haves)
        while waiting:
            oid = waiting.pop()
            if oid in self._seen:
                continue
            self._seen.add(oid)
            with suppress(*DAMAGE):  # the client has it, whatever became of it here
                type_, data = self._repository.read(oid)
                if type_ is ObjectType.COMMIT:
                    self._had.add(oid)
                    waiting += () if oid in self._shallow else self._commit(oid, data).parents
                elif type_ is ObjectType.TAG:
                    waiting.append(tag_target(data, self._format, oid)[0])
                elif type_ is ObjectType.TREE:
                    self._exclude_trees([oid])

    def look_at(self, root: ObjectId) -> None:
        """Judge an object and everything that it reaches."""
        stack = [_Frame(root, iter((root,)))]
        while stack:
            frame = stack[-1]
            link = next(frame.links, None)
            if link is None:
                stack.pop()
                if frame.oid in self.faults and stack:
                    self.faults.setdefault(stack[-1].oid, self.faults[frame.oid])
            elif link in self._had:
                self._exclude_trees([self._tree_of(link)])
                self._had.discard(link)
            elif link not in self._seen:
                self._seen.add(link)
                stack.append(_Frame(link, self._links(link)))
            elif link in self.faults:
                self.faults.setdefault(frame.oid, self.faults[link])

    def _links(self, oid: ObjectId) -> Iterator[ObjectId]:
        """Read an object; return what it names, nothing if it is damaged, which is remembered."""
        try:
            found = self._read(oid)
            return iter(() if found is None else self._named(oid, found))
        except DAMAGE as error:
            self.faults[oid] = self._words(error)
            return iter(())

    def _named(self, oid: ObjectId, found: StoredObject) -> list[ObjectId]:
        type_, data = found
        if type_ is ObjectType.TAG:
            return [tag_target(data, self._format, oid)[0]]
        if type_ is ObjectType.TREE:
            return list(self._entries(oid, data))
        links = self._commit(oid, data)
        # Parents first: trees of commits that the client has are excluded before a child's tree is read.
        return [*(() if oid in self._shallow else links.parents), links.tree]

    def _read(self, oid: ObjectId) -> StoredObject | None:
        """Return an object by a whole copy, None for a blob. Raises what reading the first copy does."""
        repository = self._repository
        first: CorruptData | LimitExceeded | None = None
        for copy in repository.copies.of(oid):
            try:
                if copy.header().type is ObjectType.BLOB:
                    repository.copies.check(copy)
                    return None
                return repository.copies.read_copy(copy)
            except CorruptObject as error:
                first = first or CorruptObject(f"{copy.where}: {error.reason}", oid=oid.hex())
            except DAMAGE as error:
                first = first or error
        if first is not None:
            raise first
        found = repository.read(oid)  # one that every repository has, or the error for one that is missing
        return None if found.type is ObjectType.BLOB else found

    def _entries(self, oid: ObjectId, data: bytes) -> Iterator[ObjectId]:
        for mode, _, entry in tree_rows(data, self._format, oid):
            if mode_kind(mode) != MODE_GITLINK:
                yield entry

    def _commit(self, oid: ObjectId, data: bytes) -> CommitLinks:
        return commit_links(data, self._format, oid)

    def _tree_of(self, commit: ObjectId) -> ObjectId:
        return self._commit(commit, self._repository.read(commit).data).tree

    def _exclude_trees(self, trees: Iterable[ObjectId]) -> None:
        waiting = list(trees)
        while waiting:
            oid = waiting.pop()
            if oid not in self._seen:
                self._seen.add(oid)
                with suppress(*DAMAGE):
                    type_, data = self._repository.read(oid)
                    if type_ is ObjectType.TREE:
                        waiting += self._entries(oid, data)
