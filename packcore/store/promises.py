"""What a partial clone lacks on purpose (partial-clone in git's documentation).

    [remote "origin"] promisor = true     this is a partial clone of it; or, in older ones:
    [extensions] partialClone = origin
    objects/pack/pack-<hash>.promisor     beside a pack that came from there

`packcore.checks.promised` finds what was promised. Left out: fetching it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from packcore.store.path_kind import is_there

if TYPE_CHECKING:
    from pathlib import Path

    from packcore.store.config import GitConfig

__all__ = ["is_promisor_pack", "promisor_of"]


def promisor_of(config: GitConfig) -> str | None:
    """Return the remote that a partial clone was made from; None for any other repository."""
    remote = config.get("extensions.partialClone")
    if remote is not None:
        return remote
    for key in config.keys("remote."):
        if key.endswith(".promisor") and config.get_bool(key):
            return key.removeprefix("remote.").removesuffix(".promisor")
    return None


def is_promisor_pack(pack: Path) -> bool:
    """Return whether a pack came from the remote that promised the rest.

    Raises RepositoryError if that can't be told.
    """
    return is_there(pack.with_suffix(".promisor"))
