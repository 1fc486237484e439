r"""The forms in which a secret may reappear: text in, needles and plain text out; no state.

    plain            as it is, and with its UTF-8 bytes read as Latin-1, as HTTP heads are
    escaped          %2F %2f %252F   \" \/ \u00e9 \xe9   &amp; &#38;   quoted for a shell: 'it'"'"'s'
    base64           both alphabets, with and without padding; of `user:password` too, which is the value
                     of an Authorization header; and its part in the base64 of a longer text
    hex              upper and lower case

Escapes aren't listed one by one: `layers` undoes all of them in the searched text, layer by layer, and keeps
the origin of each character. The needles are unescaped too, so it doesn't matter which kind of escaping was
used, or how often percent signs were encoded again.

>>> unescaped("a%2fb"), unescaped(r"\"\u00e9") == unescaped("%22%C3%A9")
('a/b', True)
"""

from __future__ import annotations

import re
from base64 import b64encode, urlsafe_b64encode
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote_plus

from transport.safe_text import visible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = ["Needle", "basic_needles", "layers", "needles_of", "unescaped"]

_ESCAPE = (
    r"%(?:25)*(?P<percent>[0-9A-Fa-f]{2})"
    # The end of the text counts too; otherwise a long row of backslashes there would take quadratic time.
    r"|\\+(?:x(?P<x>[0-9A-Fa-f]{2})|u(?P<u>[0-9A-Fa-f]{4})|U(?P<U>[0-9A-Fa-f]{8})|(?P<char>[^\\]|\Z))"
    r"|&(?:\#(?P<decimal>[0-9]{1,7})|\#[xX](?P<hexadecimal>[0-9A-Fa-f]{1,6})|(?P<entity>amp|lt|gt|quot|apos));"
)
_WIDE = r"[^\x00-\x7f]"
_LAYERS_MAX = 3
_ENTITIES = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'"}
_UNICODE_MAX = 0x10FFFF

_CORE_CHARACTERS_MIN = 8
"""Within the base64 of a longer text, fewer characters may match by chance."""
_HEX_BYTES_MIN = 6
"""The hex of fewer bytes may be part of an object id by chance, so it counts only on its own."""
_SHORT_CHARACTERS = 6
"""Base64 shorter than this counts only on its own: "dTp4" may be part of a word."""


class Needle(NamedTuple):
    """One form of a secret."""

    text: str
    alone: bool = False
    """Whether it counts only without a letter or digit beside it."""


def unescaped(text: str) -> str:
    """Undo one layer of escapes. Characters beyond ASCII become their UTF-8 bytes, one character each."""
    return re.sub(_ESCAPE, _meaning, _as_bytes(text))


def layers(text: str) -> Iterator[tuple[str, Sequence[int], Sequence[int]]]:
    """Undo escapes layer by layer while there are any, at most three layers.

    Yields the plain text of each layer, and where in `text` each of its characters begins and ends.
    """
    plain: str = text
    starts: Sequence[int] = range(len(text))
    ends: Sequence[int] = range(1, len(text) + 1)
    steps = [(_WIDE, _bytes_of_match), *[(_ESCAPE, _meaning)] * _LAYERS_MAX]
    for pattern, meaning in steps:
        if not _may_match(pattern, plain):
            continue
        plain, inner_starts, inner_ends = _substituted(pattern, meaning, plain)
        starts = [starts[at] for at in inner_starts]
        ends = [ends[at - 1] for at in inner_ends]
        yield plain, starts, ends


def _may_match(pattern: str, text: str) -> bool:
    """Return whether the pattern can match at all: most texts don't contain any character it begins with."""
    if pattern == _WIDE:
        return not text.isascii()
    return any(sign in text for sign in "%\\&") and re.search(pattern, text) is not None


def _substituted(
    pattern: str, meaning: Callable[[re.Match[str]], str], text: str
) -> tuple[str, list[int], list[int]]:
    """Return the result of `re.sub`, and where each of its characters begins and ends in `text`."""
    pieces: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    at = 0
    for match in re.finditer(pattern, text):
        start, end = match.span()
        plain = meaning(match)
        pieces += text[at:start], plain
        starts += (*range(at, start), *[start] * len(plain))
        ends += (*range(at + 1, start + 1), *[end] * len(plain))
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
    if kind == "char":
        return found
    code = int(found, 10 if kind == "decimal" else 16)
    return _as_bytes(chr(code)) if code <= _UNICODE_MAX else found


def _bytes_of_match(match: re.Match[str]) -> str:
    return _as_bytes(match[0])


def _bytes_of(text: str) -> bytes:
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


def _as_bytes(text: str) -> str:
    return text if text.isascii() else _bytes_of(text).decode("latin-1")


def needles_of(secret: str, *, alone: bool = False) -> Iterator[Needle]:
    """Yield what to look for in a text as it is, and in the result of `unescaped`."""
    for form in _escaped_forms(secret):
        yield Needle(form, alone)
        yield Needle(unescaped(form), alone)
    data = _bytes_of(secret)
    yield from _exact_base64(data)
    for skipped, start in enumerate((0, 2, 3)):
        # With one or two bytes before it, these are the characters that depend only on the secret.
        whole = b"\0" * skipped + data
        for encode in (b64encode, urlsafe_b64encode):
            core = encode(whole).decode()[start : len(whole) * 8 // 6]
            if len(core) >= _CORE_CHARACTERS_MIN:
                yield Needle(core)
    yield from _hex(data)


def basic_needles(user: str, password: str) -> Iterator[Needle]:
    """Yield the value of their Authorization header, and the forms that a server makes of it."""
    pair = f"{user}:{password}"
    yield from _exact_base64(_bytes_of(pair))
    yield from needles_of(
        b64encode(_bytes_of(pair)).decode().rstrip("="), alone=len(pair) < _SHORT_CHARACTERS
    )
    if password:
        yield Needle(pair, alone=True)
        yield from _hex(_bytes_of(pair))


def _escaped_forms(secret: str) -> set[str]:
    """Return the secret as it is, and the forms that `unescaped` can't undo."""
    import json

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
