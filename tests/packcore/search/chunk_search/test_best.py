"""The best of several bases is the cheapest one below the allowed depth."""

import random

import pytest

from packcore.delta.make import find_matches
from packcore.objects import ObjectType
from packcore.search.chunk_search.best import Best, BestOf
from packcore.search.chunk_search.outline import Outline
from packcore.search.strategy import Choice
from tests.pack_stores import make_text
from tests.packcore.search.chunk_search.searching import Searching

LINES = make_text(random.Random(1), 80)
TARGET = b"".join(LINES)


@pytest.fixture
def search() -> Searching:
    """Give a chain, 0 <- 1 <- 2, of which 2 is most like the target, and 3, which isn't placed."""
    search = Searching(
        ObjectType.BLOB, [(b"a", b"".join(LINES[:count])) for count in (60, 70, 75)] + [(b"a", TARGET)]
    )
    for number, base in enumerate((None, 0, 1)):
        search.place(Choice(number, base))
    return search


def found(
    search: Searching,
    wanted: tuple[int | None, ...],
    allowed: int = 50,
    cost_max: int = 10**6,
    best: Best | None = None,
    outline: Outline | None = None,
) -> int | None:
    bases = BestOf(search.state, ObjectType.BLOB)
    best = bases.find(TARGET, wanted, allowed=allowed, cost_max=cost_max, best=best, outline=outline)
    return None if best is None else best[0]


def test_the_cheapest_wins_whatever_the_order(search):
    assert found(search, (0, 2, 1)) == found(search, (2, 1, 0)) == 2


def test_for_a_base_too_deep_its_own_base_stands_in(search):
    assert found(search, (2,), allowed=2) == 1
    assert found(search, (2,), allowed=1) == 0
    assert found(search, (2,), allowed=0) is None


def test_what_is_not_placed_is_no_base(search):
    assert found(search, (3, None)) is None


def test_a_base_that_costs_too_much_is_no_base(search):
    assert found(search, (0,), cost_max=20) is None


def test_the_best_so_far_stays_unless_another_costs_less(search):
    best: Best = (1, 100, [])
    assert found(search, (0,), cost_max=99, best=best) == 1
    assert found(search, (2,), cost_max=10**6, best=best) == 2


def test_by_an_outline_the_most_promising_base_is_matched_and_the_hopeless_are_not(search, monkeypatch):
    matched = []

    def noted(type_, base, target, *rest):
        matched.append(base)
        return find_matches(type_, base, target, *rest)

    monkeypatch.setattr("packcore.search.chunk_search.best.find_matches", noted)
    assert found(search, (0, 1, 2), outline=Outline(TARGET)) == 2
    assert matched == [b"".join(LINES[:75])]


def test_a_single_base_is_matched_whatever_it_seems_to_cost(search):
    # The outline knows nothing about a text without line ends.
    joined = TARGET.replace(b"\n", b"")
    assert found(search, (2,), outline=Outline(joined)) == 2
