"""Progress as lines that stay: one when a phase ends, and what remotes say."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from cli.render.progress import is_counter, permanent_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from packcore.progress import Phase, Unit

__all__ = ["LineProgress", "PhaseCount", "WordsOnly", "is_transient"]


class PhaseCount:
    """The counts of one running phase. `advance` is one addition: a display reads when it draws."""

    __slots__ = ("count", "name", "notes", "started", "total_count", "unit")

    def __init__(self, name: str, unit: Unit, total: int | None) -> None:
        self.name, self.unit = name, unit
        self.count = 0
        self.total_count = total
        self.notes: dict[str, int] = {}
        self.started = time.monotonic()

    def advance(self, count: int = 1) -> None:
        """Add finished units."""
        self.count += count

    def total(self, count: int) -> None:
        """Set how many there will be."""
        self.total_count = count

    def note(self, **counts: int) -> None:
        """Set further counts."""
        self.notes.update(counts)

    @property
    def elapsed(self) -> float:
        """Seconds since the phase opened."""
        return time.monotonic() - self.started

    def finished(self) -> str:
        """Return the permanent line."""
        return permanent_line(self.name, self.unit, self.count, self.notes, self.elapsed)


class LineProgress:
    """Permanent lines only: one when a phase ends well, and what remotes say beyond their counters."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._open_phases = 0

    @contextmanager
    def phase(self, name: str, *, unit: Unit, total: int | None = None) -> Iterator[Phase]:
        """Print one line at the end: none after an error, none within another phase, which tells of both."""
        phase = PhaseCount(name, unit, total)
        is_outermost = not self._open_phases
        self._open_phases += 1
        try:
            with self.shown(phase):
                yield phase
        finally:
            self._open_phases -= 1
        if is_outermost:
            self._tell(phase.finished())

    @contextmanager
    def shown(self, phase: PhaseCount) -> Iterator[None]:  # noqa: ARG002 - for displays that draw
        """Show a running phase; here it isn't."""
        yield

    def message(self, origin: str, text: str) -> None:
        """Print a remote's line, unless its next line is to replace it."""
        if not is_transient(text):
            self._tell(f"{origin}: {text}")


class WordsOnly:
    """No display: only what a remote says that is more than a counter, as a hook's refusal."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell

    def phase(self, name: str, *, unit: Unit, total: int | None = None) -> AbstractContextManager[Phase]:
        """Show nothing of a phase."""
        from packcore.progress import SILENT

        return SILENT.phase(name, unit=unit, total=total)

    def message(self, origin: str, text: str) -> None:
        """Print a remote's line unless it is a counter, or its next line is to replace it."""
        if not is_transient(text) and not is_counter(text):
            self._tell(f"{origin}: {text}")


def is_transient(text: str) -> bool:
    """Tell whether a remote's line is empty or will be replaced by its next one (`RemoteLine.transient`)."""
    return not text.strip() or getattr(text, "transient", False)
