"""From an exception to what a user sees: at most two lines on stderr, and an exit code.

    0    done
    1    the operation failed, or some ref was blocked or refused
    2    wrong usage
    3    bad data: a corrupt pack, an object that does not parse
    4    a remote or the network failed
    5    authentication failed
    130  interrupted

Each error class of packcore carries its own code. Secrets are cut out of every line here once more, and
out of tracebacks, whatever the layers below did: a token that came in by an option or the environment, and
user and password inside any URL.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
from typing import TYPE_CHECKING, NamedTuple

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

__all__ = ["FAILED", "INTERRUPTED", "OK", "USAGE", "Exit", "guard", "redact", "secrets_of"]

OK = 0
FAILED = 1
USAGE = 2
INTERRUPTED = 130

Exit = click.exceptions.Exit
"""Raise `Exit(code)` to end a command with a code and no message."""

_SECRET_OPTION = re.compile(r"--(?:source|target)-(?:bearer-)?token\Z|--(?:source|target)-header\Z")
_SECRET_VARIABLE = re.compile(r"(?:PACKCORE|GITSYNC)_(?:SOURCE|TARGET)_(?:(?:BEARER_)?TOKEN|HEADER)\Z")
_URL_USER = re.compile(r"(\b[a-zA-Z][a-zA-Z0-9+.-]*://)[^/?#\s'\"]*@")
_MASK = "***"
_HEADER_SECRET_CHARACTERS_MIN = 4


def secrets_of(arguments: Sequence[str], environment: Mapping[str, str]) -> tuple[str, ...]:
    """Collect the secret words of a run, longest first.

    They are the values of token and header options and variables, and passwords within URLs.
    """
    found: set[str] = set()
    for index, word in enumerate(arguments):
        name, equals, value = word.partition("=")
        if _SECRET_OPTION.match(name):
            found.update(_secret_parts(name, value if equals else "".join(arguments[index + 1 : index + 2])))
        for url in _URL_USER.finditer(word):
            found.update(url[0].removeprefix(url[1]).removesuffix("@").partition(":")[2:])
    for name, value in environment.items():
        if _SECRET_VARIABLE.match(name):
            found.update(part for line in value.splitlines() for part in _secret_parts(name, line))
    return tuple(sorted((value for value in found if value.strip()), key=lambda value: (-len(value), value)))


def _secret_parts(name: str, value: str) -> Iterator[str]:
    """Yield a token itself; of a header its value, and what stands behind `Bearer` or `Basic` in it."""
    if not name.lower().endswith("header"):
        yield value
        return
    value = value.partition(":")[2].strip()
    for part in (value, value.rpartition(" ")[2]):
        # A value such as `1` is no secret, and masking it would eat every number.
        if len(part) >= _HEADER_SECRET_CHARACTERS_MIN:
            yield part


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """Return the text without the given secrets and without user and password in URLs.

    >>> redact("cannot reach https://me:pw@host/x.git")
    'cannot reach https://***@host/x.git'
    """
    for secret in secrets:
        text = text.replace(secret, _MASK)
    return _URL_USER.sub(rf"\1{_MASK}@", text)


class _Failure(NamedTuple):
    """What is told of an error."""

    message: str
    hint: str | None
    code: int


def guard(run: Callable[[], int | None], *, secrets: Sequence[str] = (), debug: Callable[[], bool]) -> int:
    """Run, and return the exit code; whatever is raised has become one or two lines on stderr.

    `debug` is asked after a failure: true adds the traceback. Standard output is flushed here, so that a
    full disk or a closed pipe below it is told like any other failure.
    """
    try:
        code = run() or OK
        sys.stdout.flush()
    except click.exceptions.Exit as end:
        return _flush_after(end.exit_code)
    except BrokenPipeError:
        # Whoever read our output went away, as `head` does: no reason to say anything.
        _discard_output()
        return FAILED
    except (KeyboardInterrupt, click.Abort, Exception) as error:
        failure = _describe(error)
        if debug():
            from traceback import format_exception

            _write(redact("".join(format_exception(error)), secrets))
        _write(redact(f"packcore: error: {_one_line(failure.message)}\n", secrets))
        if failure.hint:
            _write(redact(f"hint: {_one_line(failure.hint)}\n", secrets))
        return _flush_after(failure.code)
    return code


def _describe(error: BaseException) -> _Failure:
    """Return what is told of an error, from the most specific kind to the least."""
    from packcore.errors import PackcoreError

    if isinstance(error, KeyboardInterrupt | click.Abort):
        return _Failure("interrupted", None, INTERRUPTED)
    if isinstance(error, click.UsageError):
        hint = f"see `{error.ctx.command_path} --help`" if error.ctx is not None else None
        return _Failure(error.format_message(), hint, USAGE)
    if isinstance(error, click.ClickException):
        return _Failure(error.format_message(), None, FAILED)
    if isinstance(error, PackcoreError):
        return _Failure(str(error) or type(error).__name__, error.hint, error.exit_code)
    if isinstance(error, OSError) and error.strerror:
        where = f"{os.fsdecode(error.filename)}: " if isinstance(error.filename, str | bytes) else ""
        return _Failure(where + error.strerror, None, FAILED)
    if isinstance(error, MemoryError):
        return _Failure("out of memory", "try a smaller --window-memory", FAILED)
    summary = f"internal error: {type(error).__name__}: {error}"
    return _Failure(summary, "run again with --debug and report the traceback", FAILED)


def _one_line(text: str) -> str:
    """Fold to one line of printable characters: an error may quote what a remote sent."""
    folded = " ".join(text.split())
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in folded)


def _write(text: str) -> None:
    # A terminal that went away must not turn a failure that is told into one that isn't.
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.write(text)
        sys.stderr.flush()


def _flush_after(code: int) -> int:
    """Flush what was printed before the end; a reader that went away is no second failure."""
    try:
        sys.stdout.flush()
    except OSError:
        _discard_output()
    return code


def _discard_output() -> None:
    """Point stdout at nothing, or the interpreter complains about the closed pipe while it exits."""
    with contextlib.suppress(OSError, ValueError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())
        os.close(null)
