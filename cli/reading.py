"""How commands that only show objects open a repository: with replacements, as git does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli.command import option

if TYPE_CHECKING:
    from packcore.store.repository import Repository

__all__ = ["open_for_reading", "replace_option"]

replace_option = option(
    "--no-replace-objects",
    "no_replace",
    is_flag=True,
    envvar="GIT_NO_REPLACE_OBJECTS",
    help="Show objects as they are, whatever refs/replace/ says.",
)


def open_for_reading(path: str, *, no_replace: bool) -> Repository:
    """Open a repository. Raises RepositoryError."""
    from packcore.store.replaced import ReplacedRepository
    from packcore.store.repository import Repository

    return (Repository if no_replace else ReplacedRepository).open(path)
