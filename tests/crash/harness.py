"""Strikes a scenario at each of its calls, and looks at what is left and at what the next run makes of it."""

from __future__ import annotations

import dataclasses
import json
import pickle
import subprocess
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from tests.crash.disk import KILLED, Call, Fault
from tests.crash.power import Tree, states, write_tree
from tests.crash.scenarios import Scenario, copy_of, environment, left_behind, problems, users_refs
from tests.support import ROOT
from tests.transport.server.serving import serving
from transport.server.faults import Simulation

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["Harness", "Worker", "faults_of"]

FILE_SIZES = (0, 1, 30, 100, 1000, 5000, 12000)
"""Where a file may grow no further: EFBIG."""


class Worker:
    """The process that runs commands; see `tests.crash.worker`."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.crash.worker"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, **request: Any) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(30)


def faults_of(calls: list[Call]) -> Iterator[Fault]:
    """Yield everything that can go wrong at each call."""
    for number, call in enumerate(calls, 1):
        yield Fault("kill", number)
        yield Fault("io", number)
        if call.kind == "write":
            yield Fault("torn", number)
            yield Fault("short", number)
        if call.kind in ("write", "open", "link", "mkdir"):
            yield Fault("full", number)
        if call.kind in ("write", "open"):
            yield Fault("quota", number)
    yield Fault("kill", len(calls) + 1)


class Harness:
    """One scenario in a folder of its own."""

    def __init__(self, scenario: Scenario, folder: Path, worker: Worker) -> None:
        self._worker = worker
        self.workplace = folder / "work"
        self._template = folder / "template"
        (self._template / "tmp").mkdir(parents=True)
        self.workplace.mkdir()
        scenario.prepare(self._template)
        self.scenario = dataclasses.replace(scenario, before=users_refs(self._template / "target.git"))
        self._log = folder / "calls"
        self._server = ExitStack()
        if scenario.served:
            edge = Simulation(body_bytes_max=40_000)
            server = self._server.enter_context(serving(self.workplace, simulation=edge))
            (folder / "url").write_text(server.url)

    def close(self) -> None:
        """Stop the server, if there is one."""
        self._server.close()

    def calls(self) -> list[Call]:
        """Return the calls of a run without faults, which must do what it should."""
        answer = self.run(None, log=str(self._log))
        assert answer["code"] == 0, answer
        after = self.scenario.after(self.workplace) if self.scenario.after else users_refs(self._target)
        assert after
        self.scenario = dataclasses.replace(self.scenario, expected=after)
        assert problems(self.scenario, self.workplace, complete=True) == []
        calls: list[Call] = pickle.loads(self._log.read_bytes())
        return calls

    @property
    def _target(self) -> Path:
        return self.workplace / "target.git"

    def fresh(self) -> None:
        """Put the workplace back to the start."""
        copy_of(self._template, self.workplace)

    def run(self, fault: Fault | None, **extra: Any) -> dict[str, Any]:
        """Run the command in a fresh workplace."""
        self.fresh()
        return self._ask(self.scenario.argv(self.workplace), fault=fault, **extra)

    def _ask(self, argv: list[str], **extra: Any) -> dict[str, Any]:
        return self._worker.ask(
            argv=argv, root=str(self.workplace), environment=environment(self.workplace), **extra
        )

    def strike(self, fault: Fault | None, *, file_bytes: int | None = None) -> list[str]:
        """Run with a fault, then again without; return everything that is not as promised."""
        answer = self.run(fault, fsize=file_bytes)
        code, output = answer["code"], answer["output"]
        found = problems(self.scenario, self.workplace, complete=code == 0)
        if fault and fault.kind == "io":
            # What can't be removed stays, and is removed by the next run.
            found = [problem for problem in found if not problem.startswith("left: ")]
        if "Traceback" in output:
            found.append(f"traceback: {output[-600:]}")
        killed = fault is not None and fault.kind in ("kill", "torn")
        if killed and code not in (KILLED, 0) and not self.scenario.name.startswith("git pushes"):
            found.append(f"exit {code} of a killed process")
        if not killed and code not in (0, 1, 4):
            found.append(f"exit {code}: {output[-300:]}")
        if not killed and code:
            found += [f"left by a failure: {name}" for name in self._left() if fault and fault.kind != "io"]
        return [*found, *self.next_run()]

    def states(self, calls: list[Call]) -> list[tuple[int, str, Tree]]:
        """Return what a loss of power may leave, at each of the calls."""
        self.fresh()
        return states(self.workplace, calls)

    def lose_power(self, tree: Tree, *, is_done: bool) -> list[str]:
        """Look at what is left, and at the next run. `is_done`: the command had ended with 0 before."""
        write_tree(tree, self.workplace)
        found = problems(self.scenario, self.workplace, complete=is_done)
        found = [problem for problem in found if not problem.startswith("left: ")]
        return [*found, *self.next_run()]

    def _left(self) -> list[str]:
        return left_behind(self.workplace)

    def next_run(self) -> list[str]:
        """Run without faults in what is there; return what is not as it should be."""
        runs = [self.scenario.next_argv(self.workplace)]
        if self.scenario.once and users_refs(self._target) == self.scenario.expected:
            runs = self.scenario.once(self.workplace)
        found = []
        for argv in runs:
            answer = self._ask(argv)
            if answer["code"]:
                found.append(f"next run: exit {answer['code']}: {answer['output'][-400:]}")
        return [*found, *(f"next run: {p}" for p in problems(self.scenario, self.workplace, complete=True))]
