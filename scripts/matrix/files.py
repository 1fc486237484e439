"""A copy of the checkout for each column, and removing folders that something might be mounted in."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from scripts.matrix.columns import MatrixError

__all__ = ["ROOT", "copy_checkout", "mounts_below", "remove_tree"]

ROOT = Path(__file__).resolve().parent.parent.parent
"""The checkout that this file is in."""

_RECORD = "docs/works-with.json"


def copy_checkout(destination: Path) -> str:
    """Clone the checkout, then copy what isn't committed yet; return the name of the commit.

    A copy, so that columns don't see each other's caches, nor what is edited while they run.
    """
    commit = _git("describe", "--always", "--abbrev=10").decode().strip()
    # Columns that were recorded before leave the record changed: that is no change of what is tested.
    if _git("status", "--porcelain", "--untracked-files=no", "--", ".", f":(exclude){_RECORD}"):
        commit += "-dirty"
    _git("clone", "--quiet", "--no-hardlinks", str(ROOT), str(destination))
    for name in _names("--cached"):
        if not (ROOT / name).exists():
            (destination / name).unlink(missing_ok=True)
    for name in _names("--cached", "--others", "--exclude-standard"):
        if (ROOT / name).exists():
            (destination / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, destination / name, follow_symlinks=False)
    return commit


def remove_tree(folder: Path) -> None:
    """Remove a folder if it is there. MatrixError, and nothing removed, if anything is mounted in it."""
    if found := mounts_below(folder, Path("/proc/self/mountinfo").read_text()):
        raise MatrixError(f"{folder} is not removed, because {found[0]} is mounted; unmount that first")
    if folder.exists():
        shutil.rmtree(folder)


def mounts_below(folder: Path, mountinfo: str) -> list[str]:
    """Return the mount points at or below a folder, from the text of /proc/self/mountinfo."""
    points = [line.split()[4].encode().decode("unicode_escape") for line in mountinfo.splitlines()]
    resolved = str(folder.resolve())
    return [point for point in points if point == resolved or point.startswith(resolved + os.sep)]


def _names(*options: str) -> list[str]:
    return sorted({os.fsdecode(name) for name in _git("ls-files", "-z", *options).split(b"\0") if name})


def _git(*arguments: str) -> bytes:
    # The checkout may be another user's, where root runs the matrix.
    trusting = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": "*"}
    done = subprocess.run(
        ["git", "-C", str(ROOT), *arguments],
        capture_output=True,
        check=False,
        env={**os.environ, **trusting},
    )
    if done.returncode != 0:
        raise MatrixError(f"the matrix copies the checkout by git: {done.stderr.decode().strip()}")
    return done.stdout
