"""What a whole process cost: user and system time, time by the clock, and peak memory."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["Cost", "cost_of", "packcore_environment"]


class Cost(NamedTuple):
    """The cost of a process and the children that it waited for, in seconds and MB."""

    user: float = 0.0
    system: float = 0.0
    wall: float = 0.0
    peak: float = 0.0
    """Of the largest of these processes."""

    @property
    def cpu(self) -> float:
        """User and system time together."""
        return self.user + self.system

    def plus(self, other: Cost) -> Cost:
        """Return the cost of both, one after the other."""
        return Cost(
            self.user + other.user,
            self.system + other.system,
            self.wall + other.wall,
            max(self.peak, other.peak),
        )

    @classmethod
    def best(cls, runs: Sequence[Cost]) -> Cost:
        """Return the smallest of each."""
        return cls(*(min(values) for values in zip(*runs, strict=True)))


def cost_of(process: subprocess.Popen[bytes]) -> Cost:
    """Wait for a process that was just started; set its exit code, and return its cost."""
    begins = time.perf_counter()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return Cost(used.ru_utime, used.ru_stime, time.perf_counter() - begins, used.ru_maxrss / 1024)


def packcore_environment(checkout: Path) -> dict[str, str]:
    """Return variables with which `python -m cli` runs a checkout, and keeps its compiled modules."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "PYTHONPATH": str(checkout)}
