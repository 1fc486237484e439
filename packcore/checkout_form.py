r"""The bytes that a file has in a work tree, from those of its blob, as far as no other program makes them.

    ident                      $Id$, $Id: … $    becomes    $Id: <id of the blob> $
    text, eol, crlf            line feeds become CR LF, by these attributes, core.autocrlf and core.eol
    working-tree-encoding      UTF-8 becomes that encoding

In this order (gitattributes, "Checking-out and checking-in"). With `auto`, only what looks like text changes:
no NUL, no lone CR, no CR LF so far, few other control characters.

>>> to_checkout(b"one\n", {"text": True, "eol": "crlf"}, LineEnds(), "")
b'one\r\n'
"""

from __future__ import annotations

import codecs
import re
from typing import TYPE_CHECKING, NamedTuple

from packcore.errors import CorruptData

if TYPE_CHECKING:
    from collections.abc import Mapping

    from packcore.attributes import State

__all__ = ["LineEnds", "to_checkout"]

_IDENT = re.compile(rb"\$Id(?:\$|:([^$\n]*)\$)")
_LONE_LF = re.compile(rb"(?<!\r)\n")
_LONE_CR = re.compile(rb"\r(?!\n)")
_CONTROLS = bytes(set(range(32)) - set(b"\b\t\n\r\x1b\x0c") | {127})
_TEXT_PER_CONTROL = 128
"""Bytes are not text if they have more than one control character for this many others."""


class LineEnds(NamedTuple):
    """What a repository's settings say of the ends of lines."""

    autocrlf: str = "false"
    """`true`, `false` or `input`."""
    eol: str = "native"
    """core.eol: `lf`, `crlf` or `native`."""


def to_checkout(data: bytes, attributes: Mapping[str, State], settings: LineEnds, oid: str) -> bytes:
    """Return the bytes in the work tree of a blob with this id, in hex. Raises CorruptData."""
    if attributes.get("ident") is True:
        data = _IDENT.sub(lambda match: _ident(match, oid), data)
    action = _line_ends(attributes, settings)
    if action != "lf" and (action == "crlf" or _looks_like_text(data)):
        data = _LONE_LF.sub(b"\r\n", data)
    encoding = attributes.get("working-tree-encoding")
    return _encoded(data, encoding) if isinstance(encoding, str) else data


def _ident(match: re.Match[bytes], oid: str) -> bytes:
    if match[1] is not None and b" " in match[1][1:-1]:
        return match[0]  # another system's
    return b"$Id: %b $" % oid.encode()


def _line_ends(attributes: Mapping[str, State], settings: LineEnds) -> str:
    """Return `lf` (line feeds stay), `crlf`, or `auto` (`crlf` if it looks like text)."""
    text = attributes.get("text", attributes.get("crlf"))
    eol = attributes.get("eol")
    is_crlf = settings.autocrlf == "true" or (settings.autocrlf == "false" and settings.eol == "crlf")
    if text is False or text == "input":
        return "lf"
    if text not in (True, "auto"):
        text = None
    if eol in ("lf", "crlf"):
        is_crlf = eol == "crlf"
        text = text or True
    elif text is None:
        is_crlf, text = settings.autocrlf == "true", "auto"
    if not is_crlf:
        return "lf"
    return "auto" if text == "auto" else "crlf"


def _looks_like_text(data: bytes) -> bool:
    if b"\0" in data or b"\r\n" in data or _LONE_CR.search(data):
        return False
    controls = len(data) - len(data.translate(None, _CONTROLS)) - data.endswith(b"\x1a")
    printable = len(data) - controls - data.count(b"\n")
    return printable // _TEXT_PER_CONTROL >= controls


def _encoded(data: bytes, encoding: str) -> bytes:
    has_bom = encoding.upper().endswith("-BOM")
    name = encoding[: -len("-BOM")] if has_bom else encoding
    try:
        if codecs.lookup(name).name == "utf-8":
            return data
        return ("\ufeff" if has_bom else "").encode(name) + data.decode("utf-8").encode(name)
    except (LookupError, ValueError) as error:
        raise CorruptData(f"it can't be encoded as {encoding[:40]!r}: {error}") from None
