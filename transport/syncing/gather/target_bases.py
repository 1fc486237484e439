"""Delta bases that a source leaves out unasked, as an incremental bundle does.

    source's pack   deltas against objects of its prerequisites, which the bundle lacks
    target          has the prerequisites: its tips are fetched, without their history

A server that is asked for a complete pack sends one, so this never applies to servers.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from packcore.store.memory import MemoryStore
from packcore.store.spool import SpooledPack
from transport.fetch import fetch_pack
from transport.listing import list_refs

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from packcore.ids import ObjectId
    from packcore.limits import Limits
    from packcore.store.base import ObjectStore
    from transport.base import Transport

__all__ = ["bases_of_target"]

_TIPS_MAX = 64
"""More tips seldom bring other trees and blobs; each costs a whole state of the repository at worst."""


@contextmanager
def bases_of_target(
    target: Transport, haves: Sequence[ObjectId], *, limits: Limits, directory: Path | None = None
) -> Iterator[ObjectStore]:
    """Yield the objects of the first haves that are tips of the target, fetched from the target.

    Raises TransportError, CorruptData.
    """
    listed = list_refs(target)
    tips = frozenset(listed.refs.values())
    wants = [oid for oid in haves if oid in tips][:_TIPS_MAX]
    with fetch_pack(target, listed, wants=wants, depth=1) as response:
        if response.blocks is None:
            yield MemoryStore(listed.object_format)
            return
        spool = SpooledPack.receive(
            response.blocks, object_format=listed.object_format, limits=limits, directory=directory
        )
    with spool:
        yield spool
