"""Texts whose lines all changed a little are matched by their words, in linear time."""

import random
import sys

import pytest

from packcore.delta import words
from packcore.delta.codec import apply_delta
from packcore.delta.make import make_delta
from packcore.delta.match import common_prefix
from packcore.delta.words import match_words, worth_matching_words
from packcore.objects import ObjectType
from tests.pack_stores import make_text


def text(seed: int, lines: int = 120) -> bytes:
    return b"".join(
        b"    " * (number % 3) + line for number, line in enumerate(make_text(random.Random(seed), lines))
    )


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda data: data.replace(b"\n", b"\r\n"), id="line ends"),
        pytest.param(lambda data: data.replace(b"    ", b"\t"), id="indentation"),
        pytest.param(lambda data: data.replace(b"\n", b";\n"), id="a mark at each end"),
        pytest.param(lambda data: data.replace(b"\n", b"\n> "), id="quoted"),
    ],
)
def test_a_change_in_every_line_costs_a_fraction_of_the_text(change):
    base = text(1)
    target = change(base)
    delta = make_delta(ObjectType.BLOB, base, target, 20)
    assert apply_delta(base, delta) == target
    assert len(delta) < len(target) // 3


def test_samples_reveal_unrelated_texts():
    base, other = text(1), random.Random(2).randbytes(5000)
    assert not worth_matching_words(base, other, [(0, len(other), 0)])
    assert worth_matching_words(base, base.replace(b"\n", b"\r\n"), [(0, len(base), 0)])


def test_what_changed_places_is_found_too():
    chance = random.Random(4)
    parts = [b"".join(chance.randbytes(20).hex().encode() + b"\n" for _ in range(30)) for _ in range(6)]
    base, target = b"".join(parts), b"".join(reversed(parts)).replace(b"\n", b"\r\n")
    delta = make_delta(ObjectType.BLOB, base, target, 20)
    assert apply_delta(base, delta) == target
    assert len(delta) < len(target) // 3


def test_an_area_without_matches_is_given_up():
    base = text(1)
    target = random.Random(5).randbytes(100).hex().encode() * 100 + base
    found: list[tuple[int, int, int]] = []
    match_words(base, target, [(0, len(target), 0)], found, (0, len(base)))
    assert not found


@pytest.mark.parametrize("lines", [200, 2000])
def test_the_base_is_searched_a_bounded_number_of_times(lines, monkeypatch):
    """Words that are all in the base and never where they are expected."""
    base = text(1, lines)
    pieces = [base[at : at + 24] for at in range(0, len(base) - 24, 24)]
    random.Random(3).shuffle(pieces)
    target = b"\n".join(pieces)
    asked = 0

    def counted(*arguments):
        nonlocal asked
        asked += 1
        return common_prefix(*arguments)

    monkeypatch.setattr(words, "common_prefix", counted)
    match_words(base, target, [(0, len(target), 0)], [], (0, len(base)))
    # Close by, each word may be found once; far away, 40 in all.
    assert asked <= len(target) // 10


def test_matches_agree_and_do_not_overlap():
    base = text(1)
    target = base.replace(b"\n", b"\r\n")
    found: list[tuple[int, int, int]] = []
    covered = match_words(base, target, [(0, len(target), 0)], found, (0, len(base)))
    assert covered == sum(length for _, _, length in found) < sys.maxsize
    end = 0
    for start, base_start, length in found:
        assert start >= end
        assert target[start : start + length] == base[base_start : base_start + length]
        end = start + length
