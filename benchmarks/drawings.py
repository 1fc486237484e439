"""Drawings of what `packcore bench --json` wrote down: size against time, one file a repository.

    packcore bench click.git --against git --strategy git-window,git-window:names=0 --json bench.json
    python -m benchmarks.drawings bench.json DIR        DIR/click-size-time.svg

The page of `packcore bench --html` holds the same plots; these stand alone, with their colours inside, so
that a document can show them. Contenders that made no pack are left out.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from cli.render.bench_plots import Point, scatter

WIDTH = 640
STYLE = """
svg { background: #fff; --ink: #1c1f23; --soft: #5a626b; --line: #dfe2e6; --own: #1f6fc4; --peer: #8a6a1f; }
@media (prefers-color-scheme: dark) { svg { background: #15181b; --ink: #e8eaed; --soft: #a3abb4;
  --line: #343a41; --own: #6aaef5; --peer: #d9b25c; } }
text { font: 12.5px system-ui, sans-serif; fill: var(--ink); } .tick, .axis { fill: var(--soft); }
.grid { stroke: var(--line); } .own { fill: var(--own); }
.peer { fill: none; stroke: var(--peer); stroke-width: 2.5; }
"""


def drawing(repository: dict[str, Any], identity: str) -> str:
    """Return the plot of one repository of a report, as a file of its own."""
    points = [
        Point(row["name"], row["cpuSeconds"], row["packBytes"], row["kind"] == "peer")
        for row in repository["rows"]
        if row["ok"]
    ]
    plot = scatter(points, width=WIDTH, identity=identity)
    start = plot.index(">") + 1
    head = plot[:start].replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
    return f"{head}<style>{STYLE}</style>{plot[start:]}\n"


def main() -> None:
    """Draw each repository of the reports."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("reports", type=Path, nargs="+", metavar="JSON")
    parser.add_argument("directory", type=Path)
    arguments = parser.parse_args()
    arguments.directory.mkdir(parents=True, exist_ok=True)
    for report in arguments.reports:
        for repository in json.loads(report.read_text(encoding="utf-8"))["repositories"]:
            name = Path(repository["repository"]).name.removesuffix(".git")
            path = arguments.directory / f"{name}-size-time.svg"
            path.write_text(drawing(repository, name), encoding="utf-8")
            print(path)


if __name__ == "__main__":
    main()
