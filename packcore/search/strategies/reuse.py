"""No search: deltas of the source's packs are copied as they lie, and all other objects are written whole.

The fastest way to a legal pack, about as small as what the source had.
"""

from __future__ import annotations

from typing import ClassVar

from packcore.search.engine_strategy import WholeObjects

__all__ = ["ReuseOnly"]


class ReuseOnly(WholeObjects):
    """Chooses nothing itself."""

    name: ClassVar[str] = "reuse"
    description: ClassVar[str] = "no search: deltas of the source's packs as they lie, the rest whole"
    cites: ClassVar[str] = "git-pack-objects, git's documentation: delta reuse"
    reuses_deltas: ClassVar[bool] = True
