"""The content of a request: gzip decoded, and bounded by what comes out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from transport.errors import RemoteProtocolError
from transport.http_rules.content import content_decoder
from transport.server.http_connection import HttpFault

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator

__all__ = ["content_of", "not_empty"]


FREE_BYTES = 1024 * 1024
"""git compresses no push, JGit those of up to a mebibyte."""
GROWTH_MAX = 4
"""Beyond that, one byte may come to so many: packs are compressed as they are."""


def content_of(
    body: Iterable[bytes], content_encoding: str, *, bytes_max: int | None = None
) -> Generator[bytes, None, None]:
    """Yield what a body comes to.

    Raises HttpFault if it has an unknown coding, is damaged, or comes to more than `bytes_max` bytes. Where
    that is None the bound is `GROWTH_MAX` times what was sent.
    """
    sent = taken = 0
    try:
        decoder = content_decoder(content_encoding)
    except RemoteProtocolError:
        raise HttpFault(415, "a Content-Encoding other than gzip or deflate") from None
    try:
        for block in body:
            sent += len(block)
            for piece in decoder.feed(block):
                taken += len(piece)
                if bytes_max is not None and taken > bytes_max:
                    raise HttpFault(413, f"the request is longer than {bytes_max} bytes")
                if bytes_max is None and taken > FREE_BYTES + GROWTH_MAX * sent:
                    raise HttpFault(413, f"the request grows by more than {GROWTH_MAX} when it is unpacked")
                yield piece
        decoder.end()
    except RemoteProtocolError:
        raise HttpFault(400, "the compressed request is damaged") from None


def not_empty(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Pass a request's content on. Raises HttpFault at its end if there was none."""
    is_empty = True
    for block in blocks:
        is_empty = is_empty and not block
        yield block
    if is_empty:
        raise HttpFault(400, "the request is empty")
