"""From an exception to what a user sees: at most two lines on stderr, and an exit code.

    0    done
    1    the operation failed, or some ref was blocked or refused
    2    wrong usage
    3    bad data: a corrupt pack, an object that does not parse
    4    a remote or the network failed
    5    authentication failed
    130  interrupted

Each error class of packcore carries its own code. GIT_ADVICE=0 leaves out hints, as in git. Lines and
tracebacks leave through `cli.streams.Output`, which masks secrets in them, whatever the layers below did.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from cli.command import MissingCommand
from cli.nearest import did_you_mean, nearest
from cli.streams import Output
from cli.values import is_true

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["FAILED", "INTERRUPTED", "OK", "USAGE", "Exit", "guard"]

OK = 0
FAILED = 1
USAGE = 2
INTERRUPTED = 130

Exit = click.exceptions.Exit
"""Raise `Exit(code)` to end a command with a code and no message."""


class _Failure(NamedTuple):
    """How an error is reported."""

    message: str
    hint: str | None
    code: int
    kind: str
    side: str | None = None

    def in_words(self, two_sided: bool) -> str:
        """Return the message; of a run between two remotes it begins with the one that it is about."""
        if not two_sided or self.side is None or self.side in self.message.lower():
            return self.message
        return f"{self.side}: {self.message}"

    def to_json(self) -> dict[str, Any]:
        """Return the object that `--json` prints where there is no result."""
        return {
            "error": {
                "kind": self.kind,
                "message": _one_line(self.message),
                "hint": self.hint and _one_line(self.hint),
                "side": self.side,
                "exitCode": self.code,
            }
        }


def guard(
    run: Callable[[], int | None],
    *,
    output: Output | None = None,
    debug: Callable[[], bool],
    two_sided: Callable[[], bool] = lambda: False,
) -> int:
    """Run, and return the exit code; whatever is raised has become one or two lines on stderr.

    `debug` is asked after a failure: true adds the traceback. So is `two_sided`: was there a target?
    Standard output is flushed here, so that a full disk or a closed pipe below it is told like any other
    failure.
    """
    output = output or Output()
    try:
        with output.catching_strays():
            code = run() or OK
        output.flush()
    except click.exceptions.Exit as end:
        return _flush_after(end.exit_code, output)
    except BrokenPipeError:
        # The reader of our output is gone, as with `head`: nothing to report.
        output.discard()
        return FAILED
    except MissingCommand as error:
        output.tell_failure(error.message)
        return _flush_after(USAGE, output)
    except (KeyboardInterrupt, click.Abort, Exception) as error:
        failure = _describe(error)
        if debug():
            from traceback import format_exception

            output.tell_failure("".join(format_exception(error)).rstrip("\n"))
        output.tell_failure(f"packcore: error: {_one_line(failure.in_words(two_sided()))}")
        if failure.hint and is_true(os.environ.get("GIT_ADVICE", "true")):
            output.tell_failure(f"hint: {_one_line(failure.hint)}")
        if output.owes_json:
            with contextlib.suppress(OSError):
                output.out_json(failure.to_json(), indent=2)
        return _flush_after(failure.code, output)
    return code


def _describe(error: BaseException) -> _Failure:
    """Return how an error is reported, from the most specific kind to the least."""
    from packcore.errors import PackcoreError
    from transport.spelling import spelled_hint, spelled_message

    if isinstance(error, KeyboardInterrupt | click.Abort):
        notes = [note for note in getattr(error, "__notes__", ()) if isinstance(note, str)]
        return _Failure(": ".join(["interrupted", *notes]), None, INTERRUPTED, "Interrupted")
    if isinstance(error, click.UsageError):
        hint = f"see `{error.ctx.command_path} --help`" if error.ctx is not None else None
        message = error.format_message()
        if isinstance(error, click.NoSuchOption):  # click itself would propose whatever is spelled alike
            close = did_you_mean(nearest(error.option_name, error.possibilities or ()))
            message = f"No such option: {error.option_name}{close}"
        return _Failure(message, hint, USAGE, "UsageError")
    if isinstance(error, click.ClickException):
        return _Failure(error.format_message(), None, FAILED, type(error).__name__)
    if isinstance(error, PackcoreError):
        kind = type(error).__name__
        message = spelled_message(error) or kind
        return _Failure(message, spelled_hint(error), error.exit_code, kind, error.side or None)
    if isinstance(error, OSError) and error.strerror:
        where = f"{os.fsdecode(error.filename)}: " if isinstance(error.filename, str | bytes) else ""
        return _Failure(where + error.strerror, None, FAILED, type(error).__name__)
    if isinstance(error, MemoryError):
        return _Failure("out of memory", "try a smaller --window-memory", FAILED, "MemoryError")
    summary = f"internal error: {type(error).__name__}: {error}"
    return _Failure(summary, "run again with --debug and report the traceback", FAILED, "InternalError")


def _one_line(text: str) -> str:
    """Fold to one line of printable characters: an error may quote what a remote sent."""
    folded = " ".join(text.split())
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in folded)


def _flush_after(code: int, output: Output) -> int:
    """Flush what was printed before the end; a reader that went away is no second failure."""
    try:
        output.flush()
    except OSError:
        output.discard()
    return code
