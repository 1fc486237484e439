"""The sync engine in simulated worlds: a few hundred of them here, as many as wanted by `make simulate`."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.simulation.campaign import Tally, memory_folder, run_seeds
from tests.simulation.faults import Fault
from tests.simulation.history import Step
from tests.simulation.once_failed import ONCE_FAILED
from tests.simulation.plan import Scenario, describe, draw
from tests.simulation.reaching_seeds import REACHING
from tests.simulation.scenario_run import run_scenario
from tests.simulation.seams import Place, simulated
from tests.simulation.shrink import shrink
from tests.support import ROOT
from transport.syncing.request import Policy, Scope, SyncRequest

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def place() -> Iterator[Place]:
    with memory_folder() as folder, simulated(folder) as found:
        yield found


def _failures(tally: Tally) -> str:
    return "\n".join(f"make simulate SEEDS=@{seed}: {words[0]}" for seed, words in tally.failed.items())


def test_no_seed_breaks_a_promise():
    tally = run_seeds(range(100))
    assert not tally.failed, _failures(tally)


def test_seeds_chosen_for_it_meet_every_way_and_every_fault():
    tally = run_seeds(REACHING)
    assert not tally.failed, _failures(tally)
    # Where the generator has changed: python -m tests.simulation.reaching_seeds
    assert tally.unreached() == []


@pytest.mark.parametrize("name", ONCE_FAILED)
def test_what_once_failed_does_not_fail_again(name: str, place: Place):
    report = run_scenario(ONCE_FAILED[name], place)
    assert report.problems == [], "\n".join(describe(report.scenario))


def _course(seeds: range, place: Place) -> str:
    digest = hashlib.sha256()
    for seed in seeds:
        trace = run_scenario(draw(seed), place).trace
        digest.update(repr(trace).replace(place.folder, "").encode())
    return digest.hexdigest()


def test_a_seed_takes_the_same_course_each_time(place: Place):
    assert _course(range(25), place) == _course(range(25), place)


def test_a_seed_takes_the_same_course_whatever_the_order_of_sets(place: Place):
    script = (
        "from tests.simulation.test_simulation import _course, memory_folder, simulated\n"
        "with memory_folder() as folder, simulated(folder) as place:\n"
        "    print(_course(range(25), place))\n"
    )
    answer = subprocess.run(
        [sys.executable, "-c", script],
        env={"PYTHONHASHSEED": "77"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert answer.stdout.strip() == _course(range(25), place)


SMALL = Scenario(
    1,
    (Step(), Step((0,)), Step((1,)), Step((2,), 200)),
    (("refs/heads/main", "c3"), ("refs/heads/dev", "c1"), ("refs/tags/v1", "t2")),
    (("refs/heads/main", "c1"), ("refs/heads/old", "c0"), ("refs/tags/v1", "t2")),
    request=SyncRequest(Scope(tags=True), Policy(prune=True)),
)


def test_a_world_without_faults_is_in_order(place: Place):
    assert run_scenario(SMALL, place).problems == []


def test_a_failure_is_shrunk_to_what_it_needs():
    faults = (Fault("list-status", "source", 0, 0, 500), Fault("push-twice", "target"))

    def kind_of(scenario: Scenario) -> str | None:
        return "broken" if any(fault.kind == "push-twice" for fault in scenario.faults) else None

    small = shrink(Scenario(1, SMALL.steps, SMALL.source, SMALL.target, faults=faults, sha256=True), kind_of)
    assert small == Scenario(1, (Step(),), (), (), faults=faults[1:])


def test_a_scenario_is_told_in_words():
    told = "\n".join(
        describe(Scenario(7, (Step(),), (), (), faults=(Fault("push-answer-lost", "target", 0, 3),)))
    )
    assert "seed 7: sync" in told
    assert "cut after 3 bytes of the answer; the refs have moved" in told
