"""A user's desk: a work tree, a git that finds `git-remote-packcore` on its PATH, and what both say.

    desk.git("push", url)            as git alone does it
    desk.git("push", desk.ours(url)) the same with the prefix

Everything runs in `git_environment`, so that no configuration of the machine's user counts.
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.support import ROOT, find_program, git, git_environment

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

__all__ = ["Desk", "Said"]


@dataclass(frozen=True, slots=True)
class Said:
    """What a git left: exit code and words."""

    code: int
    stdout: str
    stderr: str

    def __str__(self) -> str:
        return f"exit {self.code}\n--- stdout\n{self.stdout}\n--- stderr\n{self.stderr}"

    def table(self) -> list[str]:
        """Return the rows of a push's table, blanks folded: flag, summary, names, reason."""
        flags = (" * ", "   ", " + ", " - ", " ! ", " = ")
        lines = self.stderr.splitlines()
        return [" ".join(line.split()) for line in lines if (line.startswith(flags) and " -> " in line) or
                line.startswith(" - ")]  # fmt: skip


@dataclass(slots=True)
class Desk:
    """A folder with a repository in it, and the programs beside it."""

    folder: Path
    work: Path = field(init=False)
    environment: dict[str, str] = field(default_factory=dict)
    import_path: list[Path] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.work = self.folder / "work"
        programs = self.folder / "bin"
        programs.mkdir(parents=True)
        helper = programs / "git-remote-packcore"
        call = "import sys; from packcore._entry import remote_helper; sys.exit(remote_helper())"
        helper.write_text(f'#!/bin/sh\nexec {sys.executable} -P -W error -c "{call}" "$@"\n')
        helper.chmod(0o755)
        self.environment["PATH"] = os.pathsep.join((str(programs), os.environ["PATH"]))

    @staticmethod
    def ours(url: str | Path) -> str:
        """Return the URL with the prefix."""
        return f"packcore::{url}"

    def begin(self, *words: str) -> None:
        """Make the repository, empty, with a work tree."""
        git("init", "-q", "-b", "main", *words, self.work)

    def commit(self, **files: str) -> str:
        """Commit files on the branch that is checked out; return the commit's id."""
        for name, text in files.items():
            (self.work / name).write_text(text)
        git("add", "--all", cwd=self.work)
        git("commit", "-q", "--allow-empty", "-m", "files: " + " ".join(files), cwd=self.work)
        return git("rev-parse", "HEAD", cwd=self.work)

    def git(self, *words: str | Path, cwd: Path | None = None, stdin: bytes = b"") -> Said:
        """Run git in the repository; `seconds` end it, whatever it waits for."""
        paths = os.pathsep.join(str(path) for path in (*self.import_path, ROOT))
        done = subprocess.run(
            ["git", *map(str, words)],
            cwd=cwd or self.work,
            input=stdin,
            capture_output=True,
            env=git_environment({"PYTHONPATH": paths, **self.environment}),
            check=False,
            timeout=200,
        )
        return Said(done.returncode, _text(done.stdout), _text(done.stderr))

    def must(self, *words: str | Path, cwd: Path | None = None) -> Said:
        """Run git and expect that it succeeds."""
        said = self.git(*words, cwd=cwd)
        assert said.code == 0, said
        assert "Traceback" not in said.stderr, said
        return said

    def fails(self, *words: str | Path, cwd: Path | None = None) -> Said:
        """Run git and expect that it fails, without a traceback."""
        said = self.git(*words, cwd=cwd)
        assert said.code != 0, said
        assert "Traceback" not in said.stderr, said
        return said

    def slow_packing(self, seconds: float) -> None:
        """Let git's own pack-objects think for so long before its first byte."""
        real = git("--exec-path")
        programs = self.folder / "git-core"
        programs.mkdir()
        for name in os.listdir(real):
            (programs / name).symlink_to(os.path.join(real, name))
        wrapper = programs / "git"
        wrapper.unlink(missing_ok=True)
        slept = f'if [ "$1" = pack-objects ]; then sleep {seconds:g}; fi'
        wrapper.write_text(f'#!/bin/sh\n{slept}\nexec {find_program("git")} "$@"\n')
        wrapper.chmod(0o755)
        self.environment["GIT_EXEC_PATH"] = str(programs)

    def branches(self, names: Iterable[str]) -> None:
        """Make branches at HEAD."""
        lines = "".join(f"create refs/heads/{name} HEAD\n" for name in names)
        git("update-ref", "--stdin", cwd=self.work, stdin=lines.encode())


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")
