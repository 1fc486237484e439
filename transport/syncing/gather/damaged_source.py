"""After a failed fetch, goes on without the refs whose objects the source can't send.

    fetch fails           the pack breaks off, is damaged, or lacks objects
    find-damage           the source, if it is ours, says which wants reach a damaged object
    those refs            unreadable from now on, as if the source had listed them as such
    once more             plan, fetch and push the rest

Visibly damaged tips are listed as unreadable from the start. Other servers can't be asked; there the run
fails as a whole, and nothing is changed.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from packcore.errors import CorruptData
from transport.errors import RemoteError, RemoteProtocolError, TransportError
from transport.fetch import find_damage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from packcore.ids import ObjectId
    from packcore.progress import Progress
    from transport.base import Transport
    from transport.wire.advertisement import Advertisement

__all__ = ["MAY_BE_DAMAGE", "readable_part"]

MAY_BE_DAMAGE = (RemoteError, RemoteProtocolError, CorruptData)
"""What a fetch from a damaged repository raises, on either side of the wire."""


def readable_part(
    source: Transport,
    listed: Advertisement,
    *,
    wants: Sequence[ObjectId],
    haves: Sequence[ObjectId],
    progress: Progress,
) -> Advertisement | None:
    """Return the list with the refs that the source can't send as unreadable; None if it names none.

    The failure of the fetch is the one to report, so a failure of this question is no error.
    """
    try:
        damaged = find_damage(source, listed, wants=wants, haves=haves)
    except TransportError:
        return None
    if not damaged:
        return None
    faults = {name: damaged[oid] for name, oid in listed.refs.items() if oid in damaged}
    example = next(iter(damaged.values()))
    progress.message("source", f"can't send all of it: {example}; trying again without the refs that need it")
    return replace(
        listed,
        refs={name: oid for name, oid in listed.refs.items() if name not in faults},
        unreadable={**listed.unreadable, **faults},
    )
