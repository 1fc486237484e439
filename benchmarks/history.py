"""A line of figures for each time that someone asks: what this commit makes, and how fast, on this machine.

    python -m benchmarks.history [--objects N] [--note TEXT]     appends to benchmarks/history.jsonl

Bytes may be compared between any two lines with the same corpus and compressor; times only between lines
of the same class of machine, and even then with care.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.corpora import Batches, generate
from cli.bench.runner import compare
from cli.bench.values import Contender, Settings
from packcore.deflate import DEFLATE_LIBRARY
from packcore.limits import Limits
from packcore.repack import repack
from packcore.search.registry import strategies
from packcore.store.repository import Repository

HISTORY = Path(__file__).with_name("history.jsonl")
TOO_SLOW = {"oracle"}
"""Strategies for small sets only."""


def machine_class() -> str:
    """Return what kind of machine this is, without naming it: `Linux x86_64, 2 cores`."""
    return f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"


def commit() -> str:
    """Return the commit of the checkout, with a mark if files were changed since."""
    command = ["git", "-C", str(HISTORY.parent), "describe", "--always", "--dirty", "--abbrev=12"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


def measure(objects: int, repeat: int) -> list[dict[str, Any]]:
    """Run all strategies, and git, on a generated corpus; return a few figures of each."""
    with tempfile.TemporaryDirectory() as folder:
        with Repository.init(Path(folder) / "corpus.git") as repository:
            batches = Batches(repository)
            refs = generate(batches, objects)
            batches.flush()
            for name, oid in refs.items():
                repository.update_ref(name, oid)
            repack(repository, limits=repository.limits)
        contenders = [Contender("git", is_peer=True)]
        contenders += [Contender(name) for name in strategies() if name not in TOO_SLOW]
        report = compare(str(Path(folder) / "corpus.git"), contenders, Settings(Limits(), repeat)).as_json()
    kept = ("packBytes", "deltas", "selectSeconds", "writeSeconds", "cpuSeconds", "readSeconds")
    return [
        {"name": row["name"], **{key: _short(row[key]) for key in kept}, "peakBytes": row["peakBytes"]}
        for row in report["rows"]
        if row["ok"]
    ]


def _short(value: float | None) -> float | None:
    return round(value, 3) if isinstance(value, float) else value


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--objects", type=int, default=10_000)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--note", default="", help="what is special about this line")
    arguments = parser.parse_args()
    line = {
        "commit": commit(),
        "machine": machine_class(),
        "python": platform.python_version(),
        "deflate": DEFLATE_LIBRARY,
        "corpus": {"generated": arguments.objects, "seed": 1},
        "note": arguments.note,
        "rows": measure(arguments.objects, arguments.repeat),
    }
    with HISTORY.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")
    for row in line["rows"]:
        print(f"{row['name']:14} {row['packBytes']:12,} bytes {row['cpuSeconds']:8.2f} s CPU")


if __name__ == "__main__":
    main()
