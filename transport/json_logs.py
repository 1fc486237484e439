r"""Logs for programs that collect them: one JSON object a line, and the phases of a run as records.

    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    transport.sync(source, target, progress=LoggedProgress())

    {"time": "2026-03-01T12:00:00.250Z", "level": "INFO", "logger": "transport", "message": "fetching: done",
     "phase": "fetching", "unit": "bytes", "done": 60211, "total": null, "seconds": 0.13, "complete": true}

Without `LoggedProgress` the library logs its messages alone (`packcore.logs`). The formatter takes records of
any logger; what ours have beside their message stands under `packcore` in the record.
"""

from __future__ import annotations

import json
import logging
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from packcore.logs import log

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packcore.progress import Phase, Unit

__all__ = ["JsonFormatter", "LoggedProgress"]


class JsonFormatter(logging.Formatter):
    """Formats a record as one line of JSON in ASCII, so that no message can end the line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, without its end."""
        moment = datetime.fromtimestamp(record.created, UTC)
        told: dict[str, Any] = {
            "time": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        more = getattr(record, "packcore", None)
        if isinstance(more, dict):
            told |= {name: value for name, value in more.items() if name not in told}
        if record.exc_info:
            told["exception"] = self.formatException(record.exc_info)
        return json.dumps(told, default=str)


class _Counted:
    """A phase that counts what is done."""

    def __init__(self, total: int | None) -> None:
        self.done = 0
        self.expected = total
        self.notes: dict[str, int] = {}

    def advance(self, count: int = 1) -> None:
        """Count units."""
        self.done += count

    def total(self, count: int) -> None:
        """Keep the number of all units."""
        self.expected = count

    def note(self, **counts: int) -> None:
        """Keep counts."""
        self.notes |= counts


class LoggedProgress:
    """A progress that logs each phase: at DEBUG its begin, at INFO its end, at WARNING that it broke off."""

    def __init__(self) -> None:
        self._logger = logging.getLogger("transport")
        if not self._logger.handlers:
            self._logger.addHandler(logging.NullHandler())

    @contextmanager
    def phase(self, name: str, *, unit: Unit, total: int | None = None) -> Iterator[Phase]:
        """Log a phase."""
        counted, began = _Counted(total), time.perf_counter()
        self._log(logging.DEBUG, f"{name}: begun", {"phase": name, "unit": unit, "total": total})
        is_complete = False
        try:
            yield counted
            is_complete = True
        finally:
            told = {
                "phase": name,
                "unit": unit,
                "done": counted.done,
                "total": counted.expected,
                **counted.notes,
                "seconds": round(time.perf_counter() - began, 6),
                "complete": is_complete,
            }
            if is_complete:
                self._log(logging.INFO, f"{name}: done", told)
            else:
                self._log(logging.WARNING, f"{name}: broken off", told)

    def message(self, origin: str, text: str) -> None:
        """Log a message, as the library does by itself."""
        log(origin, text)

    def _log(self, level: int, text: str, told: dict[str, Any]) -> None:
        self._logger.log(level, "%s", text, extra={"packcore": told})
