"""Progress that advances is distinguished from progress that repeats."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from transport.wire.moving import TITLES_MAX, MovingProgress


def news(*texts: bytes) -> list[bool]:
    seen = MovingProgress()
    return [seen.moves_on(text) for text in texts]


def test_a_percentage_that_grows_is_news():
    lines = [b"Compressing objects:  %2d%% (%d/1000)\r" % (count // 10, count) for count in range(0, 1000, 7)]
    assert all(news(*lines))


def test_a_count_that_grows_under_the_same_percentage_is_news():
    assert news(b"Counting: 12% (123/1000)\r", b"Counting: 12% (124/1000)\r") == [True, True]


def test_a_repeated_line_does_not_count():
    assert news(*[b"still working\n"] * 3) == [True, False, False]


def test_alternating_lines_do_not_count():
    turns = itertools.islice(itertools.cycle([b"1%\r", b"2%\r"]), 6)
    assert news(*turns) == [True, True, False, False, False, False]


def test_one_line_of_a_packet_is_enough():
    assert news(b"a 1\nb 1\n", b"a 1\nb 2\n", b"a 1\nb 2\n") == [True, True, False]


def test_empty_text_does_not_count():
    assert news(b"", b"\n", b" \r\n") == [False, False, False]


def test_new_words_without_end_are_no_news_in_the_end():
    words = [bytes([97 + count // 676 % 26, 97 + count // 26 % 26, 97 + count % 26]) for count in range(1500)]
    assert news(*words).count(True) == TITLES_MAX


@given(st.lists(st.binary(max_size=300)))
def test_any_bytes_are_taken(texts):
    news(*texts)


def test_numbers_of_any_length_are_taken():
    assert news(b"9" * 9000, b"9" * 9000) == [True, False]
