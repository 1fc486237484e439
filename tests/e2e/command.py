"""packcore as a user starts it: a process of its own, in an environment of its own.

    outcome = packcore("sync", source, target)      run to the end
    with start("sync", source, target) as running:  to interrupt it

TMPDIR is a folder of the test's, so that a file left behind is seen.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Self

from tests.support import ROOT, git_environment
from transport.syncing.measure import peak_of_process

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

__all__ = ["Outcome", "Running", "Workplace", "file_size_limit", "plain_text"]


_PEAK_SECONDS = 0.02
"""How often a running program is asked for its memory."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run left: exit code, words, and the most memory that it held."""

    code: int
    stdout: str
    stderr: str
    peak_bytes: int

    @property
    def error_lines(self) -> list[str]:
        """The lines by which packcore said that it failed."""
        return [line for line in self.stderr.splitlines() if line.startswith("packcore: error:")]

    def __str__(self) -> str:
        return f"exit {self.code}\n--- stdout\n{self.stdout}\n--- stderr\n{self.stderr}"


class Running:
    """A packcore that runs. A context manager: leaving it kills what still runs."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        environment: Mapping[str, str],
        cwd: Path,
    ) -> None:
        # Files, not pipes: nobody needs to read them while the test looks elsewhere.
        self._out = tempfile.TemporaryFile()  # noqa: SIM115 - closed in __exit__
        self._err = tempfile.TemporaryFile()  # noqa: SIM115
        self.process = subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=self._out,
            stderr=self._err,
            env=dict(environment),
            cwd=cwd,
        )

    def interrupt(self) -> None:
        """Press Ctrl-C."""
        self.process.send_signal(signal.SIGINT)

    def result(self, *, seconds: float = 240) -> Outcome:
        """Wait for its end."""
        peak_bytes = self._wait(seconds)
        return Outcome(self.process.returncode, _text(self._out), _text(self._err), peak_bytes)

    def _wait(self, seconds: float) -> int:
        # Asked for again and again: what the system tells at the end counts our own memory before its exec.
        peak_bytes = 0
        ends = time.monotonic() + seconds
        while self.process.poll() is None:
            peak_bytes = max(peak_bytes, peak_of_process(str(self.process.pid)) or 0)
            if time.monotonic() > ends:
                self.process.kill()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(_PEAK_SECONDS)
        return peak_bytes

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            if self.process.returncode is None:
                self.process.kill()
                self.process.wait()
        self._out.close()
        self._err.close()


@dataclass(slots=True)
class Workplace:
    """Where a test's packcore runs: its folder, its TMPDIR, its environment, what is on its import path."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)
    import_path: list[Path] = field(default_factory=list)
    temporary: Path | None = None

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        if self.temporary is None:
            self.temporary = self.folder / "tmp"
        self.temporary.mkdir(exist_ok=True)

    def left_behind(self) -> list[str]:
        """Return the names of files that are left in TMPDIR."""
        assert self.temporary is not None
        return sorted(str(path.relative_to(self.temporary)) for path in self.temporary.rglob("*"))

    def start(self, *arguments: str | Path, under: Sequence[str] = ()) -> Running:
        """Start packcore; `under` is a command that runs the command after it, as `nice` does."""
        paths = os.pathsep.join(str(path) for path in (*self.import_path, ROOT))
        environment = git_environment(
            {"TMPDIR": str(self.temporary), "PYTHONPATH": paths, **self.environment}
        )
        # The standard "warnings are errors" of the tests holds for the program too.
        command = [*under, sys.executable, "-W", "error", "-m", "cli", *map(str, arguments)]
        return Running(command, environment=environment, cwd=self.folder)

    def run(self, *arguments: str | Path, under: Sequence[str] = (), seconds: float = 240) -> Outcome:
        """Run packcore to its end."""
        with self.start(*arguments, under=under) as running:
            return running.result(seconds=seconds)

    def must(self, *arguments: str | Path) -> Outcome:
        """Run packcore and expect that it succeeds, leaving nothing in TMPDIR."""
        outcome = self.run(*arguments)
        assert outcome.code == 0, outcome
        assert not self.left_behind(), outcome
        return outcome


def file_size_limit(size: int) -> list[str]:
    """Return an `under` below which no file can grow beyond `size` bytes, as on a full disk."""
    return ["sh", "-c", 'ulimit -f "$0" && exec "$@"', str(size // 512)]


def plain_text(terminal_output: str) -> str:
    """Return output without escape sequences."""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", terminal_output)


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode(errors="replace")
