"""What a persistent connection runs over: a TCP socket, or the standard input and output of a program.

    SocketLink     git://: the connected socket
    ProgramLink    ssh, git-remote-…: one end of a socket pair; the program has the other as stdin and stdout

Both provide a `Stream`: non-blocking, watched in both directions by one thread, with an idle timeout. A
separate thread reads the stderr of a program, so that it never waits for us; its last lines are kept for
error messages. Programs run in a session of their own: they find no terminal for prompts, and we pass Ctrl-C
on ourselves. A socket pair as stdin needs a POSIX system; on Windows such endpoints are refused.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import threading
from typing import TYPE_CHECKING, Protocol

from transport.errors import NetworkError, TransportError
from transport.safe_text import one_line, sanitise
from transport.schemes.http.stream import Stream

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from transport.schemes.patience import Patience

__all__ = ["Link", "ProgramLink", "SocketLink"]

_STDERR_BYTES_MAX = 16 * 1024
_EXIT_SECONDS = 5.0
_POLITE_SECONDS = 2.0


class Link(Protocol):
    """An open connection to one service."""

    stream: Stream

    def fault(self) -> TransportError | None:
        """Return why the peer ended the connection, if that is known and not a normal end."""

    def close(self, *, politely: bool) -> None:
        """Close it; if `politely`, wait briefly for the peer to end first. Idempotent."""


class SocketLink:
    """A connected socket."""

    def __init__(self, stream: Stream, url: str) -> None:
        self.stream = stream
        self._url = url

    def fault(self) -> TransportError | None:
        """Return an error if not a single byte arrived; for any other end, the reason is unknown."""
        if self.stream.bytes_received:
            return None
        return NetworkError(
            f"{self._url} closed the connection without an answer",
            hint="does the daemon export this repository, and offer this service?",
        )

    def close(self, *, politely: bool) -> None:  # noqa: ARG002 - there is nothing to wait for
        """Close the socket."""
        self.stream.close()


class ProgramLink:
    """A running program, connected through its stdin and stdout."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        environment: Mapping[str, str],
        name: str,
        idle_timeout: float,
        patience: Patience,
        on_line: Callable[[str], None],
        explain: Callable[[int, str], TransportError | None],
        has_terminal: bool = False,
    ) -> None:
        """Start it, with our terminal or without.

        `explain` makes an error of exit code and last words; `on_line` hears lines of stderr. Raises
        NetworkError if it can't be started.
        """
        if os.name == "nt":
            raise NetworkError(f"{name} can't be used here: it needs a POSIX system")
        self._explain = explain
        self._on_line = on_line
        self._said = b""
        ours, theirs = socket.socketpair()
        self._errors, their_errors = socket.socketpair()
        try:
            self._process = subprocess.Popen(
                list(command),
                stdin=theirs.fileno(),
                stdout=theirs.fileno(),
                stderr=their_errors.fileno(),
                env=dict(environment),
                start_new_session=not has_terminal,
            )
        except OSError as error:
            ours.close()
            self._errors.close()
            raise NetworkError(
                f"can't run {one_line(command[0], limit=80)}: {error.strerror}", hint="is it installed?"
            ) from None
        finally:
            theirs.close()
            their_errors.close()
        self.stream = Stream(ours, host=name, idle_timeout=idle_timeout, patience=patience)
        self._listener = threading.Thread(target=self._listen, name=f"stderr of {name}", daemon=True)
        self._listener.start()

    def fault(self) -> TransportError | None:
        """Wait for the program to end, and return the result of `explain`."""
        try:
            code = self._process.wait(_EXIT_SECONDS)
        except subprocess.TimeoutExpired:
            return None
        self._listener.join(_POLITE_SECONDS)
        return self._explain(code, one_line(self._said))

    def close(self, *, politely: bool) -> None:
        """End the program: by closing its stdin if `politely`, otherwise by a signal."""
        self.stream.close()
        patience = _POLITE_SECONDS if politely else 0.0
        for end in (None, self._process.terminate, self._process.kill):
            if end is not None:
                end()
            try:
                self._process.wait(patience)
                break
            except subprocess.TimeoutExpired:
                patience = _POLITE_SECONDS
        # A connection that ssh shares between calls keeps stderr open after the end.
        with contextlib.suppress(OSError):
            self._errors.shutdown(socket.SHUT_RDWR)
        self._listener.join(_POLITE_SECONDS)
        self._errors.close()

    def _listen(self) -> None:
        line = b""
        while True:
            try:
                data = self._errors.recv(4096)
            except OSError:
                data = b""
            self._said = (self._said + data)[-_STDERR_BYTES_MAX:]
            *lines, line = (line + data).split(b"\n") if data else (line, b"")
            for whole in filter(None, lines):
                self._on_line(sanitise(whole.rstrip(b"\r")))
            if not data:
                return
            line = line[-_STDERR_BYTES_MAX:]
