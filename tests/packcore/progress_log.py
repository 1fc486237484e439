"""A progress that records: a line for each phase when it ends, and all reports."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from packcore.progress import Phase


class ProgressLog:
    """A `packcore.progress.Progress`."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.notes: dict[str, int] = {}

    def phase(self, name: str, *, unit: str, total: int | None = None) -> AbstractContextManager[Phase]:
        events = self

        class Recorded:
            done = 0

            def __enter__(self):
                return self

            def __exit__(self, kind, *rest):
                events.log.append(f"{name}: {self.done} of {total} {unit}" + (" failed" if kind else ""))

            def advance(self, count: int = 1) -> None:
                self.done += count

            def total(self, count: int) -> None: ...

            def note(self, **counts: int) -> None:
                events.notes.update(counts)

        return Recorded()

    def message(self, origin: str, text: str) -> None: ...
