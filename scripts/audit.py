"""Look the locked dependencies up among known vulnerabilities, with pip-audit.

    python -m scripts.audit [--required] [LOCK…]     default: run dev docs release

A lock whose packages can't be looked up (no network, or an index without advisories) is named as SKIPPED, and
counts as a failure with --required. pip-audit alone would call it clean. Exit status 1 for a vulnerability.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
DEFAULT_LOCKS = ("run", "dev", "docs", "release")


@dataclass
class Audit:
    """What became of the packages of one lock."""

    looked_up: int = 0
    vulnerable: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    """Names of packages that could not be looked up, or one reason for all of them."""


def audit(lock: str) -> Audit:
    """Run pip-audit over a lock."""
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pip_audit", "--disable-pip", "--require-hashes", "--format", "json"),
            *("--progress-spinner", "off", "--requirement", f"locks/{lock}.txt"),
        ],
        cwd=ROOT,
        text=True,
        check=False,
        capture_output=True,
    )
    try:
        return read(json.loads(done.stdout))
    except ValueError:
        lines = done.stderr.strip().splitlines() or ["pip-audit printed nothing"]
        return Audit(skipped=[lines[-1]])


def read(report: dict[str, Any]) -> Audit:
    """Return what pip-audit's JSON report says."""
    found = Audit()
    for entry in report["dependencies"]:
        if "skip_reason" in entry:
            found.skipped.append(entry["name"])
            continue
        found.looked_up += 1
        for vulnerability in entry["vulns"]:
            fixed = ", ".join(vulnerability["fix_versions"]) or "no version"
            found.vulnerable.append(
                f"{entry['name']} {entry['version']}: {vulnerability['id']}, fixed in {fixed}"
            )
    return found


def main() -> int:
    """Audit the locks; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m scripts.audit")
    parser.add_argument(
        "--required", action="store_true", help="a package that can't be looked up is a failure"
    )
    parser.add_argument("locks", nargs="*", default=DEFAULT_LOCKS)
    asked = parser.parse_args()
    failed = False
    for lock in asked.locks:
        found = audit(lock)
        count = len(found.vulnerable)
        print(f"audit: locks/{lock}.txt: {found.looked_up} packages looked up, {count} vulnerabilities")
        for line in found.vulnerable:
            print(f"audit:   {line}")
        if found.skipped:
            print(f"audit: locks/{lock}.txt: SKIPPED, could not be looked up: {', '.join(found.skipped)}")
        failed |= bool(found.vulnerable) or (asked.required and bool(found.skipped))
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
