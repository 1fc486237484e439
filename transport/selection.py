"""How packs of our own are made: the options that syncs and the commands that pack have in common.

A module of its own, since a command that talks to nobody needs nothing else of `transport`.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from packcore.limits import Limits

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["SelectionOptions"]

_USUAL_STRATEGY = "chunk-window"
_SELECTION_LIMITS = ("depth", "window", "window_memory", "compression")


@dataclass(frozen=True, slots=True)
class SelectionOptions:
    """How the pack of our own is made."""

    strategy: str = _USUAL_STRATEGY
    limits: Limits = field(default_factory=Limits)
    reuse_deltas: bool = True
    """Copy deltas that the source's pack has; else every object is searched anew."""
    budget_seconds: float | None = None
    """Stop searching after this time and take the best plan so far; None for as long as it takes."""

    jobs: int = 1
    """Processes that search at once; the pack is the same for any number."""
    chosen: bool = False
    """Whether a user named strategy or limits, be it the usual ones."""

    @property
    def asks_for_own_pack(self) -> bool:
        """Whether something is set that only matters for a pack of our own."""
        limits, usual = self.limits, Limits()
        return (
            self.chosen
            or self.strategy != _USUAL_STRATEGY
            or not self.reuse_deltas
            or any(getattr(limits, name) != getattr(usual, name) for name in _SELECTION_LIMITS)
        )

    def stopper(self) -> Callable[[], bool] | None:
        """Start the clock: return what tells whether the budget is used up, or None where there is none."""
        if self.budget_seconds is None:
            return None
        deadline = time.monotonic() + self.budget_seconds
        return lambda: time.monotonic() >= deadline
