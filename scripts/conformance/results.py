"""What a suite came to with packcore, and the file that keeps it for the documentation."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["RECORD", "Failure", "Row", "read_record", "write_record"]

RECORD = Path(__file__).resolve().parents[2] / "docs" / "conformance.json"
"""What the documentation's tables are drawn from."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A test that passes with the program it was written for, and not with packcore."""

    test: str
    title: str
    not_offered: list[str] = field(default_factory=list)
    """Options in its calls that packcore doesn't offer."""
    calls: int = 1
    """How often it calls packcore. If it doesn't, it fails because an earlier test did."""
    why: str = ""
    """The reason from `reasons.toml`; nothing if none is given there."""


@dataclass(frozen=True, slots=True)
class Row:
    """One script: how many tests pass with the original, with packcore, and call packcore at all."""

    family: str
    script: str
    original: int
    passed: int
    calling: int
    failures: list[Failure] = field(default_factory=list)
    stale: list[str] = field(default_factory=list)
    """Tests that have a reason to fail and pass."""
    peer: str = ""

    @property
    def unexplained(self) -> list[Failure]:
        """Return the wrong answers without a reason. What isn't offered, or follows, is a reason itself."""
        wrong = (failure for failure in self.failures if failure.calls and not failure.not_offered)
        return [failure for failure in wrong if not failure.why]


def read_record(path: Path = RECORD) -> list[Row]:
    """Return the recorded rows, or none if there is no record yet."""
    if not path.exists():
        return []
    return [
        Row(**{**entry, "failures": [Failure(**failure) for failure in entry["failures"]]})
        for entry in json.loads(path.read_text())
    ]


def write_record(rows: Iterable[Row], path: Path = RECORD) -> None:
    """Put rows into the record, each in the place of its script's last one."""
    kept = {(row.family, row.script): row for row in read_record(path)}
    kept.update(((row.family, row.script), row) for row in rows)
    path.write_text(json.dumps([asdict(row) for row in kept.values()], indent=1) + "\n")
