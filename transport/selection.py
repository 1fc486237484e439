"""How our own packs are made: the options that syncs share with the commands that pack.

This is a separate module because a command without remotes needs nothing else from `transport`.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from packcore.limits import Limits

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["SelectionOptions"]

_USUAL_STRATEGY = "chunk-window"
_SELECTION_LIMITS = ("depth", "window", "window_memory", "compression")


@dataclass(frozen=True, slots=True)
class SelectionOptions:
    """How our own pack is made."""

    strategy: str = _USUAL_STRATEGY
    limits: Limits = field(default_factory=Limits)
    reuse_deltas: bool = True
    """Whether to copy the deltas of the source's pack; otherwise all deltas are searched."""
    budget_seconds: float | None = None
    """Stop searching after this time and use the best plan so far; None means no limit."""

    jobs: int | None = 1
    """The number of processes that search in parallel, None for as many as are worth it.

    The pack is the same for any number.
    """
    chosen: bool = False
    """Whether a user gave a strategy or limits, even the default ones."""

    @property
    def asks_for_own_pack(self) -> bool:
        """Whether anything is set that only matters for our own pack."""
        limits, usual = self.limits, Limits()
        return (
            self.chosen
            or self.strategy != _USUAL_STRATEGY
            or not self.reuse_deltas
            or any(getattr(limits, name) != getattr(usual, name) for name in _SELECTION_LIMITS)
        )

    def without_search(self) -> SelectionOptions:
        """Return what git does with a window of 0: nothing is searched, and deltas are still reused."""
        return replace(self, strategy="reuse" if self.reuse_deltas else "none")

    def stopper(self) -> Callable[[], bool] | None:
        """Start the clock, and return a function that says whether the budget is used up; None without it."""
        if self.budget_seconds is None:
            return None
        deadline = time.monotonic() + self.budget_seconds
        return lambda: time.monotonic() >= deadline
