"""Goes on from a new list if the source's refs moved between its list and the fetch.

    list refs       main at A
    (a force-push)  main at C, and nothing reaches A any more
    fetch A         refused: "not our ref A", in each server's own words
    list refs       A is gone from the list: that was why
    once more       plan, fetch and push what the source has now

The list counts, not the words: if it still names every want, the refusal stands. Busy sources move again and
again, so this is bounded.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from transport.errors import RemoteError, TransportError
from transport.syncing.gather.listing import list_source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from packcore.ids import ObjectId
    from packcore.progress import Progress
    from transport.base import Transport
    from transport.syncing.request import Protocol
    from transport.wire.advertisement import Advertisement

__all__ = ["RELISTINGS_MAX", "SourceList"]

RELISTINGS_MAX = 3
"""A source that moves faster than it can be listed is left to the next run."""

_T = TypeVar("_T")


@dataclass(slots=True)
class SourceList:
    """A source's list of refs, renewed if the source turns out to have moved on."""

    source: Transport
    listed: Advertisement
    protocol: Protocol
    prefixes: Sequence[str]
    progress: Progress
    left: int = RELISTINGS_MAX

    def fetched(
        self,
        attempt: Callable[[Advertisement], _T],
        wants: Callable[[Advertisement], Iterable[ObjectId]],
    ) -> _T:
        """Return what `attempt` makes of the list; try again with each new one. Raises as `attempt`."""
        while True:
            try:
                return attempt(self.listed)
            except RemoteError as error:
                if error.side == "target" or not self.is_renewed(wants(self.listed)):
                    raise

    def is_renewed(self, wants: Iterable[ObjectId]) -> bool:
        """List the source again; return whether that explains why it refused the wants.

        The refusal is the one to report, so a failure of the listing is no error.
        """
        if not self.left:
            return False
        self.left -= 1
        try:
            listed = list_source(self.source, protocol=self.protocol, prefixes=self.prefixes)
        except TransportError:
            return False
        still_there = frozenset(listed.refs.values())
        gone = [oid for oid in dict.fromkeys(wants) if oid not in still_there]
        if not gone:
            return False
        what = f"{gone[0].hex()} is" if len(gone) == 1 else f"{len(gone):,} of the wanted ids are"
        self.progress.message("source", f"its refs moved since they were listed ({what} gone); listed again")
        self.listed = listed
        return True
