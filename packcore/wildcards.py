r"""Shell wildcards, compared in time that grows with the text times the pattern, whatever the pattern.

    *   any text, slashes too        ?   one character
    [a-z]  [!0-9]  [^0-9]            one of a class, or none of it
    \x                                x itself

>>> wildcard_fits(b"refs/*/v[0-9]*", b"refs/tags/v1.2"), wildcard_fits(b"v?", b"v10")
(True, False)

Named classes ([:alpha:]) are left out.
"""

from __future__ import annotations

from functools import lru_cache

__all__ = ["has_wildcard", "wildcard_fits"]

_NAMES_KEPT = 1 << 16
_PATTERNS_KEPT = 4000


def has_wildcard(pattern: bytes) -> bool:
    """Return whether a pattern is more than a text."""
    return any(sign in pattern for sign in (b"*", b"?", b"[", b"\\"))


@lru_cache(maxsize=_NAMES_KEPT)
def wildcard_fits(pattern: bytes, name: bytes) -> bool:
    """Return whether a pattern fits the whole of a text.

    After a mismatch, only the last star is tried again.
    """
    signs = _signs(pattern)
    sign = byte = 0
    retry: tuple[int, int] | None = None
    while byte < len(name):
        if sign < len(signs) and signs[sign] is None:
            sign += 1
            retry = (sign, byte)
        elif sign < len(signs) and name[byte] in (signs[sign] or ()):
            sign += 1
            byte += 1
        elif retry is not None:
            sign, byte = retry[0], retry[1] + 1
            retry = (sign, byte)
        else:
            return False
    return all(rest is None for rest in signs[sign:])


_ANY = frozenset(range(256))


@lru_cache(maxsize=_PATTERNS_KEPT)
def _signs(pattern: bytes) -> tuple[frozenset[int] | None, ...]:
    """Return what each place of a name may hold; None stands for a star."""
    found: list[frozenset[int] | None] = []
    at = 0
    while at < len(pattern):
        sign = pattern[at : at + 1]
        at += 1
        if sign == b"*":
            found.append(None)
        elif sign == b"?":
            found.append(_ANY)
        elif sign == b"[" and (end := _class_end(pattern, at)) > 0:
            found.append(_class(pattern[at:end]))
            at = end + 1
        elif sign == b"\\" and at < len(pattern):
            found.append(frozenset(pattern[at : at + 1]))
            at += 1
        else:
            found.append(frozenset(sign))
    return tuple(found)


def _class_end(pattern: bytes, start: int) -> int:
    """Return where a class that begins at `start` ends, -1 if it doesn't: then `[` stands for itself."""
    first = start + 1 if pattern[start : start + 1] in (b"!", b"^") else start
    return pattern.find(b"]", first + 1)


def _class(text: bytes) -> frozenset[int]:
    """Return the bytes of a class: `a-z`, `!0-9`."""
    negated = text[:1] in (b"!", b"^")
    text = text[1:] if negated else text
    held: set[int] = set()
    at = 0
    while at < len(text):
        if text[at : at + 1] == b"\\" and at + 1 < len(text):
            at += 1
        if text[at + 1 : at + 2] == b"-" and at + 2 < len(text):
            held.update(range(text[at], text[at + 2] + 1))
            at += 3
        else:
            held.add(text[at])
            at += 1
    return frozenset(_ANY - held if negated else held)
