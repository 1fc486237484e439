"""Common prefixes and suffixes, against the plain loop."""

from hypothesis import given
from hypothesis import strategies as st

from packcore.delta.match import common_prefix, common_suffix

agreeing = st.binary(max_size=700).flatmap(
    lambda same: st.tuples(st.just(same), st.binary(max_size=9), st.binary(max_size=9))
)


def agreement(a: bytes, b: bytes) -> int:
    return next(
        (at for at, (one, other) in enumerate(zip(a, b, strict=False)) if one != other), min(len(a), len(b))
    )


@given(agreeing, st.integers(0, 900))
def test_the_prefix_is_what_a_plain_comparison_finds(parts, limit):
    same, tail_a, tail_b = parts
    a, b = same + tail_a, b"++" + same + tail_b
    limit = min(limit, len(a), len(b) - 2)
    expected = min(limit, agreement(a, b[2:]))
    assert common_prefix(a, 0, b, 2, limit) == expected


@given(agreeing, st.integers(0, 900))
def test_the_suffix_is_what_a_plain_comparison_finds(parts, limit):
    same, head_a, head_b = parts
    a, b = head_a + same, head_b + same + b"++"
    limit = min(limit, len(a), len(b) - 2)
    expected = min(limit, agreement(a[::-1], b[:-2][::-1]))
    assert common_suffix(a, len(a), b, len(b) - 2, limit) == expected


def test_bytes_outside_the_given_ends_are_not_looked_at():
    assert common_prefix(b"abc", 0, b"abc", 0, 2) == 2
    assert common_suffix(b"abcXX", 3, b"YYabc", 5, 3) == 3
    assert common_suffix(b"abc", 0, b"abc", 0, 0) == 0
