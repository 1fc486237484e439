"""Which repositories a server shows: the bare ones below one folder, and nothing beside it.

    /team/x.git/info/refs   ->  DIR/team/x.git
    /team/x/info/refs       ->  DIR/team/x, DIR/team/x.git

and if all are exported, those of work trees and hidden ones, too:

    /team/x.git/info/refs   ->  DIR/team/x.git/.git, DIR/team/x.git
    /team/x/info/refs       ->  DIR/team/x/.git, DIR/team/x, DIR/team/x.git/.git, DIR/team/x.git

The first that is there counts, as where git completes a path. Hidden is a path with a part that starts with a
dot, also if a symbolic link leads there.

A path from a URL is taken apart and each part judged before the disk is asked: no `..`, no empty part,
no NUL. What it then names, with its objects and its refs, must be below the folder after symbolic links are
followed, whatever is exported, and must be a git directory itself: neither a file that names one elsewhere
nor a linked worktree.
"""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import unquote_to_bytes

from packcore.errors import PackcoreError, RepositoryError
from packcore.store.config import GitConfig

__all__ = ["ServedRepositories"]

PATH_BYTES_MAX = 4096
_MARK = "git-daemon-export-ok"
_FORBIDDEN = (b"", b".", b"..")


class ServedRepositories:
    """The repositories below one folder."""

    def __init__(self, root: str | Path, *, export_all: bool = False, marked_only: bool = False) -> None:
        """`export_all` shows hidden repositories and those of work trees, too.

        `marked_only`: of all these, only those with a file `git-daemon-export-ok`, as git shows them.
        """
        self.root = Path(os.path.realpath(root))
        self._export_all = export_all
        self._marked_only = marked_only
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
        return next(filter(self._is_shown, self._candidates(path)), None)

    def _candidates(self, path: Path) -> list[Path]:
        named = path.with_name(path.name + ".git")
        return [path / ".git", path, named / ".git", named] if self._export_all else [path, named]

    def _is_shown(self, path: Path) -> bool:
        if not _is_repository(path) or not all(
            self._is_below(part) for part in (path, path / "objects", path / "refs")
        ):
            return False
        if self._marked_only and not (path / _MARK).exists():
            return False
        if self._export_all:
            return True
        try:
            return GitConfig.read(path / "config").get_bool("core.bare", default=True)
        except PackcoreError:
            return False

    def _is_below(self, path: Path) -> bool:
        """Tell whether a path and what it leads to are in the folder, and to be seen there."""
        try:
            real = Path(os.path.realpath(path))
            parts = (*path.relative_to(self.root).parts, *real.relative_to(self.root).parts)
        except (OSError, ValueError):
            return False
        return self._export_all or not any(part.startswith(".") for part in parts)


def _is_strange(part: bytes) -> bool:
    strange = b"\0\\:" if os.name == "nt" else b"\0"
    return any(byte in strange for byte in part)


def _is_repository(path: Path) -> bool:
    try:
        folders = all((path / name).is_dir() for name in ("objects", "refs"))
        return folders and (path / "HEAD").is_file() and not (path / "commondir").exists()
    except (OSError, ValueError):  # a name too long for the disk, or one that it can't hold
        return False
