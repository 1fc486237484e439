"""What every run of the tests needs: Ctrl-C that works, and figures that are shown and not asserted.

    def test_something(figures):
        figures("peak memory", "87 MB")

Time and memory depend on the machine, so they are shown, not judged; nor does Hypothesis judge them.
Works below pytest-xdist too.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import sys
from typing import TYPE_CHECKING

import pytest
from _pytest.doctest import DoctestModule
from hypothesis import HealthCheck, settings

from tests.posix import words_of_posix

settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    # A shell that starts a run in the background has it ignore Ctrl-C, and so would every program that
    # the tests start and interrupt.
    signal.signal(signal.SIGINT, signal.default_int_handler)

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

    from _typeshed import HasFileno

_PREFIX = "figure: "


def _only_checked(fd: int | HasFileno) -> None:
    """Stand in for `os.fsync`: a loss of power may take what a test wrote, and the disk may be busy."""
    os.fstat(fd if isinstance(fd, int) else fd.fileno())  # a file that is closed is still an error


os.fsync = _only_checked


class _DoctestsWhereAnyAre:
    """Of each file without an example no doctests are looked for, which is most of the files."""

    @pytest.hookimpl(wrapper=True)
    def pytest_collect_file(
        self, file_path: Path
    ) -> Generator[None, list[pytest.Collector], list[pytest.Collector]]:
        collectors = yield
        if any(isinstance(one, DoctestModule) for one in collectors) and b">>>" not in file_path.read_bytes():
            return [one for one in collectors if not isinstance(one, DoctestModule)]
        return collectors


def pytest_configure(config: pytest.Config) -> None:
    """Have the rule about doctests hold for every folder, not only for this one."""
    config.pluginmanager.register(_DoctestsWhereAnyAre())


def pytest_collection(session: pytest.Session) -> None:
    """Collect tests without collecting garbage: nearly all that comes into being stays."""
    del session
    gc.disable()


def pytest_collection_finish(session: pytest.Session) -> None:
    """Keep what was collected out of every later garbage collection: it stays until the end."""
    del session
    gc.enable()
    gc.freeze()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Return what `-n auto` stands for: one more than processors, since many tests wait for something."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return count + 1


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs POSIX, and skip it where there is none."""
    for item in items:
        if words := words_of_posix(item.path):
            item.add_marker("posix")
            if sys.platform == "win32":
                item.add_marker(pytest.mark.skip(reason=f"its file speaks of {', '.join(words)}: POSIX"))


@pytest.fixture
def figures(record_property: Callable[[str, object], None]) -> Callable[[str, object], None]:
    """Return a function that notes one named figure of this test."""
    return lambda name, value: record_property(_PREFIX + name, value)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what the tests noted."""
    reports = terminalreporter.getreports("passed") + terminalreporter.getreports("failed")
    lines = [
        (report.nodeid.rpartition("::")[2], str(name).removeprefix(_PREFIX), value)
        for report in reports
        if report.when == "call"
        for name, value in report.user_properties
        if str(name).startswith(_PREFIX)
    ]
    if lines:
        terminalreporter.section("figures")
    for test, name, value in lines:
        terminalreporter.line(f"{test}: {name} {value}")
    _print_matrix(terminalreporter)
    _print_sick_sources(terminalreporter)


def _print_matrix(terminalreporter: pytest.TerminalReporter) -> None:
    """Print which way to sync did with which server, where the run tried any (tests/e2e/matrix.py)."""
    cells = []
    for outcome in ("passed", "failed", "skipped"):
        for report in terminalreporter.getreports(outcome):
            properties = getattr(report, "user_properties", ())  # a module that is skipped whole has none
            noted = {str(name): str(value) for name, value in properties}
            if "matrix" in noted and (report.when == "call" or outcome != "passed"):
                mode, _, server = noted["matrix"].partition("|")
                done = {"passed": "ok", "failed": "FAILED", "skipped": "skipped"}[outcome]
                if outcome == "passed":
                    done = noted.get("matrix outcome", done)
                cells.append((mode, server, done))
    if cells:
        from tests.e2e.matrix import table

        terminalreporter.section("syncs by server and mode")
        for line in table(cells):
            terminalreporter.line(line)


def _print_sick_sources(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what became of mirrors of sick sources, where the run tried any (tests/e2e/sick_matrix.py)."""
    rows = {}
    for outcome in ("passed", "failed"):
        for report in terminalreporter.getreports(outcome):
            noted = dict(report.user_properties) if report.when == "call" else {}
            if "sick source" in noted:
                name, cells = json.loads(str(noted["sick source"]))
                rows[name] = cells
    if rows:
        from tests.e2e.sick_matrix import table

        terminalreporter.section("mirrors of sick sources")
        for line in table(rows):
            terminalreporter.line(line)
