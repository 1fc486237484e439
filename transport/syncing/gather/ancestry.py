"""Is the target's tip an ancestor of the source's? Decided exactly, from the piece of history at hand.

    fetched with the target's tips T as haves        o───o───new      in the pack
                                                    /
                                         ..──old──b'                 not in the pack: T reaches it

The walk goes from `new` over the commits that are here. There are three ways it can end:

    it meets `old` as a parent                               yes
    every way ends at a root, or at a commit below `old`     no: `old` can't be above its own ancestors
    some way ends at a commit that is not here               not known: another tip of T reaches that
                                                             commit, and `old` may lie between

The third can't be decided from this pack, so the source is asked again with `old` as the only have.
Then every commit on a way from `new` down to `old` is in the answer (none of them is below `old`), and a
commit that is missing is below `old`: the walk ends in yes or no. With `filter=tree:0` the answer holds
commits alone.

A shallow source hides parents: a way that ends there stays unknown.
"""

from __future__ import annotations

from heapq import heappop, heappush
from typing import TYPE_CHECKING

from packcore.objects import CommitLinks, ObjectType, commit_links

if TYPE_CHECKING:
    from collections.abc import Collection

    from packcore.ids import ObjectId
    from packcore.store.base import ObjectStore

__all__ = ["Ancestry"]


class Ancestry:
    """What is known of the source's commit graph in one run; grows with `learn`.

    `store` holds what was fetched, and stays open while this is used. `haves` are the ids that the
    fetch named, `shallow` the commits whose parents the source itself lacks.
    """

    def __init__(
        self, store: ObjectStore, haves: Collection[ObjectId] = (), shallow: Collection[ObjectId] = ()
    ) -> None:
        self._store = store
        self._haves = frozenset(haves)
        self._shallow = frozenset(shallow)
        self._learned: dict[ObjectId, CommitLinks] = {}

    def compare(self, old: ObjectId, new: ObjectId) -> bool | None:
        """Tell whether `old` is an ancestor of `new`: yes, no, or None where this can't tell.

        Both may be ids of anything; what isn't a commit has no ancestors and is none.
        """
        found, missing, hidden, _ = self._reach(new, old)
        if found:
            return True
        if hidden:
            return None
        if missing and not self._haves <= {old}:
            _, _, _, below = self._reach(old, None)
            missing -= below
            return None if missing else False
        return False

    def learn(self, store: ObjectStore, new: ObjectId, old: ObjectId) -> bool | None:
        """Take in the answer to a fetch of `new` with `old` as the only have, and decide.

        The commits' links are kept, so `store` may be closed afterwards. None only for a shallow source.
        """
        answer = Ancestry(store, {old}, self._shallow)
        _, _, _, reached = answer._reach(new, None)
        for oid in reached:
            links = answer._links(oid)
            if links is not None:
                self._learned[oid] = links
        self._haves |= {old}
        return answer.compare(old, new)

    def add_shallow(self, shallow: Collection[ObjectId]) -> None:
        """Remember further commits whose parents the source lacks."""
        self._shallow |= frozenset(shallow)

    def _reach(
        self, start: ObjectId, sought: ObjectId | None
    ) -> tuple[bool, set[ObjectId], bool, set[ObjectId]]:
        """Walk down from `start`, newest first, until `sought` is met.

        Returns whether it was met, the commits that are not here, whether a shallow boundary hides
        more, and every id that was reached.
        """
        reached = {start}
        missing: set[ObjectId] = set()
        hidden = False
        heap: list[tuple[int, ObjectId]] = [(0, start)]
        while heap:
            _, oid = heappop(heap)
            if oid == sought:
                return True, missing, hidden, reached
            links = self._links(oid)
            if links is None:
                if oid not in self._store:
                    missing.add(oid)
                continue
            if sought is not None and sought in links.parents:
                return True, missing, hidden, reached
            if oid in self._shallow:
                hidden = hidden or bool(links.parents)
                continue
            for parent in links.parents:
                if parent not in reached:
                    reached.add(parent)
                    heappush(heap, (-links.date, parent))
        return False, missing, hidden, reached

    def _links(self, oid: ObjectId) -> CommitLinks | None:
        """Return a commit's parents and date; None where it isn't here, or is no commit."""
        links = self._learned.get(oid)
        if links is not None or oid not in self._store:
            return links
        type_, data = self._store.read(oid)
        if type_ is not ObjectType.COMMIT:
            return None
        return commit_links(data, self._store.object_format, oid)
