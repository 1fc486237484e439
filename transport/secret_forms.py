r"""The forms in which a secret may come back: text in, needles and plain text out; no state.

    plain            as it is, and with its UTF-8 bytes read as Latin-1, as HTTP heads are
    escaped          %2F %2f %252F   \" \/ \u00e9 \xe9   &amp; &#38;   quoted for a shell: 'it'"'"'s'
    base64           both alphabets, with and without padding; of `user:password` too, which is the value
                     of an Authorization header; and whatever of it stands in the base64 of a longer text
    hex              upper and lower case

Escapes aren't listed one by one: `unescaped` undoes them all in the text that is searched, and keeps where
each character came from. Both sides of the comparison go through it, so that it doesn't matter which way
of escaping was used, or how often percent signs were coded again.

>>> unescaped("a%2fb")[0], unescaped(r"\"\u00e9")[0] == unescaped("%22%C3%A9")[0]
('a/b', True)
"""

from __future__ import annotations

import json
import re
from base64 import b64encode, urlsafe_b64encode
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote_plus

from transport.safe_text import visible

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Needle", "basic_needles", "is_escaped", "needles_of", "unescaped"]

_ESCAPE = re.compile(
    r"%(?:25)*(?P<percent>[0-9A-Fa-f]{2})"
    r"|\\+(?:x(?P<x>[0-9A-Fa-f]{2})|u(?P<u>[0-9A-Fa-f]{4})|U(?P<U>[0-9A-Fa-f]{8})|(?P<char>[^\\]))"
    r"|&(?:\#(?P<decimal>[0-9]{1,7})|\#[xX](?P<hexadecimal>[0-9A-Fa-f]{1,6})|(?P<entity>amp|lt|gt|quot|apos));"
    r"|(?P<wide>[^\x00-\x7f])"
)
_ENTITIES = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'"}
_UNICODE_MAX = 0x10FFFF

_CORE_CHARACTERS_MIN = 8
"""Of base64 within the base64 of a longer text: fewer characters may be there by chance."""
_HEX_BYTES_MIN = 6
"""The hex of fewer bytes may be part of an object id by chance: only alone it counts."""
_SHORT_CHARACTERS = 6
"""Base64 below this only counts where it stands alone: "dTp4" may be part of a word."""


class Needle(NamedTuple):
    """One form of a secret."""

    text: str
    alone: bool = False
    """Only where neither a letter nor a digit stands beside it."""


def is_escaped(text: str) -> bool:
    """Whether `unescaped` would change the text."""
    return _ESCAPE.search(text) is not None


def unescaped(text: str) -> tuple[str, list[int], list[int]]:
    """Undo every escape; return the plain text, and where each of its characters begins and ends in `text`.

    What is beyond ASCII becomes its UTF-8 bytes, a character each, so that it compares equal to `%C3%A9`.
    """
    pieces: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    at = 0
    for match in _ESCAPE.finditer(text):
        start, end = match.span()
        pieces.append(text[at:start])
        starts += range(at, start)
        ends += range(at + 1, start + 1)
        plain = _meaning(match)
        pieces.append(plain)
        starts += [start] * len(plain)
        ends += [end] * len(plain)
        at = end
    pieces.append(text[at:])
    starts += range(at, len(text))
    ends += range(at + 1, len(text) + 1)
    return "".join(pieces), starts, ends


def _meaning(match: re.Match[str]) -> str:
    kind = match.lastgroup
    assert kind is not None
    found = match[kind]
    if kind in ("percent", "x"):
        return chr(int(found, 16))
    if kind == "entity":
        return _ENTITIES[found]
    if kind in ("char", "wide"):
        return _as_bytes(found)
    code = int(found, 10 if kind == "decimal" else 16)
    return _as_bytes(chr(code)) if code <= _UNICODE_MAX else found


def _bytes_of(text: str) -> bytes:
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


def _as_bytes(text: str) -> str:
    return text if text.isascii() else _bytes_of(text).decode("latin-1")


def needles_of(secret: str, *, alone: bool = False) -> Iterator[Needle]:
    """Yield what to look for, in a text as it is and in what `unescaped` makes of it."""
    for form in _escaped_forms(secret):
        yield Needle(form, alone)
        yield Needle(unescaped(form)[0], alone)
    data = _bytes_of(secret)
    yield from _exact_base64(data)
    for skipped, start in enumerate((0, 2, 3)):
        # Behind one or two bytes more, these are the characters that depend on the secret alone.
        whole = b"\0" * skipped + data
        for encode in (b64encode, urlsafe_b64encode):
            core = encode(whole).decode()[start : len(whole) * 8 // 6]
            if len(core) >= _CORE_CHARACTERS_MIN:
                yield Needle(core)
    yield from _hex(data)


def basic_needles(user: str, password: str) -> Iterator[Needle]:
    """Yield what an Authorization header holds for them, and what a server makes of that."""
    pair = f"{user}:{password}"
    yield from _exact_base64(_bytes_of(pair))
    yield from needles_of(
        b64encode(_bytes_of(pair)).decode().rstrip("="), alone=len(pair) < _SHORT_CHARACTERS
    )
    if password:
        yield Needle(pair, alone=True)
        yield from _hex(_bytes_of(pair))


def _escaped_forms(secret: str) -> set[str]:
    """Return the secret as it is, and the ways of writing it that `unescaped` alone can't undo."""
    return {
        secret,
        _as_bytes(secret),
        visible(secret),
        visible(_as_bytes(secret)),
        " ".join(secret.split()) or secret,
        quote_plus(_bytes_of(secret)),
        json.dumps(secret)[1:-1],
        repr(secret)[1:-1],
        secret.replace("'", "'\"'\"'"),
        secret.replace("'", "'\\''"),
    }


def _exact_base64(data: bytes) -> Iterator[Needle]:
    for encode in (b64encode, urlsafe_b64encode):
        padded = encode(data).decode()
        bare = padded.rstrip("=")
        for form in (padded, bare, bare.replace("+", " ")):
            yield Needle(form, alone=len(form) < _SHORT_CHARACTERS)


def _hex(data: bytes) -> Iterator[Needle]:
    alone = len(data) < _HEX_BYTES_MIN
    yield Needle(data.hex(), alone)
    yield Needle(data.hex().upper(), alone)
