"""How the engine reports progress: phases and counts as events, without clock or terminal.

A phase is a context manager. Left normally, it is complete. Left by an exception it is not, and a display
must not print a line of success for it. The display adds the times.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal, Protocol

from packcore.logs import log

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

__all__ = ["SILENT", "Phase", "Progress", "SilentProgress", "Unit"]

Unit = Literal["objects", "deltas", "bytes", "commits", "refs", "repositories"]


class Phase(Protocol):
    """One running phase."""

    def advance(self, count: int = 1) -> None:
        """Report that `count` more units are done. Cheap enough to call a thousand times a second."""

    def total(self, count: int) -> None:
        """Report the total number of units, if it becomes known only after the start."""

    def note(self, **counts: int) -> None:
        """Add counts to the permanent line of the phase, such as `deltas=8910`."""


class Progress(Protocol):
    """Receives the events of a run."""

    def phase(self, name: str, *, unit: Unit, total: int | None = None) -> AbstractContextManager[Phase]:
        """Open a phase, such as "selecting deltas"; `total` is None if it isn't known yet."""

    def message(self, origin: str, text: str) -> None:
        """Show one line of safe text; `origin` is "source", "target", or "packcore" for our own."""


class _SilentPhase:
    def advance(self, count: int = 1) -> None:
        """Ignore it."""

    def total(self, count: int) -> None:
        """Ignore it."""

    def note(self, **counts: int) -> None:
        """Ignore it."""


class SilentProgress:
    """The default, which shows nothing and logs messages (`packcore.logs`)."""

    @contextmanager
    def phase(self, name: str, *, unit: Unit, total: int | None = None) -> Iterator[Phase]:  # noqa: ARG002
        """Open a phase that reports nothing."""
        yield _SilentPhase()

    def message(self, origin: str, text: str) -> None:
        """Log it."""
        log(origin, text)


SILENT: Progress = SilentProgress()
