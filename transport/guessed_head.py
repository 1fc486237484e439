"""The branch that HEAD points to, where only its id is known: of a bundle, a detached HEAD, an old server."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from packcore.ids import ObjectId

__all__ = ["guessed_head"]


def guessed_head(refs: Mapping[str, ObjectId]) -> str | None:
    """Return the branch that HEAD points to, guessed as `git clone` does; None if none fits."""
    branches = [name for name in refs if name.startswith("refs/heads/")]
    head = refs.get("HEAD")
    fitting = [name for name in branches if head is None or refs[name] == head]
    for usual in ("refs/heads/main", "refs/heads/master"):
        if usual in fitting:
            return usual
    return fitting[0] if fitting and (head is not None or len(branches) == 1) else None
