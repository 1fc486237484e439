"""Paths come in the order of the pack, and each version with a base that keeps chains within the limit."""

import pytest

from packcore.limits import Limits
from packcore.objects import ObjectType
from packcore.search.chunk_search.paths import EarlyStep, PathSearch
from packcore.search.strategy import Choice, Work
from tests.packcore.search.chunk_search.searching import DEFAULT_LIMITS, Searching


class Prescribed:
    """Takes the prescribed base, and notes what it was asked."""

    def __init__(self, depth: list[int]) -> None:
        self.asked: list[tuple[int, int | None, int]] = []
        self.early: list[EarlyStep | None] = []
        self.met: list[tuple[int, int]] = []
        self._depth = depth

    def choose(
        self, member: int, prescribed: int | None, allowed: int, early: EarlyStep | None = None
    ) -> Choice:
        self.asked.append((member, prescribed, allowed))
        self.early.append(early)
        assert prescribed is None or self._depth[prescribed] < allowed
        return Choice(member, prescribed)

    def passed(self, member: int, path: int) -> None:
        self.met.append((member, path))


def run(
    objects: list[tuple[bytes, bytes]],
    edges: list[tuple[int, int, int]] | None = None,
    limits: Limits = DEFAULT_LIMITS,
    without: tuple[int, ...] = (),
) -> tuple[Prescribed, Work]:
    search = Searching(ObjectType.BLOB, objects, limits=limits)
    for member in without:
        search.state.searched[member] = 0
    paths = PathSearch(search.state, ObjectType.BLOB, range(len(objects)))
    chooser = Prescribed(search.work.depth)
    for choice in paths.choices(edges or [], chooser):
        search.place(choice)
    return chooser, search.work


def test_paths_come_by_name_from_its_end_then_by_folder():
    names = [b"b/x.c", b"a/x.c", b"y.h", b"x.h", b"a.c"]
    chooser, _ = run([(name, b"%d" % number) for number, name in enumerate(names)])
    assert [names[member] for member, _ in chooser.met] == [b"a.c", b"a/x.c", b"b/x.c", b"x.h", b"y.h"]
    assert [path for _, path in chooser.met] == [0, 1, 2, 3, 4]


def test_versions_come_newest_first_each_on_the_one_before():
    chooser, work = run([(b"a", b"%d" % number) for number in range(5)])
    assert [prescribed for _, prescribed, _ in chooser.asked] == [None, 0, 1, 2, 3]
    assert work.depth == [0, 1, 2, 3, 4]


def test_a_branch_hangs_on_the_version_that_it_left():
    edges = [(0, 1, 0), (1, 2, 0), (1, 3, 0)]
    chooser, _ = run([(b"a", b"%d" % number) for number in range(4)], edges)
    assert {member: prescribed for member, prescribed, _ in chooser.asked} == {0: None, 1: 0, 2: 1, 3: 1}


@pytest.mark.parametrize(("versions", "depth"), [(300, 50), (60, 10), (500, 12)])
def test_a_long_line_stays_within_the_limit_and_only_its_root_is_whole(versions, depth):
    chooser, work = run([(b"a", b"%d" % number) for number in range(versions)], limits=Limits(depth=depth))
    assert max(work.depth) <= depth
    assert sum(prescribed is None for _, prescribed, _ in chooser.asked) == 1


def test_what_is_not_searched_is_passed_and_serves_as_a_base():
    chooser, _ = run([(b"a", b"%d" % number) for number in range(3)], without=(1,))
    assert [member for member, _ in chooser.met] == [0, 1, 2]
    assert [(member, prescribed) for member, prescribed, _ in chooser.asked] == [(0, None), (2, 0)]


def test_an_early_step_is_offered_where_a_later_version_would_have_to_take_it():
    chooser, _ = run([(b"a", b"%d" % number) for number in range(20)], limits=Limits(depth=10))
    # Ten of nineteen fit behind the root, so one has to step back to it; a chain of the rest fits then.
    offered = [member for member, early in enumerate(chooser.early) if early is not None]
    assert offered == list(range(2, 10))
    assert {early.base for early in chooser.early if early is not None} == {0}
