"""A hostile edge: what a `Simulation` does to the requests and answers of our server.

An `Edge` stands between the connections of one server and its answers, as a proxy would. What the git
service itself lacks or does wrong is in `Lame…`, which differ from the honest services in nothing else.
"""

from __future__ import annotations

import threading
import time
from types import MappingProxyType
from typing import TYPE_CHECKING

from transport.http_rules.statuses import header
from transport.server.faults import Simulation
from transport.server.http_connection import HttpFault
from transport.server.receive_pack import ReceivePack
from transport.server.upload_pack import UploadPack
from transport.wire.pktline import FLUSH, encode_text

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence

    from packcore.errors import PackcoreError
    from transport.server.proc_receive_hook import RefReport
    from transport.server.push_request import PushRequest
    from transport.wire.receive_pack import RefUpdate

__all__ = ["ConnectionCut", "Edge", "LameReceivePack", "LameUploadPack"]

_SLICE_SECONDS = 0.1
_RETRY_SECONDS = 1


class ConnectionCut(ConnectionError):
    """The edge cuts the connection, as it was asked to."""


class Edge:
    """What stands before one server's answers; shared by its connections."""

    def __init__(self, simulation: Simulation) -> None:
        self.simulation = simulation
        self._lock = threading.Lock()
        self._refused = 0

    def refusal(self, headers: Sequence[tuple[str, str]]) -> tuple[int, str, dict[str, str]] | None:
        """Return the status, text and headers with which a request is refused by its head, or None."""
        simulation = self.simulation
        if simulation.status is not None and self._counts():
            retry = {"Retry-After": str(_RETRY_SECONDS)} if simulation.status in (429, 503) else {}
            return simulation.status, "refused, as the server was told to", retry
        if "no-chunked" in simulation.names and header(headers, "transfer-encoding"):
            return 411, "a Content-Length is needed", {}
        length, most = header(headers, "content-length").strip(), simulation.body_bytes_max
        if most is not None and length.isdecimal() and int(length) > most:
            return 413, f"the body is longer than {most} bytes", {}
        return None

    def _counts(self) -> bool:
        most = self.simulation.status_requests
        with self._lock:
            self._refused += 1
            return most is None or self._refused <= most

    def coming(self, blocks: Iterable[bytes]) -> Iterator[bytes]:
        """Pass a request's body on. Raises HttpFault (413) and ConnectionCut."""
        most, passed = self.simulation.body_bytes_max, 0
        for block in filter(None, self.going(blocks)):
            passed += len(block)
            if most is not None and passed > most:
                raise HttpFault(413, f"the body is longer than {most} bytes")
            yield block

    def going(self, blocks: Iterable[bytes]) -> Iterator[bytes]:
        """Pass a body on at the pace and to the length that are allowed. Raises ConnectionCut."""
        left = self.simulation.cut_after_bytes
        for block in blocks:
            for piece in self._pieces(block):
                if left is not None and len(piece) > left:
                    yield piece[:left]
                    yield b""  # what was gathered is sent before the cut
                    raise ConnectionCut(f"cut after {self.simulation.cut_after_bytes} bytes")
                left = None if left is None else left - len(piece)
                yield piece
            if not block:
                yield block

    def _pieces(self, block: bytes) -> Iterator[bytes]:
        rate = self.simulation.bytes_per_second
        if rate is None:
            yield block
            return
        size = max(1, int(rate * _SLICE_SECONDS))
        for start in range(0, len(block), size):
            piece = block[start : start + size]
            time.sleep(len(piece) / rate)
            yield piece


class LameUploadPack(UploadPack):
    """An upload-pack that lacks what the simulation withholds."""

    simulation = Simulation()

    def advertise(self, version: int, *, over_http: bool = True, lasting: bool = False) -> Iterator[bytes]:
        """Yield the advertisement, with a service line before v2 where that is asked for."""
        if version >= 2 and "service-line" in self.simulation.names:
            yield encode_text("# service=git-upload-pack") + FLUSH
        yield from super().advertise(version, over_http=over_http, lasting=lasting)

    def offered(self, *, stateless: bool) -> list[str]:
        """Return the capabilities of v0 and v1."""
        return [
            token for token in super().offered(stateless=stateless) if not self.simulation.withholds(token)
        ]


class LameReceivePack(ReceivePack):
    """A receive-pack that lacks what the simulation withholds, and reports as badly as it says."""

    simulation = Simulation()
    _is_push = False

    def offered(self) -> list[str]:
        """Return the capabilities."""
        tokens = [token for token in super().offered() if not self.simulation.withholds(token)]
        return [*tokens, *(["no-thin"] if "no-thin" in self.simulation.names else [])]

    def answer(self, blocks: Iterable[bytes], version: int) -> Generator[bytes, None, PackcoreError | None]:
        """Take one push; give another answer than the report where that is asked for."""
        answered = super().answer(blocks, version)
        late = self.simulation.late_status
        if late is None and "drop-report" not in self.simulation.names:
            return (yield from answered)
        for _ in answered:
            pass
        if not self._is_push:
            return None  # the probe of a client that asks whether it may push at all
        if late is not None:
            raise HttpFault(late, "too late, as the server was told to be")
        raise ConnectionCut("the report is dropped")

    def judge(self, request: PushRequest) -> None:
        """Refuse a push of too many refs: the answer is a 500, as large hosts have it."""
        self._is_push = True
        most = self.simulation.updates_max
        if most is not None and len(request.updates) > most:
            raise HttpFault(500, f"more than {most} ref updates")

    def report(
        self,
        unpack: str,
        verdicts: Mapping[str, str | None],
        reports: Mapping[str, Sequence[RefReport]] = MappingProxyType({}),
        repeated: Sequence[RefUpdate] = (),
    ) -> bytes:
        """Build the report, without its last ref where that is asked for."""
        if "omit-ref" in self.simulation.names:
            verdicts = dict(list(verdicts.items())[:-1])
        return super().report(unpack, verdicts, reports, repeated)
