"""What a run cost: seconds, memory, and the traffic of each side.

Peak memory is the process's own, as the system counts it. Linux shows it in /proc; `getrusage` there may
report the parent's memory before our program began, if that was more. If the system doesn't report it, it
is left out rather than guessed.
"""

from __future__ import annotations

import gc
import re
import sys
import time
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from transport.base import TransferStats

__all__ = ["Measurement", "SideStats", "Stats", "Stopwatch", "peak_of_process", "peak_rss_bytes"]


class Stopwatch:
    """Seconds since its creation, by a clock that never goes back."""

    def __init__(self) -> None:
        self._start = time.perf_counter()

    @property
    def seconds(self) -> float:
        """The time that has passed."""
        return time.perf_counter() - self._start


def peak_rss_bytes() -> int | None:
    """Return the peak memory of this process, or None if the system doesn't report it."""
    if sys.platform == "win32":
        return None
    if sys.platform == "linux" and (peak := peak_of_process("self")):
        return peak
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def peak_of_process(name: str) -> int | None:
    """Return the same for any running process, by its number; None without a /proc that shows it."""
    from pathlib import Path

    try:
        status = Path(f"/proc/{name}/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    found = re.search(r"^VmHWM:\s*([0-9]+) kB", status, re.MULTILINE)
    return int(found[1]) * 1024 if found else None


def _collections() -> int:
    """Return how often garbage was collected; 0 on PyPy, which does not count."""
    stats: object = gc.get_stats()
    return sum(generation["collections"] for generation in stats) if isinstance(stats, list) else 0


class Measurement(NamedTuple):
    """Time and memory of one run."""

    enabled: bool = False
    elapsed_seconds: float = 0.0
    peak_rss_bytes: int | None = None
    gc_count: int = 0

    @classmethod
    def take(cls, watch: Stopwatch) -> Measurement:
        """Measure now."""
        return cls(True, watch.seconds, peak_rss_bytes(), _collections())

    def to_json(self) -> dict[str, Any]:
        """Return the `measurement` object of `--json`."""
        return {
            "enabled": self.enabled,
            "elapsedMillis": round(self.elapsed_seconds * 1000),
            "peakRssBytes": self.peak_rss_bytes,
            "gcCount": self.gc_count,
        }


class SideStats(NamedTuple):
    """The traffic with one side."""

    side: str
    """"source" or "target"."""
    service: str
    url: str
    """Without secrets."""
    requests: int
    bytes_sent: int
    bytes_received: int
    wants: int = 0
    haves: int = 0
    commands: int = 0

    @classmethod
    def of(cls, side: str, service: str, url: str, stats: TransferStats, **counts: int) -> SideStats:
        """Read a transport's counters; `counts` are wants, haves and commands."""
        return cls(side, service, url, stats.requests, stats.bytes_sent, stats.bytes_received, **counts)

    def without(self, *others: SideStats) -> SideStats:
        """Return what is left after subtracting others: a side has one counter for all its services."""
        return self._replace(
            requests=self.requests - sum(other.requests for other in others),
            bytes_sent=self.bytes_sent - sum(other.bytes_sent for other in others),
            bytes_received=self.bytes_received - sum(other.bytes_received for other in others),
        )


class Stats(NamedTuple):
    """The traffic of one run."""

    enabled: bool = False
    sides: tuple[SideStats, ...] = ()
    elapsed_seconds: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """Return the `stats` object of `--json`: an item for each service, a sum for each side.

        A side's `bytes` are those of its payload: received from the source, sent to the target.
        """
        return {
            "enabled": self.enabled,
            "items": {f"{side.side} {side.service}": _item(side) for side in self.sides},
            "sides": [
                {"label": label, "bytes": sum(map(_payload, sides)), "display": sides[0].url}
                for label in ("source", "target")
                if (sides := [side for side in self.sides if side.side == label])
            ],
            "elapsedNanos": round(self.elapsed_seconds * 1e9),
        }


def _payload(side: SideStats) -> int:
    return side.bytes_sent if side.side == "target" else side.bytes_received


def _item(side: SideStats) -> dict[str, Any]:
    return {
        "name": f"{side.side} {side.service}",
        "requests": side.requests,
        "requestBytes": side.bytes_sent,
        "responseBytes": side.bytes_received,
        "wants": side.wants,
        "haves": side.haves,
        "commands": side.commands,
    }
