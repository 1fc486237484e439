"""Runs one column: prepares its place, then runs each suite and counts what its log says."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from contextlib import nullcontext, suppress
from typing import TYPE_CHECKING

from scripts.matrix.debian import Unavailable
from scripts.matrix.files import ROOT, copy_checkout, remove_tree
from scripts.matrix.places import Chroot, Place, place_of
from scripts.matrix.render import describe
from scripts.matrix.results import Cell, Row

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from scripts.matrix.columns import Column, Suite

__all__ = ["LOGS", "count", "failures", "install_steps", "run_column", "run_suite", "stop_like_ctrl_c"]

LOGS = ROOT / "build" / "matrix" / "logs"
_SUITE_SECONDS_MAX: float = 3600
_TOOK_TOO_LONG = 124
_SUMMARY = re.compile(r"^=*\s*((?:\d+ [a-z]+,? ?)+) in [\d.]+s", re.MULTILINE)
_RUN_AGAIN_MAX = 3
"""Most failed tests that are run again, alone: servers on a busy machine may be late. The table says so."""
_COUNTED = re.compile(r"(\d+) (passed|failed|error|skipped|xfailed)")
_FAILURE = re.compile(r"^(?:FAILED|ERROR) (\S.*?)(?: - (.*))?$", re.MULTILINE)

_VERSIONS = """
import json, platform, subprocess, sys, sysconfig
from importlib.metadata import distributions
wanted = {"click", "h11", "rich", "xxhash", "zlib-ng"}
found = {each.name: each.version for each in distributions() if each.name in wanted}
python = platform.python_version()
if platform.python_implementation() != "CPython":
    python = f"{platform.python_implementation()} {'.'.join(map(str, sys.pypy_version_info[:3]))} ({python})"
if sysconfig.get_config_var("Py_GIL_DISABLED"):
    python += "t"
git = subprocess.run(["git", "--version"], capture_output=True, text=True).stdout.split()[2]
print(json.dumps({"python": python, "git": git, **dict(sorted(found.items()))}))
"""


def run_column(
    column: Column, suites: Sequence[Suite], say: Callable[[str], None], *, chroot_always: bool = False
) -> Row:
    """Prepare a column and run the suites in it. What fails or can't be had is in the row."""
    row = Row(column.name, left_out=column.leave_out)
    prepared = LOGS / f"{column.name}-prepare.log"
    try:
        place = place_of(column, chroot_always=chroot_always)
        with place.debian.locked(say) if isinstance(place, Chroot) else nullcontext():
            prepared.parent.mkdir(parents=True, exist_ok=True)
            prepared.write_bytes(b"")
            if reason := _prepare(column, row, place, prepared, say):
                row.cells = {suite.name: Cell("red", reason=reason, log=_named(prepared)) for suite in suites}
                return row
            for suite in suites:
                row.cells[suite.name] = cell = run_suite(column, suite, place)
                say(f"{suite.name}: {describe(cell)}")
            if not row.red:
                remove_tree(place.work)
    except Unavailable as reason:
        row.skipped = str(reason)
    return row


def _prepare(column: Column, row: Row, place: Place, log: Path, say: Callable[[str], None]) -> str:
    """Make the place, the copy and the environment; return what failed, or nothing."""
    if isinstance(place, Chroot):
        place.debian.make(log, say)
    remove_tree(place.work)
    for folder in ("home", "tmp"):
        (place.work / folder).mkdir(parents=True)
    row.commit = copy_checkout(place.work / "src")
    if isinstance(place, Chroot):
        for step in _debian_steps(column):
            say(step[0])
            if _run(place, step[1:], log):
                raise Unavailable(f"{step[0]} failed; see {_named(log)}")
    say("installing dependencies")
    for command in install_steps(column, place.python, [lock.name for lock in (ROOT / "locks").glob("*")]):
        if _run(place, command, log):
            return f"`{' '.join(command)}` failed"
    answer = subprocess.run(
        place.command(["../venv/bin/python", "-c", _VERSIONS], f"{place.inside}/src", {}),
        env=place.environment({}),
        capture_output=True,
        text=True,
        check=False,
    )
    if answer.returncode != 0:
        return f"the environment can't tell its versions: {answer.stderr.strip()}"
    row.versions = json.loads(answer.stdout)
    say(", ".join(f"{name} {version}" for name, version in row.versions.items()))
    return ""


def _debian_steps(column: Column) -> list[list[str]]:
    """Return what is installed in a Debian release: each a description and a command."""
    steps = [
        ["installing servers and clients", "bash", ".ci/install"],
        ["installing certificates", "update-ca-certificates"],
    ]
    if column.packages:
        apt = ["apt-get", "install", "-y", "-qq", "--no-install-recommends"]
        steps.append([f"installing {' '.join(column.packages)}", *apt, *column.packages])
    if column.setup:
        steps.append([f"running {column.setup}", "bash", f"scripts/matrix/{column.setup}"])
    return steps


def install_steps(column: Column, python: str, locks: Sequence[str]) -> list[list[str]]:
    """Return the commands that make a column's virtual environment, to be run in its copy of the checkout.

    `locks` names the files that are in locks/. Where one is missing, what it would pin is the newest.
    """
    pip = ["../venv/bin/python", "-m", "pip", "--disable-pip-version-check"]
    install = [*pip, "install", "--quiet"]
    pinned = [*install, "--require-hashes", "-r"]
    steps = [[python, "-m", "venv", "../venv"], [*install, "--upgrade", "pip>=25.1"]]
    lock = {"locked": "dev.txt", "lowest": "lowest.txt"}.get(column.dependencies, "")
    if lock in locks and "build.txt" in locks:
        steps += [[*pinned, "locks/build.txt"], [*pinned, f"locks/{lock}"]]
        steps.append([*install, "--no-deps", "--no-build-isolation", "-e", "."])
    else:
        steps.append([*install, "--upgrade", "-e", ".", "--group", "test", "--group", "build"])
    if column.without:
        steps.append([*pip, "uninstall", "--quiet", "-y", *column.without])
    return steps


def run_suite(column: Column, suite: Suite, place: Place) -> Cell:
    """Run a suite in a place that is prepared. Red if it fails, dies, takes too long or runs no test."""
    log = LOGS / f"{column.name}-{suite.name}.log"
    log.write_bytes(b"")
    python = f"{place.inside}/venv/bin/python"
    if suite.script:
        command = [
            python,
            f"scripts/matrix/{suite.script}",
            place.inside,
            column.dependencies,
            *column.without,
        ]
    else:
        ignored = [f"--deselect={test}" if "::" in test else f"--ignore={test}" for test in column.leave_out]
        command = [python, "-m", "pytest", "-q", "-n", "auto", *suite.pytest, *ignored]
    start = time.monotonic()
    status = _run(place, command, log, column.environment)
    seconds = time.monotonic() - start
    text = log.read_text(errors="replace")
    passed, failed, skipped = count(text)
    if status == 0 and passed:
        return Cell("ok", passed, 0, skipped, seconds, log=_named(log))
    if suite.pytest and passed and 0 < failed <= _RUN_AGAIN_MAX:
        tests = [test for test, _ in failures(text)]
        command = [python, "-m", "pytest", "-q", "-n", "0", *tests]
        if len(tests) == failed and _run(place, command, log, column.environment) == 0:
            return Cell("ok", passed + failed, 0, skipped, seconds, log=_named(log), again=failed)
    if status == _TOOK_TOO_LONG:
        reason = f"took more than {_SUITE_SECONDS_MAX} seconds"
    elif status == 0:
        reason = "ran no test"
    else:
        reason = "" if failed else f"ended with status {status}"
    return Cell("red", passed, failed, skipped, seconds, reason, _named(log))


def _run(place: Place, command: Sequence[str], log: Path, extra: dict[str, str] | None = None) -> int:
    """Run a command in the copy of the checkout, its output to the log; return its status."""
    with log.open("ab") as output:
        output.write(f"$ {' '.join(command)}\n".encode())
        output.flush()
        process = subprocess.Popen(
            place.command(command, f"{place.inside}/src", extra or {}),
            env=place.environment(extra or {}),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        try:
            return process.wait(timeout=_SUITE_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            return _TOOK_TOO_LONG
        finally:
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a command and all that it started: tests that were cut short leave servers."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def stop_like_ctrl_c() -> None:
    """Raise KeyboardInterrupt on SIGTERM and SIGHUP too, so that what was started is ended."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)


def count(log: str) -> tuple[int, int, int]:
    """Return how many tests passed, failed and were skipped, from pytest's last line in a log."""
    summaries = _SUMMARY.findall(log)
    found = {word: int(number) for number, word in _COUNTED.findall(summaries[-1])} if summaries else {}
    return found.get("passed", 0), found.get("failed", 0) + found.get("error", 0), found.get("skipped", 0)


def failures(log: str) -> list[tuple[str, str]]:
    """Return the tests that failed, each with the first line of its message, from a log of pytest."""
    return [(test, message) for test, message in _FAILURE.findall(log)]


def _named(log: Path) -> str:
    return str(log.relative_to(ROOT))
