"""`make fuzz`: every target for a share of the time, one process for each core, and a table of the results.

    python -m tests.fuzz.run --seconds 600 [--target NAME …] [--plain] [--minimise]

Ends with 1 if anything was found. `--minimise` then takes the few inputs that add coverage into the kept
corpus. Where atheris isn't installed, that is said, and inputs are chosen without the help of coverage.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from tests.fuzz.corpus import CORPUS, kept
from tests.fuzz.minimise import minimise
from tests.fuzz.target import FOLDER, all_targets
from tests.fuzz.worker import load_atheris

ROOT = FOLDER.parent.parent
WORK = ROOT / "build" / "fuzz"
_GUIDED = re.compile(r"^stat::number_of_executed_units:\s*(\d+)", re.MULTILINE)
_COVERAGE = re.compile(r"cov: (\d+) ft: \d+ corp: (\d+)/")
_PLAIN = re.compile(r"^plain executions (\d+)", re.MULTILINE)
_GRACE_SECONDS = 180
_MEMORY = "/dev/shm"
"""A folder in memory: on a disk the targets that write files would mostly wait."""


class Row(NamedTuple):
    """What came of one target."""

    name: str
    executions: int
    coverage: str
    corpus: str
    findings: list[Path]
    fault: str = ""


def fuzz(name: str, seconds: float, *, plain: bool) -> Row:
    """Fuzz one target in a process of its own, which may be killed by what it reads."""
    work = WORK / name
    work.mkdir(parents=True, exist_ok=True)
    for old in work.glob("finding-*"):
        old.unlink()
    command = [sys.executable, "-m", "tests.fuzz.worker", name, str(seconds), str(work)]
    # libFuzzer ends its process at once, so what a target wrote is removed here.
    memory = _MEMORY if Path(_MEMORY).is_dir() else None
    with tempfile.TemporaryDirectory(prefix="packcore-fuzz-", dir=memory) as temporary:
        try:
            done = subprocess.run(
                command + ["--plain"] * plain,
                cwd=ROOT,
                env={**os.environ, "TMPDIR": temporary},
                capture_output=True,
                timeout=seconds + _GRACE_SECONDS,
                check=False,
            )
            output = (done.stdout + done.stderr).decode(errors="replace")
            fault = f"ended with {done.returncode}" if done.returncode else ""
        except subprocess.TimeoutExpired:
            output, fault = "", "did not end"
    (work / "output.txt").write_text(output)
    found = sorted(work.glob("finding-*"))
    if plain:
        count = _PLAIN.search(output)
        return Row(name, int(count[1]) if count else 0, "", "", found, fault)
    count, coverage = _GUIDED.search(output), _COVERAGE.findall(output)
    edges, inputs = coverage[-1] if coverage else ("", "")
    return Row(name, int(count[1]) if count else 0, edges, inputs, found, fault)


def table(rows: list[Row]) -> str:
    """Return the rows as text, with their sum."""
    width = max(len(row.name) for row in rows)
    lines = [
        f"{'target':<{width}}  {'executions':>12}  {'coverage':>8}  {'corpus':>6}  {'kept':>4}  findings"
    ]
    for row in rows:
        what = ", ".join(path.stem.removeprefix("finding-") for path in row.findings)
        lines.append(
            f"{row.name:<{width}}  {row.executions:>12,}  {row.coverage:>8}  {row.corpus:>6}  "
            f"{len(kept(CORPUS, row.name)):>4}  {what or '-'}{' ! ' + row.fault if row.fault else ''}"
        )
    lines.append(f"{'in all':<{width}}  {sum(row.executions for row in rows):>12,}")
    return "\n".join(lines)


def main() -> int:
    """Fuzz, print the table, and return the exit code."""
    parser = argparse.ArgumentParser(description="Fuzz every reader of outside bytes.")
    parser.add_argument("--seconds", type=float, default=300, help="for all targets together")
    parser.add_argument("--target", action="append", help="only these; repeatable")
    parser.add_argument("--plain", action="store_true", help="without atheris")
    parser.add_argument("--minimise", action="store_true", help="take new coverage into the kept corpus")
    given = parser.parse_args()
    targets = all_targets()
    if unknown := sorted(set(given.target or ()) - set(targets)):
        parser.error(f"no target is called {unknown[0]}; there are {', '.join(targets)}")
    plain = given.plain or load_atheris() is None
    if plain and not given.plain:
        print("atheris is not installed for this Python: inputs are mutated without the help of coverage")
    names = given.target or list(targets)
    jobs = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    share = given.seconds * min(jobs, len(names)) / len(names)
    with ThreadPoolExecutor(jobs) as pool:
        rows = list(pool.map(lambda name: fuzz(name, share, plain=plain), names))
    if given.minimise:
        for name in names:
            minimise(targets[name], WORK / name / "corpus")
    print(table(rows))
    for row in rows:
        for path in row.findings:
            print(f"\n{path.read_text()}", end="")
    return int(any(row.findings or row.fault for row in rows))


if __name__ == "__main__":
    sys.exit(main())
