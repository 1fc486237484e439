r"""How our own servers say that they hide refs (transfer.hideRefs, uploadpack.hideRefs in git-config).

    v2  hidden branch tag           a line of ls-refs, where the client asks for it
    v0  hidden=branch,tag           among the capabilities

A hidden ref isn't deleted, so a mirror must not prune it. Only the kinds are told: neither a name, nor an id,
nor a rule, and the same whatever `ref-prefix` the client sends, since it could find out a name by asking for
one letter more each time. Other clients pass over both; git's servers say nothing.

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
    """Return the words for the kinds of refs of which some are hidden, in a fixed order."""
    return [word for word, kind in _KINDS.items() if kind in kinds]


def parse_hidden(words: Iterable[bytes]) -> frozenset[RefKind]:
    """Return the kinds of refs of which some are hidden. A word that isn't known may mean any."""
    words = set(words)
    if not words <= _KINDS.keys():
        return frozenset(REF_KINDS)
    return frozenset(_KINDS[word] for word in words)
