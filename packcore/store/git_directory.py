"""Finds a repository's git directory, and the directory that holds its objects and refs.

A path is completed as git completes it, in this order; the first that exists counts:

    x/.git          a work tree: the folder within, or a file with `gitdir: <path>` (linked, a submodule)
    x               a bare repository, or such a file itself
    x.git/.git      the same two, if `.git` was left out
    x.git

    x.git/worktrees/a/commondir    from there, the git directory that a linked work tree shares
"""

from __future__ import annotations

import os
from pathlib import Path

from packcore.errors import RepositoryError
from packcore.store.path_kind import is_file, is_folder

__all__ = ["common_directory", "find_git_directory", "is_git_directory", "is_repository_named"]

_COMPLETIONS = ("/.git", "", ".git/.git", ".git")


def find_git_directory(path: Path) -> Path:
    """Return the git directory of what `path` names. Raises RepositoryError if that isn't a repository."""
    found = _completed(path)
    if found is None:
        raise RepositoryError(f"{path}: no git repository here")
    if not is_file(found):
        return found
    linked = _read_gitfile(found)
    if not is_git_directory(linked):
        raise RepositoryError(f"{found}: it names {linked}, which is no repository")
    return linked


def is_repository_named(path: Path) -> bool:
    """Whether `path`, completed, names a repository or a file that leads to one."""
    return _completed(path) is not None


def _completed(path: Path) -> Path | None:
    for completion in _COMPLETIONS:
        candidate = Path(f"{path}{completion}")
        if is_file(candidate) or is_git_directory(candidate):
            return candidate
    return None


def is_git_directory(path: Path) -> bool:
    """Return whether `path` is a git directory itself. Raises RepositoryError if it can't be looked at."""
    head = path / "HEAD"
    if not (is_file(head) or os.path.islink(head)):  # noqa: PTH114 -- the name may be anything, even too long
        return False
    try:
        common = common_directory(path)
    except RepositoryError:
        return False
    return is_folder(common / "objects") and is_folder(common / "refs")


def _read_gitfile(path: Path) -> Path:
    data = _read_small(path)
    target = data.removeprefix(b"gitdir:").strip(b" \r\n")
    if not data.startswith(b"gitdir:") or not target or b"\0" in target:
        raise RepositoryError(f"{path}: no git repository, and no file that names one")
    return path.parent / os.fsdecode(target)


def common_directory(git_directory: Path) -> Path:
    """Return the directory of objects and refs. Raises RepositoryError if `commondir` is broken."""
    path = git_directory / "commondir"
    if not is_file(path):
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
