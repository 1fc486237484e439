r"""Sparse-checkout patterns: which paths a list of them takes in, as gitignore describes its own.

    # a comment         /x     only at the top        x/      only folders
    x                   at any depth                  a/x     as if it began with a slash
    !x                  takes out what an earlier one took in; the last one that fits counts
    *  ?  [a-z]         within one name               **      any number of folders

A path that no pattern fits is taken in if its folder is; the top isn't.

>>> patterns = SparsePatterns.parse(b"/src/\n!*.bin\n")
>>> patterns.verdict([b"src"], is_folder=True), patterns.verdict([b"src", b"a.bin"], is_folder=False)
(True, False)
>>> print(patterns.verdict([b"src", b"a.c"], is_folder=False))
None

A pattern is compared without backtracking over more than one star, so that no list can be made to take long:
the time is that of names times patterns.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from packcore.errors import InvalidFilter
from packcore.wildcards import wildcard_fits

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["SparsePatterns"]

_PATTERNS_MAX = 1000
_TRAILING_BLANKS = re.compile(rb"(?<!\\)[ ]+\Z")


class _Pattern(NamedTuple):
    takes_in: bool
    folders_only: bool
    parts: tuple[bytes, ...]
    """Names from the top down, `**` among them."""

    def fits(self, names: Sequence[bytes], *, is_folder: bool) -> bool:
        if self.folders_only and not is_folder:
            return False
        return _parts_fit(self.parts, names)


class SparsePatterns(NamedTuple):
    """A list of patterns, the last one first."""

    patterns: tuple[_Pattern, ...]

    @classmethod
    def parse(cls, data: bytes) -> SparsePatterns:
        """Read the list. Raises InvalidFilter if it is too long."""
        found = [pattern for line in data.split(b"\n") if (pattern := _parsed(line)) is not None]
        if len(found) > _PATTERNS_MAX:
            raise InvalidFilter(f"more than {_PATTERNS_MAX} sparse patterns")
        return cls(tuple(reversed(found)))

    def verdict(self, names: Sequence[bytes], *, is_folder: bool) -> bool | None:
        """Return whether a path, given by its names, is taken in; None if no pattern fits it."""
        for pattern in self.patterns:
            if pattern.fits(names, is_folder=is_folder):
                return pattern.takes_in
        return None


def _parsed(line: bytes) -> _Pattern | None:
    text = _TRAILING_BLANKS.sub(b"", line.removesuffix(b"\r"))
    if not text or text.startswith(b"#"):
        return None
    takes_in = not text.startswith(b"!")
    text = text if takes_in else text[1:]
    folders_only = text.endswith(b"/")
    text = text.removesuffix(b"/")
    parts = text.removeprefix(b"/").split(b"/") if b"/" in text else [b"**", text]
    # Several in a row say no more than one, and would be tried in every split.
    once = [
        part for part, before in zip(parts, [b"", *parts], strict=False) if part != b"**" or before != b"**"
    ]
    return _Pattern(takes_in, folders_only, tuple(once)) if text else None


def _parts_fit(parts: Sequence[bytes], names: Sequence[bytes]) -> bool:
    """Compare names with a pattern's: `**` stands for any number of names; at the end, for one or more."""
    if parts[-1] == b"**" and len(parts) > 1:
        return any(_parts_fit(parts[:-1], names[:end]) for end in range(len(names)))
    part = name = 0
    retry: tuple[int, int] | None = None
    while name < len(names):
        if part < len(parts) and parts[part] == b"**":
            retry = (part + 1, name)
            part += 1
        elif part < len(parts) and wildcard_fits(parts[part], names[name]):
            part += 1
            name += 1
        elif retry is not None:
            part, name = retry[0], retry[1] + 1
            retry = (part, name)
        else:
            return False
    return all(rest == b"**" for rest in parts[part:])
