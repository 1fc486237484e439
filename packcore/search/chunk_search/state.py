"""What the parts of one search share: the work, the bytes of objects, and the memory limits.

window_memory    1/8  bytes of recent objects           `read`
                 1/2  an index of chunks                `index_bytes`, one at a time
                 the rest: tables for each object, and the objects being compared
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from packcore.search.strategy import Work

__all__ = ["SearchState"]


class SearchState:
    """The state of one search. `values` are the strategy's parameters."""

    def __init__(self, work: Work, values: Mapping[str, int]) -> None:
        self.work = work
        self.values = values
        self.digest_size = work.object_format.digest_size
        self.read = work.reader()
        """Returns the bytes of an object by index."""
        self.index_bytes = work.limits.window_memory // 2
        self.searched = bytearray(len(work.candidates))
        """1 for each object that still needs a choice."""
        for index in work.searched:
            self.searched[index] = 1
