"""Many seeds: run over all processors, counted, and the first failure shrunk and told.

Tally     how often each way was taken, each fault happened, each outcome came about
campaign  seeds -> Tally
"""

from __future__ import annotations

import multiprocessing
import tempfile
import traceback
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tests.simulation.faults import KINDS
from tests.simulation.plan import Scenario, describe, draw
from tests.simulation.routes import FEATURES, WAYS
from tests.simulation.scenario_run import Report, run_scenario
from tests.simulation.seams import Place, simulated
from tests.simulation.shrink import shrink

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

__all__ = ["Tally", "campaign", "explain", "memory_folder", "run_seeds"]

_CHUNK = 250


@dataclass
class Tally:
    """What came of many runs."""

    runs: int = 0
    routes: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    failed: dict[int, list[str]] = field(default_factory=dict)
    """Problems by seed."""

    def add(self, report: Report) -> None:
        """Count one more."""
        self.runs += 1
        self.routes.update(report.routes)
        self.faults.update(report.faults)
        self.outcomes.update(report.outcomes)
        if report.problems:
            self.failed[report.scenario.seed] = report.problems

    def join(self, other: Tally) -> None:
        """Count all of another's."""
        self.runs += other.runs
        self.routes.update(other.routes)
        self.faults.update(other.faults)
        self.outcomes.update(other.outcomes)
        self.failed |= other.failed

    def unreached(self) -> list[str]:
        """Return the ways and faults that no run met."""
        missed = [label for label in (*WAYS, *FEATURES) if not self.routes[label]]
        return missed + [kind for kind in KINDS if not self.faults[kind]]

    def table(self) -> Iterator[str]:
        """Yield the lines of the counts."""
        yield f"{self.runs} runs, {len(self.failed)} of them failed"
        for title, counts, names in (
            ("ways", self.routes, (*WAYS, *FEATURES)),
            ("faults", self.faults, tuple(KINDS)),
            ("outcomes", self.outcomes, ()),
        ):
            yield f"\n{title}"
            for name in (*names, *sorted(counts.keys() - set(names))):
                yield f"{counts[name]:>10,}  {name}"


def memory_folder() -> tempfile.TemporaryDirectory[str]:
    """Make a folder on a memory disk, where there is one."""
    memory = Path("/dev/shm")
    return tempfile.TemporaryDirectory(prefix="simulation-", dir=memory if memory.is_dir() else None)


def run_seeds(seeds: Iterable[int]) -> Tally:
    """Run some seeds in this process."""
    tally = Tally()
    with memory_folder() as folder, simulated(folder) as place:
        for seed in seeds:
            tally.add(_run(draw(seed), place))
    return tally


def _run(scenario: Scenario, place: Place) -> Report:
    try:
        return run_scenario(scenario, place)
    except Exception:  # of the simulation itself: told with its seed, like any other
        return Report(scenario, [f"simulation: {traceback.format_exc()}"])


def campaign(seeds: Sequence[int], jobs: int) -> Iterator[Tally]:
    """Run many seeds in several processes; yield the counts of each part as it ends."""
    parts = [seeds[start : start + _CHUNK] for start in range(0, len(seeds), _CHUNK)]
    if jobs < 2 or len(parts) < 2:
        yield from map(run_seeds, parts)
        return
    with multiprocessing.get_context("spawn").Pool(jobs) as pool:
        yield from pool.imap_unordered(run_seeds, parts)


def explain(seed: int) -> list[str]:
    """Run a failing seed again; return its smallest scenario, its course and its problems, in words."""
    with memory_folder() as folder, simulated(folder) as place:

        def kind_of(scenario: Scenario) -> str | None:
            problems = _run(scenario, place).problems
            return problems[0].partition(":")[0] if problems else None

        small = shrink(draw(seed), kind_of)
        report = _run(small, place)
    lines = [*describe(small), "what happened:"]
    lines += ["  " + " ".join(map(str, words)) for words in report.trace]
    return [*lines, "what is wrong:", *(f"  {problem}" for problem in report.problems)]
