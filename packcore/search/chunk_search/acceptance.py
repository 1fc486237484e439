"""Decide whether an object becomes a delta, by the bytes saved after compression.

    delta / object    commits, tags    trees    blobs
    below             0.94             0.9      0.6      delta, without compressing the whole object
    above             0.94             0.9      0.9      whole
    between                                              whichever is smaller, both compressed

git requires a delta below half the size of the object, which discards nearly all deltas of commits. Where the
delta is taken without a comparison, the whole object would be smaller in a few cases out of a hundred, by a
few bytes: ids don't compress, and they make up a tenth or more of a commit and nearly all of a tree.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from packcore.deflate import deflate, level_for
from packcore.delta.make import encode_matches
from packcore.objects import ObjectType
from packcore.plans.entries import STREAMED_BYTES
from packcore.search.strategy import Choice

if TYPE_CHECKING:
    from packcore.search.chunk_search.best import Best
    from packcore.search.chunk_search.state import SearchState

__all__ = ["MESSAGE_VAIN", "VAIN", "Acceptance"]

VAIN = 0.9
"""A delta of a tree or blob above this part of its object isn't worth trying."""
MESSAGE_VAIN = 0.94
"""The same for commits and tags."""
_SURE = {
    ObjectType.COMMIT: MESSAGE_VAIN,
    ObjectType.TAG: MESSAGE_VAIN,
    ObjectType.TREE: VAIN,
    ObjectType.BLOB: 0.6,
}


class Acceptance:
    """Makes the choices for objects of one type."""

    def __init__(self, state: SearchState, type_: ObjectType) -> None:
        self._type = type_
        self._read = state.read
        self._stored_size = state.work.stored_size
        self._level = level_for(type_, state.work.limits.compression)
        self._sure = _SURE[type_]
        self._vain = max(self._sure, VAIN)

    def choice(self, member: int, data: bytes, best: Best | None) -> Choice:
        """Return the delta on the best base or the whole object, whichever is smaller in the pack."""
        if best is None:
            return self._whole(member, data)
        delta = encode_matches(self._type, self._read(best[0]), data, best[2])
        if len(delta) > len(data) * self._vain:
            return self._whole(member, data)
        deflated = deflate(delta, self._level)
        if len(delta) < len(data) * self._sure:
            return Choice(member, best[0], len(delta), deflated)
        whole = None
        stored_size = self._stored_size.get(member)
        if stored_size is None:
            whole = deflate(data, self._level)
            stored_size = len(whole)
        if len(deflated) < stored_size:
            return Choice(member, best[0], len(delta), deflated)
        return Choice(member, None, 0, whole)

    def _whole(self, member: int, data: bytes) -> Choice:
        """Return the whole object, compressed unless a pack has it that way or the writer will stream it."""
        if member in self._stored_size or len(data) >= STREAMED_BYTES:
            return Choice(member, None)
        return Choice(member, None, 0, deflate(data, self._level))
