"""Histories drawn by number: each commit with the numbers of its parents, and a date, right or wrong."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from packcore.ids import SHA1, ObjectId
from packcore.objects import ObjectType
from packcore.store.memory import MemoryStore
from packcore.store.repository import Repository
from tests.support import git

if TYPE_CHECKING:
    from pathlib import Path

EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"


class Drawing:
    """Commits by number with their parents and dates, as bytes and as a graph to compare with."""

    def __init__(self, parents: list[list[int]], dates: list[int]) -> None:
        self.parents = parents
        self.data: list[bytes] = []
        self.ids: list[ObjectId] = []
        self.store = MemoryStore(SHA1)
        for number, (below, date) in enumerate(zip(parents, dates, strict=True)):
            lines = [f"tree {EMPTY_TREE}", *(f"parent {self.ids[n].hex()}" for n in below)]
            lines += [f"author a <a> {date} +0000", f"committer a <a> {date} +0000", "", f"{number}\n"]
            self.data.append("\n".join(lines).encode())
            self.ids.append(self.store.add(ObjectType.COMMIT, self.data[-1]))

    def reach(self, tip: int) -> set[int]:
        reached, stack = {tip}, [tip]
        while stack:
            for parent in self.parents[stack.pop()]:
                if parent not in reached:
                    reached.add(parent)
                    stack.append(parent)
        return reached

    def pairs(self, numbers: list[tuple[int, int]]) -> list[tuple[ObjectId, ObjectId]]:
        return [(self.ids[old], self.ids[new]) for old, new in numbers]

    def truth(self, numbers: list[tuple[int, int]]) -> list[bool]:
        return [old in self.reach(new) for old, new in numbers]


def drawing(seed: int, size: int, *, skew: str = "any") -> Drawing:
    chance = random.Random(seed)
    parents = [
        sorted(chance.sample(range(max(0, n - 6), n), min(n, chance.choice([0, 1, 1, 1, 2, 3]))))
        for n in range(size)
    ]
    random_dates = [chance.randrange(60) for _ in range(size)]
    dates = {
        "any": random_dates,
        "right": list(range(size)),
        "backwards": list(range(size, 0, -1)),
        "equal": [7] * size,
    }
    return Drawing(parents, dates[skew])


def stored(graph: Drawing, path: Path) -> Path:
    """Put a drawing into a new repository, a branch at each commit that is no parent."""
    with Repository.init(path) as repository:
        repository.write_loose(ObjectType.TREE, b"")
        for data in graph.data:
            repository.write_loose(ObjectType.COMMIT, data)
    inner = {parent for parents in graph.parents for parent in parents}
    for number, oid in enumerate(graph.ids):
        if number not in inner:
            git("update-ref", f"refs/heads/b{number}", oid.hex(), cwd=path)
    return path
