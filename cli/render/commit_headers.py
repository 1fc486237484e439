r"""Commits as `git rev-list --header` prints them: the id, the header as it is stored, the message indented.

    <id>\n  tree …\n  author …\n  committer …\n  \n  "    message\n"  NUL

Blank lines around the message are left out, and blanks at the ends of its lines. A message in another
encoding becomes UTF-8, and the header then doesn't name that encoding.
"""

from __future__ import annotations

import codecs
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["commit_record"]

_ENCODING = re.compile(rb"^encoding ([^\n]+)\n", re.MULTILINE)
_BLANKS = b" \t\n\r\v\f"


def commit_record(first_line: bytes, data: bytes) -> bytes:
    """Return the record of a commit, given its line and its bytes."""
    header, _, message = _in_utf8(data).partition(b"\n\n")
    lines = list(_indented(message))
    body = b"\n" + b"\n".join(lines) + b"\n" if lines else b""
    return b"%b\n%b\n%b\0" % (first_line, header.rstrip(b"\n"), body)


def _indented(message: bytes) -> Iterator[bytes]:
    for line in message.strip(b"\n").rstrip(_BLANKS).split(b"\n") if message.strip(_BLANKS) else ():
        yield b"    " + line.rstrip(_BLANKS)


def _in_utf8(data: bytes) -> bytes:
    match = _ENCODING.search(data.partition(b"\n\n")[0] + b"\n")
    if match is None:
        return data
    try:
        text = data.decode(codecs.lookup(match[1].decode("ascii", "replace")).name).encode()
    except (LookupError, ValueError):  # not known, or not in it
        return data
    return _ENCODING.sub(b"", text, count=1)
