"""The figures that README.md and docs/performance.md show, from what the race recorded.

    python benchmarks/race_pack_objects.py click.git requests.git --repeat 3 --record
    python -m benchmarks.figures --write

`--record` keeps the race's rows in `figures.json`. This module puts them between `<!-- figures: race -->` and
`<!-- end -->` on both pages; without `--write` it only compares, and ends with 1 if a page differs.
"""

from __future__ import annotations

import argparse
import json
import platform
import re
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

__all__ = ["Figure", "record", "table", "updated"]

ROOT = Path(__file__).resolve().parent.parent
RECORD = Path(__file__).with_name("figures.json")
PAGES = ("README.md", "docs/performance.md")
_PLACE = re.compile(r"(<!-- figures: race -->\n).*?(<!-- end -->)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Figure:
    """The race of one repository: pack sizes in bytes and user CPU in seconds, the best of the runs."""

    repository: str
    objects: int
    git_bytes: int
    git_seconds: float
    bytes: int
    seconds: float
    runs: int
    git: str
    python: str


def record(rows: list[tuple[str, int, tuple[int, float], tuple[int, float]]], runs: int) -> None:
    """Keep rows of (repository, objects, git's bytes and seconds, ours), in place of older ones."""
    git = subprocess.run(["git", "--version"], check=True, capture_output=True, text=True).stdout.split()[2]
    kept = {figure.repository: figure for figure in _read()}
    for name, objects, (git_bytes, git_seconds), (size, seconds) in rows:
        repository = name.removesuffix(".git")
        kept[repository] = Figure(
            repository,
            objects,
            git_bytes,
            round(git_seconds, 2),
            size,
            round(seconds, 2),
            runs,
            git,
            f"{platform.python_implementation()} {platform.python_version()}",
        )
    figures = sorted(
        {figure.repository: figure for figure in kept.values()}.values(), key=lambda f: f.objects
    )
    RECORD.write_text(json.dumps([asdict(figure) for figure in figures], indent=1) + "\n")


def _read() -> list[Figure]:
    return [Figure(**row) for row in json.loads(RECORD.read_text())] if RECORD.exists() else []


def table() -> str:
    """Return the recorded races as a Markdown table, and what they were run with."""
    figures = _read()
    lines = [
        "| repository | objects | `git pack-objects` | packcore | size | CPU |",
        "|---|---|---|---|---|---|",
    ]
    lines.extend(
        f"| {one.repository} | {one.objects:,} | {one.git_bytes:,} B, {one.git_seconds:.2f} s "
        f"| {one.bytes:,} B, {one.seconds:.2f} s | {one.bytes / one.git_bytes:.3f} "
        f"| {one.seconds / one.git_seconds:.2f} |"
        for one in figures
    )
    with_what = sorted({f"{one.python}, git {one.git}, best of {one.runs}" for one in figures})
    return "\n".join([*lines, "", f"{'; '.join(with_what)}; user CPU."])


def updated(page: str) -> str:
    """Return a page's text with today's table. ValueError if the page has no place for it."""
    text, count = _PLACE.subn(lambda found: f"{found[1]}{table()}\n{found[2]}", page)
    if not count:
        raise ValueError("the page has no <!-- figures: race --> … <!-- end -->")
    return text


def main() -> int:
    """Compare the pages with the record, or write them."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--write", action="store_true", help="write the pages instead of comparing them")
    is_written = parser.parse_args().write
    differ = []
    for name in PAGES:
        page = ROOT / name
        text = page.read_text(encoding="utf-8")
        new = updated(text)
        if new != text:
            differ.append(name)
            if is_written:
                page.write_text(new, encoding="utf-8")
    if differ and not is_written:
        print(f"differ from benchmarks/figures.json: {', '.join(differ)}; run with --write", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
