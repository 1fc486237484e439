"""Walks nested folders without recursion: a ref of 1,500 parts makes 1,500 of them.

`os.walk` and `shutil.rmtree` recurse in Python 3.11, and raise RecursionError there.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["files_below", "remove_empty_folders"]


def files_below(folder: Path) -> Iterator[Path]:
    """Yield all files and links below a folder. Links aren't followed; unreadable folders count as empty."""
    for _, files in _walk(folder):
        yield from files


def remove_empty_folders(folder: Path) -> None:
    """Remove a folder and those in it, except those that hold a file."""
    for inner in reversed([inner for inner, _ in _walk(folder)]):
        with suppress(OSError):  # not empty
            inner.rmdir()


def _walk(folder: Path) -> Iterator[tuple[Path, list[Path]]]:
    waiting = [str(folder)]
    while waiting:
        current = waiting.pop()
        files: list[Path] = []
        try:
            with os.scandir(current) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
                    else:
                        files.append(Path(entry.path))
        except OSError:
            continue
        yield Path(current), files
