"""Commands that are killed, and disks that fail, at any call: the store is valid, and the next run completes.

Held after each fault: `git fsck` finds nothing; every ref is where it was or where it was to be; what is
not whole is no repository; no traceback; an exit code of 0 only where all is done. Then the next run, with
no faults: it ends with 0, everything is in place, and no temporary file, lock or ref is left.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import pytest

from tests.crash.harness import FILE_SIZES, Harness, Worker, faults_of
from tests.crash.scenarios import SCENARIOS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.crash.disk import Fault
    from tests.crash.scenarios import Scenario

pytestmark = pytest.mark.e2e

Item = TypeVar("Item")
FAST_FAULTS, FAST_STATES = 5, 3
"""How many of each scenario are always tried; the slow suite tries all."""
PARTS = 4
"""Each scenario's faults are that many tests, for as many processes."""

each_scenario = pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
on_this_disk = pytest.mark.parametrize(
    "scenario", [s for s in SCENARIOS if not s.served], ids=lambda scenario: scenario.name
)


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    made = Worker()
    yield made
    made.close()


@pytest.fixture
def harness(scenario: Scenario, tmp_path: Path, worker: Worker) -> Iterator[Harness]:
    made = Harness(scenario, tmp_path, worker)
    yield made
    made.close()


def spread(items: list[Item], count: int) -> list[Item]:
    """Return some of the items, from all over the list."""
    step = max(1, len(items) // count)
    return items[step // 2 :: step]


def struck(harness: Harness, faults: list[Fault]) -> dict[Fault, list[str]]:
    """Return what went wrong, by fault."""
    return {fault: found for fault in faults if (found := harness.strike(fault))}


@each_scenario
def test_a_few_faults_leave_a_valid_store_and_the_next_run_completes(harness: Harness) -> None:
    assert struck(harness, spread(list(faults_of(harness.calls())), FAST_FAULTS)) == {}


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("part", range(PARTS))
@each_scenario
def test_every_fault_leaves_a_valid_store_and_the_next_run_completes(
    harness: Harness, part: int, figures: Callable[[str, object], None]
) -> None:
    calls = harness.calls()
    faults = list(faults_of(calls))[part::PARTS]
    figures(f"{harness.scenario.name}:", f"{len(faults)} faults at {len(calls)} calls")
    assert struck(harness, faults) == {}


@pytest.mark.slow
@each_scenario
def test_files_that_may_not_grow_leave_a_valid_store_and_the_next_run_completes(harness: Harness) -> None:
    harness.calls()
    found = {size: harness.strike(None, file_bytes=size) for size in FILE_SIZES}
    assert not {size: problems for size, problems in found.items() if problems}


@on_this_disk
def test_a_few_losses_of_power_lose_nothing_that_was_acknowledged(harness: Harness) -> None:
    calls = harness.calls()
    for number, variant, tree in spread(harness.states(calls), FAST_STATES):
        assert harness.lose_power(tree, is_done=number == len(calls)) == [], (number, variant)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@on_this_disk
def test_no_loss_of_power_loses_what_was_acknowledged(
    harness: Harness, figures: Callable[[str, object], None]
) -> None:
    calls = harness.calls()
    states = harness.states(calls)
    figures(f"{harness.scenario.name}:", f"{len(states)} states of the disk at {len(calls)} calls")
    found = {
        (number, variant): problems
        for number, variant, tree in states
        if (problems := harness.lose_power(tree, is_done=number == len(calls)))
    }
    assert found == {}
