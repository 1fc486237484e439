"""The built wheel in a fresh environment, used from another folder: one suite of the matrix.

    python wheel.py WORK DEPENDENCIES [WITHOUT…]

Builds the wheel, then runs `scripts/check_wheel.py`. The matrix counts by the closing line, which is
like pytest's.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT))

from scripts.check_wheel import StepFailed, check  # noqa: E402


def main() -> int:
    """Build the wheel and use it; return the exit status."""
    work, dependencies, *without = sys.argv[1:]
    dist = Path(work) / "dist"
    shutil.rmtree(dist, ignore_errors=True)
    start = time.monotonic()
    subprocess.run([sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", dist, ROOT], check=True)
    (wheel,) = dist.glob("*.whl")
    failed, passed = 0, 0
    try:
        passed = check(wheel, sys.executable, dependencies, without)
    except StepFailed as failure:
        print(f"FAILED wheel - {failure}")
        failed = 1
    print(f"{f'{failed} failed, ' if failed else ''}{passed} passed in {time.monotonic() - start:.1f}s")
    return failed


if __name__ == "__main__":
    sys.exit(main())
