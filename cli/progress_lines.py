"""Progress as lines that stay: one when a phase ends, and what remotes say.

`LineProgress` and `WordsOnly` keep the phases that are open, so that `describe` can give the current phase,
repository and progress at any time (`cli.heartbeat`).
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from cli.render import units
from cli.render.progress import is_counter, permanent_line, running_line, split_origin

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from packcore.progress import Phase, Unit

__all__ = ["LineProgress", "PhaseCount", "WordsOnly", "is_transient"]

_TARGET_WORKS_AFTER = ("target: writing ", "target: batch ", "Writing objects")
"""Phases after which the target has all, and unpacks and checks it before it answers."""
UNPACKING = "target: unpacking"

_OF_REFS = frozenset({"blocked", "unreadable"})
"""What says of single refs that they are left behind."""


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

    def running(self) -> str:
        """Return how far it is."""
        if self.name == UNPACKING:  # the target alone knows
            return units.seconds(self.elapsed)
        return running_line(self.unit, self.count, self.total_count, dict(self.notes), self.elapsed)


class WordsOnly:
    """No display: only what a remote says that is more than a counter, as a hook's refusal."""

    def __init__(
        self,
        tell: Callable[[str], None],
        places: Mapping[str, str] | None = None,
        *,
        tells_refs: bool = True,
    ) -> None:
        """`places` says which repository "source" and "target" are.

        `tells_refs`: whether refs that are left behind are told on the way; the result tells them, too.
        """
        self._tell = tell
        self._tells_refs = tells_refs
        self._places = places or {}
        self._open: list[PhaseCount] = []
        self._working: PhaseCount | None = None

    @contextmanager
    def phase(self, name: str, *, unit: Unit, total: int | None = None) -> Iterator[Phase]:
        """Keep a phase while it runs; it leaves no line."""
        with self.kept(PhaseCount(name, unit, total)) as phase:
            yield phase

    @contextmanager
    def kept(self, phase: PhaseCount) -> Iterator[PhaseCount]:
        """Count a phase among the open ones; after the last byte of a push the target is at work."""
        self._set_working(None)
        self._open.append(phase)
        try:
            yield phase
        finally:
            self._open.remove(phase)
        if not self._open and phase.name.startswith(_TARGET_WORKS_AFTER):
            self._set_working(PhaseCount(UNPACKING, "objects", None))

    def _set_working(self, phase: PhaseCount | None) -> None:
        """Remember that the target works on what it got, or that something else has begun."""
        self._working = phase

    def describe(self) -> str:
        """Say what is being done, in one line."""
        running = [*self._open, *([] if self._working is None else [self._working])]
        if not running:
            return f"waiting for {self._all_places() or 'the next step'}"
        # The innermost one knows best how far all is.
        phase = running[-1]
        return f"{self.named(phase.name)}: {phase.running()}"

    def named(self, name: str) -> str:
        """Return a phase's name with the repository that it is about, where that is known."""
        origin, rest = split_origin(name)
        place = self._places.get(origin.removesuffix(": "))
        return f"{origin.removesuffix(': ')} {place}: {rest}" if place else name

    def _all_places(self) -> str:
        return " and ".join(f"{side} {place}" for side, place in self._places.items())

    def message(self, origin: str, text: str) -> None:
        """Print a remote's line unless it is a counter, or its next line is to replace it."""
        if not is_transient(text) and not is_counter(text) and self.wants(origin):
            self._tell(f"{origin}: {text}")

    def wants(self, origin: str) -> bool:
        """Tell whether lines of this origin are shown."""
        return self._tells_refs or origin not in _OF_REFS


class LineProgress(WordsOnly):
    """Permanent lines: one when a phase ends well, and what remotes say beyond their counters."""

    @contextmanager
    def phase(self, name: str, *, unit: Unit, total: int | None = None) -> Iterator[Phase]:
        """Print one line at the end: none after an error, none within another phase, which tells of both."""
        phase = PhaseCount(name, unit, total)
        is_outermost = not self._open
        with self.kept(phase), self.shown(phase):
            yield phase
        if is_outermost:
            self._tell(phase.finished())

    @contextmanager
    def shown(self, phase: PhaseCount) -> Iterator[None]:  # noqa: ARG002 - for displays that draw
        """Show a running phase; here it isn't."""
        yield

    def message(self, origin: str, text: str) -> None:
        """Print a remote's line, unless its next line is to replace it."""
        if not is_transient(text) and self.wants(origin):
            self._tell(f"{origin}: {text}")


def is_transient(text: str) -> bool:
    """Tell whether a remote's line is empty or will be replaced by its next one (`RemoteLine.transient`)."""
    return not text.strip() or getattr(text, "transient", False)
