r"""side-band and side-band-64k: three streams in one; the first byte of each pkt-line names its stream.

    length  01  pack data, or a status report      length at most 1000 (side-band) or 65520 (-64k)
    length  02  progress, for people
    length  03  the server's last message: the operation failed
    0005    01  no data at all: a keepalive

Specified in gitprotocol-pack ("Packfile Data") and gitprotocol-capabilities. `feed` returns band 1; band 2
goes to a callback line by line, made safe; band 3 is raised.

>>> lines: list[str] = []
>>> band = Sideband(lines.append)
>>> band.feed(b"\x01PACK"), band.feed(b"\x02counting: 5\rcounting: 9, do"), band.feed(b"\x02ne\n")
(b'PACK', b'', b'')
>>> lines, [line.transient for line in lines]
(['counting: 5', 'counting: 9, done'], [True, False])
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from transport.errors import AnswerTooLarge, RemoteError, RemoteProtocolError
from transport.safe_text import sanitise
from transport.wire.limits import WireLimits
from transport.wire.moving import MovingProgress
from transport.wire.pktline import Special

if TYPE_CHECKING:
    from collections.abc import Iterator

    from transport.wire.headway import Headway
    from transport.wire.pktline import Packet, PacketReader

__all__ = ["OnMessage", "RemoteLine", "Sideband", "demultiplex"]

_DATA, _PROGRESS, _FATAL = 1, 2, 3


class RemoteLine(str):
    """A line that the remote sent, made safe. If `transient`, it ended in CR and the next one replaces it."""

    __slots__ = ("transient",)

    transient: bool

    def __new__(cls, text: str, *, transient: bool = False) -> RemoteLine:
        """Make a line of text that is already safe."""
        line = super().__new__(cls, text)
        line.transient = transient
        return line


OnMessage = Callable[[RemoteLine], None] | None
"""Called with each line of progress as it arrives; None ignores progress."""


class _LineSplitter:
    """Splits progress into lines at CR and LF, with a bounded buffer and a bounded total."""

    def __init__(self, on_message: OnMessage, limits: WireLimits) -> None:
        self._on_message = on_message
        self._line_bytes_max = limits.progress_line_bytes
        self._bytes_left = limits.progress_bytes
        self._buffer = bytearray()
        self._held: bytes | None = None
        """A line that ended in CR: only the next byte shows whether an LF follows."""

    def feed(self, text: bytes) -> None:
        if self._on_message is None or self._bytes_left <= 0:
            return
        dropped = len(text) > self._bytes_left
        text = text[: self._bytes_left]
        self._bytes_left -= len(text)
        for piece in text.splitlines(keepends=True):
            self._feed_piece(piece)
        if dropped or not self._bytes_left:
            self.finish()
            self._on_message(RemoteLine("(more messages were left out)"))
            self._bytes_left = 0

    def finish(self) -> None:
        self._release_held(transient=True)
        if self._buffer:
            self._emit(bytes(self._buffer), transient=False)
            self._buffer.clear()

    def _feed_piece(self, piece: bytes) -> None:
        if self._held is not None:
            self._release_held(transient=not piece.startswith(b"\n"))
            if piece == b"\n":
                return
        self._buffer += piece.rstrip(b"\r\n")
        while len(self._buffer) > self._line_bytes_max:
            self._emit(bytes(self._buffer[: self._line_bytes_max]), transient=False)
            del self._buffer[: self._line_bytes_max]
        if piece.endswith(b"\n"):
            self._emit(bytes(self._buffer), transient=False)
            self._buffer.clear()
        elif piece.endswith(b"\r"):
            self._held = bytes(self._buffer)
            self._buffer.clear()

    def _release_held(self, *, transient: bool) -> None:
        if self._held is not None:
            held, self._held = self._held, None
            self._emit(held, transient=transient)

    def _emit(self, line: bytes, *, transient: bool) -> None:
        if self._on_message is not None:
            self._on_message(RemoteLine(sanitise(line), transient=transient))


class Sideband:
    """One multiplexed answer: packets in, band 1 out."""

    def __init__(
        self,
        on_message: OnMessage = None,
        *,
        limits: WireLimits | None = None,
        headway: Headway | None = None,
    ) -> None:
        """`headway` counts pack data, and progress that advances."""
        self._limits = limits or WireLimits()
        self._headway = headway
        self._splitter = _LineSplitter(on_message, self._limits)
        self._progress = MovingProgress()
        self._progress_bytes = 0
        self._packets_without_data = 0

    def feed(self, payload: bytes) -> bytes:
        """Take the payload of one packet and return its pack data, or b"" if it has none.

        Raises RemoteError for band 3, RemoteProtocolError for a band that doesn't exist, and AnswerTooLarge
        for endless progress and keep-alives.
        """
        if not payload:
            raise RemoteProtocolError("a side-band packet without a band")
        band = payload[0]
        if band == _DATA and len(payload) > 1:
            self._packets_without_data = 0
            if self._headway is not None:
                self._headway.bring(len(payload) - 1)
            return payload[1:]
        if band in (_DATA, _PROGRESS):
            self._take_progress(payload[1:])
            return b""
        self.finish()
        if band == _FATAL:
            # git ends this text with a NUL.
            text = sanitise(payload[1:].rstrip(b"\0"))
            raise RemoteError(f"remote error: {text.strip() or 'no reason given'}")
        if payload.startswith(b"ERR "):
            raise RemoteError(f"remote error: {sanitise(payload[4:]).strip() or 'no reason given'}")
        raise RemoteProtocolError(f"side-band {band} doesn't exist")

    def _take_progress(self, text: bytes) -> None:
        self._packets_without_data += 1
        self._progress_bytes += len(text)
        limits = self._limits
        if self._packets_without_data > limits.packets_without_data:
            raise AnswerTooLarge(
                f"more than {limits.packets_without_data:,} packets of progress and keep-alives in a row",
                limit="WireLimits.packets_without_data",
            )
        if self._progress_bytes > limits.progress_bytes_read:
            raise AnswerTooLarge(
                f"more than {limits.progress_bytes_read:,} bytes of progress",
                limit="WireLimits.progress_bytes_read",
            )
        self._splitter.feed(text)
        if self._headway is not None and text and self._progress.moves_on(text):
            self._headway.tell()

    def finish(self) -> None:
        """Signal the end of the answer, which delivers a last line without newline."""
        self._splitter.finish()


def demultiplex(
    reader: PacketReader,
    on_message: OnMessage = None,
    *,
    limits: WireLimits | None = None,
    headway: Headway | None = None,
) -> Iterator[bytes]:
    """Yield band 1 up to the flush that ends the answer; never an empty block.

    Raises RemoteError, AnswerTooLarge, RemoteProtocolError (also if the answer ends before its flush).
    """
    reader.carries_bands = True
    sideband = Sideband(on_message, limits=limits, headway=headway)
    try:
        while (packet := _next_band_packet(reader)) is not None:
            data = sideband.feed(packet)
            if data:
                yield data
    finally:
        sideband.finish()


def _next_band_packet(reader: PacketReader) -> bytes | None:
    packet: Packet = reader.read("more of the multiplexed stream, or its flush")
    if isinstance(packet, bytes):
        return packet
    if packet is Special.FLUSH:
        return None
    raise reader.error("a section ends inside the multiplexed stream")
