"""Which refs an ls-refs asks for: those whose names begin with one of its prefixes, or all.

    refs/heads/  refs/heads/main  refs/tags/v1        as they come
    refs/heads/  refs/tags/v1                         sorted, without those that another one covers
    refs/heads/x                                      can only begin with the last one that is not after it

So a name is looked up by bisection, however many prefixes there are.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from functools import cached_property

__all__ = ["RefPrefixes"]


class RefPrefixes:
    """Prefixes, added first and asked about afterwards. None at all, or too many, stand for all refs."""

    def __init__(self, most: int, bytes_max: int) -> None:
        self._most = most
        self._bytes_left = bytes_max
        self._prefixes: set[bytes] = set()
        self._too_many = False

    def add(self, prefix: bytes) -> bool:
        """Add a prefix; return False for one that was there."""
        if prefix in self._prefixes:
            return False
        if not self._too_many:
            self._prefixes.add(prefix)
            self._bytes_left -= len(prefix)
            if len(self._prefixes) > self._most or self._bytes_left < 0:
                self._too_many = True
                self._prefixes.clear()
        return True

    def wants(self, name: bytes) -> bool:
        """Return whether a ref of this name is asked for."""
        if not self.shortest:
            return True
        position = bisect_right(self.shortest, name)
        return position > 0 and name.startswith(self.shortest[position - 1])

    def want_below(self, folder: bytes) -> bool:
        """Return whether refs in this folder, a name without its slash, may be asked for."""
        if self.wants(folder):
            return True
        inside = folder + b"/"
        position = bisect_left(self.shortest, inside)
        return position < len(self.shortest) and self.shortest[position].startswith(inside)

    @cached_property
    def shortest(self) -> list[bytes]:
        """The prefixes sorted, without those that another one covers; none where all refs are asked for."""
        kept: list[bytes] = []
        for prefix in sorted(self._prefixes):
            if not kept or not prefix.startswith(kept[-1]):
                kept.append(prefix)
        return kept
