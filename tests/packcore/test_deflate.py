"""Inflating within bounds."""

from __future__ import annotations

import random
import zlib
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packcore.deflate import (
    deflate,
    deflate_blocks,
    inflate,
    inflate_at,
    inflate_blocks,
    inflate_head,
)
from packcore.errors import CorruptData
from packcore.limits import BLOCK_BYTES

TEXT = b"".join(b"line %d of a text that deflates well\n" % n for n in range(9000))


@given(st.binary(max_size=3000), st.integers(0, 9), st.binary(max_size=200))
def test_what_was_deflated_inflates_and_the_end_is_known(data: bytes, level: int, rest: bytes):
    stream = deflate(data, level)
    assert zlib.decompress(stream) == data
    assert inflate_at(b"xy" + stream + rest, 2, len(data)) == (data, 2 + len(stream))


@pytest.mark.parametrize("line", [b"abcabcab\n", b"a longer line that comes again and again\n"])
def test_repetitive_data_takes_no_more_than_in_zlib(line: bytes):
    data = line * (60_000 // len(line))
    assert len(deflate(data)) <= len(zlib.compress(data, 6)) + 4


@pytest.mark.parametrize("apart", [100, 200, 220])
def test_the_smallest_window_reaches_over_all_of_a_short_object(apart: int):
    data = random.Random(1).randbytes(apart // 2).hex().encode()
    assert len(deflate(data + data[:30])) <= len(deflate(data)) + 8


@given(st.lists(st.binary(max_size=200), max_size=8))
def test_blocks_deflate_to_one_stream(blocks: list[bytes]):
    assert zlib.decompress(b"".join(deflate_blocks(blocks))) == b"".join(blocks)


@pytest.mark.parametrize("cut_bytes", [1, 7, 1000, 10**9])
def test_a_stream_inflates_in_blocks_from_any_blocks(cut_bytes: int):
    stream = deflate(TEXT) + b"more"
    pieces = [stream[i : i + cut_bytes] for i in range(0, len(stream), cut_bytes)]
    blocks = list(inflate_blocks(pieces, len(TEXT)))
    assert b"".join(blocks) == TEXT
    assert max(map(len, blocks)) <= BLOCK_BYTES


def test_the_head_of_a_stream_inflates_without_the_rest():
    assert inflate_head(b"." + deflate(TEXT)[:500], 1, 20) == TEXT[:20]
    assert inflate_head(deflate(b"abc"), 0, 20) == b"abc"


@pytest.mark.parametrize("size", [0, 1, len(TEXT) - 1, len(TEXT) + 1, 1 << 62])
def test_a_stream_of_another_size_is_corrupt(size: int):
    stream = deflate(TEXT)
    with pytest.raises(CorruptData, match="bytes"):
        inflate(stream, size)
    with pytest.raises(CorruptData, match="bytes"):
        list(inflate_blocks([stream], size))


def test_a_bomb_is_stopped_at_the_size_it_should_have():
    bomb = deflate(bytes(50_000_000))
    with pytest.raises(CorruptData, match="should have 1000 bytes and has more"):
        inflate(bomb, 1000)


@pytest.mark.parametrize("end", [0, 1, 2, 100, -5, -1])
def test_a_stream_that_ends_early_is_corrupt(end: int):
    stream = deflate(TEXT)[:end]
    with pytest.raises(CorruptData, match="ends early"):
        inflate(stream, len(TEXT))
    with pytest.raises(CorruptData, match="ends early"):
        list(inflate_blocks([stream], len(TEXT)))


@given(st.binary(max_size=60), st.integers(0, 200))
def test_any_bytes_inflate_or_are_corrupt(data: bytes, size: int):
    for attempt in (
        lambda: inflate(data, size),
        lambda: inflate_head(data, 0, size + 1),
        lambda: list(inflate_blocks([data], size)),
    ):
        with suppress(CorruptData):
            attempt()
