"""The end of an answer is found without parsing its lines."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transport.wire.boundary import FlushFinder
from transport.wire.pktline import encode_packet

LINES = st.lists(st.one_of(st.binary(max_size=30).map(encode_packet), st.sampled_from([b"0001", b"0002"])))


@given(LINES, st.binary(max_size=20), st.integers(1, 9))
def test_the_first_flush_is_found_however_the_bytes_are_cut(lines, behind, size):
    answer = b"".join(lines) + b"0000"
    data = answer + behind
    finder = FlushFinder()
    for start in range(0, len(data), size):
        end = finder.feed(data[start : start + size])
        if end is not None:
            assert start + end == len(answer)
            return
    raise AssertionError("not found")


@given(LINES)
def test_no_flush_is_found_if_there_is_none(lines):
    finder = FlushFinder()
    assert finder.feed(b"".join(lines)) is None
    assert not finder.lost


@pytest.mark.parametrize("data", [b"PACK\0\0\0\2", b"+0010000", b"00 10000", b"zzzz0000"])
def test_bytes_that_are_no_lines_are_let_pass(data):
    finder = FlushFinder()
    assert finder.feed(data) is None
    assert finder.lost
    assert finder.feed(b"0000") is None
