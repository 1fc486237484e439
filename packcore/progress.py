"""What the engine tells about its course: phases and counts as events, without clock or terminal.

A phase is a context manager. Left normally it is complete; left by an exception it is not, and a
display must print no line of success for it. Whoever draws the events adds the time.
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
        """Say that `count` more units are done. Cheap enough to call a thousand times a second."""

    def total(self, count: int) -> None:
        """Say how many units there will be, when that becomes known only after the start."""

    def note(self, **counts: int) -> None:
        """Name further counts for the phase's one permanent line, such as `deltas=8910`."""


class Progress(Protocol):
    """Receives the events of a run."""

    def phase(self, name: str, *, unit: Unit, total: int | None = None) -> AbstractContextManager[Phase]:
        """Open a phase, e.g. "selecting deltas"; `total` is None while it isn't known."""

    def message(self, origin: str, text: str) -> None:
        """Show one line, already made safe; `origin` is "source", "target", or "packcore" for our own."""


class _SilentPhase:
    def advance(self, count: int = 1) -> None:
        """Ignore it."""

    def total(self, count: int) -> None:
        """Ignore it."""

    def note(self, **counts: int) -> None:
        """Ignore it."""


class SilentProgress:
    """The default: shows nothing, and logs messages (`packcore.logs`)."""

    @contextmanager
    def phase(self, name: str, *, unit: Unit, total: int | None = None) -> Iterator[Phase]:  # noqa: ARG002
        """Open a phase that nobody watches."""
        yield _SilentPhase()

    def message(self, origin: str, text: str) -> None:
        """Log it."""
        log(origin, text)


SILENT: Progress = SilentProgress()
