r"""The lines by which git speaks to a remote helper, as values; bytes in, values out.

    capabilities                          Capabilities
    option <name> <value>                 SetOption      the value may be C-quoted
    list   list for-push                  ListRefs
    push +<src>:<dst>                     Push           a batch: up to an empty line
    fetch <id> <name>                     Fetch          a batch: up to an empty line
    stateless-connect <service>           Connect        what follows is no line any more
    connect <service>                     Connect
    (an empty line)                       None           the end of a batch, or of all

Specified in gitremote-helpers(7). A name is decoded as ref names are: bytes that are no UTF-8 survive.

>>> parse_command(b"push +refs/heads/main:refs/heads/main")
Push(source='refs/heads/main', target='refs/heads/main', force=True)
>>> parse_command(b'option push-option "a\\tb"')
SetOption(name='push-option', value='a\tb')
"""

from __future__ import annotations

import re
from typing import NamedTuple

from packcore.refs import decode_ref_name
from transport.errors import LocalProtocolError
from transport.safe_text import one_line

__all__ = [
    "BATCH_MAX",
    "LINE_BYTES_MAX",
    "Capabilities",
    "Command",
    "Connect",
    "Fetch",
    "ListRefs",
    "Push",
    "SetOption",
    "parse_command",
    "quoted",
    "unquoted",
]

LINE_BYTES_MAX = 64 * 1024
"""A line holds two ref names at most, and neither is longer than a path."""
BATCH_MAX = 1_000_000
"""Commands of one batch: more refs than any host takes."""

_HEX = re.compile(rb"[0-9a-f]{40}(?:[0-9a-f]{24})?\Z")
_ESCAPE = re.compile(rb"\\([abtnvfr\"\\]|[0-3][0-7]{2})")
_LETTERS = dict(zip(b'abtnvfr"\\', b'\a\b\t\n\v\f\r"\\', strict=True))
_ESCAPED = {value: bytes([letter]) for letter, value in _LETTERS.items()}
_QUOTED = re.compile(rb'"(?:[^"\\]|\\.)*"\Z', re.DOTALL)
_NEEDS_QUOTES = re.compile(rb'[\x00-\x1f"\\\x7f-\xff]')


class Capabilities(NamedTuple):
    """Say what you can do."""


class SetOption(NamedTuple):
    """Set an option."""

    name: str
    value: str


class ListRefs(NamedTuple):
    """List the remote's refs."""

    for_push: bool


class Push(NamedTuple):
    """Set a ref of the remote, or delete it."""

    source: str
    """What git typed: a ref name, an id, or any expression that names an object. Empty: delete."""
    target: str
    force: bool


class Fetch(NamedTuple):
    """Fetch an object that the list named."""

    oid: str
    name: str


class Connect(NamedTuple):
    """Connect git to a service of the remote."""

    service: str
    stateless: bool


Command = Capabilities | SetOption | ListRefs | Push | Fetch | Connect


def parse_command(line: bytes) -> Command | None:
    """Return the command of a line without its line feed; None for an empty one.

    Raises LocalProtocolError for a line that git does not send.
    """
    if not line:
        return None
    word, _, rest = line.partition(b" ")
    if line == b"capabilities":
        return Capabilities()
    if line in (b"list", b"list for-push"):
        return ListRefs(for_push=bool(rest))
    if word == b"option" and rest:
        name, _, value = rest.partition(b" ")
        return SetOption(_text(name), _text(unquoted(value)))
    if word == b"push" and b":" in rest:
        return _parse_push(rest)
    if word == b"fetch":
        oid, _, name = rest.partition(b" ")
        if _HEX.match(oid):
            return Fetch(oid.decode("ascii"), _text(name))
    if word in (b"connect", b"stateless-connect") and rest:
        return Connect(_text(rest), stateless=word != b"connect")
    raise LocalProtocolError(f"git sent a command that is unknown here: {one_line(line, limit=100)!r}")


def _parse_push(spec: bytes) -> Push:
    force = spec.startswith(b"+")
    # No ref name holds a colon; an expression may: `:/message`, `main:path`.
    source, _, target = spec.removeprefix(b"+").rpartition(b":")
    if not target:
        raise LocalProtocolError(f"git sent a push to no ref: {one_line(spec, limit=100)!r}")
    return Push(_text(source), _text(target), force)


def quoted(value: bytes) -> bytes:
    r"""Return bytes in C quotes if they need them.

    >>> quoted(b"fetch first"), quoted(b"a\nb")
    (b'fetch first', b'"a\\nb"')
    """
    if not _NEEDS_QUOTES.search(value):
        return value
    return b'"' + _NEEDS_QUOTES.sub(_escape, value) + b'"'


def unquoted(value: bytes) -> bytes:
    r"""Return what is within C quotes; the bytes themselves where they are not quoted.

    Raises LocalProtocolError for quotes that are broken.
    """
    if not value.startswith(b'"'):
        return value
    inner = value[1:-1]
    if not _QUOTED.match(value) or b"\\" in _ESCAPE.sub(b"", inner):
        raise LocalProtocolError(f"git sent a value with broken quotes: {one_line(value, limit=100)!r}")
    return _ESCAPE.sub(_unescape, inner)


def _escape(match: re.Match[bytes]) -> bytes:
    (byte,) = match[0]
    letter = _ESCAPED.get(byte)
    return b"\\" + letter if letter is not None else b"\\%03o" % byte


def _unescape(match: re.Match[bytes]) -> bytes:
    text = match[1]
    return bytes([int(text, 8) if len(text) == 3 else _LETTERS[text[0]]])


def _text(data: bytes) -> str:
    return decode_ref_name(data)
