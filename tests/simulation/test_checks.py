"""The checks themselves: each finds the lie, the loss or the litter that it is there for."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from packcore.errors import RepositoryError
from tests.simulation.attempt import sync_once
from tests.simulation.campaign import memory_folder
from tests.simulation.check import completed, problems_of
from tests.simulation.disk import Disk
from tests.simulation.scenario_run import build
from tests.simulation.seams import simulated
from tests.simulation.servers import Traits
from tests.simulation.test_simulation import SMALL
from transport.syncing.outcome.result import Outcome
from transport.syncing.request import TEMP_REFS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.simulation.attempt import Attempt
    from tests.simulation.world import World
    from transport.syncing.outcome.result import RefResult


@pytest.fixture
def done() -> Iterator[tuple[World, Attempt]]:
    """A world, and a sync that went well in it."""
    world = build(SMALL)
    with memory_folder() as folder, simulated(folder) as place:
        with place.under(world, Disk(world, []), 4096):
            yield world, sync_once(world, SMALL.request, Traits())


def _kinds(world: World, attempt: Attempt) -> set[str]:
    return {problem.partition(":")[0] for problem in problems_of(world, attempt)}


def _ref(attempt: Attempt, name: str) -> RefResult:
    assert attempt.result is not None
    return next(ref for ref in attempt.result.refs if ref.planned.target_ref == name)


def _say(attempt: Attempt, name: str, outcome: Outcome) -> None:
    """Let the result say something else of a ref."""
    assert attempt.result is not None
    changed = [
        ref._replace(outcome=outcome) if ref.planned.target_ref == name else ref
        for ref in attempt.result.refs
    ]
    attempt.result = replace(attempt.result, refs=tuple(changed))


def test_nothing_is_found_where_all_is_well(done: tuple[World, Attempt]):
    assert list(completed(*done)) == []


def test_a_ref_to_an_object_that_is_not_there_is_found(done: tuple[World, Attempt]):
    world, attempt = done
    world.target.discard(world.universe.tree_of(3))
    assert _kinds(world, attempt) == {"broken"}


def test_a_deleted_ref_that_the_source_has_is_found(done: tuple[World, Attempt]):
    world, attempt = done
    world.target.put("refs/heads/dev", None, attempt.process)
    assert "illegal" in _kinds(world, attempt)


def test_a_ref_moved_out_of_scope_is_found(done: tuple[World, Attempt]):
    world, attempt = done
    world.target.put("refs/notes/x", world.universe.commits[0], attempt.process)
    assert "illegal" in _kinds(world, attempt)


def test_an_overwritten_branch_is_found(done: tuple[World, Attempt]):
    world, attempt = done
    attempt.process.listed["target"][0]["refs/heads/dev"] = world.universe.commits[3]
    world.target.changes[:] = [c for c in world.target.changes if c.name != "refs/heads/dev"]
    world.target.tips["refs/heads/dev"] = world.universe.commits[3]
    world.target.put("refs/heads/dev", world.universe.commits[1], attempt.process)
    assert "illegal" in _kinds(world, attempt)


@pytest.mark.parametrize(
    ("name", "outcome"),
    [
        ("refs/heads/main", Outcome.NOT_PUSHED),
        ("refs/heads/main", Outcome.REFUSED),
        ("refs/heads/main", Outcome.MOVED),
        ("refs/heads/main", Outcome.UNANSWERED),
        ("refs/heads/old", Outcome.BLOCKED),
        ("refs/tags/v1", Outcome.PUSHED),
    ],
)
def test_an_outcome_that_is_not_so_is_found(done: tuple[World, Attempt], name: str, outcome: Outcome):
    world, attempt = done
    _say(attempt, name, outcome)
    assert _kinds(world, attempt) == {"untrue"}


def test_a_ref_of_which_nothing_is_said_is_found(done: tuple[World, Attempt]):
    world, attempt = done
    assert attempt.result is not None
    attempt.result = replace(attempt.result, refs=attempt.result.refs[1:])
    assert _kinds(world, attempt) == {"untold"}


def test_an_error_after_a_ref_has_moved_is_found(done: tuple[World, Attempt]):
    world, attempt = done
    attempt.result, attempt.error = None, RepositoryError("no")
    assert _kinds(world, attempt) == {"untold"}


def test_an_error_that_is_none_of_ours_is_found(done: tuple[World, Attempt]):
    world, attempt = done
    attempt.result, attempt.error = None, KeyError("x")
    assert "raw" in _kinds(world, attempt)


def test_a_temporary_ref_that_is_left_is_found(done: tuple[World, Attempt]):
    world, attempt = done
    oid = world.universe.commits[0]
    world.target.put(TEMP_REFS + oid.hex(), oid, attempt.process)
    assert _kinds(world, attempt) == {"untold"}


def test_a_target_that_is_not_as_asked_for_is_found(done: tuple[World, Attempt]):
    world, attempt = done
    world.target.put("refs/heads/main", world.universe.commits[0], None)
    assert {problem.partition(":")[0] for problem in completed(world, attempt)} == {"incomplete"}
