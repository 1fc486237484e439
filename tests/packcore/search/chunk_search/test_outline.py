"""An outline finds what a delta leaves over, and estimates what another would leave over."""

import random

import pytest

from packcore.delta.segments import find_text_matches
from packcore.search.chunk_search.outline import Outline, literal_of
from tests.pack_stores import make_text

LINES = make_text(random.Random(1), 200)
TEXT = b"".join(LINES)


def test_on_itself_a_blob_costs_nothing():
    assert Outline(TEXT).cost_on(TEXT) == 0


def test_on_nothing_a_blob_costs_no_more_than_its_bytes():
    assert len(b"".join(set(LINES))) <= Outline(TEXT).cost_on(b"") <= len(TEXT) + 1


@pytest.mark.parametrize("kept", [20, 100, 180])
def test_what_a_base_lacks_counts_wherever_it_stands(kept):
    shuffled = LINES[:kept]
    random.Random(2).shuffle(shuffled)
    cost = Outline(TEXT).cost_on(b"".join(shuffled))
    found = find_text_matches(b"".join(LINES[:kept]), TEXT, len(TEXT))
    assert found is not None
    assert found[0] * 0.8 < cost < found[0] * 1.2


def test_data_without_lines_is_compared_in_pieces():
    data = TEXT.replace(b"\n", b";")
    half = len(data) // 2
    assert half * 0.9 < Outline(data).cost_on(data[:half]) < half * 1.1


def test_a_delta_leaves_over_the_chunks_that_it_holds_literally():
    start = len(b"".join(LINES[:3]))
    end = start + len(LINES[3])
    matches = [(0, 0, start), (end, 0, len(TEXT) - end)]
    assert Outline(TEXT).left_by(matches) == [LINES[3].rstrip(b"\n")]
    assert len(Outline(TEXT).left_by(None)) == sum(len(line) > 8 for line in LINES)


@pytest.mark.parametrize(
    ("matches", "literal"),
    [
        ([], b"0123456789"),
        ([(0, 5, 10)], b""),
        ([(0, 0, 2), (4, 9, 3)], b"23\n789"),
        ([(8, 0, 2)], b"01234567"),
    ],
)
def test_literal_is_what_the_matches_leave_over(matches, literal):
    assert literal_of(b"0123456789", matches) == literal


def test_a_large_base_without_lines_is_matched_rather_than_outlined() -> None:
    noise = random.Random(5).randbytes(40_000).replace(b"\n", b"")
    assert not Outline(noise[:1000]).is_quick_on([noise[:2000], noise])
    assert Outline(noise[:1000]).is_quick_on([noise[:2000]])
    assert Outline(TEXT).is_quick_on([noise])
