"""`make matrix`: run columns of the matrix and print the table.

    --columns NAMES     names, patterns or sets of columns (default: all)
    --suites NAMES      the same for suites
    --list              show what there is, and what this machine can't run
    --checked-here      `make check` has just run on this machine: leave out the column that would repeat it
    --required          a column that can't run here is a failure (also: MATRIX_REQUIRED=1)
    --chroot            use a chroot even if this machine is the Debian of a column
    --record            keep the outcome for the table in docs/works-with.md

Exit status: 0 if nothing is red, 1 if something is, 2 for wrong usage, 130 after Ctrl-C.
"""

from __future__ import annotations

import argparse
import datetime
import os
import sys
import time
from typing import TYPE_CHECKING

from scripts.matrix.cells import failures, run_column, stop_like_ctrl_c
from scripts.matrix.columns import MatrixError, load
from scripts.matrix.debian import Unavailable
from scripts.matrix.files import ROOT
from scripts.matrix.places import ThisMachine, place_of
from scripts.matrix.render import duration, text_table, verdict
from scripts.matrix.results import Row, write_record

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scripts.matrix.columns import Column, Suite, Table

_FAILURES_SHOWN = 20


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the command line asks for; return the exit status."""
    options = _parser().parse_args(arguments)
    try:
        table = load()
        columns, suites = table.pick_columns(options.columns), table.pick_suites(options.suites)
        if options.record and suites != table.pick_suites():
            raise MatrixError("--record keeps whole columns: leave --suites out")
        if options.list:
            _list(table, columns)
            return 0
        rows = _run(columns, suites, options, order=list(table.columns))
    except MatrixError as problem:
        print(f"matrix: error: {problem}", file=sys.stderr)
        return 2
    required = options.required or os.environ.get("MATRIX_REQUIRED", "") not in ("", "0")
    return _close(rows, suites, interrupted=len(rows) < len(columns), required=required)


def _run(
    columns: Sequence[Column], suites: Sequence[Suite], options: argparse.Namespace, order: Sequence[str]
) -> list[Row]:
    """Run the columns one after the other; after Ctrl-C return those that are complete.

    Each is recorded as soon as it is complete, in the order of the table: a run of them all takes hours.
    """
    rows: list[Row] = []
    start = time.monotonic()
    for column in columns:

        def say(words: str, name: str = column.name) -> None:
            print(f"[{duration(time.monotonic() - start)}] {name}: {words}", flush=True)

        if options.checked_here and _is_this_machine(column):
            row = Row(column.name, covered="is this machine, where `make check` has just run")
        else:
            try:
                row = run_column(column, suites, say, chroot_always=options.chroot)
            except KeyboardInterrupt:
                break
        row.date = datetime.datetime.now(datetime.UTC).date().isoformat()
        if row.skipped or row.covered:
            say(f"SKIPPED: {row.skipped}" if row.skipped else row.covered)
        rows.append(row)
        if options.record:
            write_record([row], order)
    return rows


def _is_this_machine(column: Column) -> bool:
    """Tell whether a column has the Python, git and dependencies that `make check` uses here."""
    if column.dependencies != "locked" or column.without or column.environment:
        return False
    try:
        return bool(column.debian) and isinstance(place_of(column), ThisMachine)
    except Unavailable:
        return False


def _close(rows: Sequence[Row], suites: Sequence[Suite], *, interrupted: bool, required: bool) -> int:
    """Print failures, table and verdict; return the exit status."""
    for row in rows:
        for suite, cell in row.cells.items():
            if cell.state == "red":
                _show_failures(f"{row.name} {suite}", cell.log)
    print()
    print("\n".join(text_table(rows, [suite.name for suite in suites])))
    print()
    print(verdict(rows), flush=True)
    if interrupted:
        return 130
    return int(any(row.red or (required and row.skipped) for row in rows))


def _show_failures(cell: str, log: str) -> None:
    text = (ROOT / log).read_text(errors="replace")
    found = failures(text)
    print(f"\n{cell}: see {log}")
    for test, message in found[:_FAILURES_SHOWN]:
        print(f"    {test}: {message}")
    if len(found) > _FAILURES_SHOWN:
        print(f"    and {len(found) - _FAILURES_SHOWN} more")
    if not found:
        print("\n".join(f"    {line}" for line in text.splitlines()[-10:]))


def _list(table: Table, columns: Sequence[Column]) -> None:
    width = max(map(len, [*table.columns, *table.suites]))
    print("columns")
    for column in columns:
        try:
            where = "here" if isinstance(place_of(column), ThisMachine) else f"chroot {column.debian}"
        except Unavailable as reason:
            where = f"SKIPPED: {reason}"
        print(f"  {column.name:{width}}  {column.about} [{where}]")
    print("suites")
    for suite in table.suites.values():
        print(f"  {suite.name:{width}}  {suite.about}")
    for name, members in [*table.sets.items(), *table.suite_sets.items()]:
        print(f"{name} = {', '.join(members)}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="make matrix", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--columns", default="", help=argparse.SUPPRESS)
    parser.add_argument("--suites", default="", help=argparse.SUPPRESS)
    for name in ("list", "checked-here", "required", "chroot", "record"):
        parser.add_argument(f"--{name}", action="store_true", help=argparse.SUPPRESS)
    return parser


if __name__ == "__main__":
    stop_like_ctrl_c()
    sys.exit(main())
