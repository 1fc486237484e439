r"""The standard streams, and the last door: all text that leaves the program goes through `Output`.

    text in                        what leaves
    a secret, in whatever form     ***                   the registry is asked at every write: it grows
    ESC [ 2 J, bidi marks          ^[[2J, \u202e         one can repaint a terminal, the others mislead
    colours of our own drawings    as they are           `styled` only
    JSON                           the same values, with secrets masked in its strings

No other file of this program names `sys.stdout`, `sys.stderr`, print or click.echo (a test holds it). Bytes
that were asked for by name, a pack or an object, pass untouched: `binary_output`.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
import threading
import warnings
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from transport.secrets import Secrets

__all__ = [
    "OUTPUT_KEY",
    "Output",
    "answer_bytes",
    "binary_input",
    "binary_output",
    "is_terminal",
    "pipe_blocks",
    "raw_output",
    "read_answer",
    "read_json",
]

OUTPUT_KEY = "cli.output"
"""Where a click context keeps the `Output` of its run."""


_GATHERED_BYTES = 64 * 1024
"""What is read or written at once. Not the engine's own constant: a help page loads no engine."""

_COLOURS = r"(\x1b\[[0-9;]*m)"


class Output:
    """The two streams of one run, and the secrets that it knows."""

    def __init__(self, secrets: Callable[[], Secrets] | None = None) -> None:
        """`secrets` is called when the first text leaves: a help page needs none of it."""
        self._make_secrets = secrets
        self.owes_json = False
        """Whether the one object of --json is still to be printed."""
        self._secrets: Secrets | None = None
        self.lock = threading.RLock()

    @property
    def secrets(self) -> Secrets:
        """What is masked; whatever finds a credential adds it here."""
        with self.lock:
            if self._secrets is None:
                from transport.secrets import Secrets

                self._secrets = (self._make_secrets or Secrets)()
            return self._secrets

    @classmethod
    def of_run(cls) -> Output:
        """Return that of the running command; outside of one, a new one."""
        import click  # here and below: what git starts as its helper has no use for it

        context = click.get_current_context(silent=True)
        found = None if context is None else context.meta.get(OUTPUT_KEY)
        return found if isinstance(found, Output) else cls()

    # -- making text fit to leave -----------------------------------------------------------------

    def clean(self, text: str) -> str:
        """Return text without secrets and without control characters; lines and tabs stay."""
        from transport.safe_text import visible

        return visible(self.secrets.mask(text))

    def styled(self, text: str) -> str:
        """Return text as `clean` does, but keep the colours: for what our own renderers drew."""
        from transport.safe_text import visible

        text = self.secrets.mask(text)
        return "".join(
            part if index % 2 else visible(part) for index, part in enumerate(re.split(_COLOURS, text))
        )

    def json(self, value: object, *, indent: int | None = None) -> str:
        """Return a value as JSON in ASCII, with secrets masked in its texts."""
        import json

        # The one control character that JSON in ASCII leaves as it is.
        return json.dumps(self.secrets.masked(value), indent=indent).replace("\x7f", "\\u007f")

    def json_bytes(self, value: object) -> bytes:
        """Return the content of a JSON file."""
        return self.json(value, indent=2).encode() + b"\n"

    # -- writing ----------------------------------------------------------------------------------

    def out(self, text: str, *, end: str = "\n", flush: bool = False) -> None:
        """Write text on stdout."""
        self._put(sys.stdout, self.clean(text) + end, flush=flush)

    def out_lines(self, lines: Iterable[str]) -> None:
        """Write lines on stdout, many of them at a time: a write for each takes longer than all else."""
        waiting: list[str] = []
        size = 0
        for line in lines:
            waiting.append(line)
            size += len(line) + 1
            if size >= _GATHERED_BYTES:
                self.out("\n".join(waiting))
                waiting.clear()
                size = 0
        if waiting:
            self.out("\n".join(waiting))

    def err(self, text: str, *, end: str = "\n") -> None:
        """Write text on stderr, at once, and before it what stdout holds: both may go to one place."""
        with self.lock, contextlib.suppress(OSError, ValueError, RuntimeError):
            sys.stdout.flush()  # the one at the end reports what fails here
        self._put(sys.stderr, self.clean(text) + end, flush=True)

    def out_json(self, value: object, *, indent: int | None = None, end: str = "\n") -> None:
        """Write a value on stdout as JSON."""
        self.owes_json = False
        self._put(sys.stdout, self.json(value, indent=indent) + end, flush=False)

    def drawn(self, lines: Iterable[str], *, pager: bool = False) -> None:
        """Write lines with colours on stdout, or page them; off a terminal the colours are dropped."""
        import click

        cleaned = (f"{self.styled(line)}\n" for line in lines)
        if pager:
            click.echo_via_pager(cleaned)
            return
        for line in cleaned:
            click.echo(line, nl=False)

    def exact(self, lines: Iterable[bytes]) -> None:
        """Write lines on stdout byte for byte, but for secrets; on a terminal unsafe characters are shown.

        Lines come without their line feed. They are gathered: a million of them is no million writes.
        """
        from transport.safe_text import visible

        terminal = sys.stdout.isatty()
        output = raw_output()
        for block in _gathered(lines):
            text = self.secrets.mask(block.decode("utf-8", "surrogateescape"))
            output.write((visible(text) if terminal else text).encode("utf-8", "surrogateescape"))
        output.flush()

    def terminal(self) -> IO[str]:
        """Return stderr for a display that draws there; the caller cleans what it draws."""
        return sys.stderr

    def _put(self, stream: IO[str], text: str, *, flush: bool) -> None:
        encoding = getattr(stream, "encoding", None) or "utf-8"
        with self.lock:
            stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
            if flush:
                stream.flush()

    # -- the end, and what comes from outside of a command ----------------------------------------

    @staticmethod
    def flush() -> None:
        """Flush stdout. Raises OSError for a full disk or a closed pipe."""
        sys.stdout.flush()

    @staticmethod
    def discard() -> None:
        """Point stdout at nothing, or the interpreter complains about the closed pipe while it exits."""
        with contextlib.suppress(OSError, ValueError):
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, sys.stdout.fileno())
            os.close(null)

    @contextlib.contextmanager
    def catching_strays(self) -> Iterator[None]:
        """Let warnings, and errors in threads and finalizers, leave through here too."""
        before = threading.excepthook, sys.unraisablehook, warnings.showwarning
        threading.excepthook = lambda lost: self._stray(lost.exc_value)
        sys.unraisablehook = lambda lost: self._stray(lost.exc_value)
        warnings.showwarning = lambda message, category, *_, **__: self._tell(
            f"packcore: warning: {category.__name__}: {message}"
        )
        try:
            yield
        finally:
            threading.excepthook, sys.unraisablehook, warnings.showwarning = before

    def _stray(self, error: BaseException | None) -> None:
        if error is not None and not isinstance(error, SystemExit):
            from traceback import format_exception

            self._tell("".join(format_exception(error)).rstrip())

    def _tell(self, text: str) -> None:
        # A terminal that went away must not turn a failure that is told into one that isn't.
        with contextlib.suppress(OSError, ValueError):
            self.err(text)

    tell_failure = _tell


def _gathered(lines: Iterable[bytes]) -> Iterator[bytes]:

    waiting = bytearray()
    for line in lines:
        waiting += line
        waiting += b"\n"
        if len(waiting) >= _GATHERED_BYTES:
            yield bytes(waiting)
            waiting.clear()
    if waiting:
        yield bytes(waiting)


def is_terminal(*, both_ends: bool = False) -> bool:
    """Whether stdout is a terminal; with `both_ends`, stdin too."""
    return sys.stdout.isatty() and (not both_ends or sys.stdin.isatty())


def binary_output() -> IO[bytes]:
    """Return stdout for bytes. Raises UsageError where that is a terminal."""
    if sys.stdout.isatty():
        import click

        raise click.UsageError("will not write binary data to a terminal; redirect it or use -o FILE")
    return raw_output()


def raw_output() -> IO[bytes]:
    """Return stdout for bytes, a terminal or not: for the content of an object that was asked for."""
    sys.stdout.flush()
    return sys.stdout.buffer


def binary_input() -> IO[bytes]:
    """Return stdin for bytes."""
    return sys.stdin.buffer


def pipe_blocks(stream: IO[bytes]) -> Iterator[bytes]:
    """Yield a stream's bytes as they come, in blocks of at most 64 KiB."""
    read = getattr(stream, "read1", stream.read)
    while block := read(_GATHERED_BYTES):
        yield block


def read_answer(output: Output) -> str | None:
    """Read a line that a user types; one that is piped in is shown, as a terminal would. None at the end."""
    line = sys.stdin.readline()
    if line and not sys.stdin.isatty():
        output.out(line.rstrip("\n"))
    return line or None


def read_json() -> Any:
    """Read one JSON value from stdin."""
    import json

    return json.load(sys.stdin)


def answer_bytes(data: bytes) -> None:
    """Write bytes on stdout at once, for a program that waits for them."""
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()
