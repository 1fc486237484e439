"""Draws two recorded pushes on one scale of time, as an SVG that follows the page's colours.

selected inside   ▏open ░░░░░░░░ wanted bytes, had none ░░░░░░░░ cut
selected before    ·  ·  ·  ·  ·  ·  ·  ·  ·  ·  ·  ·  ·  ·  ▏█▏
"""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from transport.recording.conversation import read_conversation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from transport.recording import Conversation, RecordedExchange

__all__ = ["stall_picture"]

_TRACES = Path(__file__).resolve().parent.parent / "docs/traces"
_WIDTH, _LEFT, _RIGHT = 720, 12, 708
_ROW = 76
_STALL_SECONDS = 1.0


def stall_picture() -> str:
    """Return a figure in HTML: the two traces of docs/traces, one above the other."""
    rows = [
        ("Selected inside the body", _load("selected-inside.jsonl")),
        ("Selected before the request", _load("selected-before.jsonl")),
    ]
    whole = max(conversation.seconds for _, conversation in rows)
    parts = [
        part
        for place, (title, conversation) in enumerate(rows)
        for part in _row(16 + place * _ROW, title, conversation, whole)
    ]
    parts += _axis(16 + len(rows) * _ROW, whole)
    height = 16 + len(rows) * _ROW + 34
    words = (
        "Two pushes of the same objects. Red: the connection is open and wants bytes, the writer has none. "
        "Blue: bytes of the pack pass. Grey: other requests; nothing of the target is open between them."
    )
    return "\n".join(
        (
            '<figure class="wire">',
            f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{escape(words)}"',
            'font-family="inherit" font-size="13" fill="currentColor">',
            *parts,
            "</svg>",
            f"<figcaption>{escape(words)}</figcaption>",
            "</figure>",
        )
    )


def _load(name: str) -> Conversation:
    with (_TRACES / name).open(encoding="utf-8") as file:
        return read_conversation(file, name)


def _row(top: int, title: str, conversation: Conversation, whole: float) -> Iterator[str]:
    push = conversation.exchanges[-1]
    end = push.closed if push.closed is not None else whole
    stall, since = push.said.longest_stall()
    stalled = stall >= _STALL_SECONDS
    verdict = (
        f"open for {end - push.opened:.1f} s, {stall:.1f} s of it silent; cut"
        if stalled
        else f"open for {end - push.opened:.1f} s, longest wait for the writer {stall:.3f} s; done"
    )
    yield f'<text x="{_LEFT}" y="{top + 12}" font-weight="600">{escape(title)}</text>'
    yield f'<text x="{_RIGHT}" y="{top + 12}" text-anchor="end" opacity="0.75">{escape(verdict)}</text>'
    yield _bar(top, (0.0, whole), whole, "currentColor", 0.08)
    for exchange in conversation.exchanges[:-1]:
        yield _bar(top, (exchange.opened, _end(exchange, whole)), whole, "currentColor", 0.45)
    if stalled:
        yield _bar(top, (since, since + stall), whole, "#d1453b", 1.0)
    else:
        yield _bar(top, (push.opened, end), whole, "#3b7dd1", 1.0)


def _end(exchange: RecordedExchange, whole: float) -> float:
    return exchange.closed if exchange.closed is not None else whole


def _bar(top: int, span: tuple[float, float], whole: float, colour: str, opacity: float) -> str:
    left, right = (_x(seconds, whole) for seconds in span)
    return (
        f'<rect x="{left:.1f}" y="{top + 22}" width="{max(right - left, 2):.1f}" height="28" rx="2" '
        f'fill="{colour}" opacity="{opacity}"/>'
    )


def _axis(top: int, whole: float) -> Iterator[str]:
    yield f'<line x1="{_LEFT}" x2="{_RIGHT}" y1="{top}" y2="{top}" stroke="currentColor" opacity="0.4"/>'
    for second in range(0, int(whole) + 1, 10):
        at = _x(second, whole)
        anchor = "middle" if second else "start"
        yield f'<text x="{at:.1f}" y="{top + 18}" text-anchor="{anchor}" opacity="0.75">{second} s</text>'


def _x(seconds: float, whole: float) -> float:
    return _LEFT + (_RIGHT - _LEFT) * seconds / whole
