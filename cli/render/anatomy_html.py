"""Terminal lines as one self-contained HTML page, light and dark: what `explain --html` writes."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rich.style import Style

__all__ = ["page_of_lines"]

_COLOURS = {
    # name: on light, on dark; each with a contrast of 4.5 to 1 or more
    "yellow": ("#7a5a00", "#e3c15c"),
    "cyan": ("#00687a", "#6fd0e0"),
    "magenta": ("#8a2f8a", "#dfa0df"),
    "blue": ("#1f4fbf", "#8fb4ff"),
    "green": ("#1d6b2f", "#86d48f"),
    "red": ("#b3261e", "#ff9d94"),
    "bright_red": ("#a8442a", "#f2a488"),
}
_STYLE = """
:root { color-scheme: light dark; }
body { margin: 1.5rem; background: #fdfdfc; color: #1c1c1c; }
h1 { font: 600 1.1rem system-ui, sans-serif; overflow-wrap: anywhere; }
pre { font: 13px/1.5 ui-monospace, Menlo, Consolas, monospace; overflow-x: auto; }
.bold { font-weight: 600; } .dim { opacity: .8; }
"""


def page_of_lines(title: str, lines: Iterable[str]) -> str:
    """Return a page of styled lines, which loads nothing from a network."""
    light = "\n".join(f".{name} {{ color: {pair[0]}; }}" for name, pair in _COLOURS.items())
    dark = "\n".join(f".{name} {{ color: {pair[1]}; }}" for name, pair in _COLOURS.items())
    night = (
        f"@media (prefers-color-scheme: dark) {{ body {{ background: #16181c; color: #e6e6e6; }}\n{dark} }}"
    )
    body = "\n".join("".join(_spans(line)) for line in lines)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}{light}\n{night}</style></head>\n"
        f'<body><main><h1>{escape(title)}</h1><pre tabindex="0">{body}</pre></main></body></html>\n'
    )


def _spans(line: str) -> Iterator[str]:
    """Yield the pieces of one line, each in a span that names its colour."""
    if "\x1b" not in line:
        yield escape(line)
        return
    from rich.ansi import AnsiDecoder

    text = AnsiDecoder().decode_line(line)
    at = 0
    for span in text.spans:
        yield escape(text.plain[at : span.start])
        names = _classes(span.style)
        piece = escape(text.plain[span.start : span.end])
        yield f'<span class="{names}">{piece}</span>' if names else piece
        at = span.end
    yield escape(text.plain[at:])


def _classes(style: Style | str) -> str:
    if isinstance(style, str):
        return ""
    names = [style.color.name] if style.color is not None else []
    return " ".join(names + ["bold"] * bool(style.bold) + ["dim"] * bool(style.dim))
