"""Versions of one path are walked along a spanning tree, newest first."""

from collections.abc import Callable, Sequence

from packcore.search.forest import spanning_lines


def walk(
    members: Sequence[int],
    edges: list[tuple[int, int, int]],
    weigh: Callable[[int, int], int] | None = None,
    *,
    tie_parts: bool = False,
    placed_from: int = 10**9,
) -> list[tuple[list[tuple[int, int]], int]]:
    lines = spanning_lines(members, edges, weigh, tie_parts=tie_parts, placed_from=placed_from)
    return [(line.walk, line.length) for line in lines]


def test_a_line_of_versions_is_walked_from_the_newest_on():
    assert walk([0, 1, 2], [(2, 1, 0), (1, 0, 0)]) == [([(0, 0), (1, 1), (2, 2)], 3)]


def test_a_single_version_forms_its_own_line():
    assert walk([7], []) == walk([7], [], tie_parts=True) == [([(7, 0)], 1)]


def test_a_side_branch_hangs_on_the_version_it_came_from():
    edges = [(1, 0, 0), (2, 1, 0), (3, 2, 0), (2, 4, 0)]
    assert walk([0, 1, 2, 3, 4], edges)[0][0] == [(0, 0), (1, 1), (2, 2), (3, 3), (4, 3)]


def test_a_ring_is_opened_at_its_heaviest_edge():
    weights = {frozenset((0, 1)): 5, frozenset((1, 2)): 1, frozenset((0, 2)): 9}
    asked = walk([0, 1, 2], [(0, 1, 0), (1, 2, 0), (0, 2, 0)], lambda a, b: weights[frozenset((a, b))])
    assert asked == [([(0, 0), (1, 1), (2, 2)], 3)]


def test_weights_are_not_asked_for_without_a_ring():
    def never(a: int, b: int) -> int:
        raise AssertionError

    assert len(walk([0, 1, 2], [(0, 1, 0), (1, 2, 0)], never)) == 1


def test_parts_stay_apart_or_are_tied_in_time():
    edges = [(0, 2, 0), (5, 6, 0)]
    assert [line for line, _ in walk([0, 2, 5, 6], edges)] == [[(0, 0), (2, 1)], [(5, 0), (6, 1)]]
    assert walk([0, 2, 5, 6], edges, tie_parts=True) == [([(0, 0), (2, 1), (5, 2), (6, 3)], 4)]


def test_what_the_receiver_has_is_the_root():
    assert walk([0, 1, 7], [(0, 1, 0), (1, 7, 0)], placed_from=5)[0][0] == [(7, 0), (1, 1), (0, 2)]


def test_a_hundred_thousand_versions_need_no_recursion():
    count = 100_000
    [(line, length)] = walk(range(count), [(n, n + 1, 0) for n in range(count - 1)])
    assert (len(line), length) == (count, count)


def test_the_height_of_a_version_is_what_the_longest_way_below_it_has():
    edges = [(0, 1, 0), (1, 2, 0), (2, 3, 0), (1, 4, 0), (0, 5, 0)]
    (line,) = spanning_lines([0, 1, 2, 3, 4, 5], edges, None, tie_parts=False, placed_from=10)
    heights = {member: height for (member, _), height in zip(line.walk, line.heights, strict=True)}
    assert heights == {0: 3, 1: 2, 2: 1, 3: 0, 4: 0, 5: 0}
