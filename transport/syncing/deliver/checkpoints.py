"""Where a relay in batches pauses: commits to fetch up to, chosen from the sizes of the packs so far.

    sequence     c1 c2 c3 c4 c5 c6 c7 c8 m9 tag         parents first; m9 is a merge
    piece        c1 c2 c3                               as many as should fill a pack to FILL of the limit
    checkpoint         c3                               what to ask the source for; a temporary ref holds it

    a pack came in within the limit     the next piece is sized by its bytes per commit, at most GROWTH
                                        times as long: small packs are recombined
    a pack was too large                half of the piece, or less if its object count says so
    a piece of one was too large        a merge is opened: its side branches come first (topo order);
                                        a plain commit must be cut within

A chain of first parents has the fewest checkpoints, and each is a former state of the branch; `topo` names
every commit, so no merge needs to be opened. Tags count as commits whose parent is what they name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from packcore.objects import ObjectType, commit_links, tag_target
from transport.syncing.gather.commit_order import first_parents, heads, parents_first, reach

if TYPE_CHECKING:
    from collections.abc import Iterable

    from packcore.ids import ObjectId
    from packcore.store.base import ObjectStore
    from transport.syncing.request import BootstrapStrategy

__all__ = ["Checkpoints", "parents_in"]

FILL = 0.75
"""Planned share of the limit; the real size is only known once the pack is here."""
GROWTH = 4
OBJECT_BYTES_GUESSED = 400
"""Size of an average object in a pack, before any was seen."""


def parents_in(store: ObjectStore, wants: Iterable[ObjectId]) -> dict[ObjectId, tuple[ObjectId, ...]]:
    """Return the parents of the commits and tags in the store that the wants reach; other wants have none.

    Memory: some 300 bytes for each commit. Raises CorruptData.
    """
    parents: dict[ObjectId, tuple[ObjectId, ...]] = dict.fromkeys(wants, ())
    found = set(parents)
    stack = list(parents)
    while stack:
        oid = stack.pop()
        if oid not in store:
            continue
        type_ = store.header(oid).type
        if type_ is ObjectType.COMMIT:
            parents[oid] = commit_links(store.read(oid).data, store.object_format, oid).parents
        elif type_ is ObjectType.TAG:
            parents[oid] = (tag_target(store.read(oid).data, store.object_format, oid)[0],)
        else:
            continue
        new = [parent for parent in parents[oid] if parent not in found]
        found.update(new)
        stack += new
    return parents


class Checkpoints:
    """The pieces of one history, one after the other."""

    def __init__(
        self,
        parents: dict[ObjectId, tuple[ObjectId, ...]],
        tips: Iterable[ObjectId],
        *,
        strategy: BootstrapStrategy,
        object_count: int,
        limit: int,
    ) -> None:
        """`tips` are in order of importance; `object_count` is about how many objects all of them bring."""
        self._parents = parents
        self._sequence = _sequence(parents, tips, strategy)
        self._position = 0
        self._done: set[ObjectId] = set()
        batches = max(1.0, object_count * OBJECT_BYTES_GUESSED / (limit * FILL))
        self._span = max(1, int(len(self._sequence) / batches))
        self._commit_bytes = 0.0
        """Size of a commit, by the packs so far."""

    @property
    def batches_left(self) -> int:
        """Estimate of how many more there will be."""
        return -(-(len(self._sequence) - self._position) // self._span)

    @property
    def is_single(self) -> bool:
        """Whether the next piece can't be halved."""
        return len(self._piece) == 1

    def next(self) -> list[ObjectId]:
        """Return what to request next; empty at the end."""
        return heads(self._piece, self._parents)

    def passed(self, pack_bytes: int, limit: int) -> None:
        """Note that the piece is on the target, and how large its pack was."""
        piece = self._piece
        reach(self._parents, heads(piece, self._parents), self._done)
        self._position += len(piece)
        latest = max(1, pack_bytes) / len(piece)
        # Raise the estimate fully, lower it by halves: a pack too large costs more than one too small.
        self._commit_bytes = max(latest, (self._commit_bytes + latest) / 2)
        self._span = max(1, min(int(limit * FILL / self._commit_bytes), len(piece) * GROWTH))

    def shorten(self, pack_bytes: float, limit: int) -> None:
        """Note that the piece was too large, of about `pack_bytes`; it becomes half as long, or shorter."""
        length = len(self._piece)
        self._commit_bytes = max(self._commit_bytes, max(pack_bytes, limit) / length)
        self._span = max(1, min(length // 2, int(limit * FILL / self._commit_bytes)))

    def open_merge(self) -> bool:
        """Replace the single next commit with what it brings; return whether that is more than itself."""
        (commit,) = self._piece
        brought = parents_first(self._parents, [commit], self._done)
        self._sequence[self._position : self._position + 1] = brought
        self._span = max(1, len(brought) // 2)
        return len(brought) > 1

    @property
    def _piece(self) -> list[ObjectId]:
        return self._sequence[self._position : self._position + self._span]


def _sequence(
    parents: dict[ObjectId, tuple[ObjectId, ...]], tips: Iterable[ObjectId], strategy: BootstrapStrategy
) -> list[ObjectId]:
    if strategy == "topo":
        return parents_first(parents, tips)
    sequence: list[ObjectId] = []
    reached: set[ObjectId] = set()
    for tip in tips:
        sequence += first_parents(parents, tip, reached)
        reach(parents, [tip], reached)
    return sequence
