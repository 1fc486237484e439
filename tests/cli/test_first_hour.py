"""A first hour in a terminal: tmux of 60 and 120 columns, without colours, in the C locale, and without any.

What stands on the screen is read back, as a user sees it: nothing is garbled, and nothing of what was drawn
meanwhile is left. docs/first-hour.md has the same hour as transcripts.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from tests.support import ROOT, git, git_environment, history, make_repository

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [
    pytest.mark.skipif(shutil.which("tmux") is None, reason="no tmux here"),
    pytest.mark.posix,
    pytest.mark.e2e,
]

_SECONDS_MAX = 60


class Terminal:
    """One tmux session of a size, in a folder, with the program as `packcore`."""

    def __init__(self, folder: Path, columns: int, **environment: str) -> None:
        self.columns = columns
        self._typed = 0
        self._socket = folder / "tmux"
        program = folder / "bin" / "packcore"
        program.parent.mkdir()
        program.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -m cli "$@"\n')
        program.chmod(0o755)
        path = f"{program.parent}:{os.environ['PATH']}"
        self._environment = git_environment({"PATH": path, "PS1": "$ ", "HOME": str(folder), **environment})
        shell = "env -u COLUMNS -u LINES sh"
        self._tmux("new-session", "-d", "-x", str(columns), "-y", "400", "-c", str(folder), shell)

    def type(self, line: str) -> str:
        """Type a line, wait for its end, and return what it left on the screen."""
        self._typed += 1
        mark = f"ended-{self._typed}:"
        self._tmux("send-keys", f"clear; {line}; echo {mark}$?", "Enter")
        ends = time.monotonic() + _SECONDS_MAX
        while time.monotonic() < ends:
            shown = self._tmux("capture-pane", "-p", "-J")
            if re.search(rf"^{mark}\d+$", shown, re.MULTILINE):
                return shown.partition(f"\n{mark}")[0] + "\n"
            time.sleep(0.05)
        raise AssertionError(f"{line} did not end: {self._tmux('capture-pane', '-p')}")

    def close(self) -> None:
        """End the session and its server."""
        self._tmux("kill-server")

    def _tmux(self, *words: str) -> str:
        done = subprocess.run(
            ["tmux", "-f", "/dev/null", "-S", str(self._socket), *words],
            env=self._environment,
            capture_output=True,
            timeout=30,
            check=False,
        )
        return done.stdout.decode()


@pytest.fixture(params=[(60, {}), (120, {}), (120, {"NO_COLOR": "1"}), (80, {"LC_ALL": "C"})], ids=str)
def terminal(request, tmp_path) -> Iterator[Terminal]:
    """A terminal beside a source with two branches and a tag."""
    source = make_repository(tmp_path / "source.git", history(commits=5, tag="v1"))
    git("branch", "release/1", "main", cwd=source)
    columns, environment = request.param
    opened = Terminal(tmp_path, columns, **environment)
    try:
        yield opened
    finally:
        opened.close()


def test_the_first_hour_reads_well(terminal):
    """One test for all lines, since each terminal costs a second."""
    usage = terminal.type("packcore")
    assert usage.startswith("Usage: packcore")
    assert sum(line.startswith("  sync ") for line in usage.splitlines()) == 1

    assert terminal.type("packcore -V").startswith("packcore ")

    page = terminal.type("packcore help sync")
    assert "Which refs" in page
    assert max(map(len, page.splitlines())) <= max(terminal.columns, 80) + 20, "examples stand as they are"

    assert "an empty repository was made" in terminal.type("packcore init t.git")
    planned = terminal.type("packcore sync --dry-run source.git t.git")
    assert re.search(r"^create +refs/heads/main", planned, re.MULTILINE)
    done = terminal.type("packcore sync --tags source.git t.git")
    assert re.search(r"^created +refs/tags/v1", done, re.MULTILINE)
    assert "ETA" not in done
    assert "unpacking" not in done, "live lines are gone at the end"
    assert terminal.type("packcore sync --tags source.git t.git").strip().endswith("3 refs up to date")

    told = terminal.type("packcore sync --dry-rn source.git t.git")
    assert told.splitlines()[0].startswith(
        "packcore: error: No such option: --dry-rn; did you mean --dry-run?"
    )
    assert "missing https://?" in terminal.type("packcore ls-refs github.com/foo/bar")
    assert "near: main" in terminal.type("packcore plan --branch mian source.git t.git")
    assert '"exitCode": 2' in terminal.type("packcore sync --json source.git")

    figures = terminal.type("packcore report source.git")
    assert "as a page: packcore report source.git -o pack.html" in figures
    assert "copied to c.git" in terminal.type("packcore clone source.git c.git")
    for shown in (usage, page, planned, done, told, figures):
        assert "\x1b" not in shown
        assert "\ufffd" not in shown
        assert "Traceback" not in shown


def test_without_a_terminal_nothing_is_drawn(tmp_path):
    source = make_repository(tmp_path / "source.git", history(commits=5))
    words = [sys.executable, "-m", "cli"]
    made = subprocess.run([*words, "init", tmp_path / "t.git"], cwd=ROOT, capture_output=True, check=True)
    done = subprocess.run(
        [*words, "sync", source, tmp_path / "t.git"],
        cwd=ROOT,
        env=git_environment({"TERM": "xterm", "LC_ALL": "C"}),
        capture_output=True,
        check=True,
    )
    assert b"\x1b" not in made.stdout + made.stderr + done.stdout + done.stderr
    assert done.stdout.isascii()


def test_the_line_that_is_proposed_next_works_when_typed(tmp_path):
    source = make_repository(tmp_path / "source.git", history(commits=2))
    environment = git_environment({"PYTHONPATH": str(ROOT)})

    def run(line: str) -> subprocess.CompletedProcess[str]:
        command = line.replace("packcore", f"{shlex.quote(sys.executable)} -m cli", 1)
        return subprocess.run(
            ["sh", "-c", command], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )

    proposed = run("packcore init t.git").stdout.splitlines()[-1].removeprefix("next: ")
    assert run(proposed.replace("SOURCE", str(source))).returncode == 0
