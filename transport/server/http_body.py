"""The content of a request: gzip decoded, and bounded by what comes out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from transport.errors import RemoteProtocolError
from transport.http_rules.content import content_decoder
from transport.server.http_connection import HttpFault

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

__all__ = ["content_of"]


def content_of(
    body: Iterable[bytes], content_encoding: str, *, bytes_max: int | None = None
) -> Generator[bytes, None, None]:
    """Yield what a body comes to.

    Raises HttpFault if it has an unknown coding, is damaged, or comes to more than `bytes_max` bytes.
    """
    taken = 0
    try:
        decoder = content_decoder(content_encoding)
    except RemoteProtocolError:
        raise HttpFault(415, "a Content-Encoding other than gzip or deflate") from None
    try:
        for block in body:
            for piece in decoder.feed(block):
                taken += len(piece)
                if bytes_max is not None and taken > bytes_max:
                    raise HttpFault(413, f"the request is longer than {bytes_max} bytes")
                yield piece
        decoder.end()
    except RemoteProtocolError:
        raise HttpFault(400, "the compressed request is damaged") from None
