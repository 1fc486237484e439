"""The parent of a comparison: starts one child for each run, in turns, and collects medians.

    list the objects
    turn 1:  A packs, B packs, ...       each pack is checked, then read back, before the next turn
    turn 2:  A packs, B packs, ...       in turns, because shared machines have slow minutes
    rows:    medians

A contender that fails, is not installed or takes too long drops out immediately; its row says why.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli.bench.values import Comparison, PackFacts, Row, TypeFacts
from cli.render import units
from packcore.errors import PackcoreError
from packcore.progress import SILENT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cli.bench.values import Contender, Settings
    from packcore.progress import Progress

__all__ = ["compare"]

RANDOM_READS_MAX = 20_000
"""The same as `jobs.RANDOM_READS_MAX`; that module imports more than the parent needs."""


@dataclass(slots=True)
class _Entry:
    """A contender during the comparison."""

    contender: Contender
    pack_path: Path
    runs: list[dict[str, float | None]] = field(default_factory=list)
    pack: PackFacts | None = None
    big: list[str] = field(default_factory=list)
    reason: str = ""
    is_wrong: bool = False

    def row(self) -> Row:
        if self.reason:
            return Row(self.contender, reason=self.reason, is_wrong=self.is_wrong)
        return Row(self.contender, self.pack, tuple(self.runs))


def compare(
    repository: str,
    contenders: Sequence[Contender],
    settings: Settings,
    *,
    given: str | None = None,
    progress: Progress = SILENT,
) -> Comparison:
    """Run all contenders on the objects that the refs of the repository reach, and return the report.

    `given` is a file that lists other objects in the format of `git rev-list --objects`.

    Raises PackcoreError if the repository can't be listed.
    """
    with tempfile.TemporaryDirectory(prefix="packcore-bench-") as folder:
        listed = Path(folder) / "objects.list"
        with progress.phase("listing", unit="objects") as phase:
            job = {"job": "list", "repository": repository, "list": str(listed), "given": given}
            source = _child(job, None)
            if "reason" in source:
                raise PackcoreError(source["reason"], hint=source.get("hint"))
            phase.advance(source["objects"])
        entries = [
            _Entry(contender, Path(folder) / f"{number}.pack") for number, contender in enumerate(contenders)
        ]
        turns = _Turns(source, listed, settings, progress)
        for turn in range(settings.repeat):
            for entry in entries:
                if not entry.reason:
                    turns.run(entry, turn)
    return Comparison(
        repository,
        source["object_format"],
        source["objects"],
        source["raw_bytes"],
        min(source["objects"], RANDOM_READS_MAX),
        settings,
        tuple(entry.row() for entry in entries),
    )


class _Turns:
    """Runs one contender once: pack, check, read back, each in a child."""

    def __init__(self, source: dict[str, Any], listed: Path, settings: Settings, progress: Progress) -> None:
        self._settings = settings
        self._progress = progress
        self._objects = source["objects"]
        self._common = {
            "repository": source["repository"],
            "objects": source["objects_folder"],
            "object_format": source["object_format"],
            "list": str(listed),
            "limits": asdict(settings.limits),
            "seed": settings.seed,
            "jobs": settings.jobs,
        }

    def run(self, entry: _Entry, turn: int) -> None:
        contender, repeat = entry.contender, self._settings.repeat
        times = f", run {turn + 1} of {repeat}" if repeat > 1 else ""
        with self._progress.phase(
            f"{contender.name}{times}: packing", unit="objects", total=self._objects
        ) as phase:
            kind = "peer" if contender.is_peer else "strategy"
            measured = self._do(entry, kind, self._settings.time_limit_seconds, name=contender.name)
            if measured is not None and self._check(entry):
                read = self._do(entry, "read", None, big=entry.big)
                if read is not None:
                    entry.runs.append({**measured, **read})
            phase.advance(self._objects)
        entry.pack_path.unlink(missing_ok=True)

    def _check(self, entry: _Entry) -> bool:
        """Check the pack of this run, and keep the facts of the first one. Return whether it is correct."""
        found = self._do(entry, "check", None)
        if found is None:
            return False
        if entry.pack is None:
            entry.big = found["big"]
            entry.pack = PackFacts(
                found["pack_bytes"],
                found["checksum"],
                {name: TypeFacts(**facts) for name, facts in found["by_type"].items()},
                dict(map(tuple, found["chain_lengths"])),
                found["checked_by"],
                found["note"],
            )
        elif found["checksum"] != entry.pack.checksum and not entry.contender.is_peer:
            entry.reason, entry.is_wrong = "two runs on the same objects wrote different packs", True
            return False
        return True

    def _do(self, entry: _Entry, job: str, time_limit: float | None, **more: Any) -> dict[str, Any] | None:
        """Run a job in a child; if it fails, set the entry's reason and return None."""
        result = _child({**self._common, "job": job, "pack": str(entry.pack_path), **more}, time_limit)
        if "reason" not in result:
            return result
        entry.reason, entry.is_wrong = result["reason"], result.get("wrong", False) and job != "strategy"
        return None


def _child(job: dict[str, Any], time_limit: float | None) -> dict[str, Any]:
    """Start a child for one job and return its answer. The child and all its processes end with us."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with subprocess.Popen(
        [sys.executable, "-m", "cli.bench.child"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
        start_new_session=True,
    ) as process:
        try:
            out, words = process.communicate(json.dumps(job).encode(), timeout=time_limit)
        except subprocess.TimeoutExpired:
            _end(process)
            return {"reason": f"gave up after {units.seconds(time_limit or 0.0)}"}
        except BaseException:
            _end(process)
            raise
    if process.returncode or not out:
        last = words.decode(errors="replace").strip().rpartition("\n")[2]
        return {"reason": f"the run ended with exit code {process.returncode}: {last}".rstrip(": ")[:300]}
    answer: dict[str, Any] = json.loads(out)
    return answer


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a child and all processes that it started."""
    with suppress(ProcessLookupError, PermissionError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
