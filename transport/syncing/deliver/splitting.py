"""A push cut into several packs, each within the target's limit, each with its own delta selection.

    groups by commit, oldest first      g1 g2 g3 g4 g5 g6 g7
    estimated by the plan of the whole  [g1 g2 g3 g4] [g5 g6 g7]          filled to FILL of the limit
    selected and measured               [g1 g2] [g3 g4] [g5 g6 g7]        halved if still too large

A part's size is known exactly before anything is pushed, since its plan is measured by making its bytes. A
commit that is too large for one part is cut within, whole subtrees first. A single object that is too large
is sent alone if the limit is a guess, since the target may take more. If the target refused that size, or the
user set the limit, the object can't be sent, and the run says so before it pushes. No part has a delta
against an object of another part: that costs some bytes, but any receiver can take it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from packcore.errors import LimitExceeded
from packcore.plans.entries import Candidate, Reused, Whole
from packcore.plans.plan import PackPlan
from packcore.plans.write import write_pack
from packcore.tree_path import path_end
from transport.syncing.deliver.tops import tops_of
from transport.syncing.gather.commit_groups import Group, group_by_commit

if TYPE_CHECKING:
    from packcore.ids import ObjectId
    from packcore.plans.entries import PackEntry
    from packcore.store.base import ObjectStore

__all__ = ["PushPart", "Splitter"]

FILL = 0.8
"""Planned share of the limit: with its own selection a part is larger than its share of the whole."""
_ENTRY_BYTES = 12
"""Rough size of an entry's header and base."""

PlanOf = Callable[[Sequence[Candidate]], PackPlan]
HeadBytes = Callable[[Sequence["ObjectId"]], int]


class PushPart(NamedTuple):
    """One pack of a split push."""

    plan: PackPlan
    groups: list[Group]
    tops: list[ObjectId]
    """Objects that refs must hold to hold everything in the part."""
    body_bytes: int
    """Size of the pack and the commands before it."""

    @property
    def is_single(self) -> bool:
        """Whether it holds one object, which can't be cut."""
        return len(self.groups) == 1 and len(self.groups[0]) == 1


class Splitter:
    """Cuts the objects of one push; `whole` is its plan, and `plan_of` selects deltas for a part.

    `head_bytes` returns the size of the commands that create refs at given objects.
    """

    def __init__(
        self,
        store: ObjectStore,
        whole: PackPlan,
        objects: Sequence[Candidate],
        *,
        plan_of: PlanOf,
        head_bytes: HeadBytes,
        ofs_delta: bool = True,
    ) -> None:
        self._store = store
        self._plan_of = plan_of
        self._head_bytes = head_bytes
        self._ofs_delta = ofs_delta
        self._sizes = {entry.oid: _estimated_bytes(entry) for entry in whole.entries}
        self._objects = objects
        self._order = {candidate.oid: candidate.order for candidate in objects}

    def split(self, wants: Sequence[ObjectId], limit: int, hopeless: int | None = None) -> list[PushPart]:
        """Cut all of a push; `hopeless` is a size that no part may reach; None means the limit itself.

        Raises LimitExceeded, naming the object, if one is too large; CorruptData.
        """
        return self.cut(group_by_commit(self._store, self._objects, wants), limit, hopeless)

    def cut(self, groups: Sequence[Group], limit: int, hopeless: int | None = None) -> list[PushPart]:
        """Cut groups, such as those of parts that a target refused. Raises as `split`."""
        parts: list[PushPart] = []
        for filled in self._filled(groups, round(limit * FILL)):
            parts += self._fitted(filled, limit, limit + 1 if hopeless is None else hopeless)
        return parts

    def _filled(self, groups: Sequence[Group], limit: int) -> list[list[Group]]:
        filled: list[list[Group]] = []
        room = 0
        for group in groups:
            size = sum(self._sizes[candidate.oid] for candidate in group)
            if not filled or size > room:
                filled.append([])
                room = limit
            filled[-1].append(group)
            room -= size
        return filled

    def _fitted(self, groups: list[Group], limit: int, hopeless: int) -> list[PushPart]:
        """Return the groups as one part if they fit, else halve them, with a stack of halves."""
        parts: list[PushPart] = []
        stack = [groups]
        while stack:
            groups = stack.pop()
            part = self._part(groups)
            if part.body_bytes <= limit or (part.is_single and part.body_bytes < hopeless):
                parts.append(part)
            else:
                stack.extend(reversed(self._halves(groups, part, limit)))
        return parts

    def _part(self, groups: list[Group]) -> PushPart:
        objects = [candidate for group in groups for candidate in group]
        walked = sorted(objects, key=lambda candidate: self._order[candidate.oid])
        plan = self._plan_of(
            [candidate._replace(order=position) for position, candidate in enumerate(walked)]
        )
        tops = tops_of(self._store, objects)
        pack_bytes = sum(len(block) for block in write_pack(plan, ofs_delta=self._ofs_delta))
        return PushPart(plan, groups, tops, self._head_bytes(tops) + pack_bytes)

    def _halves(self, groups: list[Group], part: PushPart, limit: int) -> list[list[Group]]:
        if len(groups) > 1:
            middle = self._middle([sum(self._sizes[c.oid] for c in group) for group in groups])
            return [groups[:middle], groups[middle:]]
        (group,) = groups
        if len(group) == 1:
            raise _too_large(group[0], part, limit)
        middle = self._middle([self._sizes[candidate.oid] for candidate in group])
        return [[group[:middle]], [group[middle:]]]

    @staticmethod
    def _middle(sizes: list[int]) -> int:
        """Return where to cut so that both sides are non-empty and about equal."""
        left, half = 0, sum(sizes) / 2
        for position, size in enumerate(sizes):
            if position and left + size > half:
                return position
            left += size
        return len(sizes) - 1


def _estimated_bytes(entry: PackEntry) -> int:
    """Return about how many bytes an entry takes; exact except for its header if the plan has its bytes."""
    encoding = entry.encoding
    if isinstance(encoding, Reused):
        return _ENTRY_BYTES + encoding.raw.end_offset - encoding.raw.payload_offset
    if encoding.deflated is not None:
        return _ENTRY_BYTES + len(encoding.deflated)
    return _ENTRY_BYTES + (entry.size if isinstance(encoding, Whole) else encoding.delta_size) // 2


def _too_large(candidate: Candidate, part: PushPart, limit: int) -> LimitExceeded:
    name = path_end(candidate.where).decode("utf-8", "backslashreplace")
    what = candidate.type.name.lower()
    where = f" ({name!r})" if name else ""
    return LimitExceeded(
        f"{what} {candidate.oid.hex()}{where} alone makes a push of {part.body_bytes} bytes, "
        f"and the target takes {limit}",
        limit="target-max-pack-bytes",
        hint="one object can't be cut: the target's limit must be raised, or the file left out of history",
    )
