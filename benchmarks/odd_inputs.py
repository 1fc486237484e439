"""Odd inputs against `git pack-objects`: size and time for each kind that a repository may be made of.

    python -m benchmarks.odd_inputs [KIND...] [--scale N] [--repeat N] [--json FILE] [--list]

Each kind is a small generated repository (benchmarks/odd_texts.py, odd_binaries.py, odd_histories.py),
packed by git for both sides to read from. What counts is user CPU time of the whole process, run in turns,
medians of `--repeat`; a pack larger than 1.02 times git's or a time above 3 times git's is marked, and
makes the exit code 1. The same kinds at scale 1 are tests (tests/benchmarks/test_odd_inputs.py).
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import odd_binaries, odd_histories, odd_texts
from benchmarks.corpora import Batches, Trees, commit_of
from cli.bench.runner import compare
from cli.bench.values import Contender, Settings
from packcore.limits import Limits
from packcore.objects import ObjectType
from packcore.store.repository import Repository

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.odd_texts import Changes
    from packcore.ids import ObjectId

__all__ = ["BYTES_RATIO_MAX", "CPU_RATIO_MAX", "KINDS", "generate_kind", "make_repository"]

KINDS = {**odd_texts.KINDS, **odd_binaries.KINDS, **odd_histories.KINDS}
"""Name -> generator of commits."""

BYTES_RATIO_MAX = 1.02
CPU_RATIO_MAX = 3.0


class _Writer:
    """Writes commits from changes of files."""

    def __init__(self, batches: Batches) -> None:
        self._batches = batches
        self._trees = Trees(batches)
        self._count = 0

    def commit(self, changes: Changes, parents: list[ObjectId]) -> ObjectId:
        """Change the files and commit all."""
        for path, data in changes.items():
            entry = None if data is None else (b"100644", self._batches.add(ObjectType.BLOB, data))
            self._trees.put(path, entry)
        self._count += 1
        return commit_of(self._batches, self._trees.root(), parents, self._count, f"Change {self._count}")

    def aside(self, changes: Changes, parents: list[ObjectId]) -> ObjectId:
        """Commit on a branch: the files are then as they were."""
        before = {path: self._trees.get(path) for path in changes}
        made = self.commit(changes, parents)
        for path, entry in before.items():
            self._trees.put(path, entry)
        return made


def generate_kind(batches: Batches, name: str, scale: int) -> ObjectId:
    """Add the history of a kind and return its tip."""
    writer = _Writer(batches)
    commits: Iterator[Changes] = KINDS[name](random.Random(name), scale)
    parents = [writer.commit(next(commits), [])]
    aside = odd_histories.BRANCHES if name in odd_histories.MERGING else 0
    while True:
        branches = [writer.aside(changes, parents) for changes in islice(commits, aside)]
        changes = next(commits, None)
        if changes is None:
            return parents[0]
        parents = [writer.commit(changes, parents + branches)]


def make_repository(path: Path, name: str, scale: int) -> Path:
    """Write a kind as a repository of one branch and return its path."""
    with Repository.init(path) as repository:
        batches = Batches(repository)
        tip = generate_kind(batches, name, scale)
        batches.flush()
        repository.update_ref("refs/heads/main", tip)
    return path


def measure(name: str, scale: int, repeat: int) -> dict[str, Any]:
    """Let git and the engine pack a kind, in turns, and return what counts."""
    with tempfile.TemporaryDirectory() as folder:
        path = make_repository(Path(folder) / "odd.git", name, scale)
        subprocess.run(["git", "-C", str(path), "repack", "-adfq", "--threads=1"], check=True)
        contenders = [Contender("git", is_peer=True), Contender("chunk-window")]
        comparison = compare(str(path), contenders, Settings(Limits(), repeat))
    rows = []
    for row in comparison.rows:
        if row.pack is None:
            sys.exit(f"{name}: {row.contender.name}: {row.reason}")
        rows.append((row.pack.pack_bytes, row.median("cpu_seconds") or 0.0, row.median("peak_bytes")))
    (git_bytes, git_seconds, git_peak), (our_bytes, our_seconds, our_peak) = rows
    return {
        "kind": name,
        "objects": comparison.objects,
        "rawBytes": comparison.raw_bytes,
        "git": {"packBytes": git_bytes, "cpuSeconds": git_seconds, "peakBytes": git_peak},
        "packcore": {"packBytes": our_bytes, "cpuSeconds": our_seconds, "peakBytes": our_peak},
        "bytesRatio": our_bytes / git_bytes,
        "cpuRatio": our_seconds / max(git_seconds, 0.001),
    }


def _line(found: dict[str, Any]) -> str:
    missed = [
        word
        for word, key, most in (("BYTES", "bytesRatio", BYTES_RATIO_MAX), ("CPU", "cpuRatio", CPU_RATIO_MAX))
        if found[key] > most
    ]
    git, ours = found["git"], found["packcore"]
    return (
        f"{found['kind']:24} {found['objects']:7,} {found['rawBytes'] / 1e6:7.1f} {git['packBytes']:11,} "
        f"{ours['packBytes']:11,} {found['bytesRatio']:6.3f} {git['cpuSeconds']:7.2f} "
        f"{ours['cpuSeconds']:7.2f} {found['cpuRatio']:6.2f} {' '.join(missed)}"
    ).rstrip()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("kinds", metavar="KIND", nargs="*", help="only those whose name has this in it")
    parser.add_argument("--scale", type=int, default=10, help="how much of each; tests use 1")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--list", action="store_true", help="name all kinds and say what they are")
    arguments = parser.parse_args()
    names = [name for name in KINDS if not arguments.kinds or any(part in name for part in arguments.kinds)]
    if arguments.list:
        for name in names:
            print(f"{name:24} {KINDS[name].__doc__}")
        return
    heads = ("kind", "objects", "raw MB", "git bytes", "our bytes", "bytes", "git s", "our s", "CPU")
    print("{:24} {:>7} {:>7} {:>11} {:>11} {:>6} {:>7} {:>7} {:>6}".format(*heads))
    report = []
    for name in names:
        report.append(measure(name, arguments.scale, arguments.repeat))
        print(_line(report[-1]), flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps({"kinds": report}, indent=2) + "\n", encoding="utf-8")
    if any(row["bytesRatio"] > BYTES_RATIO_MAX or row["cpuRatio"] > CPU_RATIO_MAX for row in report):
        sys.exit(1)


if __name__ == "__main__":
    main()
