"""Events of a service in git's own form, where GIT_TRACE2_EVENT asks for them: one JSON object a line.

    {"event":"version","sid":…,"thread":"main","time":…,"evt":"3","exe":"packcore/…"}
    {"event":"start",…,"t_abs":0.0,"argv":[…]}
    {"event":"cmd_name",…,"name":"upload-pack"}
    {"event":"data",…,"category":"transfer","key":"client-sid","value":…}
    {"event":"exit",…,"code":0}   {"event":"atexit",…,"code":0}

    1, true, 2 … 9    an open file by its number; 1 means standard error
    /a/file           appended to
    /a/folder         a file in it, named by the session

Specified in git's api-trace2. Left out: sockets, the other events, and GIT_TRACE2_EVENT_BRIEF.
"""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from transport.agent import agent
from transport.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Trace2Events"]

_OFF = {"", "0", "false"}
_STDERR = 2


class Trace2Events:
    """The events of one process."""

    def __init__(self, target: str, session_id: str) -> None:
        """`target` is GIT_TRACE2_EVENT's value. Raises InvalidRequest if nothing can be written there."""
        self._session_id = session_id
        self._began = time.monotonic()
        self._file = _opened(target, session_id)

    def begin(self, command: str, arguments: Sequence[str]) -> None:
        """Say what was started."""
        self._write("version", evt="3", exe=agent())
        self._write("start", t_abs=self._seconds(), argv=list(arguments))
        self._write("cmd_name", name=command, hierarchy=command)

    def data(self, key: str, value: str) -> None:
        """Say what became known of the conversation."""
        self._write("data", t_abs=self._seconds(), nesting=1, category="transfer", key=key, value=value)

    def end(self, code: int) -> None:
        """Say with which exit code it ended."""
        for event in ("exit", "atexit"):
            self._write(event, t_abs=self._seconds(), code=code)
        if self._file is not None:
            self._file.close()

    def _seconds(self) -> float:
        return round(time.monotonic() - self._began, 6)

    def _write(self, event: str, **more: Any) -> None:
        if self._file is None:
            return
        moment = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"
        known = {"event": event, "sid": self._session_id, "thread": "main", "time": moment}
        line = json.dumps({**known, **more}, separators=(",", ":")).encode("ascii") + b"\n"
        try:
            self._file.write(line)  # at once: other processes append to the same file
        except OSError:
            self._file = None  # as git does: a trace must not end what is traced


def _opened(target: str, session_id: str) -> FileIO | None:
    if target.lower() in _OFF:
        return None
    place: str | int = target
    if target.lower() in ("1", "true"):
        place = _STDERR
    elif len(target) == 1 and target.isdecimal():
        place = int(target)
    elif not Path(target).is_absolute():
        raise InvalidRequest(f"GIT_TRACE2_EVENT must be a number or an absolute path, not {target!r}")
    elif Path(target).is_dir():
        place = str(Path(target) / session_id.replace("/", "_"))
    try:
        return FileIO(place, "a", closefd=isinstance(place, str))
    except OSError as error:
        raise InvalidRequest(f"GIT_TRACE2_EVENT: can't write to {target}: {error.strerror}") from None
