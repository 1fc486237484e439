"""What is at a path that a user or a repository's file names: it may be anything.

`Path.is_file()` and its like tell "not there" for every error since Python 3.14. What can't be examined isn't
absent, so the system is asked here.
"""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING

from packcore.errors import RepositoryError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["is_file", "is_folder", "is_there"]

_ABSENT = frozenset({errno.ENOENT, errno.ENOTDIR, errno.EBADF, errno.ELOOP})
_SHOWN_CHARACTERS_MAX = 300


def is_file(path: Path) -> bool:
    """Return whether a file is there. Raises RepositoryError if the path can't be examined."""
    return stat.S_ISREG(_mode(path))


def is_folder(path: Path) -> bool:
    """Return whether a folder is there; False for a name too long for the file system, as in git.

    Raises RepositoryError if the path can't be examined.
    """
    return stat.S_ISDIR(_mode(path, absent=_ABSENT | {errno.ENAMETOOLONG}))


def is_there(path: Path) -> bool:
    """Return whether anything is there. Raises RepositoryError if the path can't be examined."""
    return _mode(path) != 0


def _mode(path: Path, absent: frozenset[int] = _ABSENT) -> int:
    """Return the kind and permissions of what is at a path; 0 if nothing is."""
    try:
        return os.stat(path).st_mode  # noqa: PTH116
    except ValueError:  # a NUL within it
        return 0
    except OSError as error:
        if error.errno in absent:
            return 0
        raise RepositoryError(f"{str(path)[:_SHOWN_CHARACTERS_MAX]}: {error.strerror}") from None
