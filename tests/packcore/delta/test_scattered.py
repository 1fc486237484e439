"""Matches anywhere in the base: by a search for few chunks, by a table of many."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from packcore.delta.scattered import MATCH_COST, match_scattered
from packcore.delta.segments import find_text_matches

PIECES = [b"a line of text", b"another line, longer than that", b"}", b"", b"\0" * 70, b"x,y,z;" * 9]


def words(seed: int, count: int) -> list[bytes]:
    """Return words without lines, each of which contains its own position."""
    rng = random.Random(seed)
    return [b"%s=%d," % (rng.randbytes(12).hex().encode(), number) for number in range(count)]


def matched(
    base: bytes, target: bytes, left_max: int = 10**9
) -> tuple[int | None, list[tuple[int, int, int]]]:
    """Match all of the target with all of the base."""
    matches: list[tuple[int, int, int]] = []
    areas = [(0, len(target), 0)]
    return match_scattered(base, target, areas, matches, searched=(0, len(base)), left_max=left_max), matches


@given(
    base=st.lists(st.sampled_from(PIECES), max_size=90),
    target=st.lists(st.sampled_from([*PIECES, b"something new here"]), min_size=1, max_size=60),
    separator=st.sampled_from([b"\n", b" "]),
)
@settings(max_examples=150, deadline=None)
def test_what_is_left_and_what_matches_take_is_the_cost(base, target, separator):
    base, target = separator.join(base), separator.join(target)
    if not target:
        return
    cost, matches = matched(base, target)
    position = 0
    for start, place, length in sorted(matches):
        assert start >= position
        assert target[start : start + length] == base[place : place + length]
        position = start + length
    assert cost == len(target) - sum(length - MATCH_COST for _, _, length in matches)


@pytest.mark.parametrize("separator", [b"\n", b" "])
@pytest.mark.parametrize("count", [4, 400])
def test_little_is_found_in_a_large_base_as_much_is(separator, count):
    base = words(1, 2000)
    target = [*base[1000 : 1000 + count], b"something that is new", *base[300 : 300 + count]]
    cost, matches = matched(separator.join(base), separator.join(target))
    assert len(matches) == 2
    assert cost is not None
    assert cost < 60


@pytest.mark.parametrize("separator", [b"\n", b" "])
def test_a_search_that_leaves_too_much_is_given_up_on_the_way(separator):
    base = words(1, 2000)
    target = separator.join(word for pair in zip(base, words(2, 2000), strict=True) for word in pair)
    cost, matches = matched(separator.join(base), target)
    assert cost is not None
    assert matched(separator.join(base), target, cost) == (cost, matches)
    limited, some = matched(separator.join(base), target, cost // 10)
    assert limited is None
    assert len(some) < len(matches) / 5


def test_of_equal_chunks_without_lines_the_place_that_agrees_longest_is_taken():
    field = b"field_that_repeats_itself,"
    base = b"".join([*(field + word for word in words(3, 50)), *words(4, 40)])
    target = base[base.rindex(field) :]
    assert matched(base, target)[1] == [(0, base.rindex(field), len(target))]


def image_of(marks: list[tuple[int, bytes]]) -> bytes:
    """Return padding with marks in it."""
    data = bytearray(600_000)
    for place, mark in marks:
        data[place : place + 8] = mark
    return bytes(data)


def test_in_padding_more_places_are_tried_than_the_first_and_the_last():
    rng = random.Random(5)
    marks = [(rng.randrange(590_000), rng.randbytes(8).replace(b"\n", b"x")) for _ in range(24)]
    moved = [(place + rng.randrange(1, 9000), mark) for place, mark in marks]
    matches = find_text_matches(image_of(marks), image_of(moved), 10**9)
    assert matches is not None
    assert matches[0] < 1300  # 1,005; by the first and the last place alone 2,869
