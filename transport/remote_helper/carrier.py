"""`stateless-connect`: git's own fetch speaks protocol v2, and our transports carry it.

    git      an empty line, then the server's capabilities
    git      request, flush           ->  one request of the transport
    server   answer, flush            ->  git, and a response-end packet behind it
    git      end of input                 done

So shallow clones, partial clones, bundle URIs and whatever git's fetch learns next work as in git. A request
is held whole before it is sent, since a server may ask for it twice; an answer passes block by block.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Literal

from transport.base import Body
from transport.errors import AnswerTooLarge, LocalProtocolError, RemoteProtocolError, TruncatedAnswer
from transport.wire.advertisement import Advertisement, parse_advertisement
from transport.wire.boundary import FlushFinder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from transport.base import Transport

__all__ = ["Greeting", "carry", "greeting_of", "read_packets"]

SERVICE: Literal["git-upload-pack"] = "git-upload-pack"
RESPONSE_END = b"0002"
FLUSH = b"0000"
_LENGTH = re.compile(rb"[0-9a-fA-F]{4}\Z")
_REQUEST_BYTES_MAX = 256 * 1024 * 1024
"""Some five million wants and haves."""


@dataclass(frozen=True, slots=True)
class Greeting:
    """What a server said first: as it is, and understood."""

    raw: bytes
    """From the first capability or ref to the flush."""
    listed: Advertisement


def greeting_of(transport: Transport, version: int) -> Greeting:
    """Ask for an advertisement of upload-pack. Raises TransportError."""
    with transport.advertise(SERVICE, version=version) as blocks:
        raw = b"".join(_bounded(blocks, transport.limits.advertisement_bytes))
    listed = parse_advertisement([raw], SERVICE, limits=transport.limits, to_end=transport.stateless)
    return Greeting(_without_service_line(raw), listed)


def carry(
    transport: Transport, greeting: Greeting, requests: IO[bytes], answer: Callable[[bytes], None]
) -> None:
    """Carry requests and answers until the requests end. Raises TransportError."""
    answer(greeting.raw)
    while (packets := read_packets(requests)) is not None:
        with transport.request(SERVICE, Body.of(packets + FLUSH), version=2) as blocks:
            for block in _one_answer(blocks, transport.url):
                answer(block)
        answer(RESPONSE_END)


def read_packets(stream: IO[bytes], *, joined: bool = False) -> bytes | None:
    """Return the packets up to a flush, without it; what is in them if `joined`. None at the end.

    Raises LocalProtocolError for what are no packets.
    """
    found = bytearray()
    first = True
    while True:
        length = stream.read(4)
        if not length and first:
            return None
        first = False
        size = int(length, 16) if _LENGTH.match(length) else -1
        if size == 0:
            return bytes(found)
        if size in (1, 2) and not joined:  # a delimiter
            found += length
            continue
        data = stream.read(size - 4) if size >= 4 else b""
        if size < 4 or len(data) != size - 4:
            raise LocalProtocolError("git sent something that is no packet, or ended within one")
        found += data if joined else length + data
        if len(found) > _REQUEST_BYTES_MAX:
            raise LocalProtocolError(f"git sent a request of more than {_REQUEST_BYTES_MAX:,} bytes")


def _one_answer(blocks: Iterable[bytes], url: str) -> Iterator[bytes]:
    """Pass an answer on, and make sure that it ends with its flush and not before."""
    finder = FlushFinder()
    for block in blocks:
        if finder.found:
            raise RemoteProtocolError(f"{url}: the answer goes on behind its end")
        end = finder.feed(block)
        if end is not None and end != len(block):
            raise RemoteProtocolError(f"{url}: the answer goes on behind its end")
        yield block
    if not finder.found:
        raise TruncatedAnswer(f"{url}: the answer ends before its flush")


def _without_service_line(raw: bytes) -> bytes:
    """Cut off `# service=…` and the flush behind it, which git's fetch does not expect."""
    if raw[4:6] != b"# ":
        return raw
    finder = FlushFinder()
    return raw[finder.feed(raw) or 0 :]


def _bounded(blocks: Iterable[bytes], bytes_max: int) -> Iterator[bytes]:
    size = 0
    for block in blocks:
        size += len(block)
        if size > bytes_max:
            raise AnswerTooLarge(
                f"a list of refs of more than {bytes_max:,} bytes", limit="WireLimits.advertisement_bytes"
            )
        yield block
