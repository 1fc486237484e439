"""How a column is prepared, and how a suite's log becomes a cell."""

from __future__ import annotations

import sys
import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from scripts.matrix import cells
from scripts.matrix.cells import count, failures, install_steps, run_suite
from scripts.matrix.columns import Column, Suite
from scripts.matrix.places import ThisMachine

if TYPE_CHECKING:
    from pathlib import Path

    from scripts.matrix.results import Cell

_LOG = """\
.F.s [100%]
=========================== short test summary info ============================
FAILED tests/test_x.py::test_one[a b] - AssertionError: 1 passed in 3s
ERROR tests/test_x.py::test_two
"""


@pytest.mark.parametrize(
    ("line", "counted"),
    [
        ("231 passed in 61.20s (0:01:01)", (231, 0, 0)),
        ("2 failed, 229 passed, 3 skipped in 9.00s", (229, 2, 3)),
        ("1 failed, 2 passed, 4 deselected, 1 warning, 2 errors in 0.10s", (2, 3, 0)),
        ("===== 1 error in 0.51s =====", (0, 1, 0)),
        ("no tests ran in 0.01s", (0, 0, 0)),
        ("", (0, 0, 0)),
    ],
)
def test_tests_are_counted_by_the_closing_line(line: str, counted: tuple[int, int, int]) -> None:
    assert count(f"{_LOG}{line}\n") == counted


def test_failures_are_named_with_their_messages() -> None:
    assert failures(_LOG) == [
        ("tests/test_x.py::test_one[a b]", "AssertionError: 1 passed in 3s"),
        ("tests/test_x.py::test_two", ""),
    ]


@pytest.mark.parametrize(("dependencies", "lock"), [("locked", "dev.txt"), ("lowest", "lowest.txt")])
def test_dependencies_are_pinned_by_a_lock_with_its_hashes(dependencies: str, lock: str) -> None:
    column = Column("x", "x", debian="sid", dependencies=dependencies)
    steps = install_steps(column, "python3", ["build.txt", "dev.txt", "lowest.txt"])
    pinned = [step[-1] for step in steps if step[-3:-1] == ["--require-hashes", "-r"]]
    assert pinned == ["locks/build.txt", f"locks/{lock}"]
    assert {"--no-deps", "--no-build-isolation"} < set(steps[-1])


@pytest.mark.parametrize(("dependencies", "locks"), [("newest", ["dev.txt", "lowest.txt"]), ("locked", [])])
def test_dependencies_without_a_lock_are_the_newest(dependencies: str, locks: list[str]) -> None:
    steps = install_steps(Column("x", "x", debian="sid", dependencies=dependencies), "python3", locks)
    assert steps[-1][-7:] == ["--upgrade", "-e", ".", "--group", "test", "--group", "build"]


def test_what_a_column_goes_without_is_uninstalled_last() -> None:
    column = Column("x", "x", debian="sid", without=("xxhash",))
    assert install_steps(column, "python3", [])[-1][-4:] == ["uninstall", "--quiet", "-y", "xxhash"]


@dataclass
class Bench:
    """A place with a script for a suite, and no environment to install."""

    work: Path

    def run(self, script: str) -> Cell:
        (self.work / "src/scripts/matrix/suite.py").write_text(textwrap.dedent(script))
        column = Column("x", "x", debian="sid", environment={"PACKCORE_X": "1"})
        return run_suite(column, Suite("s", "x", script="suite.py"), ThisMachine(self.work, sys.executable))


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    (tmp_path / "src/scripts/matrix").mkdir(parents=True)
    (tmp_path / "venv/bin").mkdir(parents=True)
    (tmp_path / "venv/bin/python").symlink_to(sys.executable)
    (tmp_path / "logs").mkdir()
    monkeypatch.setattr(cells, "LOGS", tmp_path / "logs")
    monkeypatch.setattr(cells, "ROOT", tmp_path)
    return Bench(tmp_path)


def test_a_suite_that_ends_well_and_counts_tests_is_green(bench: Bench) -> None:
    cell = bench.run("import os; print(f'{os.environ[\"PACKCORE_X\"]} passed, 2 skipped in 0.1s')")
    assert (cell.state, cell.passed, cell.skipped, cell.log) == ("ok", 1, 2, "logs/x-s.log")


def test_a_suite_with_a_failure_is_red(bench: Bench) -> None:
    cell = bench.run("print('1 failed, 3 passed in 0.1s'); raise SystemExit(1)")
    assert (cell.state, cell.passed, cell.failed, cell.reason) == ("red", 3, 1, "")


def test_a_suite_that_runs_no_test_is_red(bench: Bench) -> None:
    cell = bench.run("print('no tests ran in 0.01s')")
    assert (cell.state, cell.reason) == ("red", "ran no test")


def test_a_suite_that_dies_is_red_whatever_it_had_counted(bench: Bench) -> None:
    cell = bench.run("print('3 passed in 0.1s'); raise SystemExit(9)")
    assert (cell.state, cell.reason) == ("red", "ended with status 9")


def test_a_suite_that_takes_too_long_is_ended_and_red(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cells, "_SUITE_SECONDS_MAX", 0.5)
    cell = bench.run("import signal; signal.pause()")
    assert (cell.state, cell.reason) == ("red", "took more than 0.5 seconds")


@pytest.mark.parametrize(("then", "state", "again"), [(0, "ok", 1), (1, "red", 0)])
def test_a_failed_test_is_run_once_more_alone_and_the_cell_says_so(
    bench: Bench, then: int, state: str, again: int
) -> None:
    python = bench.work / "venv/bin/python"
    python.unlink()
    python.write_text(
        '#!/bin/sh\ncase "$*" in\n'
        f'  "-m pytest -q -n 0 tests/a.py::b") echo "1 passed in 0.1s"; exit {then};;\n'
        'esac\necho "FAILED tests/a.py::b - late"; echo "1 failed, 3 passed in 0.1s"; exit 1\n'
    )
    python.chmod(0o755)
    suite = Suite("s", "x", pytest=("tests",))
    cell = run_suite(Column("x", "x", debian="sid"), suite, ThisMachine(bench.work, sys.executable))
    assert (cell.state, cell.again) == (state, again)
