"""The format of a line that `cat-file --batch` prints for an object, as git-cat-file describes it.

    %(objectname) %(objecttype) %(objectsize)      the default
    %(objectsize:disk)                             bytes that it takes in its pack or file
    %(deltabase)                                   the id of its delta base; zeros if it is no delta
    %(rest)                                        what follows the name on the input line
    %%                                             a percent sign; so is one that begins nothing else

>>> BatchFormat.parse("%(objecttype)=%(rest) 5%").parts
((b'', 'objecttype'), (b'=', 'rest'), (b' 5%', ''))
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import click

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["DEFAULT_FORMAT", "BatchFormat"]

DEFAULT_FORMAT = "%(objectname) %(objecttype) %(objectsize)"

_WORDS = ("objectname", "objecttype", "objectsize", "objectsize:disk", "deltabase", "rest")
_SIGN = re.compile(r"%(?:%|\(([^)]*)(\)?))")


class BatchFormat(NamedTuple):
    """A parsed format: each part is a literal text, and the word that follows it, "" at the end."""

    parts: tuple[tuple[bytes, str], ...]

    @classmethod
    def parse(cls, text: str) -> BatchFormat:
        """Parse a format. Raises UsageError for a word that isn't known, or has no end."""
        parts: list[tuple[bytes, str]] = []
        literal, at = "", 0
        for sign in _SIGN.finditer(text):
            literal += text[at : sign.start()]
            at = sign.end()
            if sign[1] is None:
                literal += "%"
                continue
            if not sign[2]:
                raise click.UsageError(f"the format element {sign[0][:40]!r} does not end in ')'")
            if sign[1] not in _WORDS:
                known = ", ".join(_WORDS)
                raise click.UsageError(f"{sign[1][:40]!r} is no format element: there are {known}")
            parts.append((literal.encode("utf-8", "surrogateescape"), sign[1]))
            literal = ""
        parts.append(((literal + text[at:]).encode("utf-8", "surrogateescape"), ""))
        return cls(tuple(parts))

    def uses(self, *words: str) -> bool:
        """Return whether one of the words occurs."""
        return any(word in words for _, word in self.parts)

    def line(self, values: Mapping[str, bytes]) -> bytes:
        """Return the line for these values, without its end."""
        return b"".join(literal + values.get(word, b"") for literal, word in self.parts)
