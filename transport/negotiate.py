"""Which commits to offer as `have`, and in which order: the client's part of finding common commits.

    TipNegotiator      a plain list, such as the ref tips of the target: offers each one once
    CommitNegotiator   the history of a store, newest first; offers nothing below a common commit

The size of a round follows git: 16, doubled up to 16,384, then a tenth more each time, but never more than
`HAVES_PER_ROUND_MAX`, because servers buffer the whole request (10 MiB in git-http-backend).
"""

from __future__ import annotations

import heapq
from itertools import islice
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from packcore.errors import CorruptObject, MissingObject
from packcore.objects import ObjectType, commit_links, tag_target

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from packcore.ids import ObjectId
    from packcore.store.base import ObjectStore

__all__ = [
    "FIRST_ROUND_SIZE",
    "HAVES_PER_ROUND_MAX",
    "IN_VAIN_MAX",
    "SINGLE_ROUND_SIZE",
    "CommitNegotiator",
    "Negotiator",
    "TipNegotiator",
    "next_round_size",
]

FIRST_ROUND_SIZE = 16
SINGLE_ROUND_SIZE = 2048
"""The number of haves for a server that allows only one round."""
_LARGE_ROUND = 16384
HAVES_PER_ROUND_MAX = 65536
IN_VAIN_MAX = 256
"""A walk through history gives up after this many haves since the last ACK."""


@runtime_checkable
class Negotiator(Protocol):
    """Offers ids, and is told which of them the server has too."""

    gives_up: bool
    """Whether to stop after `IN_VAIN_MAX` haves without an ACK; False if the list is short anyway."""

    def take(self, count: int) -> Sequence[ObjectId]:
        """Return the next ids to offer, at most `count`; empty when there are no more."""

    def mark_common(self, oid: ObjectId) -> None:
        """Record that the server has this id, and so everything reachable from it."""


def next_round_size(size: int) -> int:
    """Return the number of haves in the round after one with `size` haves."""
    grown = size * 2 if size < _LARGE_ROUND else size * 11 // 10
    return min(grown, HAVES_PER_ROUND_MAX)


class TipNegotiator:
    """Offers each id of a list once."""

    gives_up = False

    def __init__(self, tips: Iterable[ObjectId]) -> None:
        self._tips = iter(dict.fromkeys(tips))

    def take(self, count: int) -> Sequence[ObjectId]:
        """Return the next tips."""
        return list(islice(self._tips, count))

    def mark_common(self, oid: ObjectId) -> None:
        """Ignore it: tips don't show what is below them."""


class CommitNegotiator:
    """Walks the commits of a store from its tips by date, newest first (git's "consecutive" algorithm).

    Memory: one dict entry for each visited commit. Tips that are missing or not commits are skipped.
    """

    gives_up = True

    def __init__(self, store: ObjectStore, tips: Iterable[ObjectId]) -> None:
        self._store = store
        self._queue: list[tuple[int, int, ObjectId]] = []
        self._waiting: set[ObjectId] = set()
        """The commits in the queue that are not known to be common; if there are none, the walk is over."""
        self._parents: dict[ObjectId, tuple[ObjectId, ...]] = {}
        self._common: set[ObjectId] = set()
        for tip in tips:
            commit = self._peel(tip)
            if commit is not None:
                self._push(commit)

    def take(self, count: int) -> Sequence[ObjectId]:
        """Return the next commits that aren't known to be common."""
        taken: list[ObjectId] = []
        while self._waiting and len(taken) < count:
            _, _, oid = heapq.heappop(self._queue)
            is_common = oid in self._common
            if not is_common:
                self._waiting.discard(oid)
                taken.append(oid)
            for parent in self._parents[oid]:
                if is_common:
                    self.mark_common(parent)
                self._push(parent)
        return taken

    def mark_common(self, oid: ObjectId) -> None:
        """Mark the commit, and everything below it that was visited so far."""
        stack = [oid]
        while stack:
            commit = stack.pop()
            if commit not in self._common:
                self._common.add(commit)
                self._waiting.discard(commit)
                stack += self._parents.get(commit, ())

    def _push(self, oid: ObjectId) -> None:
        if oid in self._parents:
            return
        try:
            if self._store.header(oid).type is not ObjectType.COMMIT:
                return
            links = commit_links(self._store.read(oid).data, self._store.object_format, oid)
        except (MissingObject, CorruptObject):
            return  # a shallow boundary, or damage, which other code reports
        self._parents[oid] = links.parents
        heapq.heappush(self._queue, (-links.date, len(self._parents), oid))
        if oid in self._common:
            for parent in links.parents:
                self.mark_common(parent)
        else:
            self._waiting.add(oid)

    def _peel(self, oid: ObjectId) -> ObjectId | None:
        for _ in range(16):
            try:
                stored_type = self._store.header(oid).type
                if stored_type is not ObjectType.TAG:
                    return oid if stored_type is ObjectType.COMMIT else None
                oid = tag_target(self._store.read(oid).data, self._store.object_format, oid)[0]
            except (MissingObject, CorruptObject):
                return None
        return None
