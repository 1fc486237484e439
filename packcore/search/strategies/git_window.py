"""The classic: objects sorted so that likely bases are neighbours, each compared with its last few.

    order     type, then name (its last sixteen characters, the last weighing most), then size, then age
    window    the last ten objects of that order; a base that was chosen stays longer
    choice    the smallest delta, where a deeper base must win by more

Larger objects come first, since taking bytes away costs less than putting them in, and the newest
version of a file is mostly the largest. What is not in the window can't be a base: a file that moved
is found only if its name still ends alike. Within 2 % of `git pack-objects` at equal settings, so that
other strategies can be measured against git with all else equal: the reading, the encoder, the writer.

`names=0` withholds the names, so that size alone orders: how go-git selects, and all who build on it.
`go_git=1` applies go-git's limits too. They refuse a base for being larger where smaller was meant, and
hold a further base against the object's size, not against the best delta so far: the last that is
somewhat smaller wins, not the best. And a chosen base stays no longer than others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from packcore.search.engine_strategy import EngineStrategy
from packcore.search.name_hash import name_hash_v1
from packcore.search.sliding import SlidingWindow, Trial, slide, sorted_by_name
from packcore.search.strategy import Choice, Parameter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packcore.search.strategy import Work

__all__ = ["GitWindow"]


def _nameless(path: bytes) -> int:  # noqa: ARG001 - it stands in for a name hash
    return 0


class _GoGitTrial(Trial):
    """A trial by the limits of go-git's selector, which differ from git's in two places."""

    def _limit_at(self, depth: int) -> int:
        size = len(self.data)
        if self.base is None:
            return size // 2 * (self._room - depth) // self._room
        own_depth = self._base_depth + 1
        return 0 if own_depth >= self._room else size * (self._room - depth) // (self._room - own_depth)

    def _is_of_like_size(self, base_bytes: int, limit: int) -> bool:
        size = len(self.data)
        return size >= base_bytes // 16 and base_bytes - size <= limit


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
        Parameter("go_git", 0, "1: go-git's limits, by which the last base wins and not the best"),
    )

    def choose(self, work: Work) -> Iterator[Choice]:
        """Yield a choice for each object searched, in the order of the sort."""
        go_git = bool(self.values["go_git"])
        members = sorted_by_name(work, name_hash_v1 if self.values["names"] else _nameless)
        size = self.values["window"] or work.limits.window
        window = SlidingWindow(work, size, work.limits.window_memory, keep_bases=not go_git)
        yield from slide(work, members, lambda _: (window,), _GoGitTrial if go_git else Trial)
