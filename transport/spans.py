"""The phases of a run as spans of OpenTelemetry, and its messages as events. Needs `packcore[otel]`.

    with tracer.start_as_current_span("mirror"):
        transport.sync(source, target, progress=SpannedProgress())

    mirror
      fetching             packcore.unit=bytes   packcore.done=60211
      selecting deltas     packcore.unit=objects packcore.done=19  packcore.total=19

Only the API of OpenTelemetry is used: where the program sets up no exporter, nothing is sent anywhere.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from packcore._version import __version__
from packcore.logs import log
from transport.errors import InvalidOption

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.trace import Span, Tracer

    from packcore.progress import Phase, Unit

__all__ = ["SpannedProgress"]


class _SpannedPhase:
    """A phase whose counts become attributes when it ends: a span is no place for a thousand updates."""

    def __init__(self, span: Span) -> None:
        self._span = span
        self._done = 0

    def advance(self, count: int = 1) -> None:
        """Count units."""
        self._done += count

    def total(self, count: int) -> None:
        """Set the number of all units."""
        self._span.set_attribute("packcore.total", count)

    def note(self, **counts: int) -> None:
        """Set counts."""
        for name, count in counts.items():
            self._span.set_attribute(f"packcore.{name}", count)

    def end(self) -> None:
        """Set what was counted."""
        self._span.set_attribute("packcore.done", self._done)


class SpannedProgress:
    """A progress that makes a span of each phase, a child of the one that is current."""

    def __init__(self, tracer: Tracer | None = None) -> None:
        """Without `tracer` the program's own is used. Raises InvalidOption where the package is missing."""
        try:
            from opentelemetry import trace
        except ImportError:
            raise InvalidOption(
                "spans need the package `opentelemetry-api`", hint="pip install 'packcore[otel]'"
            ) from None
        self._tracer = tracer or trace.get_tracer("packcore", __version__)
        self._current_span = trace.get_current_span

    @contextmanager
    def phase(self, name: str, *, unit: Unit, total: int | None = None) -> Iterator[Phase]:
        """Make a span; an exception that leaves the phase is recorded in it."""
        with self._tracer.start_as_current_span(name, attributes={"packcore.unit": unit}) as span:
            phase = _SpannedPhase(span)
            if total is not None:
                phase.total(total)
            try:
                yield phase
            finally:
                phase.end()

    def message(self, origin: str, text: str) -> None:
        """Add an event to the span that is current, and log it as the library does by itself."""
        self._current_span().add_event(text, {"packcore.origin": origin})
        log(origin, text)
