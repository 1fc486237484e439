"""Which repositories a server shows: those below one folder, and nothing beside it.

    /team/x.git/info/refs   ->  DIR/team/x.git/.git, DIR/team/x.git
    /team/x/info/refs       ->  DIR/team/x/.git, DIR/team/x, DIR/team/x.git/.git, DIR/team/x.git

The first that is there counts, as where git completes a path.

A path from a URL is taken apart and each part judged before the disk is asked: no `..`, no empty part,
no NUL. What it then names must lie below the folder after symbolic links are followed, and must be a
git directory itself: neither a file that names one elsewhere nor a linked worktree.
"""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import unquote_to_bytes

from packcore.errors import RepositoryError

__all__ = ["ServedRepositories"]

PATH_BYTES_MAX = 4096
_FORBIDDEN = (b"", b".", b"..")


class ServedRepositories:
    """The repositories below one folder."""

    def __init__(self, root: str | Path) -> None:
        self.root = Path(os.path.realpath(root))
        if not self.root.is_dir():
            raise RepositoryError(f"{root}: no folder here to serve")
        if _is_repository(self.root):
            raise RepositoryError(
                f"{root} is a repository, not a folder of them", hint=f"serve {self.root.parent} instead"
            )

    def find(self, url_path: str) -> Path | None:
        """Return the repository for a URL's path (percent-encoded, starting with `/`), or None."""
        raw = unquote_to_bytes(url_path)
        parts = raw.removeprefix(b"/").split(b"/")
        if len(raw) > PATH_BYTES_MAX or any(part in _FORBIDDEN or _is_strange(part) for part in parts):
            return None
        path = self.root.joinpath(*map(os.fsdecode, parts))
        named = path.with_name(path.name + ".git")
        for candidate in (path / ".git", path, named / ".git", named):
            if self._is_below(candidate) and _is_repository(candidate):
                return candidate
        return None

    def _is_below(self, path: Path) -> bool:
        try:
            return Path(os.path.realpath(path)).is_relative_to(self.root)
        except (OSError, ValueError):
            return False


def _is_strange(part: bytes) -> bool:
    strange = b"\0\\:" if os.name == "nt" else b"\0"
    return any(byte in strange for byte in part)


def _is_repository(path: Path) -> bool:
    try:
        folders = all((path / name).is_dir() for name in ("objects", "refs"))
        return folders and (path / "HEAD").is_file() and not (path / "commondir").exists()
    except (OSError, ValueError):  # a name too long for the disk, or one that it can't hold
        return False
