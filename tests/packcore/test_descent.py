"""Who descends from whom, for many pairs by one walk: right for any graph, dates and part of history."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from packcore.ancestry import are_ancestors
from packcore.descent import QUESTIONS_MAX, Descent, trace_descents
from packcore.history import History, Node
from packcore.ids import SHA1, ObjectId
from packcore.objects import ObjectType
from packcore.store.memory import MemoryStore
from packcore.store.repository import Repository
from tests.packcore.drawings import Drawing, drawing, stored
from tests.support import run_git

if TYPE_CHECKING:
    from pathlib import Path


def line_with_branches(length: int, count: int) -> Drawing:
    """Return one line of history; the `count` last commits are children of places all over it."""
    parents = [[n - 1] if n else [] for n in range(length)]
    parents += [[length - 1 - n] for n in range(count)]
    return Drawing(parents, list(range(length + count)))


class CountingHistory(History):
    """A history that counts the commits that are read."""

    reads = 0

    def node(self, oid: ObjectId) -> Node | None:
        self.reads += 1
        return super().node(oid)


SKEWS = ("any", "right", "backwards", "equal")


@settings(max_examples=300)
@given(st.integers(0, 2**32), st.integers(1, 40), st.sampled_from(SKEWS), st.data())
def test_every_answer_is_that_of_a_search_through_all_of_history(seed, size, skew, data):
    graph = drawing(seed, size, skew=skew)
    numbers = st.integers(0, size - 1)
    asked = data.draw(st.lists(st.tuples(numbers, numbers), max_size=12))
    assert are_ancestors(graph.store, graph.pairs(asked)) == graph.truth(asked)


@settings(max_examples=200)
@given(st.integers(0, 2**32), st.integers(2, 30), st.data())
def test_a_part_of_history_says_yes_rightly_no_rightly_or_where_it_ends(seed, size, data):
    graph = drawing(seed, size)
    numbers = st.integers(0, size - 1)
    asked = data.draw(st.lists(st.tuples(numbers, numbers), min_size=1, max_size=8))
    held = data.draw(st.sets(numbers))
    part = MemoryStore(SHA1)
    for number in held:
        part.add(ObjectType.COMMIT, graph.data[number])
    found = trace_descents(History(part), graph.pairs(asked))
    for (old, new), descent in zip(asked, found, strict=True):
        truth = old in graph.reach(new)
        if descent.reached or not descent.ends:
            assert descent.reached is truth
        assert {graph.ids.index(oid) for oid in descent.ends} <= graph.reach(new) - held


@settings(max_examples=100)
@given(st.integers(0, 2**32), st.integers(2, 30), st.data())
def test_a_shallow_commit_hides_its_parents_and_the_answer_says_so(seed, size, data):
    graph = drawing(seed, size)
    numbers = st.integers(0, size - 1)
    asked = data.draw(st.lists(st.tuples(numbers, numbers), min_size=1, max_size=8))
    shallow = {graph.ids[n] for n in data.draw(st.sets(numbers))}
    found = trace_descents(History(graph.store, shallow), graph.pairs(asked))
    for (old, new), descent in zip(asked, found, strict=True):
        if descent.reached or not descent.is_cut:
            assert descent.reached is (old in graph.reach(new))


def test_git_gives_the_same_answers_where_clocks_run_wrong(tmp_path: Path):
    graph = drawing(5, 40)
    path = stored(graph, tmp_path / "a.git")
    with Repository.open(path) as repository:
        asked = [(old, new) for old in range(0, 40, 3) for new in range(0, 40, 4)]
        said = are_ancestors(repository, graph.pairs(asked))
    for (old, new), answer in zip(asked, said, strict=True):
        ids = graph.ids[old].hex(), graph.ids[new].hex()
        git_says = run_git("merge-base", "--is-ancestor", *ids, cwd=path)
        assert (git_says.returncode == 0) is answer


def test_more_questions_than_one_walk_takes_are_answered_by_several():
    graph = drawing(3, 30)
    asked = [(n % 30, n * 7 % 30) for n in range(QUESTIONS_MAX + 50)]
    assert are_ancestors(graph.store, graph.pairs(asked)) == graph.truth(asked)


@pytest.mark.parametrize("length", [1_000, 10_000])
@pytest.mark.parametrize("count", [10, 100])
def test_commits_are_read_once_however_many_branches_are_asked_about(length: int, count: int):
    graph = line_with_branches(length, count)
    history = CountingHistory(graph.store)
    asked = [(1, length + number) for number in range(count)]
    assert all(descent.reached for descent in trace_descents(history, graph.pairs(asked)))
    assert length - count <= history.reads <= length + count


def test_a_branch_that_is_one_commit_ahead_costs_a_commit_whatever_lies_below():
    graph = line_with_branches(10_000, 50)
    history = CountingHistory(graph.store)
    asked = [(9_999 - number, 10_000 + number) for number in range(50)]
    assert all(descent.reached for descent in trace_descents(history, graph.pairs(asked)))
    assert history.reads <= 110


def test_branches_that_went_apart_are_told_from_each_other_above_where_they_did():
    graph = line_with_branches(10_000, 50)
    history = CountingHistory(graph.store)
    asked = [(10_000 + number, 10_001 + number) for number in range(49)]
    assert not any(descent.reached for descent in trace_descents(history, graph.pairs(asked)))
    assert history.reads <= 200


def test_what_is_no_commit_has_no_ancestors_and_is_none():
    graph = drawing(1, 5)
    blob = graph.store.add(ObjectType.BLOB, b"x")
    tip = graph.ids[4]
    assert trace_descents(History(graph.store), [(tip, blob), (blob, tip)]) == [Descent(reached=False)] * 2
