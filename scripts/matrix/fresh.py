"""`make ci-fresh DEBIAN=bookworm`: run .ci/run on a fresh Debian, from nothing, and print how long it took.

debootstrap makes the release in a folder of its own, the checkout is copied into it, and .ci/run runs as root
as it would on a new machine. The folder is removed afterwards.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from scripts.matrix.cells import LOGS, stop_like_ctrl_c
from scripts.matrix.debian import Debian, Unavailable, cache_folder
from scripts.matrix.files import copy_checkout, remove_tree
from scripts.matrix.places import Chroot
from scripts.matrix.render import duration


def main(codename: str) -> int:
    """Run CI on a fresh release; return its exit status."""
    debian = Debian(codename, cache_folder(os.environ) / "fresh")
    place = Chroot(debian, "/usr/bin/python3")
    log = LOGS / f"fresh-{codename}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    start = time.monotonic()
    with debian.locked(print):
        remove_tree(debian.root)
        try:
            debian.make(log, print)
            made = time.monotonic()
            status = _run_ci(place)
        except Unavailable as reason:
            print(f"ci-fresh: {reason}", file=sys.stderr)
            return 1
        finally:
            remove_tree(debian.root)
    took = duration(time.monotonic() - made)
    print(f"ci-fresh: {codename}: debootstrap {duration(made - start)}, .ci/run {took}, status {status}")
    return status


def _run_ci(place: Chroot) -> int:
    for folder in ("home", "tmp"):
        (place.work / folder).mkdir(parents=True)
    copy_checkout(Path(place.work / "src"))
    command = place.command(["bash", ".ci/run"], f"{place.inside}/src", {})
    return subprocess.run(command, stdin=subprocess.DEVNULL, check=False).returncode


if __name__ == "__main__":
    stop_like_ctrl_c()
    sys.exit(main(*sys.argv[1:]))
