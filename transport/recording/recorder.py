"""Wrap transports, and write what passes through them, block by block with times, as JSON lines.

    {"packcore": "conversation", "version": 1}
    {"t": 0.0, "open": 1, "side": "source", "url": ..., "service": ..., "kind": "advertise", "protocol": 2}
    {"t": 0.01, "id": 1, "block": "<", "bytes": 512}          a block was received
    {"id": 1, "packet": "<", "at": 0, "bytes": 14, "head": "<hex>"}     a pkt-line in it: where in the stream
    {"t": 0.02, "asked": 0.015, "id": 2, "block": ">", "bytes": 65536}  a block was sent; when it was
    requested {"t": 0.03, "close": 2}                                   with "fault" if an error ended it

Seconds count from the start of the recorder. `<` is received, `>` is sent. The recorder keeps the first bytes
of each pkt-line, and of a pack only the byte counts: a sync of gigabytes makes a file of megabytes. It never
sees headers, and so no credentials: the transport adds them at a lower level. If a remote repeats a secret in
its text, the secret is replaced by as many `*`, so that all byte counts stay correct.
"""

from __future__ import annotations

import json
import threading
import time
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any

from packcore.errors import PackcoreError
from transport.base import Body
from transport.errors import RemoteProtocolError
from transport.safe_text import one_line
from transport.secrets import Secrets
from transport.wire.pktline import PacketDecoder, Special

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from transport.base import Service, Transport
    from transport.wire.headway import Headway

__all__ = ["FORMAT_VERSION", "HEAD_BYTES", "Recorder"]

FORMAT_VERSION = 1
HEAD_BYTES = 200
"""How much of each pkt-line is kept."""
_SECRET_BYTES_MAX = 4096
"""How far a secret may extend beyond the kept bytes that it begins in; pkt-lines of a pack are far longer."""


class Recorder:
    """Writes the conversation of one run to a text file, which the caller opens and closes."""

    def __init__(
        self,
        file: IO[str],
        *,
        clock: Callable[[], float] = time.monotonic,
        secrets: Secrets | None = None,
    ) -> None:
        """`secrets` are those of both sides; more may be added during the conversation."""
        self._file = file
        self.secrets = secrets or Secrets()
        self._clock = clock
        self._started = clock()
        self._lock = threading.Lock()  # both sides advertise in parallel
        self._exchanges = 0
        self.write({"packcore": "conversation", "version": FORMAT_VERSION})

    def wrap(self, transport: Transport, side: str) -> Transport:
        """Return a transport that passes everything on to this one and records it as `side`."""
        return _Recorded(transport, side, self)

    def seconds(self) -> float:
        """Return the seconds since the start."""
        return round(self._clock() - self._started, 6)

    def write(self, event: dict[str, Any]) -> None:
        """Write one line."""
        line = json.dumps(event, separators=(",", ":"))
        with self._lock:
            self._file.write(f"{line}\n")

    def open(self, **what: Any) -> int:
        """Record the start of an exchange, and return its number."""
        with self._lock:
            self._exchanges += 1
            number = self._exchanges
        self.write({"t": self.seconds(), "open": number, **self.secrets.masked(what)})
        return number


class _Recorded:
    """A transport that records its blocks as they pass."""

    def __init__(self, transport: Transport, side: str, recorder: Recorder) -> None:
        self._transport = transport
        self._side = side
        self._recorder = recorder
        self.url = transport.url
        self.stateless = transport.stateless
        self.stats = transport.stats
        self.limits = transport.limits

    @contextmanager
    def advertise(
        self, service: Service, *, version: int, headway: Headway | None = None
    ) -> Iterator[Iterator[bytes]]:
        """Pass the call on, and record the answer."""
        number = self._open(service, "advertise", version)
        with (
            self._closing(number),
            self._transport.advertise(service, version=version, headway=headway) as blocks,
        ):
            yield self._heard(number, blocks)

    @contextmanager
    def request(
        self, service: Service, body: Body, *, version: int, headway: Headway | None = None
    ) -> Iterator[Iterator[bytes]]:
        """Pass the call on, and record the request and the answer."""
        number = self._open(service, "request", version)
        recorded = Body(lambda: self._said(number, body.blocks()), body.size)
        with (
            self._closing(number),
            self._transport.request(service, recorded, version=version, headway=headway) as blocks,
        ):
            yield self._heard(number, blocks)

    def close(self) -> None:
        """Close the wrapped transport."""
        self._transport.close()

    def _open(self, service: Service, kind: str, version: int) -> int:
        return self._recorder.open(
            side=self._side, url=self.url, service=service, kind=kind, protocol=version
        )

    @contextmanager
    def _closing(self, number: int) -> Iterator[None]:
        event: dict[str, Any] = {}
        try:
            yield
        except PackcoreError as error:
            event["fault"] = one_line(self._recorder.secrets.mask(str(error)))
            raise
        finally:
            self._recorder.write({"t": self._recorder.seconds(), "close": number, **event})

    def _heard(self, number: int, blocks: Iterator[bytes]) -> Iterator[bytes]:
        notes = _PacketNotes(self._recorder, number, "<")
        for block in blocks:
            self._recorder.write(
                {"t": self._recorder.seconds(), "id": number, "block": "<", "bytes": len(block)}
            )
            notes.feed(block)
            yield block

    def _said(self, number: int, blocks: Iterator[bytes]) -> Iterator[bytes]:
        notes = _PacketNotes(self._recorder, number, ">")
        asked = self._recorder.seconds()
        for block in blocks:
            event = {"t": self._recorder.seconds(), "asked": asked, "id": number, "block": ">"}
            self._recorder.write({**event, "bytes": len(block)})
            notes.feed(block)
            yield block
            asked = self._recorder.seconds()


class _PacketNotes:
    """Finds the pkt-lines of one stream, up to the unframed part: a pack."""

    def __init__(self, recorder: Recorder, number: int, direction: str) -> None:
        self._recorder = recorder
        self._number = number
        self._direction = direction
        self._decoder = PacketDecoder(allow_response_end=True)
        self._unframed = False

    def feed(self, block: bytes) -> None:
        """Record the packets that this block completes."""
        if self._unframed:
            return
        self._decoder.feed(block)
        while not self._unframed:
            at = self._decoder.offset
            try:
                packet = self._decoder.next_packet()
            except RemoteProtocolError:
                rest = self._decoder.take_rest()
                self._unframed = True
                self._note(at, "unframed", len(rest), rest[:4])
                return
            if packet is None:
                return
            if isinstance(packet, Special):
                self._note(at, "packet", 4, b"%04x" % packet.value, special=packet.name.lower())
            else:
                # Masked before it is cut, because half a secret would not be found.
                masked = self._recorder.secrets.mask_bytes(packet[: HEAD_BYTES + _SECRET_BYTES_MAX])
                self._note(at, "packet", len(packet) + 4, masked[:HEAD_BYTES])

    def _note(self, at: int, kind: str, size: int, head: bytes, **more: str) -> None:
        self._recorder.write(
            {"id": self._number, kind: self._direction, "at": at, "bytes": size, "head": head.hex(), **more}
        )
