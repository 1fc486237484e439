"""`make conformance PEER=PATH`: run the suite of git or git-sync with packcore, and say what passes.

    python -m scripts.conformance git PATH [--families NAMES] [--scripts NAMES] [--again] [--record] [--list]
    python -m scripts.conformance git-sync PATH [--record]

    PATH                a built checkout of git, or one of git-sync; nothing is written there
    --families NAMES    names or patterns of families in suites.toml (default: all)
    --scripts NAMES     the same for scripts: t5300, 't55*'
    --again             run the scripts with git alone again, too
    --record            keep the outcome for the tables in docs/conformance.md
    --list              show what there is

Exit status: 0 if each wrong answer has its reason and each reason its failure, 1 if not, 2 for wrong usage.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from scripts.conformance.git_suite import OUTPUT, GitCheckout, measure, save
from scripts.conformance.git_sync_suite import GitSyncCheckout, measure_git_sync
from scripts.conformance.render import text, verdict
from scripts.conformance.results import Row, write_record
from scripts.conformance.suites import ConformanceError, Family, load_families, load_reasons, pick

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the command line asks for; return the exit status."""
    options = _parser().parse_args(arguments)
    if not options.path.is_dir():
        print("conformance: error: PEER must name a checkout of the peer", file=sys.stderr)
        return 2
    try:
        if options.peer == "git-sync":
            return _close([_run_git_sync(GitSyncCheckout(options.path.resolve()))], record=options.record)
        chosen = list(_chosen(options.families, options.scripts))
        if options.list:
            for family, script in chosen:
                print(f"{family.name:13} {script}")
            return 0
        rows = _run(GitCheckout(options.path.resolve()), chosen, again=options.again)
    except ConformanceError as problem:
        print(f"conformance: error: {problem}", file=sys.stderr)
        return 2
    return _close(rows, record=options.record)


def _close(rows: Sequence[Row], *, record: bool) -> int:
    if record:
        write_record(rows)
    print(f"\n{verdict(rows)}")
    return int(any(row.unexplained or row.stale for row in rows))


def _chosen(families: str, scripts: str) -> Iterator[tuple[Family, str]]:
    known = load_families()
    picked = pick([family.name for family in known], families)
    among = [family for family in known if family.name in picked]
    wanted = set(pick({script for family in among for script in family.scripts}, scripts))
    return ((family, script) for family in among for script in family.scripts if script in wanted)


def _run(checkout: GitCheckout, chosen: Sequence[tuple[Family, str]], *, again: bool) -> list[Row]:
    reasons = load_reasons()
    peer = f"git {checkout.version}"
    rows: list[Row] = []
    for family, script in chosen:
        row = replace(measure(checkout, family, script, reasons, again=again), peer=peer)
        rows.append(row)
        print("\n".join(text(row)), flush=True)
        save(rows, OUTPUT / "last.json")
    return rows


def _run_git_sync(checkout: GitSyncCheckout) -> Row:
    peer = f"git-sync {checkout.version}"
    row = replace(measure_git_sync(checkout, load_reasons()), peer=peer)
    print("\n".join(text(row)), flush=True)
    return row


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m scripts.conformance", description="Run a peer's suite.")
    parser.add_argument("peer", choices=["git", "git-sync"])
    parser.add_argument("path", type=Path)
    parser.add_argument("--families", default="")
    parser.add_argument("--scripts", default="")
    parser.add_argument("--again", action="store_true")
    parser.add_argument("--record", action="store_true")
    parser.add_argument("--list", action="store_true")
    return parser


if __name__ == "__main__":
    sys.exit(main())
