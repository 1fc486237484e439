"""How servers say that a pack is too large: a refusal that smaller packs may get around.

    git, GitHub, GitLab    remote: fatal: pack exceeds maximum allowed size (2.00 GiB)      on the side-band
    JGit, Gerrit           unpack error Pack exceeds the limit of 1000 bytes, rejecting …   in the report

Words about one file that is too large, or a repository whose space is used up, are not among them: packs
in parts would be refused as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["size_refusal"]

_SIGNS = (
    "exceeds maximum allowed size",
    "exceeded size limit",
    "pack is too large",
    "pack exceeds the limit of",
)


def size_refusal(texts: Iterable[str]) -> str | None:
    """Return the first text that refuses a pack for its size, or None."""
    return next((text for text in texts if any(sign in text.lower() for sign in _SIGNS)), None)
