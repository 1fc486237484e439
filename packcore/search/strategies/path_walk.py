"""Compare the versions of each path with each other, and all objects across paths by name hash.

    per path     src/a.c   v3 v2 v1          a window of its own for each path, so that no other path
                 doc/a.c   v2 v1             can push a version out of it
    across       v3 v2 v2 v1 v1              git's window over all, for files that were moved or copied

Two files of one name no longer crowd each other out, but a copy in another folder can still be found. git
makes two passes, and the second keeps what it can't improve. Both sort the same way (type, name, size),
so one pass is enough here: each object meets the last few of its own path, then the last few of all, under
the same rules, and the better base wins. A second pass would also have to repair chains that grew too deep;
here there are none. This takes at most twice the comparisons of one window.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from packcore.errors import PluginError
from packcore.search.engine_strategy import EngineStrategy
from packcore.search.name_hash import name_hash_v1, name_hash_v2
from packcore.search.sliding import SlidingWindow, slide, sorted_by_name
from packcore.search.strategy import Choice, Parameter
from packcore.tree_path import path_end

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packcore.search.strategy import Work
    from packcore.tree_path import TreePath

__all__ = ["PathWalk"]

_HASHES = {1: name_hash_v1, 2: name_hash_v2}


class PathWalk(EngineStrategy):
    """Uses a window for each path, and one across all paths."""

    name: ClassVar[str] = "path-walk"
    description: ClassVar[str] = "versions of each path among themselves, then all objects by name"
    cites: ClassVar[str] = "git-pack-objects, git's documentation: --path-walk (git 2.51)"
    reuses_deltas: ClassVar[bool] = True
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("window", 0, "neighbours in the path, and across; 0 means the window of the limits"),
        Parameter("name_hash", 1, "version of the name hash that sorts all objects: 1 or 2"),
    )

    def __init__(self, **parameters: int) -> None:
        super().__init__(**parameters)
        if self.values["name_hash"] not in _HASHES:
            raise PluginError(f"strategy {self.name}: there is no name_hash {self.values['name_hash']}")

    def choose(self, work: Work) -> Iterator[Choice]:
        """Yield a choice for each searched object, in sort order."""
        size = self.values["window"] or work.limits.window
        memory = work.limits.window_memory // 2
        across = SlidingWindow(work, size, memory)
        name_hash = _HASHES[self.values["name_hash"]]
        members = sorted_by_name(work, name_hash)
        # Paths with one name hash are mixed by size, so their windows are open at the same time.
        opened: dict[tuple[int, TreePath | bytes], SlidingWindow] = {}
        opened_for = -1

        def windows_of(member: int) -> tuple[SlidingWindow, ...]:
            nonlocal opened_for
            candidate = work.candidates[member]
            if not candidate.where:
                return (across,)
            number = name_hash(path_end(candidate.where))
            if number != opened_for:
                opened.clear()
                opened_for = number
            key = (candidate.type, candidate.where)
            if key not in opened:
                opened[key] = SlidingWindow(work, size, memory // max(len(opened) + 1, 4))
            return (opened[key], across)

        yield from slide(work, members, windows_of)
