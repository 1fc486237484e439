"""The objects of one simulated world: a small random history, and what reaches what.

    step 0    no parents         d/f0  d/f1      trees and blobs shared with the parents, texts for deltas
    step 1    0                  d/f2  big       `big`: random bytes, so that packs have a size
    step 2    0 1                ...

Made from plain numbers (`Step`), so that a scenario can be printed, and made smaller, as a value.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, NamedTuple

from packcore.objects import ObjectType
from packcore.store.memory import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from packcore.ids import ObjectFormat, ObjectId

__all__ = ["Step", "Universe"]


class Step(NamedTuple):
    """One commit: its parents by number, and the bytes of its large file (0: none)."""

    parents: tuple[int, ...] = ()
    big: int = 0


class Universe(MemoryStore):
    """Every object that any repository of the world may have."""

    def __init__(self, object_format: ObjectFormat, steps: Sequence[Step], seed: int) -> None:
        super().__init__(object_format)
        self.commits: list[ObjectId] = []
        self.number: dict[ObjectId, str] = {}
        """What people call an object: c3, t3."""
        self._chance = random.Random(seed)
        self._links: dict[ObjectId, tuple[ObjectId, ...]] = {}
        self._reach: dict[ObjectId, frozenset[ObjectId]] = {}
        self._files: list[dict[bytes, ObjectId]] = []
        for step in steps:
            self.commit(step)

    def commit(self, step: Step) -> ObjectId:
        """Add one commit."""
        number = len(self.commits)
        files = dict(self._files[step.parents[0]]) if step.parents else {}
        lines = b"".join(b"line %d of %d\n" % (line, line % (number + 2)) for line in range(12))
        files[b"f%d" % (number % 3)] = self._blob(lines + b"%d\n" % number)
        if step.big:
            files[b"g%d" % (number % 2)] = self._blob(self._chance.randbytes(step.big))
        inner = self._tree({name: (b"100644", oid) for name, oid in files.items()})
        tree = self._tree({b"d": (b"40000", inner), b"f": (b"100644", files[min(files)])})
        parents = [self.commits[parent] for parent in step.parents]
        date = 1_112_000_000 + number * 60 - self._chance.choice([0, 0, 0, 400])
        who = b"A <a@example.com> %d +0000" % date
        text = b"tree %s\n" % tree.hex().encode()
        text += b"".join(b"parent %s\n" % parent.hex().encode() for parent in parents)
        text += b"author %s\ncommitter %s\n\nstep %d\n" % (who, who, number)
        oid = self._linked(self.add(ObjectType.COMMIT, text), (*parents, tree))
        self.commits.append(oid)
        self._files.append(files)
        self.number[oid] = f"c{number}"
        return oid

    def tag(self, number: int) -> ObjectId:
        """Return an annotated tag of a commit."""
        target = self.commits[number]
        text = b"object %s\ntype commit\ntag t%d\n" % (target.hex().encode(), number)
        text += b"tagger A <a@example.com> 1112000000 +0000\n\ntag\n"
        oid = self._linked(self.add(ObjectType.TAG, text), (target,))
        self.number[oid] = f"t{number}"
        return oid

    def tree_of(self, number: int) -> ObjectId:
        """Return a commit's tree."""
        return self._links[self.commits[number]][-1]

    def links(self, oid: ObjectId) -> tuple[ObjectId, ...]:
        """Return what an object names; a commit's tree comes last."""
        return self._links[oid]

    def reach(self, oid: ObjectId) -> frozenset[ObjectId]:
        """Return all that an object reaches, itself included."""
        found = self._reach.get(oid)
        if found is None:
            found = frozenset((oid,)).union(*map(self.reach, self._links[oid]))
            self._reach[oid] = found
        return found

    def reach_all(self, oids: Iterable[ObjectId]) -> set[ObjectId]:
        """Return all that any of them reaches."""
        return set().union(*map(self.reach, oids))

    def is_ancestor(self, old: ObjectId, new: ObjectId) -> bool:
        """Tell whether a push from `old` to `new` is a fast-forward: both commits, one below the other."""
        types = {self.read(oid).type for oid in (old, new)}
        return types == {ObjectType.COMMIT} and old in self.reach(new)

    def name(self, oid: ObjectId | None) -> str:
        """Return a short name for messages."""
        return "-" if oid is None else self.number.get(oid, oid.hex()[:8])

    def _blob(self, data: bytes) -> ObjectId:
        return self._linked(self.add(ObjectType.BLOB, data), ())

    def _tree(self, entries: dict[bytes, tuple[bytes, ObjectId]]) -> ObjectId:
        rows = [b"%s %s\0%s" % (mode, name, oid) for name, (mode, oid) in sorted(entries.items())]
        return self._linked(self.add(ObjectType.TREE, b"".join(rows)), [oid for _, oid in entries.values()])

    def _linked(self, oid: ObjectId, links: Iterable[ObjectId]) -> ObjectId:
        self._links[oid] = tuple(links)
        return oid
