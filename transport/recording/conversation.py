"""Reads a recorded conversation: exchanges, each with the blocks and pkt-lines of both directions.

    exchange    one advertisement, or one request with its answer
    said        what we sent        heard      what came
    stream      its pkt-lines, and from some byte on perhaps a pack, which isn't framed

A stream has an anatomy as files have: each of its bytes belongs to one leaf. Of each pkt-line the first
bytes were kept; the rest of it reads as zeros.
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

__all__ = ["LINE_CHARACTERS_MAX", "Block", "Conversation", "Exchange", "Line", "Stream", "read_conversation"]

Direction = Literal["<", ">"]
_BANDS = {1: "data", 2: "progress", 3: "error"}
_SPECIALS = {special.name.lower(): b"%04x" % special.value for special in Special}
LINE_CHARACTERS_MAX = 1 << 16
"""Of a line of the file: no recorder writes a longer one."""
_COUNT_MAX = (1 << 53) - 1  # what JSON carries exactly
_SECONDS_MAX = 1e9
_TEXT_CHARACTERS_MAX = 2000


class Block(NamedTuple):
    """Some bytes that passed at once: over HTTP/1.1, one chunk."""

    seconds: float
    size: int
    asked: float
    """Since when it was wanted; for a block that was heard, the moment it came."""


class Line(NamedTuple):
    """One pkt-line, or what follows the last one."""

    at: int
    size: int
    """Bytes on the wire, the four of the length included."""
    head: bytes
    """The first bytes of the payload."""
    special: str
    """`flush`, `delim` or `response_end`; empty for a line with a payload."""
    seconds: float
    """When its last byte passed."""
    framed: bool = True


@dataclass(slots=True)
class Stream:
    """One direction of an exchange."""

    blocks: list[Block] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)

    @property
    def size(self) -> int:
        """Bytes in all."""
        return sum(block.size for block in self.blocks)

    def longest_gap(self) -> tuple[float, float]:
        """Return the longest time between two blocks, in seconds, and when it began."""
        gaps = [
            (later.seconds - earlier.seconds, earlier.seconds) for earlier, later in pairwise(self.blocks)
        ]
        return max(gaps, default=(0.0, 0.0))

    def longest_stall(self) -> tuple[float, float]:
        """Return the longest time that a wanted block was not there, and when it began: the writer's share.

        The first block doesn't count: it is asked for before the connection opens.
        """
        waits = [(block.seconds - block.asked, block.asked) for block in self.blocks[1:]]
        return max(waits, default=(0.0, 0.0))

    def anatomy(self, title: str) -> Anatomy:
        """Return the tree over the stream's bytes."""
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


def _line_part(line: Line) -> Part:
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
class Exchange:
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
    """None where the recording ends before it did."""
    fault: str = ""
    said: Stream = field(default_factory=Stream)
    heard: Stream = field(default_factory=Stream)

    def stream(self, direction: Direction) -> Stream:
        """Return what was said (`>`) or heard (`<`)."""
        return self.said if direction == ">" else self.heard


@dataclass(slots=True)
class Conversation:
    """A whole run."""

    exchanges: list[Exchange]

    @property
    def seconds(self) -> float:
        """When the last thing happened."""
        times = [0.0]
        for exchange in self.exchanges:
            times += [exchange.opened, exchange.closed or 0.0]
            times += [
                block.seconds for stream in (exchange.said, exchange.heard) for block in stream.blocks[-1:]
            ]
        return max(times)


def read_conversation(lines: Iterable[str], name: str) -> Conversation:
    """Read what a `Recorder` wrote; a recording that breaks off is read as far as it goes.

    Texts come out on one line, fit to be shown. Raises CorruptData, naming the line, for anything else.
    """
    exchanges: dict[int, Exchange] = {}
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


def _take(event: dict[str, Any], exchanges: dict[int, Exchange]) -> None:
    """Take one event into its exchange. Raises KeyError, ValueError, TypeError for what is none."""
    if "open" in event:
        number = _count(event["open"])
        if number in exchanges:
            raise ValueError(f"exchange {number} is opened twice")
        side, url, service, kind = (_text(event[key]) for key in ("side", "url", "service", "kind"))
        exchanges[number] = Exchange(
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


def _read_line(event: dict[str, Any], stream: Stream, *, framed: bool) -> Line:
    """Read a line, which starts where the last one ended and whose bytes have passed in blocks."""
    at, size, head = _count(event["at"]), _count(event["bytes"]), bytes.fromhex(event["head"])
    last = stream.lines[-1] if stream.lines else None
    if (last and not last.framed) or at != (last.at + last.size if last else 0) or at + size > stream.size:
        raise ValueError("a line that isn't where the blocks have one")
    special = _text(event.get("special", ""))
    if special:
        fits = framed and size == 4 and head == _SPECIALS.get(special)
    else:
        fits = not framed or (4 <= size <= PACKET_BYTES_MAX and len(head) <= size - 4)
    if not fits or len(head) > HEAD_BYTES:
        raise ValueError("a line that no recorder writes")
    return Line(at, size, head, special, stream.blocks[-1].seconds if stream.blocks else 0.0, framed)


def _count(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _COUNT_MAX:
        raise ValueError("a count that is no whole number, or too large")
    return value


def _seconds(value: object) -> float:
    if not isinstance(value, int | float) or not math.isfinite(value) or not 0 <= value <= _SECONDS_MAX:
        raise ValueError("a time that is no number of seconds")
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
