"""Words that stayed between two matches are matched too."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packcore.delta.gaps import fill_gaps

EDGE = b"the same before and behind;"
texts = st.text(alphabet="ab _", max_size=500).map(str.encode)


def between(base: bytes, target: bytes) -> list[bytes]:
    """Return the matches between two edges that agree."""
    base, target = EDGE + base + EDGE, EDGE + target + EDGE
    end = len(EDGE)
    edges = [(0, 0, end), (len(target) - end, len(base) - end, end)]
    filled = fill_gaps(base, target, edges)
    assert (filled[0], filled[-1]) == (edges[0], edges[1])
    return [target[start : start + length] for start, _, length in filled[1:-1]]


@pytest.mark.parametrize("others", [0, 100])
def test_what_stayed_in_a_line_that_changed_is_found(others):
    rest = b" ".join(b"%06x" % random.Random(1).randrange(1 << 24) for _ in range(others))
    new, old = b"if total_size > limit_of_the_day:" + rest, b"while size > limit_of_the_day and more:"
    assert b"size > limit_of_the_day" in between(old, new)


def test_a_word_is_found_within_a_longer_one():
    assert between(b"[re_searching_for_words]", b"{searching_for_words, at once}") == [b"searching_for_words"]


@pytest.mark.parametrize(("base", "target"), [(b"short", b"much longer than that was"), (b"", b"new" * 9)])
def test_a_gap_too_small_to_pay_is_left(base, target):
    assert between(base, target) == []


@given(base=texts, target=texts)
def test_matches_agree_and_come_in_order_on_both_sides(base, target):
    base, target = EDGE + base + EDGE, EDGE + target + EDGE
    end = len(EDGE)
    edges = [(0, 0, end), (len(target) - end, len(base) - end, end)]
    target_at = base_at = 0
    for start, found, length in fill_gaps(base, target, edges):
        assert start >= target_at
        assert found >= base_at
        assert base[found : found + length] == target[start : start + length]
        target_at, base_at = start + length, found + length
