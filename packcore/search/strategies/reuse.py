"""No search: copies the deltas of the source's packs as they are, and writes all other objects whole.

This is the fastest way to a legal pack, and about as small as what the source had.
"""

from __future__ import annotations

from typing import ClassVar

from packcore.search.engine_strategy import WholeObjects

__all__ = ["ReuseOnly"]


class ReuseOnly(WholeObjects):
    """Makes no choices of its own."""

    name: ClassVar[str] = "reuse"
    description: ClassVar[str] = "no search: copies the source's deltas as they are, the rest whole"
    cites: ClassVar[str] = "git-pack-objects, git's documentation: delta reuse"
    reuses_deltas: ClassVar[bool] = True
