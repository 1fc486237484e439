"""A Transport whose answers the test wrote: for what no honest server sends."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.transport.process_transport import cut
from transport.base import Body, Service, TransferStats
from transport.wire.limits import WireLimits

if TYPE_CHECKING:
    from collections.abc import Iterator

    from transport.wire.headway import Headway


class ScriptedTransport:
    """Gives the answers in their order; after the last one it repeats it. An exception is raised."""

    stateless = True
    limits = WireLimits()
    url = "scripted"

    def __init__(
        self, *answers: bytes, block_bytes: int | None = None, fault: Exception | None = None
    ) -> None:
        self.stats = TransferStats()
        self.requests: list[bytes] = []
        self.open_answers = 0
        self._answers = answers
        self._block_bytes = block_bytes
        self._fault = fault

    @contextmanager
    def advertise(
        self, service: Service, *, version: int, headway: Headway | None = None
    ) -> Iterator[Iterator[bytes]]:
        yield cut(self._answers[0], self._block_bytes)

    @contextmanager
    def request(
        self, service: Service, body: Body, *, version: int, headway: Headway | None = None
    ) -> Iterator[Iterator[bytes]]:
        self.requests.append(b"".join(body.blocks()))
        self.open_answers += 1
        try:
            yield self._answer(self._answers[min(len(self.requests), len(self._answers)) - 1])
        finally:
            self.open_answers -= 1

    def close(self) -> None:
        pass

    def _answer(self, data: bytes) -> Iterator[bytes]:
        yield from cut(data, self._block_bytes)
        if self._fault is not None:
            raise self._fault
