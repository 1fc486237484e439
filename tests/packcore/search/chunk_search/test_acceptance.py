"""A delta is accepted by the compressed bytes that it saves in the pack."""

import random

import pytest

from packcore.deflate import deflate, inflate
from packcore.delta.codec import apply_delta
from packcore.delta.encode import Match
from packcore.objects import ObjectType
from packcore.plans.entries import STREAMED_BYTES
from packcore.search.chunk_search.acceptance import Acceptance
from packcore.search.strategy import Choice
from tests.packcore.search.chunk_search.searching import Searching

BASE = random.Random(1).randbytes(1000)


def choice(
    target: bytes,
    matches: list[Match] | None,
    type_: ObjectType = ObjectType.BLOB,
    stored_size: int | None = None,
) -> Choice:
    search = Searching(type_, [(b"a", BASE), (b"a", target)])
    search.place(Choice(0, None))
    if stored_size is not None:
        search.work.stored_size[1] = stored_size
    best = None if matches is None else (0, 0, matches)
    return Acceptance(search.state, type_).choice(1, target, best)


def noise_behind(kept: int) -> bytes:
    """Return the first bytes of the base, then bytes that neither it nor zlib knows."""
    return BASE[:kept] + random.Random(2).randbytes(1000 - kept)


def test_a_small_delta_is_taken_and_carried_as_its_stream():
    target = noise_behind(800)
    made = choice(target, [(0, 0, 800)])
    assert made.base == 0
    assert made.deflated is not None
    assert apply_delta(BASE, inflate(made.deflated, made.delta_size)) == target


def test_without_a_base_the_whole_is_carried():
    assert choice(b"x" * 500, None) == Choice(1, None, 0, deflate(b"x" * 500))


def test_a_delta_of_nearly_all_is_not_taken():
    assert choice(noise_behind(50), [(0, 0, 50)]).base is None


def test_between_the_two_compressed_sizes_decide():
    assert choice(noise_behind(300), [(0, 0, 300)]).base == 0
    well_packed = BASE[:300] + b"x" * 700
    assert choice(well_packed, [(0, 0, 300)]).base == 0
    assert (
        choice(
            b"x" * 900 + BASE[:100],
            [
                (900, 0, 100),
            ],
        ).base
        is None
    )


def test_the_whole_counts_with_its_size_in_a_pack():
    target = noise_behind(300)
    assert choice(target, [(0, 0, 300)], stored_size=2000).base == 0
    assert choice(target, [(0, 0, 300)], stored_size=10) == Choice(1, None)


@pytest.mark.parametrize(("type_", "taken"), [(ObjectType.COMMIT, True), (ObjectType.BLOB, False)])
def test_messages_are_taken_as_deltas_that_save_little(type_, taken):
    target = noise_behind(80)
    assert (choice(target, [(0, 0, 80)], type_).base == 0) is taken


def test_a_large_whole_is_left_to_the_writer():
    assert choice(bytes(STREAMED_BYTES), None) == Choice(1, None)
