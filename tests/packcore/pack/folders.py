"""A repository whose pack has one whole object and many deltas for each of some folders: work to share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support import fast_import, git, init_repository

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["FOLDERS", "make_folders"]

FOLDERS = 6


def make_folders(path: Path) -> Path:
    """Make a repository of 40 commits, each of which changes a file in every folder."""
    init_repository(path)
    fast_import(path, _commits())
    git("-c", "pack.threads=1", "repack", "-adfq", cwd=path)
    return path


def _commits() -> Iterator[bytes]:
    for number in range(40):
        yield b"commit refs/heads/main\ncommitter A <a@x> %d +0000\ndata 0\n" % (10**9 + number)
        for folder in range(FOLDERS):
            lines = b"".join(b"%d %d %d\n" % (folder, line, number * (line == number)) for line in range(60))
            yield b"M 100644 inline d%d/file\ndata %d\n%s\n" % (folder, len(lines), lines)
