"""The delta that git's own encoder makes of two texts, read from a binary patch.

    GIT binary patch
    delta 26                      inflated size of the forward delta; `literal` if that is smaller
    zcmZ…                         a length letter, and the deflated delta in base 85

`git diff --binary` is the only command that shows a delta between two given files, in a given direction.
"""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from packcore.deflate import inflate

__all__ = ["git_delta"]


def git_delta(base: bytes, target: bytes) -> bytes | None:
    """Return git's delta; None without git, or if the whole is smaller than any delta."""
    git = shutil.which("git")
    if git is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        attributes = Path(folder) / "attributes"
        attributes.write_text("* binary\n")
        (Path(folder) / "base").write_bytes(base)
        (Path(folder) / "target").write_bytes(target)
        command = [git, "-c", f"core.attributesFile={attributes}", "diff", "--no-index", "--binary"]
        environment = {
            **os.environ,
            "LC_ALL": "C",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
        }
        done = subprocess.run(
            [*command, "base", "target"], cwd=folder, env=environment, capture_output=True, check=False
        )
    return _delta_of(done.stdout)


def _delta_of(patch: bytes) -> bytes | None:
    """Read the forward delta of a patch."""
    lines = iter(patch.splitlines())
    for line in lines:
        kind, _, size = line.partition(b" ")
        if kind == b"literal":
            return None
        if kind == b"delta":
            packed = b"".join(map(_decoded, iter(lambda: next(lines, b""), b"")))
            return inflate(packed, int(size))
    return None


def _decoded(line: bytes) -> bytes:
    """Decode one line: A to Z stand for 1 to 26 bytes, a to z for 27 to 52."""
    length = line[0] - 64 if line[0] < 97 else line[0] - 70
    return base64.b85decode(line[1:])[:length]
