"""Record on each error which of the two remotes of a run it came from, for `--json` and messages."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from packcore.errors import PackcoreError
from transport.base import HistoryAtHand, RefsAtHand

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from packcore.history import History
    from transport.base import Body, Service, Transport
    from transport.wire.advertisement import Advertisement
    from transport.wire.headway import Headway
    from transport.wire.limits import WireLimits

__all__ = ["SidedTransport", "about"]


@contextmanager
def about(side: str) -> Iterator[None]:
    """Give `side` to errors that are raised in the block, or in a decorated function, and have none yet."""
    try:
        yield
    except PackcoreError as error:
        error.side = error.side or side
        raise


class SidedTransport:
    """A transport whose errors have `side`, "source" or "target". Otherwise it acts like the wrapped one."""

    def __init__(self, transport: Transport, side: str) -> None:
        self._transport = transport
        self._side = side
        self.stateless = transport.stateless
        self.stats = transport.stats
        self.limits = transport.limits

    @property
    def url(self) -> str:
        """The URL of the remote, without secrets; it changes after a redirect."""
        return self._transport.url

    @url.setter
    def url(self, url: str) -> None:
        self._transport.url = url

    @contextmanager
    def advertise(
        self, service: Service, *, version: int, headway: Headway | None = None
    ) -> Iterator[Iterator[bytes]]:
        """Yield the blocks of the advertisement; see `Transport.advertise`."""
        with (
            about(self._side),
            self._transport.advertise(service, version=version, headway=headway) as blocks,
        ):
            yield blocks

    @contextmanager
    def request(
        self, service: Service, body: Body, *, version: int, headway: Headway | None = None
    ) -> Iterator[Iterator[bytes]]:
        """Send one request and yield the blocks of its answer; see `Transport.request`."""
        with (
            about(self._side),
            self._transport.request(service, body, version=version, headway=headway) as blocks,
        ):
            yield blocks

    def refs_at_hand(
        self, service: Service, prefixes: Sequence[str], limits: WireLimits
    ) -> Advertisement | None:
        """Return the refs of the remote, where it is on this disk; see `RefsAtHand`."""
        if not isinstance(self._transport, RefsAtHand):
            return None
        with about(self._side):
            return self._transport.refs_at_hand(service, prefixes, limits)

    def history(self) -> History | None:
        """Return the graph of the remote's commits, where it is on this disk."""
        with about(self._side):
            return self._transport.history() if isinstance(self._transport, HistoryAtHand) else None

    @property
    def inner(self) -> Transport:
        """The transport whose errors are noted."""
        return self._transport

    @property
    def default_branch(self) -> object | None:
        """The HEAD of a repository on this disk, if it is one: see `…syncing.deliver.default_branch`."""
        return getattr(self._transport, "default_branch", None)

    def close(self) -> None:
        """Close whatever is open."""
        self._transport.close()
