"""Alternates: other object directories that a repository borrows from (gitrepository-layout).

    objects/info/alternates        one path a line; `#` comments; relative to the objects directory
                                   that the file belongs to; a line in double quotes is C-quoted

An alternate may have alternates itself. Paths that don't exist are skipped, as in git: objects borrowed from
there show as missing when they are needed.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from packcore.errors import RepositoryError
from packcore.store.path_kind import is_folder

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["find_alternates", "listed_alternates"]

ALTERNATE_DEPTH_MAX = 5
"""Deepest nesting followed; git's limit."""
ALTERNATES_MAX = 256
FILE_BYTES_MAX = 1024 * 1024

_ESCAPE = rb"\\([abtnvfr\"\\]|[0-3][0-7]{2})"
_LETTERS = dict(zip(b'abtnvfr"\\', b'\a\b\t\n\v\f\r"\\', strict=True))


def find_alternates(objects: Path) -> list[Path]:
    """Return the object directories that this one borrows from, nearest first, each once.

    Cycles are harmless. Raises RepositoryError for more than 5 levels of nesting or more than 256 alternates.
    """
    seen = {os.path.realpath(objects)}
    found: list[Path] = []
    level = [objects]
    for depth in range(ALTERNATE_DEPTH_MAX + 2):
        following: list[Path] = []
        for directory in level:
            for path in listed_alternates(directory):
                real = os.path.realpath(path)
                if real not in seen and is_folder(path):
                    seen.add(real)
                    following.append(path)
        if following and depth > ALTERNATE_DEPTH_MAX:
            raise RepositoryError(
                f"{objects}: alternates are nested deeper than {ALTERNATE_DEPTH_MAX} levels"
            )
        found += following
        if len(found) > ALTERNATES_MAX:
            raise RepositoryError(f"{objects}: more than {ALTERNATES_MAX} alternates")
        level = following
    return found


def listed_alternates(objects: Path) -> list[Path]:
    """Return the alternates that an objects directory names, existing or not. Raises RepositoryError."""
    path = objects / "info" / "alternates"
    try:
        with path.open("rb") as file:
            data = file.read(FILE_BYTES_MAX + 1)
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise RepositoryError(f"{path}: {error.strerror}") from None
    lines = [_unquote(line) for line in data.split(b"\n") if line and not line.startswith(b"#")]
    if len(data) > FILE_BYTES_MAX or any(b"\0" in line for line in lines):  # an escaped NUL counts, too
        raise RepositoryError(f"{path}: not a list of paths")
    return [objects / os.fsdecode(line) for line in lines]


def _unquote(line: bytes) -> bytes:
    if len(line) < 2 or not (line.startswith(b'"') and line.endswith(b'"')):
        return line
    return re.sub(_ESCAPE, _unescape, line[1:-1])


def _unescape(match: re.Match[bytes]) -> bytes:
    text = match[1]
    return bytes([int(text, 8) if len(text) == 3 else _LETTERS[text[0]]])
