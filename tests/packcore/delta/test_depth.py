"""The depth schedule: long histories stay within the limit, and versions stay near their bases."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from packcore.delta.depth import Ruler, root_depth_allowed


def chain(length: int, depth_max: int, root_depth: int = 0) -> tuple[list[int], list[int]]:
    """Return the depths when each version takes its prescribed base, and the steps."""
    ruler = Ruler(length, root_depth, depth_max)
    depths, steps = [root_depth], []
    for count in range(1, length):
        step = ruler.step(count)
        steps.append(step)
        depths.append(depths[count - step] + 1)
    return depths, steps


@given(length=st.integers(1, 3000), depth_max=st.integers(6, 60), root_depth=st.integers(0, 3))
@settings(max_examples=60, deadline=None)
def test_prescribed_bases_always_exist(length, depth_max, root_depth):
    ruler = Ruler(length, root_depth, depth_max)
    assert all(1 <= ruler.step(count) <= count for count in range(1, length))


@pytest.mark.parametrize("length", [1, 2, 50, 51, 52, 100, 325, 600, 625, 626, 1000, 4000, 6000])
def test_prescribed_bases_stay_within_a_limit_of_50_and_are_allowed(length):
    depths, _ = chain(length, 50)
    assert max(depths) <= 50
    ruler = Ruler(length, 0, 50)
    for count in range(1, length):
        assert depths[count] - 1 < ruler.allowed_depth(count)


@pytest.mark.parametrize("length", [51, 100, 600, 4000])
def test_any_choice_of_allowed_bases_leaves_room_for_the_prescribed_ones(length):
    ruler = Ruler(length, 0, 50)
    depths = [0]
    for count in range(1, length):
        prescribed = depths[count - ruler.step(count)]
        assert prescribed < ruler.allowed_depth(count)
        # The deepest base that is allowed, as if a vote had found it.
        depths.append(ruler.allowed_depth(count) if count % 3 else prescribed + 1)
    assert max(depths) <= 50


def test_a_short_history_is_a_plain_chain():
    assert chain(51, 50)[0] == list(range(51))


def test_most_versions_of_a_long_history_hang_on_the_one_before():
    _, steps = chain(4000, 50)
    assert steps.count(1) > 0.9 * len(steps)


@pytest.mark.parametrize("depth_max", range(8))
def test_tiny_limits_are_no_trouble(depth_max):
    ruler = Ruler(1000, 0, depth_max)
    assert all(ruler.step(count) >= 1 for count in range(1, 1000))
    assert all(ruler.allowed_depth(count) <= depth_max for count in range(1, 1000))


def test_a_root_with_a_long_history_below_it_may_not_lie_deep():
    allowed = [root_depth_allowed(length, 50) for length in (1, 10, 100, 1000, 100_000)]
    assert allowed == sorted(allowed, reverse=True)
    assert allowed[0] == 50
    assert allowed[-1] == 0
