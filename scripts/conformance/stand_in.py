"""Runs in place of one of git's programs: packcore's command of that name, its server or its remote helper.

    stand_in.py REAL_GIT LOG OUTPUT -- [global options] COMMAND arguments…

Appends a line to LOG for each call. It holds the current size of OUTPUT, which the script writes: this tells
which test made the call. Options that packcore doesn't offer end the call with 129, as in git. Exit codes and
the first words of an error (`fatal:`) become git's, and hints are left out; what the error says stays
packcore's.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

# A script's own folder comes first otherwise, and its modules would hide those of the library.
sys.path[0] = str(Path(__file__).resolve().parents[2])

import click  # noqa: E402

from scripts.conformance.arguments import Globals, known_options, settings_given, split_globals, translate  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable

_USAGE, _FATAL = 129, 128
_ENDS_AS = {2: _USAGE, 3: _FATAL, 4: _FATAL, 5: _FATAL}
"""git's exit codes for packcore's; the others are the same."""
_OWN_EXIT_CODES = {"fsck"}
_FIRST_WORDS = {
    "packcore: error: option '": "error: option '",  # which git's parser of options says, not the command
    "packcore: error: could not get object info": "fatal: git cat-file: could not get object info",
    "packcore: error: ": "fatal: ",
    "packcore: warning: ": "warning: ",
}
_REFUSED_BY_COMMAND = "--allow-unknown-type: use with"
"""A wrong use that git's command finds, not its parser of options: it ends as every other failure."""


def main() -> int:
    """Serve one call; return the exit code."""
    real, log, output, _, *words = sys.argv[1:]
    at = Path(output).stat().st_size
    given, (command, *rest) = split_globals(words)
    entry: dict[str, Any] = {"at": at, "arguments": [command, *rest]}
    try:
        entry["exit_code"] = _run(real, command, rest, given, entry)
    except SystemExit as end:
        entry["exit_code"] = end.code if isinstance(end.code, int) else 1
    except BaseException as problem:
        # Where a web server runs this, nobody sees the traceback.
        entry["raised"] = repr(problem)
        raise
    finally:
        # One write of less than a page, to a file opened for appending: calls at once don't mix.
        with Path(log).open("a") as file:
            file.write(json.dumps(entry) + "\n")
    return int(entry["exit_code"])


def _run(real: str, command: str, words: list[str], given: Globals, entry: dict[str, Any]) -> int:
    if command in _SERVICES:
        return _SERVICES[command](real, words)
    from cli.app import app

    os.chdir(given.folder)
    os.environ.update(settings_given(given.others, os.environ))
    if given.namespace is not None:
        os.environ["GIT_NAMESPACE"] = given.namespace
    offered = app.get_command(click.Context(app), command)
    if offered is None:
        entry["not_offered"] = [command]
        print(f"git: '{command}' is not a git command.", file=sys.stderr)
        return 1
    translated = translate(command, words, known_options(offered), _repository(real, given))
    entry["not_offered"] = translated.not_offered
    if translated.not_offered:
        print(f"error: unknown option `{translated.not_offered[0].lstrip('-')}'", file=sys.stderr)
        return _USAGE
    os.environ["GIT_ADVICE"] = "0"  # git's own messages have no hints where packcore's have
    sys.stderr = said = _InGitsWords(sys.stderr)
    code = app.main(translated.arguments, standalone_mode=False)
    if said.is_refused_by_command:
        return _FATAL
    return code if command in _OWN_EXIT_CODES else _ENDS_AS.get(code, code)


class _InGitsWords:
    """Standard error; what begins a message becomes what git begins it with."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.is_refused_by_command = False

    def write(self, text: str) -> int:
        for ours, gits in _FIRST_WORDS.items():
            text = text.replace(ours, gits)
        self.is_refused_by_command |= _REFUSED_BY_COMMAND in text
        return self._stream.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _repository(real: str, given: Globals) -> str | None:
    """Return the git directory that git would use in this folder; None if it finds none."""
    asked = [real, *given.others, "rev-parse", "--absolute-git-dir"]
    done = subprocess.run(asked, capture_output=True, text=True, check=False)
    return done.stdout.removesuffix("\n") if done.returncode == 0 else None


def _remote_http(_: str, words: list[str]) -> int:
    """Serve git as the remote helper for http and https."""
    from cli.remote_helper import main as serve

    sys.argv[1:] = words
    return serve()


_SERVICES: dict[str, Callable[[str, list[str]], int]] = {
    "remote-http": _remote_http,
    "remote-https": _remote_http,
}

if __name__ == "__main__":
    sys.exit(main())
