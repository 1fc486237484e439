"""What tests of the plumbing commands ask a repository by git."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support import git

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["ids", "object_format", "only_pack"]


def ids(repository: Path, *revisions: str) -> list[str]:
    return git("rev-parse", *revisions, cwd=repository).splitlines()


def only_pack(repository: Path) -> Path:
    (pack,) = (repository / "objects" / "pack").glob("*.pack")
    return pack


def object_format(repository: Path) -> str:
    return git("rev-parse", "--show-object-format", cwd=repository)
