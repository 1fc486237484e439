"""The live line of progress on a terminal: drawn eight times a second by rich, above it what stays.

    target: Processing objects: done          lines that stay, printed above
    selecting deltas  ━━━━━━━╺━━━━━━━━━  42%  5,210/12,345 objects, 3,901 deltas  9,800/s  1.5s  ETA 2.1s
                                              ^ the live line: gone when its phase ends, or on an error
    target: unpacking                    3.2s  https://example.org/x.git      all is sent, no answer yet

Phases only add to a number; the drawing thread reads it. A counter of the remote ("Resolving deltas:
42%") takes a live line of its own until it is done, rather than a hundred lines that stay.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import IO, TYPE_CHECKING

from rich.console import Console as RichConsole
from rich.progress import BarColumn, ProgressColumn, Task, TaskID
from rich.progress import Progress as RichProgress
from rich.table import Column
from rich.text import Text

from cli.progress_lines import LineProgress, PhaseCount, is_transient
from cli.render.progress import counter_line, split_origin

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

__all__ = ["LiveProgress", "live_progress"]

_DRAWS_PER_SECOND = 8
_BAR_CELLS = 18
_BAR_NEEDS_CELLS = 96
"""Terminals narrower than this get the numbers only."""


class _Name(ProgressColumn):
    """What runs."""

    def render(self, task: Task) -> Text:
        return Text(task.description, style="bold", no_wrap=True)


class _Numbers(ProgressColumn):
    """Count, rate and time of a phase, read from it as it stands now; or a remote's own words."""

    def render(self, task: Task) -> Text:
        phase: PhaseCount | None = task.fields.get("phase")
        if phase is None:
            words = counter_line(str(task.fields.get("words", "")), task.elapsed or 0.0)
            return Text(words, no_wrap=True, overflow="ellipsis")
        place = task.fields.get("place")
        line = phase.running() + (f"  {place}" if place else "")
        return Text(line, no_wrap=True, overflow="ellipsis")


class _Bar(BarColumn):
    """A bar where the total is known, nothing otherwise."""

    def render(self, task: Task) -> Text:  # type: ignore[override]
        phase: PhaseCount | None = task.fields.get("phase")
        if phase is None or not phase.total_count:
            return Text("")
        task.total, task.completed = phase.total_count, min(phase.count, phase.total_count)
        return super().render(task)  # type: ignore[return-value]


class LiveProgress(LineProgress):
    """Implements `packcore.progress.Progress` on a rich display."""

    def __init__(
        self,
        display: RichProgress,
        clean: Callable[[str], str],
        places: Mapping[str, str] | None = None,
        *,
        tells_refs: bool = True,
    ) -> None:
        """`clean` makes text fit to be shown, as `cli.streams.Output.clean` does."""
        super().__init__(self.print, places, tells_refs=tells_refs)
        self._display = display
        self._clean = clean
        self._counters: dict[str, TaskID] = {}
        self._titles: dict[str, str] = {}
        self._working_task: TaskID | None = None

    @contextmanager
    def shown(self, phase: PhaseCount) -> Iterator[None]:
        """Show a live line while the phase runs."""
        task = self._add(phase)
        try:
            yield
        finally:
            self._remove(task)

    def _add(self, phase: PhaseCount) -> TaskID:
        origin, _ = split_origin(phase.name)
        place = self._places.get(origin.removesuffix(": "), "")
        return self._display.add_task(phase.name, total=None, phase=phase, place=self._clean(place))

    def _set_working(self, phase: PhaseCount | None) -> None:
        """Show a live line while the target works, until something else begins."""
        if self._working_task is not None:
            self._remove(self._working_task)
            self._working_task = None
        super()._set_working(phase)
        if phase is not None:
            self._working_task = self._add(phase)

    def message(self, origin: str, text: str) -> None:
        """Print a remote's line above the live one; what its next line replaces gets a live line itself."""
        if is_transient(text):
            self._count(origin, text)
            return
        if origin in self._counters:
            self._remove(self._counters.pop(origin))
        super().message(origin, text)

    def _remove(self, task: TaskID) -> None:
        """Take a live line away at once: what is printed next must not draw it again."""
        self._display.remove_task(task)
        self._display.refresh()

    def _count(self, origin: str, line: str) -> None:
        line = self._clean(line)
        title = line.partition(":")[0]
        if origin in self._counters and self._titles.get(origin) != title:
            self._remove(self._counters.pop(origin))  # its clock starts again with each count
        self._titles[origin] = title
        if origin in self._counters:
            self._display.update(self._counters[origin], words=line)
        else:
            self._counters[origin] = self._display.add_task(f"{origin}:", total=None, words=line)

    def print(self, line: str) -> None:
        """Print a line that stays, above the live ones."""
        self._display.console.print(Text(self._clean(line)), soft_wrap=True)


@contextmanager
def live_progress(
    stream: IO[str],
    clean: Callable[[str], str],
    places: Mapping[str, str] | None = None,
    *,
    tells_refs: bool = True,
) -> Iterator[LiveProgress]:
    """Draw on the stream until the block is left; the live lines vanish with it."""
    console = RichConsole(file=stream, highlight=False, markup=False, emoji=False)
    columns: list[ProgressColumn] = [_Name(table_column=Column(no_wrap=True))]
    if console.width >= _BAR_NEEDS_CELLS:
        columns.append(
            _Bar(
                bar_width=_BAR_CELLS,
                complete_style="cyan",
                finished_style="cyan",
                table_column=Column(no_wrap=True),
            )
        )
    columns.append(_Numbers(table_column=Column(no_wrap=True, ratio=1)))
    display = RichProgress(
        *columns,
        console=console,
        transient=True,
        refresh_per_second=_DRAWS_PER_SECOND,
        # Our own stdout stays as it is: it may be a file, or bytes of a pack.
        redirect_stdout=False,
        redirect_stderr=False,
    )
    with display:
        yield LiveProgress(display, clean, places, tells_refs=tells_refs)
