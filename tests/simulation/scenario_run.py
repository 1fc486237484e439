"""A scenario carried out: the world is made, the engine runs in it, dies, runs again, and at last in peace.

first run     with the faults; beside it a rival's, where there is one
killed?       run again, with what is left of the faults
last run      without faults, the source mended: must complete
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from packcore.errors import LimitExceeded
from tests.simulation.attempt import Attempt, sync_once
from tests.simulation.check import completed, problems_of
from tests.simulation.clockwork import Deadlock
from tests.simulation.disk import Disk
from tests.simulation.faults import DISK
from tests.simulation.fetch_attempt import (
    FetchAttempt,
    fetch_completed,
    fetch_once,
    fetch_problems,
    make_repository,
)
from tests.simulation.history import Universe
from tests.simulation.world import SimRepository, World
from transport.errors import HttpStatusError, NoRefsMatched, PruneLimitReached, UnsupportedByRemote
from transport.syncing.request import TEMP_REFS

if TYPE_CHECKING:
    from packcore.ids import ObjectId
    from tests.simulation.plan import Scenario
    from tests.simulation.seams import Place
    from transport.syncing.request import SyncRequest

__all__ = ["Report", "run_scenario"]


@dataclass
class Report:
    """What came of a scenario."""

    scenario: Scenario
    problems: list[str] = field(default_factory=list)
    trace: list[tuple[object, ...]] = field(default_factory=list)
    routes: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)


def run_scenario(scenario: Scenario, place: Place) -> Report:
    """Carry a scenario out, and check all that is to be checked."""
    report = Report(scenario)
    world = build(scenario)
    disk = Disk(world, [fault for fault in scenario.faults if fault.kind in DISK])
    with place.under(world, disk, scenario.opening_bytes):
        try:
            _carried_out(scenario, world, disk, Path(place.folder), report)
        except Deadlock as error:
            report.problems.append(f"deadlock: {error}")
    report.trace = world.trace
    report.faults = world.hit
    _count_features(report)
    report.routes.update(place.routes)
    return report


def build(scenario: Scenario) -> World:
    """Make the world of a scenario."""
    universe = Universe(scenario.object_format, scenario.steps, scenario.seed)
    for number in range(len(scenario.steps)):
        universe.tag(number)
    world = World(scenario.seed, universe, [f for f in scenario.faults if f.side in ("source", "target")])

    def oid_of(value: str) -> ObjectId:
        number = int(value[1:])
        if value[0] == "c":
            return universe.commits[number]
        return universe.tag(number) if value[0] == "t" else universe.tree_of(number)

    source, target = (
        {name: oid_of(value) for name, value in refs} for refs in (scenario.source, scenario.target)
    )
    for number in scenario.leftovers:
        target[TEMP_REFS + universe.commits[number].hex()] = universe.commits[number]
    world.source = SimRepository(world, "source", source, ())
    world.target = SimRepository(world, "target", target, [universe.commits[n] for n in scenario.extra])
    world.names = sorted({*source, *target} - {name for name in target if name.startswith(TEMP_REFS)})
    if scenario.cut:
        world.source.cut_at(universe.commits[number] for number in scenario.cut)
    _damage(world)
    return world


def _damage(world: World) -> None:
    for fault in world.due("source", "start"):
        names = sorted(world.source.tips)
        if fault.kind == "ref-unreadable":
            if names:
                world.fired(fault.kind)
                world.source.unreadable.add(names[fault.at % len(names)])
            continue
        objects = sorted(world.source)
        if objects:
            world.fired(fault.kind)
            lost = objects[fault.arg % len(objects)]
            world.say("source", fault.kind, world.universe.name(lost))
            if fault.kind == "object-missing":
                world.source.discard(lost)
            else:
                world.source.damaged.add(lost)


def _carried_out(scenario: Scenario, world: World, disk: Disk, folder: Path, report: Report) -> None:
    request = _placed(scenario, folder)
    if scenario.action == "fetch":
        _fetched(scenario, world, disk, folder / "copy.git", report)
        return
    kill_at = next((fault.at for fault in scenario.faults if fault.kind == "killed"), None)
    attempts = _side_by_side(scenario, world, request, kill_at)
    disk.let_go()
    if attempts[0].process.killed:
        attempts.append(sync_once(world, request, scenario.traits, name="again"))
    world.clockwork.join_all()
    for attempt in attempts:
        report.problems += problems_of(world, attempt)
        _count(report, attempt)
    _mend(scenario, world, disk)
    _last(scenario, world, request, report)
    report.problems += [
        f"raw: in a thread: {e!r}" for e in world.clockwork.uncaught if isinstance(e, Exception)
    ]


def _fetched(scenario: Scenario, world: World, disk: Disk, path: Path, report: Report) -> None:
    make_repository(world, path)
    request = replace(scenario.request, mode="sync", dry_run=False)
    kill_at = next((fault.at for fault in scenario.faults if fault.kind == "killed"), None)
    attempts = [fetch_once(world, request, scenario.traits, path, kill_at=kill_at)]
    disk.let_go()
    for attempt in attempts:
        report.problems += fetch_problems(attempt)
        _count_fetch(report, attempt)
    _mend(scenario, world, disk)
    last = fetch_once(world, request, scenario.traits, path, name="last")
    if isinstance(last.error, NoRefsMatched | PruneLimitReached):
        report.outcomes["last run excused: " + type(last.error).__name__] += 1
        return
    report.problems += fetch_completed(last)
    _count_fetch(report, last)


def _count_fetch(report: Report, attempt: FetchAttempt) -> None:
    report.routes["mode fetch"] += 1
    if attempt.result is not None:
        report.outcomes.update(f"ref {ref.outcome.value}" for ref in attempt.result.refs)
    elif attempt.error is not None:
        report.outcomes[f"raised {type(attempt.error).__name__}"] += 1


def _placed(scenario: Scenario, folder: Path) -> SyncRequest:
    request = scenario.request
    if scenario.spools:
        request = replace(request, spool_directory=folder / "spool")
    if scenario.profile:
        (folder / "hosts.json").unlink(missing_ok=True)
        request = replace(request, host_profile=folder / "hosts.json")
    return request


def _side_by_side(
    scenario: Scenario, world: World, request: SyncRequest, kill_at: int | None
) -> list[Attempt]:
    if scenario.rival is None:
        return [sync_once(world, request, scenario.traits, kill_at=kill_at)]
    found: list[Attempt] = []
    rival = scenario.rival
    task = world.clockwork.spawn(
        lambda: found.append(sync_once(world, rival, scenario.traits, name="rival")), None
    )
    mine = sync_once(world, request, scenario.traits, kill_at=kill_at)
    world.clockwork.join(task, None)
    for attempt in (mine, *found):
        attempt.rivalled = True
    return [mine, *found]


def _mend(scenario: Scenario, world: World, disk: Disk) -> None:
    """End whatever was wrong."""
    world.tick += 1000
    world.pass_time()
    world.faults.clear()
    disk.heal()
    world.source.damaged.clear()
    world.source.unreadable.clear()
    if not scenario.cut:
        world.source.add_all(world.universe.reach_all(world.source.tips.values()))


def _last(scenario: Scenario, world: World, request: SyncRequest, report: Report) -> None:
    request = replace(request, dry_run=False)
    attempt = sync_once(world, request, scenario.traits, name="last")
    if _is_excused(scenario, attempt):
        report.problems += problems_of(world, attempt)
        report.outcomes["last run excused: " + _excuse(attempt)] += 1
        return
    report.problems += completed(world, attempt)
    _count(report, attempt)


def _is_excused(scenario: Scenario, attempt: Attempt) -> bool:
    """Tell whether what was asked can't be had in this world, with or without faults."""
    if scenario.cut:
        return True
    error = attempt.error
    if error is None and attempt.result is not None:
        error = attempt.result.failure
    limited = scenario.traits.body_bytes_max or scenario.request.target_max_pack_bytes
    if isinstance(error, HttpStatusError):
        return error.status == 413 and bool(limited)
    if isinstance(error, LimitExceeded | NoRefsMatched | PruneLimitReached | UnsupportedByRemote):
        return True
    fails = attempt.result is not None and attempt.result.exit_code
    is_silent = "side-band-64k" in scenario.traits.target_lacks  # then a hook's words don't arrive
    return bool(fails and scenario.traits.updates_max and (scenario.request.policy.atomic or is_silent))


def _excuse(attempt: Attempt) -> str:
    error = attempt.error or (attempt.result and attempt.result.failure)
    return type(error).__name__


def _count_features(report: Report) -> None:
    scenario, request = report.scenario, report.scenario.request
    scope, policy = request.scope, request.policy
    features = {
        "atomic": policy.atomic,
        "prune": policy.prune,
        "force with lease": policy.force_with_lease,
        "force blind": policy.force_blind,
        "mappings": scope.mappings,
        "tags": scope.tags,
        "all refs": scope.all_refs,
        "two processes": scenario.rival,
        "sha256": scenario.sha256,
        "lasting connections": scenario.traits.lasting,
        "shallow source": scenario.cut,
    }
    report.routes.update(name for name, is_so in features.items() if is_so)


def _count(report: Report, attempt: Attempt) -> None:
    if attempt.error is not None:
        report.outcomes[f"raised {type(attempt.error).__name__}"] += 1
    if attempt.process.killed:
        report.outcomes["killed"] += 1
    result = attempt.result
    if result is None:
        return
    report.routes[f"mode {result.operation_mode}"] += 1
    way = result.relay_mode or ("materialized" if result.relay_reason else "nothing to push")
    report.routes[f"way {way}"] += 1
    if result.relay_reason:
        report.routes[f"because {result.relay_reason}"] += 1
    report.outcomes.update(f"ref {ref.outcome.value}" for ref in result.refs)
    report.outcomes[f"exit {result.exit_code}"] += 1
