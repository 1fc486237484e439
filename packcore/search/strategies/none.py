"""No deltas: every object whole, in the order of the walk. The baseline for comparisons."""

from __future__ import annotations

from typing import ClassVar

from packcore.search.engine_strategy import WholeObjects

__all__ = ["NoDeltas"]


class NoDeltas(WholeObjects):
    """Chooses nothing, and reuses no delta."""

    name: ClassVar[str] = "none"
    description: ClassVar[str] = "no deltas at all: every object whole"
    cites: ClassVar[str] = "gitformat-pack, git's documentation"
    reuses_deltas: ClassVar[bool] = False
