"""Content-Type and Content-Encoding of an answer, and gzip for small requests.

    gzip, x-gzip   one or more gzip members (RFC 1952), each checked by its CRC
    deflate        a zlib stream (RFC 1950), or the raw deflate that some servers send instead

Decoding yields pieces of at most 64 KiB, so memory doesn't depend on the decoded size. An answer that grows
more than two-hundredfold beyond its first 64 MiB counts as a bomb (deflate can reach 1032). So does an answer
with almost no content beyond its first MiB: empty members, empty blocks or an endless name.
"""

from __future__ import annotations

import re
import zlib
from typing import TYPE_CHECKING

from transport.errors import AnswerTooLarge, RemoteProtocolError
from transport.safe_text import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["GZIP_REQUEST_BYTES_MIN", "ContentDecoder", "compress_request", "content_decoder", "media_type"]

GZIP_REQUEST_BYTES_MIN = 1025
"""Requests of more than 1024 bytes are worth compressing; git uses the same limit."""

_PIECE_BYTES_MAX = 64 * 1024
_FREE_BYTES = 64 * 1024 * 1024
_GROWTH_MAX = 200
_ZLIB_HEADER_BYTES = 2  # as one number a multiple of 31, the method in the first four bits (RFC 1950)
_DEFLATE_METHOD = 8
_FREE_BYTES_IN = 1024 * 1024
_SHRINKAGE_MAX = 16
"""Encoded bytes allowed per byte of content: a server that flushes after each keep-alive needs about
three."""


def media_type(content_type: str) -> str:
    """Return a Content-Type's media type: lower case, no blanks, no parameters."""
    return re.sub(r"\s+", "", content_type.partition(";")[0]).lower()


def compress_request(data: bytes) -> bytes:
    """Return a request body as gzip, the same bytes every time."""
    import gzip

    return gzip.compress(data, 9, mtime=0)


class ContentDecoder:
    """No content coding: the bytes are the content."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield the content in `data`.

        Raises RemoteProtocolError for bytes that don't decode, AnswerTooLarge for bombs.
        """
        yield data

    def end(self) -> None:
        """Signal the end of the body. Raises RemoteProtocolError if the content is incomplete."""


def content_decoder(content_encoding: str) -> ContentDecoder:
    """Return the decoder for the value of a Content-Encoding header, "" for none."""
    coding = content_encoding.strip().lower()
    if coding in ("", "identity"):
        return ContentDecoder()
    if coding in ("gzip", "x-gzip"):
        return _InflateDecoder(coding, 31)
    if coding == "deflate":
        return _InflateDecoder(coding, zlib.MAX_WBITS)
    raise RemoteProtocolError(f"unsupported Content-Encoding: {one_line(content_encoding, limit=80)}")


class _InflateDecoder(ContentDecoder):
    def __init__(self, coding: str, wbits: int) -> None:
        self._coding = coding
        self._wbits = wbits
        self._inflater = zlib.decompressobj(wbits)
        self._bytes_in = self._bytes_out = 0
        self._started = False  # whether the current member has had a byte
        self._held = b""  # the first byte of "deflate", until the second shows which kind it is

    def feed(self, data: bytes) -> Iterator[bytes]:
        self._bytes_in += len(data)
        if self._coding == "deflate" and not self._started:
            data, self._held = self._held + data, b""
            if len(data) < _ZLIB_HEADER_BYTES:
                self._held = data
                return
            if int.from_bytes(data[:_ZLIB_HEADER_BYTES], "big") % 31 or data[0] & 15 != _DEFLATE_METHOD:
                self._inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        pending = False  # the inflater may have more output after consuming all input
        while data or pending:
            if self._inflater.eof:  # a further member
                if self._coding == "deflate":
                    raise RemoteProtocolError("the deflate-encoded answer continues after its end")
                self._inflater, self._started = zlib.decompressobj(self._wbits), False
            piece = self._inflate(data)
            data = self._inflater.unconsumed_tail or self._inflater.unused_data
            pending = len(piece) == _PIECE_BYTES_MAX and not self._inflater.eof
            self._bytes_out += len(piece)
            if self._bytes_out > max(_FREE_BYTES, self._bytes_in * _GROWTH_MAX):
                raise AnswerTooLarge(
                    f"the {self._coding}-encoded answer grows beyond its limit",
                    limit=f"{_GROWTH_MAX} bytes of content for one of {self._coding}",
                )
            coded = self._bytes_in - len(data)
            if coded > _FREE_BYTES_IN + self._bytes_out * _SHRINKAGE_MAX:
                raise AnswerTooLarge(
                    f"the {self._coding}-encoded answer has almost no content: {self._bytes_out:,} bytes of "
                    f"content in {coded:,}",
                    limit=f"{_SHRINKAGE_MAX} bytes of {self._coding} for one of content",
                )
            if piece:
                yield piece

    def _inflate(self, data: bytes) -> bytes:
        self._started = True
        try:
            return self._inflater.decompress(data, _PIECE_BYTES_MAX)
        except zlib.error as error:
            raise RemoteProtocolError(f"the {self._coding}-encoded answer is damaged: {error}") from None

    def end(self) -> None:
        if self._held or (self._started and not self._inflater.eof):
            raise RemoteProtocolError(f"the {self._coding}-encoded answer was cut short")
