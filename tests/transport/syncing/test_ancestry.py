"""Ancestry from a piece of history: exact, for any graph and whatever the target has.

The server is simulated by the set that it may send, everything that the wants reach and the haves don't;
the real one is asked in test_materialized.
"""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from packcore.ids import SHA1, ObjectId
from packcore.objects import ObjectType
from packcore.store.memory import MemoryStore
from transport.syncing.gather.ancestry import Ancestry

TREE = SHA1.from_hex("4b825dc642cb6eb9a060e54bf8d69288fbee4904")


class Graph:
    """Commits by number, each with the numbers of its parents; a whole history and pieces of it."""

    def __init__(self, parents: list[list[int]], dates: list[int] | None = None) -> None:
        self.parents = parents
        self.data: list[bytes] = []
        self.ids: list[ObjectId] = []
        for number, of in enumerate(parents):
            lines = [f"tree {TREE.hex()}", *(f"parent {self.ids[n].hex()}" for n in of)]
            date = dates[number] if dates else number
            lines += [f"author a <a> {date} +0000", f"committer a <a> {date} +0000", "", f"{number}\n"]
            data = "\n".join(lines).encode()
            self.data.append(data)
            self.ids.append(SHA1.hash_object(b"commit", data))

    def reach(self, *tips: int) -> set[int]:
        reached, stack = set(tips), list(tips)
        while stack:
            for parent in self.parents[stack.pop()]:
                if parent not in reached:
                    reached.add(parent)
                    stack.append(parent)
        return reached

    def fetched(self, wants: list[int], haves: list[int]) -> MemoryStore:
        store = MemoryStore(SHA1)
        for number in sorted(self.reach(*wants) - self.reach(*haves)):
            store.add(ObjectType.COMMIT, self.data[number])
        return store

    def is_ancestor(self, old: int, new: int) -> bool:
        return old in self.reach(new)


def random_graph(seed: int, size: int) -> Graph:
    chance = random.Random(seed)
    parents = [
        sorted(chance.sample(range(max(0, n - 5), n), min(n, chance.choice([0, 1, 1, 1, 2, 3]))))
        for n in range(size)
    ]
    return Graph(parents, [chance.randrange(50) for _ in range(size)])


@pytest.mark.parametrize(
    ("parents", "haves", "old", "new", "expected"),
    [
        ([[], [0]], [0], 0, 1, True),
        ([[], [0], [0]], [1], 1, 2, False),  # siblings
        ([[], [0], [1]], [2], 2, 1, False),  # the target is ahead
        ([[], [0], [1]], [0, 1], 0, 2, None),  # 2 -> 1, which another tip has; 0 may lie below it
        ([[], [0], [0, 1]], [0, 1], 0, 2, True),  # a merge whose first parent is the old tip
        ([[], [0]], [0, 1], 0, 1, None),  # the new tip is another tip of the target: nothing was sent
        ([[], [], [1]], [0], 0, 2, False),  # an unrelated history, whole in the pack
    ],
)
def test_the_pack_alone_says_yes_no_or_nothing(parents, haves, old, new, expected):
    graph = Graph(parents)
    store = graph.fetched([new], haves)
    known = Ancestry(store, {graph.ids[n] for n in haves})
    assert said(known, graph.ids[old], graph.ids[new]) is expected


def said(known: Ancestry, old: ObjectId, new: ObjectId) -> bool | None:
    return known.compare([(old, new)])[0][0]


@settings(max_examples=150)
@given(st.integers(0, 2**32), st.integers(2, 24), st.data())
def test_what_is_said_is_true_and_the_history_down_to_the_old_tip_settles_it(seed, size, data):
    graph = random_graph(seed, size)
    numbers = st.integers(0, size - 1)
    pairs = data.draw(st.lists(st.tuples(numbers, numbers), min_size=1, max_size=4))
    haves = sorted({old for old, _ in pairs} | set(data.draw(st.lists(numbers, max_size=3))))
    store = graph.fetched([new for _, new in pairs], haves)
    known = Ancestry(store, {graph.ids[n] for n in haves})
    for old, new in pairs:
        truth = graph.is_ancestor(old, new)
        pair = graph.ids[old], graph.ids[new]
        (answer, ends), *_ = known.compare([pair])
        assert answer in (truth, None)
        if answer is None:
            wanted = [graph.ids.index(oid) for oid in ends]
            known.learn(graph.fetched(wanted, [old]), ends)
            assert known.compare([pair], settled={pair})[0][0] is truth
            assert said(known, *pair) in (truth, None)


@given(st.integers(0, 2**32), st.integers(2, 20), st.data())
def test_haves_that_the_source_does_not_know_change_nothing(seed, size, data):
    graph = random_graph(seed, size)
    new = data.draw(st.integers(0, size - 1))
    known = Ancestry(graph.fetched([new], []), {ObjectId(b"\x11" * 20)})
    assert said(known, ObjectId(b"\x11" * 20), graph.ids[new]) is False


def test_a_server_that_sends_more_than_it_must_is_no_harm():
    graph = Graph([[], [0], [1]])
    known = Ancestry(graph.fetched([2], []), {graph.ids[1], graph.ids[0]})
    assert said(known, graph.ids[0], graph.ids[2]) is True
    assert said(known, graph.ids[2], graph.ids[0]) is False


def test_below_a_shallow_commit_nothing_is_known():
    graph = Graph([[], [0], [1]])
    store = graph.fetched([2], [1])
    known = Ancestry(store, {graph.ids[0]}, shallow={graph.ids[2]})
    assert said(known, graph.ids[0], graph.ids[2]) is None
    assert said(known, graph.ids[1], graph.ids[2]) is True


def test_what_is_no_commit_has_no_ancestors():
    store = MemoryStore(SHA1)
    blob = store.add(ObjectType.BLOB, b"x")
    commit = Graph([[]]).ids[0]
    assert said(Ancestry(store, {commit}), commit, blob) is False
