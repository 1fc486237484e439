"""Child processes that serve: started on free loopback ports, waited for, ended with their children.

Each child gets a process group of its own, and only that group is ever signalled.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from typing import TYPE_CHECKING, Self

from tests.support import find_program

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

__all__ = ["Child", "Listening", "wait_until"]

_START_SECONDS = 20.0


def wait_until(condition: Callable[[], bool], what: str, *, seconds: float = _START_SECONDS) -> None:
    """Return when the condition holds; AssertionError saying `what` if it never does."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds:g} s in vain: {what}"
        time.sleep(0.01)


class Child:
    """A running program whose output goes to a log file. A context manager; `stop` is idempotent."""

    def __init__(
        self, command: Sequence[str], log: Path, *, environment: Mapping[str, str], cwd: Path | None = None
    ) -> None:
        self.log = log
        # A test run that is killed outright can't tidy up: the kernel then ends its servers for it.
        setpriv = find_program("setpriv")
        guarded = [setpriv, "--pdeathsig", "TERM", "--", *command] if setpriv else list(command)
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                guarded,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=dict(environment),
                cwd=cwd,
                start_new_session=True,
            )

    def wait_for(self, condition: Callable[[], bool], what: str) -> None:
        """Wait until the child is ready; AssertionError with its log if it dies first."""

        def ready() -> bool:
            assert self.process.poll() is None, f"{what}: it ended\n{self.log.read_text(errors='replace')}"
            return condition()

        wait_until(ready, what)

    def wait_for_port(self, port: int) -> None:
        """Wait until somebody listens on the port."""

        def listening() -> bool:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                return True
            return False

        self.wait_for(listening, f"{self.process.args!r} to listen on {port}")

    def stop(self, *, kill: bool = False) -> None:
        """End the child and its process group: politely first, unless `kill`."""
        for number in (signal.SIGKILL,) if kill else (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, number)
            try:
                self.process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                continue
        self.process.wait(timeout=5)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class Listening:
    """A child that listens on a loopback port; an heir sets `port` and `_child`. A context manager."""

    port: int
    _child: Child

    def __enter__(self) -> Self:
        try:
            self._child.wait_for_port(self.port)
        except BaseException:
            self._child.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._child.stop()
