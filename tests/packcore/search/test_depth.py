"""The depth schedule: long histories stay within the limit, and versions stay near their bases."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from packcore.search.depth import DepthSchedule, root_depth_allowed


def line(length: int, depth_max: int, root_depth: int = 0) -> tuple[list[int], list[int]]:
    """Return bases and depths when each version of a history without branches takes its prescribed base."""
    schedule = DepthSchedule(length, depth_max)
    schedule.place(0, length - 1, root_depth)
    bases, depths = [-1], [root_depth]
    for distance in range(1, length):
        base = schedule.prescribe(distance, length - 1 - distance).base
        bases.append(base)
        depths.append(depths[base] + 1)
        schedule.place(distance, length - 1 - distance, depths[-1])
    return bases, depths


@given(length=st.integers(1, 3000), depth_max=st.integers(4, 60), root_depth=st.integers(0, 3))
@settings(max_examples=60, deadline=None)
def test_each_version_has_a_base_before_it_and_lies_within_the_limit(length, depth_max, root_depth):
    bases, depths = line(length, depth_max, root_depth)
    assert all(0 <= base < version for version, base in enumerate(bases[1:], 1))
    assert max(depths) <= depth_max


def test_the_example_of_the_docstring():
    assert line(10, 3) == ([-1, 0, 1, 2, 0, 4, 5, 4, 7, 7], [0, 1, 2, 3, 1, 2, 3, 2, 3, 3])


def test_a_short_history_is_a_plain_chain():
    assert line(51, 50)[1] == list(range(51))


def test_one_version_too_many_costs_one_short_step():
    bases, _ = line(54, 50)
    assert [version - base for version, base in enumerate(bases[1:], 1) if base != version - 1] == [4]


@pytest.mark.parametrize(("length", "kinds"), [(51, 1), (52, 2), (1326, 2), (1327, 3), (23426, 3)])
def test_no_more_kinds_of_steps_are_taken_than_the_length_asks_for(length, kinds):
    bases, depths = line(length, 50)
    assert max(depths) <= 50
    far = {version - base for version, base in enumerate(bases[1:], 1)}
    assert (max(far) == 1, max(far) > 51) == (kinds == 1, kinds == 3)


@pytest.mark.parametrize("length", [300, 1300, 4000])
def test_most_versions_of_a_long_history_hang_on_the_one_before(length):
    bases, _ = line(length, 50)
    assert sum(base == version - 1 for version, base in enumerate(bases)) > 0.95 * length


def walk_of(size: int, seed: int) -> list[tuple[int, int]]:
    """Return a random history with branches: (distance, height) of each version, parents first."""
    rng = random.Random(seed)
    parents = [-1] + [max(0, number - 1 - rng.choice((0, 0, 0, 0, 9, 99))) for number in range(1, size)]
    children: list[list[int]] = [[] for _ in range(size)]
    for number, parent in enumerate(parents[1:], 1):
        children[parent].append(number)
    heights = [0] * size
    for number in range(size - 1, 0, -1):
        heights[parents[number]] = max(heights[parents[number]], heights[number] + 1)
    walk, stack = [], [(0, 0)]
    while stack:
        number, distance = stack.pop()
        walk.append((distance, heights[number]))
        stack.extend((child, distance + 1) for child in reversed(children[number]))
    return walk


@given(size=st.integers(1, 1500), seed=st.integers(0, 99), depth_max=st.integers(3, 50), data=st.data())
@settings(max_examples=60, deadline=None)
def test_branches_stay_within_the_limit_whatever_allowed_bases_are_taken(size, seed, depth_max, data):
    rng = random.Random(data.draw(st.integers(0, 9)))
    walk = walk_of(size, seed)
    schedule = DepthSchedule(walk[0][1] + 1, depth_max)
    depth_at = [0] * (walk[0][1] + 1)
    schedule.place(0, walk[0][1], 0)
    for distance, height in walk[1:]:
        found = schedule.prescribe(distance, height)
        assert found.base >= 0
        assert depth_at[found.base] < found.allowed <= depth_max
        depth_at[distance] = depth_at[found.base] + 1
        if rng.random() < 0.2:
            # Another base that is allowed, as a vote finds one.
            depth_at[distance] = rng.randint(0, found.allowed)
        schedule.place(distance, height, depth_at[distance], costly=rng.random() < 0.2)


def test_a_branch_that_fits_in_a_chain_hangs_where_it_grew():
    schedule = DepthSchedule(80, 50)
    schedule.place(0, 79, 0)
    for distance in range(1, 20):
        schedule.place(distance, 79 - distance, distance)
    assert schedule.prescribe(20, 30).base == 19
    assert schedule.prescribe(20, 59).early == 0


def test_what_follows_a_costly_version_steps_back_to_it_and_not_across():
    def base_of_the_next_step(*, costly: bool) -> int:
        schedule = DepthSchedule(300, 50)
        schedule.place(0, 299, 0)
        schedule.place(1, 298, 1, costly=costly)
        schedule.place(2, 297, 2)
        return schedule.prescribe(3, 296).early

    assert base_of_the_next_step(costly=False) == 0
    assert base_of_the_next_step(costly=True) == 1


def test_a_version_that_is_not_placed_is_never_a_base():
    schedule = DepthSchedule(3, 50)
    schedule.place(0, 2, 0)
    schedule.place(1, 1, -1)
    assert schedule.prescribe(2, 0).base == 0


def test_where_no_version_before_is_placed_there_is_no_base():
    schedule = DepthSchedule(2, 50)
    schedule.place(0, 1, -1)
    assert schedule.prescribe(1, 0).base == -1


@pytest.mark.parametrize("depth_max", range(4))
def test_tiny_limits_are_no_trouble(depth_max):
    _, depths = line(200, max(depth_max, 1))
    assert max(depths) <= max(depth_max, 1)
    schedule = DepthSchedule(5, depth_max)
    schedule.place(0, 4, 0)
    assert schedule.prescribe(1, 3).allowed <= max(depth_max, 1)


def test_a_root_with_a_long_history_below_it_may_not_lie_deep():
    allowed = [root_depth_allowed(length, 50) for length in (1, 10, 100, 1000, 100_000)]
    assert allowed == sorted(allowed, reverse=True)
    assert allowed[0] == 50
    assert allowed[-1] == 0


def test_a_history_of_large_changes_alone_keeps_to_the_schedule():
    """Every delta is costly, so none is a better place for a step than another."""
    schedule, depths = DepthSchedule(160, 50), [0]
    schedule.place(0, 159, 0)
    for distance in range(1, 160):
        base = schedule.prescribe(distance, 159 - distance).base
        assert distance - base <= 60
        depths.append(depths[base] + 1)
        schedule.place(distance, 159 - distance, depths[distance], costly=True)
    assert max(depths) <= 50
