"""`--metrics FILE`: numbers of the last run for Prometheus, written whatever became of the run.

The file appears whole or not at all. Whether it can be written is found out before the run begins. When a run
fails, its file still tells when one last succeeded: that is read from the older file.
"""

from __future__ import annotations

import time
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Self

from cli.exits import FAILED, INTERRUPTED

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from cli.console import Console
    from cli.render.metrics import Metrics, RunLabels

__all__ = ["MetricsFile"]

_FILE_BYTES_MAX = 16 * 1024 * 1024


class MetricsFile:
    """The file of one run. A context manager: it is written when the block is left, by an exception, too."""

    def __init__(self, name: str, console: Console, labels: RunLabels | None = None) -> None:
        """`labels` is for a command that is one run; a manifest is told by `tell`."""
        self._name = name
        self._console = console
        self._labels = labels
        self._tellers: list[Callable[[Metrics], None]] = []
        self._exit_code = 0
        self._began = time.perf_counter()
        self._stack = ExitStack()

    def tell(self, teller: Callable[[Metrics], None]) -> None:
        """Let this be called at the end, to add samples."""
        self._tellers.append(teller)

    def end_with(self, exit_code: int) -> None:
        """Note the exit code of a run that ends without an exception."""
        self._exit_code = exit_code

    @property
    def seconds(self) -> float:
        """How long the run has taken so far."""
        return time.perf_counter() - self._began

    def __enter__(self) -> Self:
        from cli.files import AtomicFiles

        self._file: IO[bytes] = self._stack.enter_context(AtomicFiles()).open(self._name)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._stack:
            self._write(_exit_code_of(error) if error is not None else self._exit_code)

    def _write(self, exit_code: int) -> None:
        from cli.render.metrics import Metrics, last_successes

        metrics = Metrics(self._console.output.clean, last_successes(self._older()))
        if self._labels is not None:
            metrics.run(self._labels, time.time(), self.seconds, exit_code)
        for teller in self._tellers:
            teller(metrics)
        self._file.write(metrics.text().encode())

    def _older(self) -> str:
        with suppress(OSError), Path(self._name).open("rb") as file:
            return file.read(_FILE_BYTES_MAX).decode("utf-8", "replace")
        return ""


def _exit_code_of(error: BaseException) -> int:
    """Return what the program will end with."""
    from packcore.errors import PackcoreError

    if isinstance(error, KeyboardInterrupt):
        return INTERRUPTED
    return error.exit_code if isinstance(error, PackcoreError) else FAILED
