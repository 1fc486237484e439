"""How upload-pack tells our own client which refs it can't read, and why; other clients pass over it.

v2  <oid> <name> unreadable:its%20file%20is%20empty           in ls-refs, where the client asks for it
v0  unreadable=refs/heads/x:its%20file%20is%20empty ... unreadable-listed      among the capabilities
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from transport.safe_text import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable

    from transport.server.shown_refs import ShownRef

__all__ = ["quoted", "unreadable_tokens"]

_TOKENS_BYTES_MAX = 32 * 1024
"""All capabilities must fit into one pkt-line."""


def unreadable_tokens(refs: Iterable[ShownRef]) -> list[bytes]:
    """Return the capabilities for v0; none if they don't fit into the line.

    Without the closing token a client takes the list to be incomplete.
    """
    faults = [ref for ref in refs if ref.fault is not None]
    tokens = [b"unreadable=%s:%s" % (quote(ref.name).encode(), quoted(ref.fault)) for ref in faults]
    if not tokens or sum(map(len, tokens)) > _TOKENS_BYTES_MAX:
        return []
    return [*tokens, b"unreadable-listed"]


def quoted(reason: str | None, *, limit: int = 200) -> bytes:
    """Return a reason, bounded in characters and percent-coded."""
    return quote(one_line(reason or "", limit=limit), errors="replace").encode()
