r"""pkt-line: the framing of everything that git sends.

    0 0 0 e  v e r s i o n   2 \n      four hex digits: length of the line, including themselves
    ------- ---------------------
    length   payload, 0 to 65516 bytes

    0000  flush          end of a list, or of a message
    0001  delim          between the sections of a v2 message
    0002  response end   only for remote helpers; refused unless allowed
    0003                 never legal
    0004  empty line     legal, although no one should send it

Specified in gitprotocol-common. git itself reads lengths up to 65523; our limit is the documented 65520. Hex
is parsed strictly, in either case: Python's `int(x, 16)` would accept `+0ff` and `1_00`.

The decoder takes blocks in any split, and buffers at most one line.

>>> decoder = PacketDecoder()
>>> decoder.feed(b"000bversi"); decoder.next_packet()
>>> decoder.feed(b"on0000"); decoder.next_packet(), decoder.next_packet()
(b'version', <Special.FLUSH: 0>)
"""

from __future__ import annotations

from binascii import unhexlify
from enum import Enum
from typing import TYPE_CHECKING

from transport.errors import (
    AnswerTooLarge,
    LocalProtocolError,
    RemoteError,
    RemoteProtocolError,
    TruncatedAnswer,
)
from transport.safe_text import one_line, sanitise

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from transport.wire.headway import Headway

__all__ = [
    "DELIM",
    "FLUSH",
    "LINE_BYTES_MAX",
    "PAYLOAD_BYTES_MAX",
    "RESPONSE_END",
    "Packet",
    "PacketDecoder",
    "PacketReader",
    "Special",
    "encode_packet",
    "encode_text",
    "text_of",
]

LINE_BYTES_MAX = 65520
"""The longest line, including its four length digits."""
PAYLOAD_BYTES_MAX = LINE_BYTES_MAX - 4

FLUSH = b"0000"
DELIM = b"0001"
RESPONSE_END = b"0002"

_SHORT_BYTES = 4096
"""Below this size, two copies take less time than a view and one copy."""
_COMPACT_BYTES = 256 * 1024

_NOT_GIT = "this isn't git's protocol; over ssh, it is often text that the host's shell prints at login"


class Special(Enum):
    """The packets without payload; the value is their length field."""

    FLUSH = 0
    DELIM = 1
    RESPONSE_END = 2


Packet = bytes | Special
"""A payload, or one of the packets without payload."""

_LINE_SIZES = {b"%04x" % size: size - 1 for size in range(5, 1000)}
"""The bytes without the newline, of lines that are taken many at once; longer ones are rare."""
_GLANCE_BYTES = 256 * 1024
_SPECIALS = {special.value: special for special in Special}


def encode_packet(payload: bytes) -> bytes:
    """Frame a payload. Raises LocalProtocolError if it is too long for a line."""
    if len(payload) > PAYLOAD_BYTES_MAX:
        raise LocalProtocolError(f"a line of {len(payload)} bytes doesn't fit a pkt-line")
    return b"%04x%b" % (len(payload) + 4, payload)


def encode_text(line: str | bytes) -> bytes:
    """Frame a line of text, with the newline that the protocol asks senders to add.

    Text is encoded as ref names are: UTF-8 with surrogateescape.
    """
    if isinstance(line, str):
        try:
            line = line.encode("utf-8", "surrogateescape")
        except UnicodeEncodeError:
            raise LocalProtocolError(f"not encodable for the wire: {one_line(line)}") from None
    return encode_packet(line + b"\n")


def text_of(payload: bytes) -> bytes:
    """Return a text payload without its trailing newline, if there is one.

    Raises RemoteError for an `ERR` line, with the server's text made safe.
    """
    if payload.startswith(b"ERR "):
        raise RemoteError(f"remote error: {sanitise(payload[4:]).strip() or 'no reason given'}")
    return payload[:-1] if payload.endswith(b"\n") else payload


class PacketDecoder:
    """Turns blocks of bytes into packets. Knows its position, for messages; does no I/O."""

    def __init__(self, *, allow_response_end: bool = False) -> None:
        self._buffer = bytearray()
        self._start = 0
        self._offset = 0
        self._one_by_one_until = 0
        self._taken = 0
        self._allow_response_end = allow_response_end

    @property
    def offset(self) -> int:
        """The bytes of the stream that were returned as packets."""
        return self._offset

    @property
    def pending_bytes(self) -> int:
        """The bytes that were fed but are not part of a packet yet."""
        return len(self._buffer) - self._start

    @property
    def pending_start(self) -> bytes:
        """The first bytes of those, at most five: a length and the first byte of a payload."""
        return bytes(self._buffer[self._start : self._start + 5])

    def feed(self, block: bytes) -> None:
        """Add the next bytes of the stream."""
        if self._start == len(self._buffer):
            self._buffer.clear()
            self._start = 0
        elif self._start > _COMPACT_BYTES:
            del self._buffer[: self._start]
            self._start = 0
        self._buffer += block

    def next_packet(self) -> Packet | None:
        """Return the next packet, or None until more bytes are fed.

        Raises RemoteProtocolError at the byte offset where the framing breaks.
        """
        start = self._start
        header = bytes(self._buffer[start : start + 4])
        if len(header) < 4:
            return None
        length = self._length(header)
        if length < 4:
            return self._take_special(length)
        if length > LINE_BYTES_MAX:
            raise self._error(f"pkt-line of {length} bytes, more than {LINE_BYTES_MAX}")
        if len(self._buffer) - start < length:
            return None
        self._start = start + length
        self._offset += length
        if length < _SHORT_BYTES:
            return bytes(self._buffer[start + 4 : start + length])
        # Views are closed here, because on PyPy they would live on, and the buffer can't grow with a view.
        with memoryview(self._buffer) as whole, whole[start + 4 : start + length] as payload:
            return bytes(payload)

    def take_lines(self) -> list[bytes]:
        """Take out the packets that are here and are one line of text each, with lengths, without newlines.

        Nothing if one of them is anything else. Each byte is looked at once in this way.
        """
        if self._offset < self._one_by_one_until:
            return []
        end = self._buffer.rfind(b"\n", self._start, self._start + _GLANCE_BYTES) + 1
        if end <= self._start:
            return []
        taken = end - self._start
        lines = bytes(self._buffer[self._start : end - 1]).split(b"\n")
        if list(map(_LINE_SIZES.get, [line[:4] for line in lines])) != list(map(len, lines)):
            self._one_by_one_until = self._offset + taken
            return []
        self._start = end
        self._offset += taken
        self._taken = taken
        return lines

    def put_back(self) -> None:
        """Undo the latest `take_lines`, to take them one by one."""
        self._one_by_one_until = self._offset
        self._start -= self._taken
        self._offset -= self._taken

    def take_rest(self) -> bytes:
        """Remove and return the bytes not decoded yet: the start of a part that isn't framed."""
        rest = bytes(self._buffer[self._start :])
        self._offset += len(rest)
        self._start = len(self._buffer)
        return rest

    def finish(self) -> None:
        """Signal the end of the stream. Raises TruncatedAnswer if it ended inside a line."""
        pending = self.pending_bytes
        if not pending:
            return
        if pending < 4:
            where = f"length ({pending} of 4 bytes)"
        else:
            length = self._length(bytes(self._buffer[self._start : self._start + 4]))
            where = f"({pending} of {length} bytes)"
        raise TruncatedAnswer(f"the answer ends inside a pkt-line {where} at byte {self._offset}")

    def _length(self, header: bytes) -> int:
        try:
            return int.from_bytes(unhexlify(header), "big")
        except ValueError:
            hint = _NOT_GIT if self._offset == 0 else None
            raise self._error(f"bad pkt-line length {one_line(header)!r}", hint) from None

    def _take_special(self, length: int) -> Special:
        special = _SPECIALS.get(length)
        if special is None or (special is Special.RESPONSE_END and not self._allow_response_end):
            raise self._error(f"illegal pkt-line {length:04x}")
        self._start += 4
        self._offset += 4
        return special

    def _error(self, message: str, hint: str | None = None) -> RemoteProtocolError:
        return RemoteProtocolError(f"{message} at byte {self._offset} of the answer", hint=hint)


class PacketReader:
    """Reads packets from an iterable of blocks, pulling no more blocks than it needs.

    `bytes_max` bounds the stream (None means unbounded, for packs); `limit` is the name of that limit, for
    the error. Each line read counts as `headway`; once `carries_bands` is set, only data packets count, part
    by part.
    """

    def __init__(
        self,
        blocks: Iterable[bytes],
        *,
        bytes_max: int | None = None,
        limit: str = "",
        headway: Headway | None = None,
    ) -> None:
        self._blocks = iter(blocks)
        self._decoder = PacketDecoder()
        self._bytes_max = bytes_max
        self._limit = limit
        self._headway = headway
        self._lines_counted = 0
        self.carries_bands = False
        """Whether these are side-band packets, whose payload the demultiplexer counts."""
        self._ended = False
        self._pushed_back: Packet | None = None

    @property
    def offset(self) -> int:
        """The position of the next packet in the stream, for messages."""
        return self._decoder.offset

    def read_or_end(self) -> Packet | None:
        """Return the next packet, or None at a clean end of the stream."""
        if self._pushed_back is not None:
            packet, self._pushed_back = self._pushed_back, None
            return packet
        while True:
            packet_or_none = self._decoder.next_packet()
            if packet_or_none is not None:
                return packet_or_none
            if not self._pull():
                self._decoder.finish()
                return None

    def read(self, expected: str = "a line") -> Packet:
        """Return the next packet. At the end, raises TruncatedAnswer, which names `expected`."""
        packet = self.read_or_end()
        if packet is None:
            raise TruncatedAnswer(f"the answer ends at byte {self.offset}, where {expected} was expected")
        return packet

    def read_line(self, expected: str = "a line") -> bytes | Special:
        """Return the next packet, with a payload as text without its newline. Raises ERR lines."""
        packet = self.read(expected)
        return packet if isinstance(packet, Special) else text_of(packet)

    def read_lines(self) -> list[bytes]:
        """Return the next packets that are here and are one line of text each, as `PacketDecoder.take_lines`.

        Nothing if there are none, or others among them. `reread` has them read one by one instead.
        """
        return [] if self._pushed_back is not None else self._decoder.take_lines()

    def reread(self) -> None:
        """Put the lines back that were read last."""
        self._decoder.put_back()

    def push_back(self, packet: Packet) -> None:
        """Put the last packet back, so that it is read again."""
        self._pushed_back = packet

    def expect_end(self) -> None:
        """Read to the end of the stream. Raises RemoteProtocolError if there is anything left in it."""
        packet = self.read_or_end()
        if packet is not None:
            if isinstance(packet, bytes):
                text_of(packet)
            raise self.error("the answer goes on after its end")

    def rest(self) -> Iterator[bytes]:
        """Yield the rest of the stream as it arrives, without framing."""
        block = self._decoder.take_rest()
        if block:
            yield block
        for block in self._blocks:
            if block:
                if self._headway is not None:
                    self._headway.bring(len(block))
                yield block

    def error(self, message: str) -> RemoteProtocolError:
        """Return an error with the current position."""
        return RemoteProtocolError(f"{message} (at byte {self.offset} of the answer)")

    def _pull(self) -> bool:
        if self._ended:
            return False
        if self._headway is not None:
            self._count(self._headway)
        block = next(self._blocks, None)
        if block is None:
            self._ended = True
            return False
        self._decoder.feed(block)
        if self._bytes_max is not None and self.offset + self._decoder.pending_bytes > self._bytes_max:
            raise AnswerTooLarge(f"more than {self._bytes_max:,} bytes", limit=f"WireLimits.{self._limit}")
        return True

    def _count(self, headway: Headway) -> None:
        """Count the progress since the last block, before waiting for another one."""
        if not self.carries_bands:
            headway.bring(self.offset - self._lines_counted)
            self._lines_counted = self.offset
        elif self._decoder.pending_start[4:] == b"\x01":
            headway.pending_bytes = self._decoder.pending_bytes - 5
        else:
            headway.pending_bytes = 0
