"""Which deltas of other packs may be copied as they are, and how deep the chains they form are.

An object may be reused as a delta if its base is sent too, or if the receiver has it. Together these deltas
form trees, whose roots are whole in their packs or are searched:

    root (searched)  <-  reused  <-  reused          height of the root: 2
                     <-  reused

Two packs may hold a against b and b against a: the delta that closes such a cycle is not reused. Neither is
one deeper than the limit; the objects based on it start a new tree there. Then no order of choices can make a
chain too long, if the depth of each root is at most the limit less its height.

An object that is whole in a pack of mostly deltas was left whole by whatever made that pack: its search among
the neighbours found nothing. Such an object is trusted, which means copied as it is and not searched again.
This is git's rule not to compare two objects of one pack (pack-objects.c, try_delta). Here it applies to the
pack that most of the objects come from; objects from elsewhere are searched against all. If the receiver has
bases of its own, nothing is trusted, since no search has tried those.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from packcore.ids import ObjectId
    from packcore.search.strategy import Work
    from packcore.store.base import RawEntry

__all__ = ["PACKED_BY_DELTA_MIN", "ReusableDeltas", "trusted_wholes"]

PACKED_BY_DELTA_MIN = 0.25
"""A pack with at least this share of deltas counts as made by a search for deltas."""


class ReusableDeltas:
    """The deltas that a piece of work can reuse."""

    def __init__(self, work: Work, raws: Mapping[int, RawEntry]) -> None:
        bases = _bases_that_travel(work, raws)
        self.base_of = _without_rings(bases, work.limits.depth)
        """Maps the index of a candidate to that of its base."""

    @classmethod
    def known(cls, base_of: dict[int, int]) -> ReusableDeltas:
        """Return deltas found earlier, from their `base_of`: already bounded in depth and without cycles."""
        deltas = cls.__new__(cls)
        deltas.base_of = base_of
        return deltas

    @cached_property
    def children_of(self) -> dict[int, list[int]]:
        """Return the candidates based on each candidate that has any."""
        return _children(self.base_of)

    def heights(self) -> dict[int, int]:
        """Return the length of the longest chain of reused deltas based on each object that has any."""
        height: dict[int, int] = {}
        # Parents before children, so that the reverse meets every child before its parent.
        order = [index for index in self.children_of if index not in self.base_of]
        for index in order:
            order.extend(child for child in self.children_of[index] if child in self.children_of)
        for index in reversed(order):
            height[index] = 1 + max(height.get(child, 0) for child in self.children_of[index])
        return height

    def below(self, root: int) -> Sequence[tuple[int, int]]:
        """Return (index, base index) of all objects below this one in its tree, bases first."""
        found: list[tuple[int, int]] = []
        stack = [root]
        while stack:
            base = stack.pop()
            children = self.children_of.get(base, ())
            found.extend((child, base) for child in children)
            stack.extend(reversed(children))
        return found


def trusted_wholes(work: Work, raws: Mapping[int, RawEntry]) -> list[int]:
    """Return the indices, ascending, of the objects that are whole in a pack and need no search."""
    if len(work.candidates) > work.plan_count:
        return []
    by_pack: dict[int, list[int]] = {}
    for index, raw in raws.items():
        by_pack.setdefault(id(raw.pack), []).append(index)
    members = max(by_pack.values(), key=len, default=[])
    wholes = [index for index in members if raws[index].base is None]
    if len(members) - len(wholes) < len(members) * PACKED_BY_DELTA_MIN:
        return []
    candidates = work.candidates
    return sorted(index for index in wholes if raws[index].size == candidates[index].size)


def _children(base_of: Mapping[int, int]) -> dict[int, list[int]]:
    children_of: dict[int, list[int]] = {}
    for index in sorted(base_of):
        children_of.setdefault(base_of[index], []).append(index)
    return children_of


def _bases_that_travel(work: Work, raws: Mapping[int, RawEntry]) -> dict[int, int]:
    candidates = work.candidates
    index_of: dict[ObjectId, int] = {candidate.oid: index for index, candidate in enumerate(candidates)}
    bases: dict[int, int] = {}
    for index, raw in raws.items():
        if raw.base is None:
            continue
        base = index_of.get(raw.base)
        if base is not None and candidates[base].type == candidates[index].type:
            bases[index] = base
    return bases


def _without_rings(bases: Mapping[int, int], depth_max: int) -> dict[int, int]:
    """Leave out deltas that close a cycle or are deeper than `depth_max`."""
    kept = dict(bases)
    depth: dict[int, int] = {}
    for start in sorted(bases):
        base = bases[start]
        if base in depth or base not in bases:
            # Nearly always, its base is handled already or is no delta.
            if start not in depth and start in kept:
                depth[start] = depth.get(base, 0) + 1
                if depth[start] > depth_max:
                    del kept[start]
                    depth[start] = 0
            continue
        chain: list[int] = []
        on_chain: set[int] = set()
        index = start
        while index in kept and index not in depth:
            if index in on_chain:
                del kept[index]
                break
            chain.append(index)
            on_chain.add(index)
            index = kept[index]
        for link in reversed(chain):
            if link not in kept:
                continue
            depth[link] = depth.get(kept[link], 0) + 1
            if depth[link] > depth_max:
                del kept[link]
                depth[link] = 0
    return kept
