"""What is at a path that a user or a repository's file names: it may be anything."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from packcore.errors import RepositoryError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["is_file", "is_folder"]

_SHOWN_CHARACTERS_MAX = 300


def is_file(path: Path) -> bool:
    """Return whether a file is there. Raises RepositoryError if the path can't be examined."""
    try:
        return path.is_file()
    except OSError as error:
        raise _unseen(path, error) from None


def is_folder(path: Path) -> bool:
    """Return whether a folder is there; False for a name too long for the file system, as in git.

    Raises RepositoryError if the path can't be examined.
    """
    try:
        return path.is_dir()
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            return False
        raise _unseen(path, error) from None


def _unseen(path: Path, error: OSError) -> RepositoryError:
    return RepositoryError(f"{str(path)[:_SHOWN_CHARACTERS_MAX]}: {error.strerror}")
