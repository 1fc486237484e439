"""How the commands that take git's place open a repository: with the settings that git would read.

Besides the repository's own, these are the user's, the system's and those of `git -c`
(`transport.outer_config`). Commands that only show objects follow replacements, too.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from cli.command import option

if TYPE_CHECKING:
    from packcore.limits import Limits
    from packcore.store.config import GitConfig
    from packcore.store.repository import Repository

__all__ = ["config_as_git", "open_as_git", "open_for_reading", "replace_option"]

replace_option = option(
    "--no-replace-objects",
    "no_replace",
    is_flag=True,
    envvar="GIT_NO_REPLACE_OBJECTS",
    help="Show objects as they are, whatever refs/replace/ says.",
)


def open_as_git(path: str, limits: Limits | None = None) -> Repository:
    """Open a repository. Raises RepositoryError."""
    from packcore.store.repository import Repository
    from transport.outer_config import outer_config

    return Repository.open(path, limits, outer=outer_config(os.environ))


def config_as_git(repository: Repository | None) -> GitConfig:
    """Return the settings in a repository opened as git does, or where there is none."""
    from packcore.store.config import GitConfig
    from transport.outer_config import outer_config

    return outer_config(os.environ).around(GitConfig([])) if repository is None else repository.config


def open_for_reading(path: str, *, no_replace: bool) -> Repository:
    """Open a repository, with replacements unless told otherwise. Raises RepositoryError."""
    from packcore.store.replaced import ReplacedRepository
    from packcore.store.repository import Repository
    from transport.outer_config import outer_config

    kind = Repository if no_replace else ReplacedRepository
    return kind.open(path, outer=outer_config(os.environ))
