"""The classic: objects sorted so that likely bases are neighbours, each compared with its last few.

    order     type, then name (its last sixteen characters, the last weighing most), then size, then age
    window    the last ten objects of that order; a base that was chosen stays longer
    choice    the smallest delta, where a deeper base must win by more

Larger objects come first, since taking bytes away costs less than putting them in, and the newest
version of a file is mostly the largest. What is not in the window can't be a base: a file that moved
is found only if its name still ends alike. Within 2 % of `git pack-objects` at equal settings, so that
other strategies can be measured against git with all else equal: the reading, the encoder, the writer.

`names=0` withholds the names, so that size alone orders: how go-git selects, and all who build on it.
`shrink_filter=1` adds its filter, which refuses a base for being larger where smaller was meant.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from packcore.delta.engine_strategy import EngineStrategy
from packcore.delta.name_hash import name_hash_v1
from packcore.delta.sliding import SlidingWindow, slide, sorted_by_name
from packcore.delta.strategy import Choice, Parameter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packcore.delta.strategy import Work

__all__ = ["GitWindow"]


def _nameless(path: bytes) -> int:  # noqa: ARG001 - it stands in for a name hash
    return 0


class GitWindow(EngineStrategy):
    """A sliding window over objects sorted by type, name and size."""

    name: ClassVar[str] = "git-window"
    description: ClassVar[str] = "each object against its last few neighbours, sorted by type, name and size"
    cites: ClassVar[str] = (
        "git's Documentation/technical/pack-heuristics; for names=0, go-git's delta_selector"
    )
    reuses_deltas: ClassVar[bool] = True
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("window", 0, "neighbours compared with; 0 takes the limit's"),
        Parameter("names", 1, "0: names are withheld and size alone orders, as in go-git"),
        Parameter(
            "shrink_filter", 0, "1: refuse bases larger by more than the delta may take, as go-git does"
        ),
    )

    def choose(self, work: Work) -> Iterator[Choice]:
        """Yield a choice for each object searched, in the order of the sort."""
        members = sorted_by_name(work, name_hash_v1 if self.values["names"] else _nameless)
        window = SlidingWindow(work, self.values["window"] or work.limits.window, work.limits.window_memory)
        yield from slide(work, members, window, shrink_filter=bool(self.values["shrink_filter"]))
