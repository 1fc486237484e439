"""`~` and `~user` at the start of a path, as git reads them: `~/x.git`, `~ann/x.git`."""

from __future__ import annotations

import os

from packcore.errors import RepositoryError

__all__ = ["expand_home"]


def expand_home(path: str, home: str | None) -> str:
    """Replace `~` or `~user`, as git does. Raises RepositoryError for an unknown user."""
    if not path.startswith("~"):
        return path
    user, slash, rest = path[1:].partition("/")
    if user:
        home = os.path.expanduser(f"~{user}")  # noqa: PTH111 - reads no variable for a named user
        if home == f"~{user}":
            raise RepositoryError(f"{path}: there is no user {user} on this machine")
    return path if home is None else f"{home}{slash}{rest}"
