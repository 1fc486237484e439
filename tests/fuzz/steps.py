"""A bound on work that doesn't depend on the machine: the lines of Python that run are counted."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["TooManySteps", "count_steps", "steps_max"]

_FREE_STEPS = 80_000
"""For what doesn't depend on the input: opening a repository, an index's fan-out, a manifest's options."""
_STEPS_A_BYTE = 200


class TooManySteps(BaseException):
    """A reader went on beyond its bound. Not an Exception, so that no handler of ours swallows it."""


def steps_max(size: int) -> int:
    """Return how many lines a reader may run for an input of this many bytes."""
    return _FREE_STEPS + _STEPS_A_BYTE * size


def count_steps(run: Callable[[], object], most: int) -> int:
    """Run, and return how many lines of Python that took. Raises TooManySteps beyond `most`."""
    steps = 0

    def trace(frame: Any, event: str, argument: Any) -> Any:
        nonlocal steps
        if event == "line":
            steps += 1
            if steps > most:
                raise TooManySteps(f"more than {most:,} steps, in {frame.f_code.co_qualname}")
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        run()
    finally:
        sys.settrace(before)
    return steps
