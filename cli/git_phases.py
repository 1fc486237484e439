"""Progress under git's names, for commands that take git's place: scripts look for these words.

reading pack          ->  Receiving objects, Indexing objects      index-pack
indexing              ->  Resolving deltas                         index-pack
target: writing pack  ->  Writing objects                          git-remote-packcore
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager

    from packcore.progress import Phase, Progress, Unit

__all__ = ["GitPhases"]


class GitPhases:
    """Implements `packcore.progress.Progress` on another display; some phases get other names."""

    def __init__(self, display: Progress, names: Mapping[str, str]) -> None:
        self._display = display
        self._names = names

    def phase(self, name: str, *, unit: Unit, total: int | None = None) -> AbstractContextManager[Phase]:
        """Open a phase, under git's name for it if there is one."""
        return self._display.phase(self._names.get(name, name), unit=unit, total=total)

    def message(self, origin: str, text: str) -> None:
        """Pass a message on."""
        self._display.message(origin, text)
