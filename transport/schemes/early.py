"""Bytes of an answer that arrive while the request is still being sent: stored, bounded, and replayed later.

A server may write before it has read everything. If we did not read, both sides would wait for each other
forever.
"""

from __future__ import annotations

import os
import tempfile
from typing import TYPE_CHECKING

from packcore.limits import BLOCK_BYTES
from transport.errors import AnswerTooLarge, TransportError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["EarlyAnswer", "no_room"]

_MEMORY_BYTES = 4 * 1024 * 1024
_BYTES_MAX = 1024 * 1024 * 1024


def no_room(error: OSError) -> TransportError:
    """Return the TransportError for a temporary file that can't be written."""
    return TransportError(
        f"can't write a temporary file in {tempfile.gettempdir()}: {error.strerror or error}",
        hint="set TMPDIR to another folder",
    )


class EarlyAnswer:
    """A spool for one answer, in a temporary file beyond 4 MiB."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._file = tempfile.SpooledTemporaryFile(max_size=_MEMORY_BYTES)  # noqa: SIM115 - close() closes it
        self.size = 0

    def keep(self, piece: bytes) -> None:
        """Add a piece. Raises AnswerTooLarge beyond a gigabyte, TransportError on a full disk."""
        self.size += len(piece)
        if self.size > _BYTES_MAX:
            raise AnswerTooLarge(
                f"{self._url}: more than {_BYTES_MAX:,} bytes of an answer while the request is being sent",
                limit="transport.schemes.early",
                named=True,
            )
        try:
            self._file.write(piece)
        except OSError as error:
            raise no_room(error) from None

    def blocks(self) -> Iterator[bytes]:
        """Yield the stored bytes."""
        self._file.seek(0)
        while block := self._file.read(BLOCK_BYTES):
            yield block

    def read(self, size: int) -> bytes:
        """Return the first `size` bytes; more can be stored afterwards."""
        self._file.seek(0)
        first = self._file.read(size)
        self._file.seek(0, os.SEEK_END)
        return first

    def close(self) -> None:
        """Close the file. Idempotent."""
        self._file.close()
