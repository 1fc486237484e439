"""What became of each column and suite, and the file that keeps the last whole run of each column."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from scripts.matrix.files import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

__all__ = ["RECORD", "Cell", "Row", "read_record", "write_record"]

RECORD = ROOT / "docs" / "works-with.json"
"""What the documentation's table is drawn from."""


@dataclass(frozen=True, slots=True)
class Cell:
    """What became of one suite in one column: `state` is ok, red or skipped."""

    state: str
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    seconds: float = 0.0
    reason: str = ""
    log: str = ""
    again: int = 0
    """Tests that passed only when they were run a second time, alone."""


@dataclass(slots=True)
class Row:
    """What became of one column. If none of it ran, `skipped` says why, or `covered` what ran instead."""

    name: str
    versions: dict[str, str] = field(default_factory=dict)
    cells: dict[str, Cell] = field(default_factory=dict)
    skipped: str = ""
    covered: str = ""
    left_out: dict[str, str] = field(default_factory=dict)
    commit: str = ""
    date: str = ""

    @property
    def red(self) -> bool:
        """Tell whether anything in it failed."""
        return any(cell.state == "red" for cell in self.cells.values())

    @property
    def seconds(self) -> float:
        """Return the time that its suites took."""
        return sum(cell.seconds for cell in self.cells.values())


def read_record(path: Path = RECORD) -> list[Row]:
    """Return the recorded rows, or none if there is no record yet."""
    if not path.exists():
        return []
    return [_row(entry) for entry in json.loads(path.read_text())]


def write_record(rows: Iterable[Row], order: Iterable[str], path: Path = RECORD) -> None:
    """Put rows into the record, each in the place of its column's last one; columns that are gone leave it.

    A column that did not run keeps its last row, since nothing was learned about it.
    """
    kept = {row.name: row for row in read_record(path)}
    kept.update((row.name, row) for row in rows if row.cells or row.name not in kept)
    entries = [asdict(kept[name]) for name in order if name in kept]
    path.write_text(json.dumps(entries, indent=1) + "\n")


def _row(entry: dict[str, Any]) -> Row:
    cells = {name: Cell(**cell) for name, cell in entry["cells"].items()}
    return Row(**{**entry, "cells": cells})
