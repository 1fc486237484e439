r"""How our own servers say that they hide refs (transfer.hideRefs, uploadpack.hideRefs in git-config).

    v2  hidden branch tag           a line of ls-refs, if the client requests it
    v0  hidden=branch,tag           among the capabilities

A hidden ref isn't deleted, so a mirror must not prune it. The server reveals only the kinds: no name, no id
and no rule. It sends the same for any `ref-prefix`, because a client could otherwise find a name by adding
one letter at a time. Other clients ignore both; git's servers say nothing.

>>> sorted(parse_hidden([b"branch", b"tag"]))
['branch', 'tag']
>>> sorted(parse_hidden([b"branch", b"a kind that came later"]))
['branch', 'other', 'tag']
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from packcore.refs import REF_KINDS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from packcore.refs import RefKind

__all__ = ["encode_hidden", "parse_hidden"]

_KINDS = {kind.encode(): kind for kind in REF_KINDS}


def encode_hidden(kinds: Collection[RefKind]) -> list[bytes]:
    """Return the words for the kinds of refs that are partly hidden, in a fixed order."""
    return [word for word, kind in _KINDS.items() if kind in kinds]


def parse_hidden(words: Iterable[bytes]) -> frozenset[RefKind]:
    """Return the kinds of refs that are partly hidden. An unknown word may mean any kind."""
    words = set(words)
    if not words <= _KINDS.keys():
        return frozenset(REF_KINDS)
    return frozenset(_KINDS[word] for word in words)
