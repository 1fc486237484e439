"""Is the target's tip an ancestor of the source's? Decided exactly, from the piece of history at hand.

    fetched with the target's tips T as haves        o───o───new      in the pack
                                                    /
                                         ..──old──b'                 not in the pack: T reaches it

One walk starts from every `new` and covers the commits that are here (`packcore.descent`). For each pair it
can end in three ways:

    it meets `old` as a parent                               yes
    every way ends at a root, or at a commit below `old`     no: `old` can't be above its own ancestors
    some way ends at a commit that is not here               not known: another tip of T reaches that
                                                             commit, and `old` may be between

This pack can't decide the third, so the source is asked for the commits between
(`transport.syncing.gather.ancestry_questions`). No commit is requested twice:

    wants    the commits at which the ways ended                   have    one `old`
    then every commit on a way from its `new` down to this `old` is here: its pair is decided
    wants    and the other `old`s that the source knows            one that came is not below this `old`, so
                                                                   its pair is decided, too; the others are
                                                                   below, and come with the next question

With `filter=tree:0` the answers hold commits alone. A shallow source hides parents: a way that ends there
stays unknown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from packcore.descent import trace_descents
from packcore.history import History

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from packcore.descent import Descent
    from packcore.history import Node
    from packcore.ids import ObjectId
    from packcore.store.base import ObjectStore

    Pair = tuple[ObjectId, ObjectId]

__all__ = ["Ancestry", "Pair"]


class Ancestry:
    """What one run knows of the source's commit graph; grows with `learn`.

    `store` holds what was fetched, and must stay open while this is used. `haves` are the ids that the
    fetch named; `shallow` are the commits whose parents the source itself lacks.
    """

    def __init__(
        self, store: ObjectStore, haves: Collection[ObjectId] = (), shallow: Collection[ObjectId] = ()
    ) -> None:
        self._history = _Grown(store, shallow)
        self._haves = frozenset(haves)

    def compare(
        self, pairs: Sequence[Pair], settled: Collection[Pair] = frozenset()
    ) -> list[tuple[bool | None, frozenset[ObjectId]]]:
        """Return for each pair (old, new) whether `old` is an ancestor of `new`; None means not known.

        With it come the commits at which ways end that are not here. For the pairs in `settled` these are
        known not to be above `old`. Both ids may name any object; only a commit has or is an ancestor.
        """
        found = trace_descents(self._history, pairs)
        return [
            (_verdict(descent, below=pair in settled or self._haves <= {pair[0]}), descent.ends)
            for descent, pair in zip(found, pairs, strict=True)
        ]

    def learn(self, store: ObjectStore, wants: Iterable[ObjectId]) -> set[ObjectId]:
        """Take in the answer to a fetch of `wants`, and return the commits that came.

        Their links are kept, so `store` may be closed afterwards.
        """
        return self._history.take_in(store, wants)

    def add_shallow(self, shallow: Collection[ObjectId]) -> None:
        """Remember further commits whose parents the source lacks."""
        self._history.shallow |= frozenset(shallow)


def _verdict(descent: Descent, *, below: bool) -> bool | None:
    """Decide; `below` means that the missing commits can't be above `old`, only below or beside it."""
    if descent.reached:
        return True
    if descent.is_cut or (descent.ends and not below):
        return None
    return False


class _Grown(History):
    """The history in a store, and commits that came later."""

    def __init__(self, store: ObjectStore, shallow: Collection[ObjectId]) -> None:
        super().__init__(store, shallow)
        self._learned: dict[ObjectId, Node] = {}

    def node(self, oid: ObjectId) -> Node | None:
        return self._learned.get(oid) or super().node(oid)

    def is_absent(self, oid: ObjectId) -> bool:
        return oid not in self._learned and super().is_absent(oid)

    def take_in(self, store: ObjectStore, starts: Iterable[ObjectId]) -> set[ObjectId]:
        """Keep the nodes of the commits in a store that are reached from `starts`; return their ids."""
        answer = History(store)
        came: set[ObjectId] = set()
        stack = list(starts)
        while stack:
            oid = stack.pop()
            if oid in came or (node := answer.node(oid)) is None:
                continue
            came.add(oid)
            self._learned[oid] = node
            stack += node.parents
        return came
