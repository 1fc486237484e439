"""Streams of one run: what is asked for goes to stdout, everything about it to stderr.

    stdout   the result: text, or with --json exactly one object
    stderr   errors; progress; what a remote says (`target: …`); with -v details; the HTTP trace

What is written leaves through `cli.streams.Output`, which masks secrets and makes control characters
visible. A display of progress is chosen once, in `Console.progress`:

    stderr a terminal, or --progress     live line and permanent lines   (`cli.live`, made by rich)
    --progress without a terminal        permanent lines only            (`LineProgress`)
    otherwise                            silent, but for a remote's own words
"""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from cli.render.progress import is_counter, permanent_line
from cli.streams import Output, is_terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from contextlib import AbstractContextManager

    from packcore.progress import Phase, Progress, Unit

CONSOLE_KEY = "cli.console"
"""Where a click context keeps the console of its run."""

__all__ = ["CONSOLE_KEY", "Console", "LineProgress", "PhaseCount", "Verbosity"]


@dataclass(frozen=True, slots=True)
class Verbosity:
    """What the user wants to read."""

    json: bool = False
    verbose: bool = False
    quiet: bool = False
    progress: bool | None = None
    """None: a live display where stderr is a terminal."""


class Console:
    """The two streams of a run, and how much is said on them."""

    def __init__(self, verbosity: Verbosity | None = None, output: Output | None = None) -> None:
        self.verbosity = verbosity or Verbosity()
        self.output = output or Output()
        self.output.owes_json = self.verbosity.json
        self._above: Callable[[str], None] | None = None
        """Prints above the live line, while there is one."""

    def show(self, lines: str | Iterable[str]) -> None:
        """Print the human result on stdout; nothing with --quiet or --json."""
        if self.verbosity.quiet or self.verbosity.json:
            return
        for line in (lines,) if isinstance(lines, str) else lines:
            if self._above is not None and is_terminal():
                self._above(line)
            else:
                self.output.out(line)

    def show_exact(self, lines: Iterable[bytes]) -> None:
        """Print lines on stdout byte for byte; on a terminal, unsafe characters are made visible.

        For what was asked for and nothing else, so --quiet doesn't count. Lines come without their line feed.
        """
        self.output.exact(lines)

    def remote(self, origin: str) -> Callable[[str], None]:
        """Return a function that shows what a remote says, for work without a display of progress."""
        words = _WordsOnly(self.tell)
        return lambda text: words.message(origin, text)

    def show_json(self, value: object) -> None:
        """Print the one object of --json on stdout."""
        self.output.out_json(value, indent=2)

    def show_json_line(self, value: object) -> None:
        """Print one object of several on a line of its own, at once."""
        self.output.out_json(value)
        self.output.flush()

    def report_json(self, value: object) -> None:
        """Print one JSON object on one line of stderr, for commands whose stdout is a pack."""
        self._write(self.output.json(value))

    def tell(self, line: str) -> None:
        """Print a line on stderr, unless --quiet."""
        if not self.verbosity.quiet:
            self._write(line)

    def _write(self, line: str) -> None:
        with self.output.lock:
            if self._above:
                self._above(line)
            else:
                self.output.err(line)

    def tell_error(self, line: str) -> None:
        """Print a line on stderr that --quiet keeps too: it tells what is wrong."""
        self._write(line)

    def trace(self, line: str) -> None:
        """Print a line on stderr whatever the verbosity: it was asked for by name."""
        self._write(line)

    def warn(self, line: str) -> None:
        """Print a warning on stderr, unless --quiet."""
        self.tell(f"packcore: warning: {line}")

    def detail(self, line: str) -> None:
        """Print a line on stderr with --verbose."""
        if self.verbosity.verbose:
            self.tell(line)

    @contextmanager
    def progress(self) -> Iterator[Progress]:
        """Open the display that suits the streams; after an exception only finished lines stay."""
        stream = self.output.terminal()
        wanted, terminal = self.verbosity.progress, _is_live_terminal(stream)
        if self.verbosity.quiet:
            yield _WordsOnly(lambda _: None)
        elif wanted is False or (wanted is None and not terminal):
            yield _WordsOnly(self.tell)
        elif not terminal:
            yield LineProgress(self.tell)
        else:
            from cli.live import live_progress

            with live_progress(stream, self.output.clean) as display:
                self._above = display.print
                try:
                    yield display
                finally:
                    self._above = None


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


class _WordsOnly:
    """No display: only what a remote says that is more than a counter, as a hook's refusal."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell

    def phase(self, name: str, *, unit: Unit, total: int | None = None) -> AbstractContextManager[Phase]:
        from packcore.progress import SILENT

        return SILENT.phase(name, unit=unit, total=total)

    def message(self, origin: str, text: str) -> None:
        if not is_transient(text) and not is_counter(text):
            self._tell(f"{origin}: {text}")


def is_transient(text: str) -> bool:
    """Tell whether a remote's line is empty or will be replaced by its next one (`RemoteLine.transient`)."""
    return not text.strip() or getattr(text, "transient", False)


def _is_live_terminal(stream: IO[str]) -> bool:
    """Tell whether lines can be drawn over: a terminal that understands cursor movement."""
    return stream.isatty() and os.environ.get("TERM", "") not in ("dumb", "unknown")
