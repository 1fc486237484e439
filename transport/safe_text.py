r"""Make the text of a remote safe for a terminal and for one line of an error.

Server text (side-band 2 and 3, ERR, `ng` reasons, HTTP bodies and headers) is outside data: escape sequences
in it could repaint a terminal, and right-to-left marks could disguise a name (CVE-2024-52005 and similar).
Here every such character becomes visible, and the length is bounded.

    0x00-0x1f, 0x7f   ^@ ^A ... ^_ ^?     line feed and tab stay
    0x80-0x9f         \x80 ... \x9f
    invisible, bidi   \u202e and so on
    bytes not utf-8   \xff

>>> sanitise(b"fatal: \x1b[31mno\x07")
'fatal: ^[[31mno^G'
>>> one_line(" a\nb\r\n\n c ")
'a; b; c'
"""

from __future__ import annotations

import re

__all__ = ["TEXT_BYTES_MAX", "one_line", "sanitise", "visible"]

TEXT_BYTES_MAX = 64 * 1024
"""The most bytes of one remote message that are used; git-sync has the same limit."""

# C0 without tab and line feed, DEL, C1, soft hyphen, zero-width and bidi marks, separators, BOM, tags,
# and lone surrogates, which can't be printed on any terminal.
_UNSAFE = (
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    "\ufeff\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)


def visible(text: str) -> str:
    """Return the text with control and invisible characters made visible; line feeds and tabs stay."""
    if text.isprintable():  # as most texts without a line feed are: none of the characters below is
        return text
    return re.sub(_UNSAFE, _as_seen, text)


def _as_seen(match: re.Match[str]) -> str:
    code = ord(match.group())
    if code < 0x20:
        return "^" + chr(code + 0x40)
    if code == 0x7F:
        return "^?"
    if 0xDC80 <= code <= 0xDCFF:  # a byte from surrogateescape
        return f"\\x{code - 0xDC00:02x}"
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def sanitise(text: bytes | str, *, limit: int = TEXT_BYTES_MAX) -> str:
    """Return the text with control and invisible characters made visible, cut at `limit` characters.

    Lines stay lines, with CRLF made LF. Never raises, whatever the bytes are.
    """
    cut = len(text) > limit
    text = text[:limit]
    if isinstance(text, bytes):
        text = text.decode("utf-8", "backslashreplace")
    text = visible(text.replace("\r\n", "\n"))
    return text + " [cut]" if cut else text


def one_line(text: bytes | str, *, limit: int = 500) -> str:
    """Return `sanitise(text)` as one line of at most about `limit` characters, for an error message."""
    lines = (line.strip() for line in sanitise(text).splitlines())
    joined = "; ".join(line for line in lines if line)
    return joined if len(joined) <= limit else joined[:limit].rstrip() + " [cut]"
