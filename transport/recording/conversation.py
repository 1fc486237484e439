"""Read a recorded conversation: exchanges, each with the blocks and pkt-lines of both directions.

    exchange    one advertisement, or one request with its answer
    said        what we sent        heard      what we received
    stream      pkt-lines, and after them possibly a pack, which isn't framed

Like files, a stream has an anatomy: each of its bytes belongs to one leaf. Recordings keep only the first
bytes of each pkt-line; the rest reads as zeros.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from packcore.anatomy import Anatomy, Part
from packcore.errors import CorruptData
from transport.recording.recorder import FORMAT_VERSION, HEAD_BYTES
from transport.safe_text import one_line
from transport.wire.pktline import LINE_BYTES_MAX as PACKET_BYTES_MAX
from transport.wire.pktline import Special

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = [
    "LINE_CHARACTERS_MAX",
    "Block",
    "Conversation",
    "RecordedExchange",
    "RecordedLine",
    "RecordedStream",
    "read_conversation",
]

Direction = Literal["<", ">"]
_BANDS = {1: "data", 2: "progress", 3: "error"}
_SPECIALS = {special.name.lower(): b"%04x" % special.value for special in Special}
LINE_CHARACTERS_MAX = 1 << 16
"""The recorder never writes a longer line."""
_COUNT_MAX = (1 << 53) - 1  # what JSON carries exactly
_SECONDS_MAX = 1e9
_TEXT_CHARACTERS_MAX = 2000


class Block(NamedTuple):
    """Some bytes that passed together: over HTTP/1.1, one chunk."""

    seconds: float
    size: int
    asked: float
    """When it was requested from its producer; for a received block, when it arrived."""


class RecordedLine(NamedTuple):
    """One pkt-line, or the unframed rest after the last one."""

    at: int
    size: int
    """Bytes on the wire, including the four of the length."""
    head: bytes
    """The first bytes of the payload."""
    special: str
    """`flush`, `delim` or `response_end`; empty for a line with a payload."""
    seconds: float
    """When its last byte passed."""
    framed: bool = True


@dataclass(slots=True)
class RecordedStream:
    """One direction of an exchange."""

    blocks: list[Block] = field(default_factory=list)
    lines: list[RecordedLine] = field(default_factory=list)

    @property
    def size(self) -> int:
        """The total size in bytes."""
        return sum(block.size for block in self.blocks)

    def longest_gap(self) -> tuple[float, float]:
        """Return the longest time between two blocks, in seconds, and when it began."""
        gaps = [
            (later.seconds - earlier.seconds, earlier.seconds) for earlier, later in pairwise(self.blocks)
        ]
        return max(gaps, default=(0.0, 0.0))

    def longest_stall(self) -> tuple[float, float]:
        """Return the longest wait for a requested block, and when it began: the part caused by the writer.

        The first block doesn't count, because it is requested before the connection opens.
        """
        waits = [(block.seconds - block.asked, block.asked) for block in self.blocks[1:]]
        return max(waits, default=(0.0, 0.0))

    def anatomy(self, title: str) -> Anatomy:
        """Return the tree over the bytes of the stream."""
        root = Part("stream", 0, self.size, note=f"{self.size:,} bytes", _make_parts=self._parts)
        return Anatomy(title, root, self._read)

    def _parts(self) -> Iterator[Part]:
        position = 0
        for line in self.lines:
            if not line.framed:
                break
            yield _line_part(line)
            position = line.at + line.size
        if position < self.size:
            yield Part("pack", position, self.size, note=f"{self.size - position:,} bytes, not framed")

    def _read(self, start: int, end: int) -> bytes:
        data = bytearray(end - start)
        for line in self.lines:
            kept = line.head if line.special or not line.framed else b"%04x" % line.size + line.head
            first, last = max(start, line.at), min(end, line.at + len(kept))
            if first < last:
                data[first - start : last - start] = kept[first - line.at : last - line.at]
        return bytes(data)


def _line_part(line: RecordedLine) -> Part:
    start, end = line.at, line.at + line.size
    if line.special:
        return Part(line.special, start, end, line.special, "no payload")
    band = line.head[0] if line.head and line.head[0] in _BANDS else None

    def parts() -> Iterator[Part]:
        yield Part("length", start, start + 4, line.size, "in hex digits, these four included")
        position = start + 4
        if band is not None:
            yield Part("band", position, position + 1, band, _BANDS[band])
            position += 1
        if position < end:
            yield Part("payload", position, end, line.head[position - start - 4 :])

    return Part("pkt-line", start, end, line.size, _make_parts=parts)


@dataclass(slots=True)
class RecordedExchange:
    """One advertisement, or one request with its answer."""

    number: int
    side: str
    """`source` or `target`."""
    url: str
    service: str
    kind: str
    """`advertise` or `request`."""
    protocol: int
    opened: float
    closed: float | None = None
    """None if the recording ends before the exchange."""
    fault: str = ""
    said: RecordedStream = field(default_factory=RecordedStream)
    heard: RecordedStream = field(default_factory=RecordedStream)

    def stream(self, direction: Direction) -> RecordedStream:
        """Return the stream that was sent (`>`) or received (`<`)."""
        return self.said if direction == ">" else self.heard


@dataclass(slots=True)
class Conversation:
    """A whole run."""

    exchanges: list[RecordedExchange]

    @property
    def seconds(self) -> float:
        """The time of the last event."""
        times = [0.0]
        for exchange in self.exchanges:
            times += [exchange.opened, exchange.closed or 0.0]
            times += [
                block.seconds for stream in (exchange.said, exchange.heard) for block in stream.blocks[-1:]
            ]
        return max(times)


def read_conversation(lines: Iterable[str], name: str) -> Conversation:
    """Read what a `Recorder` wrote; a recording that was cut off is read as far as it goes.

    Texts are made safe to show and put on one line. Raises CorruptData with the line for anything else.
    """
    exchanges: dict[int, RecordedExchange] = {}
    number = 0
    try:
        for number, text in enumerate(lines, 1):
            if len(text) > LINE_CHARACTERS_MAX or (not text.endswith("\n") and number > 1):
                break  # the last line of a run that was killed
            event = json.loads(text)
            if number == 1:
                _check_head(event, name)
            else:
                _take(event, exchanges)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        words = one_line(str(error), limit=120)
        raise CorruptData(f"{name}: line {number} is not one of a recorded conversation ({words})") from None
    if not number:
        raise CorruptData(f"{name}: empty, not a recorded conversation")
    return Conversation(list(exchanges.values()))


def _check_head(event: Any, name: str) -> None:
    if not isinstance(event, dict) or event.get("packcore") != "conversation":
        raise CorruptData(
            f"{name}: not a recorded conversation", hint="packcore sync --record FILE writes one"
        )
    if event.get("version") != FORMAT_VERSION:
        raise CorruptData(
            f"{name}: a conversation of version {one_line(str(event.get('version')), limit=40)}; "
            f"{FORMAT_VERSION} is known"
        )


def _take(event: dict[str, Any], exchanges: dict[int, RecordedExchange]) -> None:
    """Add one event to its exchange. Raises KeyError, ValueError or TypeError if it is not a valid event."""
    if "open" in event:
        number = _count(event["open"])
        if number in exchanges:
            raise ValueError(f"exchange {number} is opened twice")
        side, url, service, kind = (_text(event[key]) for key in ("side", "url", "service", "kind"))
        exchanges[number] = RecordedExchange(
            number, side, url, service, kind, _count(event["protocol"]), _seconds(event["t"])
        )
    elif "close" in event:
        exchange = exchanges[event["close"]]
        exchange.closed = _seconds(event["t"])
        exchange.fault = _text(event.get("fault", ""))
    elif "block" in event:
        stream = exchanges[event["id"]].stream(_direction(event["block"]))
        seconds = _seconds(event["t"])
        stream.blocks.append(Block(seconds, _count(event["bytes"]), _seconds(event.get("asked", seconds))))
    else:
        framed = "packet" in event
        stream = exchanges[event["id"]].stream(_direction(event["packet" if framed else "unframed"]))
        stream.lines.append(_read_line(event, stream, framed=framed))


def _read_line(event: dict[str, Any], stream: RecordedStream, *, framed: bool) -> RecordedLine:
    """Read a line, which must start where the last one ended, within the bytes of the blocks so far."""
    at, size, head = _count(event["at"]), _count(event["bytes"]), bytes.fromhex(event["head"])
    last = stream.lines[-1] if stream.lines else None
    if (last and not last.framed) or at != (last.at + last.size if last else 0) or at + size > stream.size:
        raise ValueError("a line that doesn't match the blocks")
    special = _text(event.get("special", ""))
    if special:
        fits = framed and size == 4 and head == _SPECIALS.get(special)
    else:
        fits = not framed or (4 <= size <= PACKET_BYTES_MAX and len(head) <= size - 4)
    if not fits or len(head) > HEAD_BYTES:
        raise ValueError("a line that no recorder writes")
    return RecordedLine(at, size, head, special, stream.blocks[-1].seconds if stream.blocks else 0.0, framed)


def _count(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _COUNT_MAX:
        raise ValueError("a count that is not a whole number, or too large")
    return value


def _seconds(value: object) -> float:
    if not isinstance(value, int | float) or not math.isfinite(value) or not 0 <= value <= _SECONDS_MAX:
        raise ValueError("a time that is not a number of seconds")
    return float(value)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("a text is missing")
    return one_line(value, limit=_TEXT_CHARACTERS_MAX)


def _direction(value: object) -> Direction:
    if value == ">":
        return ">"
    if value == "<":
        return "<"
    raise ValueError("a direction that is neither > nor <")
