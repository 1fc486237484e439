"""Every sick source, read in every way, by every operation: what became of a good mirror.

    python -m tests.e2e.sick_matrix [--variant behind|level|few|v0] [--keep DIR] [--covering] [ROW ...]

It prints a table: rows are the sicknesses of `tests.e2e.sick_sources`, columns are ways and operations.

    ok          nothing lost, the reason told, and after the healing the target equals the source
    LOST        a ref of the mirror is gone that the source has
    REWOUND     a ref has a value that it neither had nor should have
    BROKEN      git fsck finds the target damaged
    crash       a traceback, an internal error, a hang
    exit N      0, though the source is sick; or not 0, though everything can be read
    differs     the run ended with 0, though the target isn't as the source
    no words    no line names both the thing and what is wrong with it
    no json, no receipt     the same of these
    unhealed N  the run after the healing ended with N, or left another state than the source's
    not told    git's server leaves the ref out of its listing without a word, so nobody can know

Root reads everything. Started by `PLAIN`, it does without the capability for that, and rows in which
permission is denied can be shown; else they are left out.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests.e2e.sick_cells import OPERATIONS, WAYS, Hospital
from tests.e2e.sick_sources import SICKNESSES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["ALL", "COVERING", "PLAIN", "table"]

ALL = [(way, operation) for way in WAYS for operation in OPERATIONS]

COVERING = [
    *(("path", operation) for operation in OPERATIONS),
    *(("serve", operation) for operation in ("sync", "replicate", "fetch")),
    *((way, operation) for way in ("http", "daemon") for operation in ("lease", "fetch")),
]
"""Every operation, and every way, and what differs between them: each way has both kinds of listing."""

PLAIN = ("setpriv", "--bounding-set", "-dac_override,-dac_read_search", "--")
"""Starts a program that may not read what its files' modes forbid, whoever it runs as."""


def table(rows: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Return the lines of the table, the worst fault for each cell, and below it each cell in full.

    >>> for line in table({"pack gone": {"path/sync": "ok", "path/fetch": "LOST heads/a"}}): print(line)
                  path
                  sync         fetch
    pack gone     ok           LOST
    <BLANKLINE>
    pack gone     path/fetch          LOST heads/a
    """
    columns = list(dict.fromkeys(cell for row in rows.values() for cell in row))
    first = max(map(len, rows)) + 5
    ways = [cell.split("/")[0] for cell in columns]
    shown = [way if number == 0 or ways[number - 1] != way else "" for number, way in enumerate(ways)]
    lines = [
        " " * first + "".join(f"{way:<13}" for way in shown),
        " " * first + "".join(f"{cell.split('/')[1]:<13}" for cell in columns),
    ]
    rows = {name: rows[name] for name in sorted(rows, key=list(SICKNESSES).index)}
    for name, row in rows.items():
        cells = (f"{_short(row.get(cell, '')):<13}" for cell in columns)
        lines.append(f"{name:<{first}}" + "".join(cells))
    lines.append("")
    for name, row in rows.items():
        lines += [f"{name:<{first}}{cell:<20}{text}" for cell, text in row.items() if text != "ok"]
    return [line.rstrip() for line in lines]


def _short(verdict: str) -> str:
    worst = (word for word in ("BROKEN", "REWOUND", "LOST") if word in verdict)
    return next(worst, verdict.partition(", ")[0])


def main(arguments: Sequence[str]) -> int:
    """Print the table; with --ask, a line of JSON for each row that is named on standard input."""
    words = list(arguments)
    options = {name: words.pop(words.index(name) + 1) for name in ("--variant", "--keep") if name in words}
    keep = Path(options["--keep"]) if "--keep" in options else None
    cells = COVERING if "--covering" in words else ALL
    with Hospital(options.get("--variant", "behind"), keep=keep) as hospital:
        plain = hospital.can_forbid()
        if "--ask" in words:
            for line in sys.stdin:
                name = line.strip()
                skipped = SICKNESSES[name].needs_plain_user and not plain
                print(json.dumps(None if skipped else hospital.row(name, cells)), flush=True)
            return 0
        wanted = [word for word in words if word in SICKNESSES] or list(SICKNESSES)
        rows = {}
        for name in wanted:
            if plain or not SICKNESSES[name].needs_plain_user:
                rows[name] = hospital.row(name, cells)
        print("\n".join(table(rows)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
