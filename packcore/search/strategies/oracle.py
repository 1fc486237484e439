"""The best that any choice of bases can achieve: try all pairs and take the cheapest forest.

    pairs     makes a delta of every two objects of one type; its weight is its compressed bytes in the pack
    root      an object written whole, or against one that the receiver has
    forest    the minimum over all forests (search/arborescence), so no greedy choice gets in the way
    depth     where the minimum is too deep, it is repaired at the least cost each time

This is for sets small enough to try all pairs. The bytes by which another strategy's pack is larger are its
regret. With the engine's encoder and chains within the limit, the result is the exact minimum. If the depth
limit takes effect, the forest before the repair is a lower bound and the written pack an upper bound. Each
base reference counts as two bytes, which is its size in a small pack. Objects that are already compressed in
a pack are weighed as they are there. More objects than `objects` raise LimitExceeded before anything is read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, NamedTuple

from packcore.deflate import deflate, level_for
from packcore.delta.make import encode_matches, find_matches, make_delta
from packcore.errors import LimitExceeded
from packcore.objects import ObjectType
from packcore.pack.format import encode_entry_header
from packcore.search.arborescence import Edge, children_first, limit_depth, minimum_arborescence
from packcore.search.engine_strategy import EngineStrategy
from packcore.search.strategy import Choice, Parameter
from packcore.search.window import ObjectCache

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from packcore.search.strategy import Work

__all__ = ["Oracle"]

_OFFSET_BYTES = 2
"""The size of an ofs-delta's offset to a base that is 128 bytes to 16 KiB before it."""


class Oracle(EngineStrategy):
    """Exhaustive: the minimum-cost forest over all pairs."""

    name: ClassVar[str] = "oracle"
    description: ClassVar[str] = "all pairs tried, the cheapest forest taken: the lower bound, for small sets"
    cites: ClassVar[str] = "Chu and Liu (1965); Edmonds, Optimum branchings (1967)"
    reuses_deltas: ClassVar[bool] = False
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("objects", 400, "most objects to search; time grows with the square"),
    )

    def choose(self, work: Work) -> Iterator[Choice]:
        """Yield a choice for each searched object, each tree of the forest starting with its root.

        Raises LimitExceeded for more objects than the parameter `objects` allows.
        """
        most = self.values["objects"]
        count = len(work.searched)
        if count > most:
            raise LimitExceeded(
                f"strategy {self.name} tries all pairs, and {count} objects are more than {most}",
                limit="objects",
                hint="choose fewer objects, another strategy, or a larger value of its parameter objects",
            )
        pairs = _Pairs(work)
        for type_ in (ObjectType.COMMIT, ObjectType.TAG, ObjectType.TREE, ObjectType.BLOB):
            members = [index for index in work.searched if work.candidates[index].type == type_]
            if members:
                yield from _forest(pairs, members)


class _Root(NamedTuple):
    """The cheapest way to write an object without a base in the pack."""

    weight: int
    outside: int | None
    """A base that the receiver has; None means that the object is written whole."""


class _Pairs:
    """What each pair of objects weighs in the pack."""

    def __init__(self, work: Work) -> None:
        self.work = work
        self.read = work.reader(ObjectCache(work.limits.window_memory))
        self._digest_size = work.object_format.digest_size

    def root(self, member: int) -> _Root:
        """Return the cheapest way to write an object: whole, or against one that the receiver has."""
        work, candidate = self.work, self.work.candidates[member]
        stream_bytes = len(deflate(self.read(member), level_for(candidate.type, work.limits.compression)))
        stream_bytes = min(stream_bytes, work.stored_size.get(member, stream_bytes))
        best = _Root(len(encode_entry_header(candidate.type, candidate.size)) + stream_bytes, None)
        if work.room[member] > 0:
            for base in range(work.plan_count, len(work.candidates)):
                if work.candidates[base].type == candidate.type:
                    weight = self.weight(base, member)
                    if weight is not None and weight + self._digest_size < best.weight:
                        best = _Root(weight + self._digest_size, base)
        return best

    def weight(self, base: int, member: int) -> int | None:
        """Return the bytes of a delta's entry without its base reference, or None if nothing is shared."""
        work, data = self.work, self.read(member)
        type_ = work.candidates[member].type
        base_data = self.read(base)
        found = find_matches(type_, base_data, data, len(data) - 1, self._digest_size)
        if found is None:
            return None
        delta = encode_matches(type_, base_data, data, found[1])
        stream = deflate(delta, level_for(type_, work.limits.compression))
        return len(encode_entry_header(type_, len(delta))) + len(stream)

    def delta(self, base: int, member: int) -> Choice:
        """Return the choice of this base, with its delta."""
        work = self.work
        type_ = work.candidates[member].type
        delta = make_delta(type_, self.read(base), self.read(member), self._digest_size)
        return Choice(member, base, len(delta), deflate(delta, level_for(type_, work.limits.compression)))


def _forest(pairs: _Pairs, members: Sequence[int]) -> Iterator[Choice]:
    """Yield the choices of the cheapest forest over objects of one type. Node 0 stands for no base."""
    work = pairs.work
    roots = [pairs.root(member) for member in members]
    weights = {(0, node): root.weight for node, root in enumerate(roots, 1)}
    for node, member in enumerate(members, 1):
        for other, base in enumerate(members, 1):
            weight = pairs.weight(base, member) if other != node and work.room[member] > 0 else None
            # A delta that is not smaller than the whole object is never in a cheapest forest.
            if weight is not None and weight + _OFFSET_BYTES < roots[node - 1].weight:
                weights[other, node] = weight + _OFFSET_BYTES
    edges = [Edge(tail, head, weight) for (tail, head), weight in weights.items()]
    parents = minimum_arborescence(len(members) + 1, 0, edges)
    # A thin delta at the root makes a chain one longer, so if there are any, one level is kept free.
    depth_max = (
        min(work.room[member] for member in members) + 1 - any(root.outside is not None for root in roots)
    )
    parents = limit_depth(parents, 0, weights, max(depth_max, 1))
    for node in reversed(children_first(parents, 0)[:-1]):
        parent = parents[node]
        chosen = members[parent - 1] if parent else roots[node - 1].outside
        yield Choice(members[node - 1], None) if chosen is None else pairs.delta(chosen, members[node - 1])
