"""Ends a run from outside, from another thread, without a signal.

    pulled                                 what happens in the run
    while it waits for a remote            its transports are closed: the wait ends with an error
    while it computes                      the next event of its progress raises
    between two requests                   the next one raises, before a connection opens
    between two blocks of an answer        the next one raises

A call that neither waits for one of our sockets nor reports progress runs to its end: a name look-up, a read
from a dead network disk, the checks of a large push into a repository on this disk. Python can't end a
thread; a process can be ended, see `workers`.
"""

from __future__ import annotations

import threading
from collections import deque
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from transport.base import Body, RefsAtHand

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from packcore.progress import Phase, Unit
    from transport.base import Service, Transport
    from transport.errors import TransportError
    from transport.wire.advertisement import Advertisement
    from transport.wire.headway import Headway
    from transport.wire.limits import WireLimits

__all__ = ["Brake", "BrakedProgress"]

_MESSAGES_KEPT = 50
_HOLD_SECONDS = 0.1


class Brake:
    """Stops everything that it wrapped, once it is pulled."""

    def __init__(self) -> None:
        self.error: TransportError | None = None
        """The error to raise, once it is pulled."""
        self._lock = threading.Lock()
        self._waiting_on: list[Transport] = []
        self._released = threading.Event()

    def pull(self, error: TransportError) -> None:
        """Stop everything, until `release`. Only the first call counts."""
        with self._lock:
            if self.error is not None:
                return
            self.error = error
        threading.Thread(target=self._hold, name="packcore-brake", daemon=True).start()

    def release(self) -> None:
        """Note that the run has ended."""
        self._released.set()

    def _hold(self) -> None:
        """Close the transports again and again: one may reconnect automatically after a lost connection."""
        while True:
            with self._lock:
                transports = tuple(self._waiting_on)
            for transport in transports:
                with suppress(Exception):  # an error here also appears in the run, which reports it
                    transport.close()
            if self._released.wait(_HOLD_SECONDS):
                return

    def check(self) -> None:
        """Raise the error, if the brake was pulled."""
        if self.error is not None:
            raise self.error

    def watched(self, blocks: Iterator[bytes]) -> Iterator[bytes]:
        """Pass blocks on until the brake is pulled."""
        for block in blocks:
            self.check()
            yield block

    def wrap(self, transport: Transport, *, remote: bool) -> Transport:
        """Return a transport that can be stopped; one to this disk is not closed while it is being read."""
        if remote:
            with self._lock:
                self._waiting_on.append(transport)
        return _Braked(transport, self)


class _Braked:
    """A transport that begins nothing, and passes nothing on, once the brake is pulled."""

    def __init__(self, transport: Transport, brake: Brake) -> None:
        self._transport = transport
        self._brake = brake
        self.url = transport.url
        self.stateless = transport.stateless
        self.stats = transport.stats
        self.limits = transport.limits

    @contextmanager
    def advertise(
        self, service: Service, *, version: int, headway: Headway | None = None
    ) -> Iterator[Iterator[bytes]]:
        """Pass on."""
        self._brake.check()
        with self._transport.advertise(service, version=version, headway=headway) as blocks:
            yield self._brake.watched(blocks)

    def refs_at_hand(
        self, service: Service, prefixes: Sequence[str], limits: WireLimits
    ) -> Advertisement | None:
        """Pass on, where the repository is on this disk."""
        self._brake.check()
        if not isinstance(self._transport, RefsAtHand):
            return None
        return self._transport.refs_at_hand(service, prefixes, limits)

    @contextmanager
    def request(
        self, service: Service, body: Body, *, version: int, headway: Headway | None = None
    ) -> Iterator[Iterator[bytes]]:
        """Pass on."""
        self._brake.check()
        sent = Body(lambda: self._brake.watched(body.blocks()), body.size)
        with self._transport.request(service, sent, version=version, headway=headway) as blocks:
            yield self._brake.watched(blocks)

    def close(self) -> None:
        """Close the wrapped transport."""
        self._transport.close()


class BrakedProgress:
    """Keeps the last messages, and raises at any event once the brake is pulled."""

    def __init__(self, brake: Brake) -> None:
        self._brake = brake
        self.messages: deque[str] = deque(maxlen=_MESSAGES_KEPT)

    @contextmanager
    def phase(self, name: str, *, unit: Unit, total: int | None = None) -> Iterator[Phase]:  # noqa: ARG002
        """Open a phase."""
        self._brake.check()
        yield _BrakedPhase(self._brake)

    def message(self, origin: str, text: str) -> None:
        """Keep a line, unless the next one will replace it."""
        if text.strip() and not getattr(text, "transient", False):
            self.messages.append(f"{origin}: {text}")


class _BrakedPhase:
    def __init__(self, brake: Brake) -> None:
        self._brake = brake

    def advance(self, count: int = 1) -> None:  # noqa: ARG002
        self._brake.check()

    def total(self, count: int) -> None:
        """Do nothing: there is no display."""

    def note(self, **counts: int) -> None:
        """Do nothing: there is no display."""
