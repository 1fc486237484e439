"""Streams of one run: the result goes to stdout, everything about it to stderr.

    stdout   the result: text, or with --json exactly one object
    stderr   errors; progress; what a remote says (`target: …`); with -v details; the HTTP trace

What is written leaves through `cli.streams.Output`, which masks secrets and makes control characters
visible. A display of progress is chosen once, in `Console.progress`:

    stderr a terminal, or --progress     live line and permanent lines   (`cli.live`, made by rich)
    --progress without a terminal        permanent lines                 (`LineProgress`)
    no terminal, or a dumb one           a remote's own words            (`WordsOnly`)
    both of these                        and a line every 30 seconds     (`cli.heartbeat`)
    --no-progress, --quiet               only what a remote says, or not even that
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, NamedTuple

from cli.heartbeat import beating
from cli.progress_lines import LineProgress, WordsOnly
from cli.streams import Output, is_terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from packcore.progress import Progress

CONSOLE_KEY = "cli.console"
"""Where a click context keeps the console of its run."""

__all__ = ["CONSOLE_KEY", "Console", "Verbosity"]


class Verbosity(NamedTuple):
    """What the user wants to read."""

    json: bool = False
    verbose: bool = False
    quiet: bool = False
    progress: bool | None = None
    """None: a live display where stderr is a terminal."""


class Console:
    """The two streams of a run, and how much they show."""

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
        lines = (lines,) if isinstance(lines, str) else lines
        if self._above is not None and is_terminal():
            for line in lines:
                self._above(line)
        else:
            self.output.out_lines(lines)

    def show_exact(self, lines: Iterable[bytes]) -> None:
        """Print lines on stdout byte for byte; on a terminal, unsafe characters are made visible.

        For what was asked for and nothing else, so --quiet doesn't count. Lines come without their line feed.
        """
        self.output.exact(lines)

    def remote(self, origin: str) -> Callable[[str], None]:
        """Return a function that shows what a remote says, for work without a display of progress."""
        words = WordsOnly(self.tell)
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

    @property
    def shows_progress(self) -> bool:
        """Whether lines about progress are wanted: by an option, or on a terminal."""
        wanted = self.verbosity.progress
        is_shown = _is_live_terminal(self.output.terminal()) if wanted is None else wanted
        return is_shown and not self.verbosity.quiet

    @contextmanager
    def progress(self, **places: str) -> Iterator[Progress]:
        """Open the display that suits the streams; after an exception only finished lines stay.

        `places` are the repositories that are called source and target, as users typed them.
        """
        shown = {side: _shown(place) for side, place in places.items()}
        # Once is enough: where the result is text, it says so of each ref.
        early = self.verbosity.json or self.verbosity.verbose
        stream = self.output.terminal()
        wanted, terminal = self.verbosity.progress, _is_live_terminal(stream)
        if self.verbosity.quiet:
            yield WordsOnly(lambda _: None)
        elif wanted is False:
            yield WordsOnly(self.tell, tells_refs=early)
        elif not terminal:
            kind = LineProgress if wanted else WordsOnly
            lines = kind(self.tell, shown, tells_refs=early)
            with beating(self.tell, lines.describe):
                yield lines
        else:
            from cli.live import live_progress

            with live_progress(stream, self.output.clean, shown, tells_refs=early) as display:
                self._above = display.print
                try:
                    yield display
                finally:
                    self._above = None


def _shown(place: str) -> str:
    from transport.endpoint import shown

    return shown(place)


def _is_live_terminal(stream: IO[str]) -> bool:
    """Tell whether lines can be drawn over: a terminal that understands cursor movement."""
    return stream.isatty() and os.environ.get("TERM", "") not in ("dumb", "unknown")
