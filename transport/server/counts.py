"""What a server has done since it began, counted from the events of its log, as text for Prometheus.

    # HELP packcore_serve_requests_total Requests that were answered, by service and status.
    # TYPE packcore_serve_requests_total counter
    packcore_serve_requests_total{service="upload-pack",status="200"} 12

Specified in Prometheus' "Exposition formats", version 0.0.4. No label names a client, a user or a repository:
their number would have no bound, and who may see the numbers need not know them.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from transport.server.pack_cache import PackCache

__all__ = ["ServerCounts"]

_HELP = {
    "requests_total": ("counter", "Requests that were answered, by service and status."),
    "request_seconds_total": ("counter", "How long these requests took, all together."),
    "received_bytes_total": ("counter", "Bytes of the bodies of requests."),
    "sent_bytes_total": ("counter", "Bytes of the bodies of answers."),
    "packs_total": ("counter", "Packs for fetches: made, or kept from an earlier request for the same."),
    "refused_connections_total": ("counter", "Connections told 503, by whose limit was reached."),
    "open_connections": ("gauge", "Connections that are open now."),
    "pack_cache_bytes": ("gauge", "Size of the packs that are kept now."),
    "start_time_seconds": ("gauge", "When the server began, in seconds since 1970."),
}
SERVICES = ("upload-pack", "receive-pack", "none")
"""What a request is counted for: "none" names no service, or none that there is."""
LIMITS = ("all", "client")
"""Whose limit a connection exceeded: that of all connections, or of one client's."""

_Counts = Counter[tuple[str, ...]]


@dataclass(slots=True)
class ServerCounts:
    """The counts of one server. Threads may share it."""

    began: float = field(default_factory=time.time)
    open_connections: int = 0
    _requests: _Counts = field(default_factory=Counter)
    _amounts: Counter[tuple[str, str]] = field(default_factory=Counter)
    _seconds: dict[str, float] = field(default_factory=dict)
    _refused: Counter[str] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def answered(self, service: str, status: int, *, received: int, sent: int, seconds: float) -> None:
        """Count a request. `status` is 0 where the client went before it was answered."""
        service = service.removeprefix("git-") or "none"
        with self._lock:
            self._requests[service, str(status)] += 1
            self._amounts["received", service] += received
            self._amounts["sent", service] += sent
            self._seconds[service] = self._seconds.get(service, 0.0) + seconds

    def refused(self, limit: str) -> None:
        """Count a connection that was told 503; `limit` is one of `LIMITS`."""
        with self._lock:
            self._refused[limit] += 1

    def text(self, packs: PackCache | None = None) -> str:
        """Return all counts, with those of the packs that are kept, if any are."""
        with self._lock:
            found = self._families()
        if packs is not None:
            found["packs_total"] = {f'{{origin="{name}"}}': count for name, count in packs.counts().items()}
            found["pack_cache_bytes"] = {"": packs.byte_count}
        return "".join(f"{line}\n" for name in _HELP if name in found for line in _lines(name, found[name]))

    def _families(self) -> dict[str, Mapping[str, float]]:
        """Return samples by the names of their families, then by their labels."""
        requests = {
            f'{{service="{service}",status="{status}"}}': count
            for (service, status), count in sorted(self._requests.items())
        }
        families: dict[str, Mapping[str, float]] = {"requests_total": requests} if requests else {}
        families |= {
            "request_seconds_total": {_of(name): round(self._seconds.get(name, 0.0), 6) for name in SERVICES},
            "received_bytes_total": {_of(name): self._amounts["received", name] for name in SERVICES},
            "sent_bytes_total": {_of(name): self._amounts["sent", name] for name in SERVICES},
            "refused_connections_total": {f'{{limit="{name}"}}': self._refused[name] for name in LIMITS},
            "open_connections": {"": self.open_connections},
            "start_time_seconds": {"": round(self.began, 3)},
        }
        return families


def _of(service: str) -> str:
    return f'{{service="{service}"}}'


def _lines(name: str, samples: Mapping[str, float]) -> Iterator[str]:
    kind, words = _HELP[name]
    name = f"packcore_serve_{name}"
    yield f"# HELP {name} {words}"
    yield f"# TYPE {name} {kind}"
    for labels, value in samples.items():
        yield f"{name}{labels} {value}"
