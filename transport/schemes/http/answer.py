"""One answer as it arrives: head, then framing, then content coding; bytes in, body blocks out.

    feed(bytes) -> HeadParser -> body reader (chunked | length | until close) -> content decoder -> blocks

It knows no socket. `head` is None until the head is complete. `complete` becomes true at the end of the body
according to the framing, which may be the end of the connection.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from transport.errors import AnswerTooLarge, RemoteProtocolError
from transport.http_rules.content import ContentDecoder, content_decoder
from transport.http_rules.framing import BodyReader, body_reader
from transport.http_rules.statuses import header
from transport.schemes.http.heads import HeadParser, ResponseHead

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Answer"]


class Answer:
    """The answer to one request to `url`. Calls `on_head` once, when the head is complete."""

    def __init__(self, url: str, on_head: Callable[[ResponseHead], None]) -> None:
        self._url = url
        self._parser = HeadParser()
        self._on_head = on_head
        self._reader: BodyReader | None = None
        self._decoder = ContentDecoder()
        self.head: ResponseHead | None = None

    @property
    def complete(self) -> bool:
        """Whether the whole body has arrived."""
        return self._reader is not None and self._reader.complete

    @property
    def begun(self) -> bool:
        """Whether any byte of an answer has arrived."""
        return self.head is not None or not self._parser.empty

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield the decoded body bytes in `data`.

        Raises RemoteProtocolError for bytes that are not an answer, AnswerTooLarge for too many bytes.
        """
        try:
            yield from self._feed(data)
        except RemoteProtocolError as error:
            raise self._named(error) from None

    def _feed(self, data: bytes) -> Iterator[bytes]:
        reader = self._reader
        if reader is None:
            parsed = self._parser.feed(data)
            if parsed is None:
                return
            head, data = parsed
            self._reader = reader = body_reader(head.headers, head.status)
            self._decoder = content_decoder(header(head.headers, "content-encoding"))
            self.head = head
            self._on_head(head)
        if reader.complete:
            return
        for piece in reader.feed(data):
            yield from self._decoder.feed(piece)
        if self.complete:
            self._decoder.end()

    def end(self) -> None:
        """Signal end of connection, after a head.

        Raises RemoteProtocolError if the body was cut off.
        """
        try:
            if self._reader is not None and not self._reader.complete:
                self._reader.end()
                self._decoder.end()
        except RemoteProtocolError as error:
            raise self._named(error) from None

    def _named(self, error: RemoteProtocolError) -> RemoteProtocolError:
        """Return the error with the URL added."""
        if isinstance(error, AnswerTooLarge):
            return error.of(f"{self._url}: ")
        if self._url in str(error):
            return error
        return type(error)(f"{self._url}: {error}", hint=error.hint, option=error.option)
