"""Where a repository really is: its git directory, and the one that holds objects and refs.

x.git/HEAD                  bare: the path itself
x/.git/HEAD                 a work tree: the folder within
x/.git                      a linked one or a submodule: `gitdir: <path>`
x.git/worktrees/a/commondir the git directory that a linked work tree shares, from there
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from packcore.errors import RepositoryError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["common_directory", "find_git_directory", "is_git_directory"]


def find_git_directory(path: Path) -> Path:
    """Return the git directory of what `path` names. Raises RepositoryError if that is no repository."""
    inner = path / ".git"
    for candidate in (path, inner):
        if is_git_directory(candidate):
            return candidate
    for candidate in (inner, path):
        if candidate.is_file():
            linked = _read_gitfile(candidate)
            if not is_git_directory(linked):
                raise RepositoryError(f"{candidate}: it names {linked}, which is no repository")
            return linked
    raise RepositoryError(f"{path}: no git repository here")


def is_git_directory(path: Path) -> bool:
    """Tell whether `path` is a git directory itself."""
    head = path / "HEAD"
    if not (head.is_file() or head.is_symlink()):
        return False
    try:
        common = common_directory(path)
    except RepositoryError:
        return False
    return (common / "objects").is_dir() and (common / "refs").is_dir()


def _read_gitfile(path: Path) -> Path:
    data = _read_small(path)
    target = data.removeprefix(b"gitdir:").strip(b" \r\n")
    if not data.startswith(b"gitdir:") or not target or b"\0" in target:
        raise RepositoryError(f"{path}: no git repository, and no file that names one")
    return path.parent / os.fsdecode(target)


def common_directory(git_directory: Path) -> Path:
    """Return what holds objects and refs. Raises RepositoryError where the file that names it is broken."""
    path = git_directory / "commondir"
    if not path.is_file():
        return git_directory
    target = _read_small(path).strip(b"\r\n")
    if not target or b"\0" in target:
        raise RepositoryError(f"{path}: it names no folder")
    return git_directory / os.fsdecode(target)


def _read_small(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(8192)
    except OSError as error:
        raise RepositoryError(f"{path}: {error.strerror}") from None
