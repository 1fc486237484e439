"""The body of a request being sent: pulled ahead up to the post buffer, then as the socket drains.

    all of it within the post buffer    length known: Content-Length
    more                                length None: chunked, the part pulled ahead first
    post buffer unlimited               all of it in a temporary file: Content-Length, for servers that
                                        accept no chunks (411, 501)

Pulling ahead happens before the connection is opened, so that no server waits for a body that takes long to
begin. The pulled part is in memory up to 1 MiB, then in a temporary file.
"""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING

from packcore.limits import BLOCK_BYTES
from transport.schemes.early import no_room

if TYPE_CHECKING:
    from collections.abc import Iterator

    from transport.base import Body

__all__ = ["OutgoingBody"]

_MEMORY_BYTES = 1024 * 1024


class OutgoingBody:
    """One iteration over a Body that was started; always close it."""

    def __init__(self, body: Body, *, pull_ahead: int | None) -> None:
        """Pull blocks until there are more than `pull_ahead` bytes (None means all).

        Raises what the body raises.
        """
        self._source = body.blocks()
        self._spool = tempfile.SpooledTemporaryFile(max_size=_MEMORY_BYTES)  # noqa: SIM115 - close() closes it
        self.size_pulled = 0
        self.length: int | None = None
        """The size of the whole body, if all of it was pulled."""
        try:
            self._pull(pull_ahead)
        except BaseException:
            self.close()
            raise

    def _pull(self, pull_ahead: int | None) -> None:
        for block in self._source:
            try:
                self._spool.write(block)
            except OSError as error:
                raise no_room(error) from None
            self.size_pulled += len(block)
            if pull_ahead is not None and self.size_pulled > pull_ahead:
                break
        else:
            self.length = self.size_pulled
        self._spool.seek(0)

    def data(self) -> bytes:
        """Return the whole body as bytes, if all of it was pulled."""
        self._spool.seek(0)
        return self._spool.read()

    def blocks(self) -> Iterator[bytes]:
        """Yield the pulled part, then the rest as it comes; never an empty block."""
        while block := self._spool.read(BLOCK_BYTES):
            yield block
        if self.length is None:
            yield from (block for block in self._source if block)

    def close(self) -> None:
        """Close the file, and the source if it is a generator. Idempotent."""
        self._spool.close()
        stop = getattr(self._source, "close", None)
        if stop is not None:
            stop()
