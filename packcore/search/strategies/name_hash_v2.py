"""git's window over a better order: names weigh first, and folders decide among files of one name.

The sort of `git-window` looks at sixteen characters of a path. So all `src/lib.rs` or `CHANGELOG.md` files of
a large workspace form one heap sorted by size, in which versions of one file are far apart. Version 2 of the
name hash covers the whole path: the file name in the high bits, the folders in the low ones. Versions of one
file become neighbours again, and files of one name in different folders are still close, so a file that moved
between folders can still find its earlier versions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from packcore.search.engine_strategy import EngineStrategy
from packcore.search.name_hash import name_hash_v2
from packcore.search.sliding import SlidingWindow, slide, sorted_by_name
from packcore.search.strategy import Choice, Parameter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packcore.search.strategy import Work

__all__ = ["NameHashV2"]


class NameHashV2(EngineStrategy):
    """A sliding window over objects sorted by type, full path and size."""

    name: ClassVar[str] = "name-hash-v2"
    description: ClassVar[str] = "git's window, sorted by a hash that takes folders in too"
    cites: ClassVar[str] = "git-pack-objects, git's documentation: --name-hash-version=2 (git 2.49)"
    reuses_deltas: ClassVar[bool] = True
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("window", 0, "neighbours to compare with; 0 means the window of the limits"),
    )

    def choose(self, work: Work) -> Iterator[Choice]:
        """Yield a choice for each searched object, in sort order."""
        window = SlidingWindow(work, self.values["window"] or work.limits.window, work.limits.window_memory)
        yield from slide(work, sorted_by_name(work, name_hash_v2), lambda _: (window,))
