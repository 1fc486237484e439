"""A recorded conversation on a time line: what passed when, and where it stalled.

0.000-0.031 s  source  git-upload-pack, advertisement                        ▕▃ ...
4.512-6.431 s  target  git-receive-pack, request                             ▕  ▄▄▄▄▄▄▂▁
   4.512  >   00d8  create refs/heads/main at 7fd1a60b01f9
   4.513  >   0000  flush: the section is over
   4.513  >         the pack: 21,334,007 bytes in 326 blocks until 6.431 s
                    longest gap 0.007 s at 5.1 s, 0.001 s of it ours
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from cli.render.units import count_of
from cli.render.wire_words import told
from transport.safe_text import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from transport.recording import Conversation, RecordedExchange
    from transport.recording.conversation import Direction, RecordedLine, RecordedStream

__all__ = ["STALL_SECONDS", "conversation_json", "conversation_lines"]

STALL_SECONDS = 1.0
"""A silence of at least this long is shown as a stall: impatient proxies cut after a few seconds."""
_BAR_CELLS = 60
_OID_CHARACTERS_MIN = 40
_KIND_WORDS = {"01": "this, with data", "02": "this, of progress", "ref": "this, of refs"}
_LINES_OF_A_KIND = 6
"""Up to this many similar lines are shown one by one; the rest is counted."""


def conversation_lines(
    conversation: Conversation, title: str, *, every_line: bool = False, seconds: float | None = None
) -> Iterator[str]:
    """Yield the lines. `seconds` is the length of the time line, so that several can have the same scale."""
    whole = max(seconds or conversation.seconds, 1e-6)
    many = count_of(len(conversation.exchanges), "exchanges")
    yield f"{click.style(title, bold=True)}: {many}, {conversation.seconds:.3f} s"
    yield "    > said   < heard   ▇ both   · open and silent   ! wanted, and not there for a second or more"
    for exchange in conversation.exchanges:
        yield ""
        yield _heading(exchange)
        yield f"    ▕{_bar(exchange, whole)}▏"
        for direction in (">", "<"):
            yield from _direction(exchange, direction, every_line=every_line)
        if exchange.fault:
            yield click.style(f"    ended by: {exchange.fault}", fg="red", bold=True)


def _heading(exchange: RecordedExchange) -> str:
    end = f"{exchange.closed:.3f} s" if exchange.closed is not None else "never closed"
    what = {"advertise": "advertisement", "request": "request"}.get(exchange.kind, exchange.kind)
    side = click.style(exchange.side, bold=True, fg="cyan" if exchange.side == "source" else "magenta")
    service = f"{exchange.service}, {what}, v{exchange.protocol}"
    return f"{exchange.opened:.3f}-{end}  {side}  {service}  {exchange.url}"


def _bar(exchange: RecordedExchange, whole: float) -> str:
    """Draw one row of cells over the time of the run: what passed in each, and where a block was missing."""
    cells = [" "] * _BAR_CELLS
    closed = exchange.closed if exchange.closed is not None else whole
    for cell in range(_cell(exchange.opened, whole), _cell(closed, whole) + 1):
        cells[cell] = "·"
    for block in exchange.said.blocks:
        if block.seconds - block.asked >= STALL_SECONDS:
            for cell in range(_cell(block.asked, whole), _cell(block.seconds, whole) + 1):
                cells[cell] = "!"
    for sign, stream in ((">", exchange.said), ("<", exchange.heard)):
        for block in stream.blocks:
            cell = _cell(block.seconds, whole)
            cells[cell] = "▇" if cells[cell] in "><▇" and cells[cell] != sign else sign
    return "".join(click.style(cell, fg="red", bold=True) if cell == "!" else cell for cell in cells)


def _cell(seconds: float, whole: float) -> int:
    return min(int(seconds / whole * _BAR_CELLS), _BAR_CELLS - 1)


def _direction(exchange: RecordedExchange, direction: Direction, *, every_line: bool) -> Iterator[str]:
    stream = exchange.stream(direction)
    if not stream.blocks:
        return
    shown: dict[str, int] = {}
    for line in stream.lines:
        kind = _kind(line)
        shown[kind] = shown.get(kind, 0) + 1
        if every_line or shown[kind] <= _LINES_OF_A_KIND:
            yield _line(line, exchange, direction)
    for kind, count in shown.items():
        if not every_line and count > _LINES_OF_A_KIND:
            more = f"{count - _LINES_OF_A_KIND:,} more"
            yield f"{'':>14}  … and {more} like {_KIND_WORDS.get(kind, one_line(kind))}"
    yield _totals(stream, direction)


def _kind(line: RecordedLine) -> str:
    """Return the kind that groups similar lines: their band or first word; refs are one kind."""
    if line.head[:1] in (b"\x01", b"\x02"):
        return line.head[:1].hex()
    word = line.head.split(b" ", 1)[0].decode("utf-8", "backslashreplace")
    return "ref" if len(word) >= _OID_CHARACTERS_MIN else word


def _line(line: RecordedLine, exchange: RecordedExchange, direction: Direction) -> str:
    length = line.head.decode() if line.special else f"{line.size:04x}" if line.framed else "    "
    colour = "red" if line.head[:1] == b"\x03" or line.head.startswith((b"ng ", b"ERR ")) else None
    words = click.style(told(line, exchange.service), fg=colour)
    return f"{line.seconds:>11.3f}  {direction}  {click.style(length, dim=True)}  {words}"


def _totals(stream: RecordedStream, direction: Direction) -> str:
    blocks = count_of(len(stream.blocks), "blocks")
    first, last = stream.blocks[0].seconds, stream.blocks[-1].seconds
    verb = "said" if direction == ">" else "heard"
    size = count_of(stream.size, "bytes")
    text = f"{'':>11}  {direction}  {verb} {size} in {blocks}, {first:.3f} to {last:.3f} s"
    if len(stream.blocks) == 1:
        return text
    gap, since = stream.longest_gap()
    text += f"; longest gap {gap:.3f} s, at {since:.3f} s"
    if direction == "<":
        return text
    stall, at = stream.longest_stall()
    ours = f"; longest wait for the writer {stall:.3f} s"
    if stall < STALL_SECONDS:
        return text + ours
    return text + click.style(f"{ours}, at {at:.3f} s: a STALL", fg="red", bold=True)


def conversation_json(conversations: Sequence[tuple[str, Conversation]]) -> dict[str, Any]:
    """Return conversations as JSON, with the meaning of every line."""
    return {
        "conversations": [
            {
                "file": name,
                "seconds": conversation.seconds,
                "exchanges": [_exchange_json(exchange) for exchange in conversation.exchanges],
            }
            for name, conversation in conversations
        ]
    }


def _exchange_json(exchange: RecordedExchange) -> dict[str, Any]:
    return {
        "side": exchange.side,
        "url": exchange.url,
        "service": exchange.service,
        "kind": exchange.kind,
        "protocol": exchange.protocol,
        "opened": exchange.opened,
        "closed": exchange.closed,
        "fault": exchange.fault or None,
        "said": _stream_json(exchange.said, exchange.service),
        "heard": _stream_json(exchange.heard, exchange.service),
    }


def _stream_json(stream: RecordedStream, service: str) -> dict[str, Any]:
    return {
        "bytes": stream.size,
        "blocks": len(stream.blocks),
        "longestGapSeconds": round(stream.longest_gap()[0], 6),
        "longestStallSeconds": round(stream.longest_stall()[0], 6),
        "lines": [
            {"at": line.at, "bytes": line.size, "seconds": line.seconds, "meaning": told(line, service)}
            for line in stream.lines
        ],
    }
