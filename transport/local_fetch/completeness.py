"""Whether everything that the fetched tips need is here, before any ref moves.

are_whole      known from the links in a pack that needs nothing else, as that of a clone
check_wants    a walk from the wants down to what the repository had
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from packcore.walk import ObjectChecker, list_objects

if TYPE_CHECKING:
    from collections.abc import Collection

    from packcore.checks.self_contained import PackLinks
    from packcore.ids import ObjectId
    from packcore.limits import Limits
    from packcore.progress import Progress
    from packcore.store.base import ObjectStore
    from packcore.store.repository import Repository
    from packcore.store.spool import SpooledPack

__all__ = ["are_whole", "check_wants"]


def are_whole(wants: Collection[ObjectId], spool: SpooledPack | None, links: PackLinks) -> bool:
    """Return whether the pack has the wants and everything that they reach; False if that isn't known."""
    return spool is not None and all(oid in spool for oid in wants) and links.are_within(spool)


def check_wants(
    store: ObjectStore,
    repository: Repository,
    wants: Collection[ObjectId],
    haves: Collection[ObjectId],
    *,
    limits: Limits,
    progress: Progress,
) -> None:
    """Check that `store` has all that the wants reach and the haves don't. Raises as `list_objects`."""
    list_objects(
        store,
        wants,
        haves,
        shallow=repository.shallow(),
        limits=limits,
        progress=progress,
        haves_complete=True,
        make_lister=ObjectChecker,
    )
