"""A relayed pack that the target found too large: taken in, and cut into packs of our own.

    refused      target       the source's pack, as too large for one request
    finish       look-ahead   waits for the rest of it: the source is not asked again
    take in      spool        every object resolved and checked
    cut, hold    target       like any pack of our own that is too large (`split_push`)

Not every pack can be taken in. The target has the bases of a thin one, and we don't; and memory then grows
with the number of objects, which the user may have bounded. Such a pack is fetched from the source again, in
pieces (`transport.syncing.deliver.bootstrap`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from packcore.errors import LimitExceeded, MissingObject
from packcore.store.spool import SpooledPack
from transport.syncing.gather.fetching import Fetched

if TYPE_CHECKING:
    from collections.abc import Iterable

    from packcore.ids import ObjectId
    from transport.syncing.deliver.run import Run
    from transport.syncing.gather.lookahead import LookAhead

__all__ = ["take_in"]


def take_in(run: Run, ahead: LookAhead, unknown: Iterable[ObjectId] = ()) -> Fetched | None:
    """Return what the look-ahead received, with its spool still open; None if it can't be taken in.

    `unknown` are haves that the source lacks. Raises the source's TransportError, CorruptData, and
    RepositoryError for the file.
    """
    objects_max = run.request.materialized_max_objects
    try:
        ahead.finish()
        if objects_max is not None and ahead.object_count > objects_max:
            return None
        spool = SpooledPack.receive(
            ahead.blocks(),
            object_format=run.source_refs.object_format,
            limits=run.spool_limits,
            progress=run.progress,
            directory=run.request.spool_directory,
        )
    except (LimitExceeded, MissingObject):
        return None
    return Fetched(spool, frozenset(), spool.pack_bytes, spool.object_count, spool, frozenset(unknown))
