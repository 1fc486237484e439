"""The classic: sort objects so that likely bases are neighbours, and compare each with the last few.

    order     type, then name (its last sixteen characters, of which the last weighs most), size, age
    window    the last ten objects of that order; a chosen base stays longer
    choice    the smallest delta, where a deeper base must win by more

Larger objects come first, since removing bytes costs less than adding them, and the newest version of a file
is usually the largest. Objects outside the window can't be bases: a moved file is found only if its name
still ends the same. Packs are within 2 % of `git pack-objects` at equal settings, so other strategies can be
compared with git while the reader, the encoder and the writer stay the same.

`names=0` withholds the names and sorts by size alone, as go-git and everything built on it does. `go_git=1`
applies go-git's limits too. They reject a base for being larger where smaller was meant, and compare a
further base with the size of the object instead of the best delta so far. So the last base that is somewhat
smaller wins, not the best one, and a chosen base stays no longer than others.
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


def _nameless(path: bytes) -> int:  # noqa: ARG001 - used in place of a name hash
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
        Parameter("window", 0, "neighbours to compare with; 0 means the window of the limits"),
        Parameter("names", 1, "0 ignores names and sorts by size alone, as go-git does"),
        Parameter("go_git", 0, "1 applies go-git's limits, where the last base wins, not the best"),
    )

    def choose(self, work: Work) -> Iterator[Choice]:
        """Yield a choice for each searched object, in sort order."""
        go_git = bool(self.values["go_git"])
        members = sorted_by_name(work, name_hash_v1 if self.values["names"] else _nameless)
        size = self.values["window"] or work.limits.window
        window = SlidingWindow(work, size, work.limits.window_memory, keep_bases=not go_git)
        yield from slide(work, members, lambda _: (window,), _GoGitTrial if go_git else Trial)
