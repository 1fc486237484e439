"""Runs git-sync's integration tests with `packcore` in the place of the functions that they call.

The caller provides a checkout of git-sync that `go test` works in. Nothing is written into it: go takes our
file, and git-sync's own with four functions renamed, from an overlay (`go help build`).
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from scripts.conformance.git_suite import OUTPUT, ROOT
from scripts.conformance.results import Failure, Row
from scripts.conformance.suites import ConformanceError, reason_for, stale_reasons

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from scripts.conformance.suites import Reason

__all__ = ["GitSyncCheckout", "measure_git_sync", "read_go_tests", "renamed"]

FAMILY = "git-sync"
SCRIPT = "syncer"
_PACKAGE = Path("internal") / "syncer"
_REPLACED = ("Run", "Bootstrap", "Probe", "Fetch")
_TESTS = "_Integration|_GitHTTPBackend|^TestProbe_|^TestRun_Replicate"
"""Those that sync. The others test parts of git-sync."""
_RESULT = re.compile(r"^--- (PASS|FAIL): (\w+) ", re.MULTILINE)
_NOT_OFFERED = re.compile(r"no such option: (--[\w-]+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class GitSyncCheckout:
    """A checkout of git-sync."""

    path: Path

    @property
    def version(self) -> str:
        """Return its version. Raises ConformanceError if it is none, or go is missing."""
        if not (self.path / _PACKAGE / "syncer.go").exists():
            raise ConformanceError(f"{self.path}: no checkout of git-sync")
        if shutil.which("go") is None:
            raise ConformanceError("go is not on PATH")
        command = ["git", "-C", str(self.path), "describe", "--tags", "--always"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def run(self, folder: Path, *, ours: bool) -> Mapping[str, tuple[bool, str]]:
        """Run the tests; return, by name, whether each passed and what it printed."""
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        command = ["go", "test", "-count=1", "-v", "-timeout=20m", f"-run={_TESTS}"]
        if ours:
            command.append(f"-overlay={self._overlay(folder)}")
        program = folder / "packcore"
        program.write_text(f'#!/bin/sh\nexec {sys.executable} -m packcore "$@"\n')
        program.chmod(0o755)
        done = subprocess.run(
            [*command, f"./{_PACKAGE}"],
            cwd=self.path,
            env={
                **os.environ,
                "PACKCORE_COMMAND": str(program),
                "PYTHONPATH": str(ROOT),
                "GITSYNC_E2E_GIT_HTTP_BACKEND": "1",
            },
            capture_output=True,
            text=True,
            check=False,
        )
        (folder / "out.txt").write_text(done.stdout + done.stderr)
        return read_go_tests(done.stdout)

    def _overlay(self, folder: Path) -> Path:
        source = self.path.resolve() / _PACKAGE / "syncer.go"
        changed = folder / "syncer.go"
        changed.write_text(renamed(source.read_text()))
        own = Path(__file__).parent / "git_sync" / "packcore.go"
        overlay = folder / "overlay.json"
        replaced = {str(source): str(changed), str(source.with_name("packcore.go")): str(own)}
        overlay.write_text(json.dumps({"Replace": replaced}))
        return overlay


def renamed(source: str) -> str:
    """Return git-sync's file with the functions renamed that ours take the place of."""
    for name in _REPLACED:
        source, count = re.subn(rf"^func {name}\(", f"func originalOf{name}(", source, flags=re.MULTILINE)
        if count != 1:
            raise ConformanceError(f"git-sync has {count} functions {name}, not one")
    return source


def read_go_tests(output: str) -> dict[str, tuple[bool, str]]:
    """Read what `go test -v` printed: by test that ran, whether it passed and what it printed."""
    parts = re.split(r"^=== RUN   (\w+)\n", output, flags=re.MULTILINE)[1:]
    printed = dict(zip(parts[::2], parts[1::2], strict=True))
    return {name: (verdict == "PASS", printed.get(name, "")) for verdict, name in _RESULT.findall(output)}


def measure_git_sync(checkout: GitSyncCheckout, reasons: Sequence[Reason]) -> Row:
    """Run the tests with git-sync's engine and with packcore, and compare."""
    expected = {
        name
        for name, (passed, _) in checkout.run(OUTPUT / "git-sync" / "original", ours=False).items()
        if passed
    }
    found = checkout.run(OUTPUT / "git-sync" / "packcore", ours=True)
    failures, passed = [], set()
    for name in sorted(expected):
        is_passed, printed = found.get(name, (False, ""))
        if is_passed:
            passed.add(name)
        else:
            missing = sorted(set(_NOT_OFFERED.findall(printed)))
            failures.append(Failure(name, "", missing, 1, reason_for(reasons, FAMILY, SCRIPT, name)))
    stale = stale_reasons(reasons, FAMILY, SCRIPT, passed)
    return Row(FAMILY, SCRIPT, len(expected), len(passed), len(expected), failures, stale)
