"""Matches between two messages: common prefix and suffix, and lines that begin alike."""

from hypothesis import given, settings
from hypothesis import strategies as st

from packcore.delta.messages import find_message_matches
from packcore.delta.segments import MATCH_COST

BASE = b"""
author Ann Author <ann@example.org> 1700000000 +0100
committer Octavia Committer <octavia@example.org> 1700000001 +0100

Merge pull request #1234 from somebody/a-branch

It mends what was broken since the last release.
Signed-off-by: Ann Author <ann@example.org>
"""

lines = st.lists(
    st.sampled_from([b"", b"a", b"Signed-off-by: A", b"Signed-off-by: B", b"some line of text", b"x" * 200]),
    max_size=20,
).map(b"\n".join)


def copied(target: bytes) -> list[bytes]:
    found = find_message_matches(BASE, target, 10_000)
    assert found is not None
    return [target[start : start + length] for start, _, length in found[1]]


def test_times_and_numbers_are_all_that_is_left_of_a_message_that_says_the_same():
    target = BASE.replace(b"1700000000", b"1712345678").replace(b"1700000001", b"1712345679")
    target = target.replace(b"#1234", b"#5678")
    found = find_message_matches(BASE, target, 10_000)
    assert found is not None
    cost, matches = found
    assert len(matches) == 4
    assert cost - MATCH_COST * 4 == len(b"12345678123456795678")


def test_a_line_that_begins_alike_is_copied_as_far_as_it_goes():
    assert b"\nMerge pull request #" in copied(b"Another beginning\nMerge pull request #9 from x\n")


def test_lines_are_found_whatever_their_order():
    text = BASE.split(b"\n")
    target = b"\n".join([b"new", text[7], b"words", text[4], b"between"])
    assert copied(target) == [b"\n%s\n" % text[7], b"\n%s\n" % text[4]]


def test_of_lines_that_begin_alike_the_one_that_is_the_same_is_taken():
    base = b"x\nSigned-off-by: Ann <a@example.org>\nSigned-off-by: Bob <b@example.org>\nend"
    target = b"other\nSigned-off-by: Bob <b@example.org>\nlast"
    found = find_message_matches(base, target, 1000)
    assert found is not None
    assert [target[start : start + length] for start, _, length in found[1]] == [
        b"\nSigned-off-by: Bob <b@example.org>\n"
    ]


@given(base=lines, target=lines)
@settings(deadline=None)
def test_matches_agree_and_come_in_order_and_the_cost_is_what_they_leave_over(base, target):
    found = find_message_matches(base, target, 10**9)
    assert found is not None
    cost, matches = found
    end = 0
    for start, place, length in matches:
        assert start >= end
        assert target[start : start + length] == base[place : place + length] != b""
        end = start + length
    ends_cost = MATCH_COST * 2
    left = len(target) - sum(length for _, _, length in matches)
    assert left + MATCH_COST * len(matches) <= cost <= left + MATCH_COST * len(matches) + ends_cost


@given(base=lines, target=lines, cost_max=st.integers(0, 300))
@settings(deadline=None)
def test_a_cost_limit_may_prevent_a_result_and_never_changes_it(base, target, cost_max):
    free = find_message_matches(base, target, 10**9)
    assert free is not None
    assert find_message_matches(base, target, cost_max) == (free if free[0] <= cost_max else None)
