"""packcore in a child of this process, which has it loaded: a run takes 20 ms instead of 200.

    run = Preloaded().run(["sync", source, target], folder)     run.code, run.text

The child is a process all the same: it has an exit code, an environment, and files for what it prints.
This process must have no other threads when it forks.
"""

from __future__ import annotations

import importlib
import os
import pkgutil
import signal
import sys
import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cli
import packcore
import transport
from cli.app import app
from tests.support import git_environment

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["Preloaded", "Run"]

_SECONDS_MAX = 60
_CRASHED = 70


@dataclass(frozen=True, slots=True)
class Run:
    """How a run of packcore ended, and what it said on stdout and stderr, in this order."""

    code: int
    out: str
    err: str

    @property
    def crashed(self) -> bool:
        """Whether it ended otherwise than a command may."""
        words = self.out + self.err
        return self.code not in range(6) or "Traceback" in words or "internal error" in words


class Preloaded:
    """Every module of the program, loaded."""

    def __init__(self) -> None:
        for package in (packcore, transport, cli):
            for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
                if not module.name.endswith("__main__"):
                    importlib.import_module(module.name)

    def run(self, arguments: Sequence[str], folder: Path) -> Run:
        """Run it to its end in a folder, which is its TMPDIR too; a run that hangs is ended."""
        out, err = folder / "stdout.log", folder / "stderr.log"
        sys.stdout.flush()
        child = os.fork()
        if child == 0:
            _become(arguments, folder, out, err)
        _, status = os.waitpid(child, 0)
        code = os.waitstatus_to_exitcode(status)
        return Run(code, out.read_text(errors="replace"), err.read_text(errors="replace"))


def _become(arguments: Sequence[str], folder: Path, out: Path, err: Path) -> None:
    code = _CRASHED
    try:
        signal.alarm(_SECONDS_MAX)
        for number, path in ((0, os.devnull), (1, out), (2, err)):
            os.dup2(os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o666), number)
        os.environ.clear()
        os.environ.update(git_environment({"TMPDIR": str(folder)}))
        os.chdir(folder)
        code = app.main(list(arguments), standalone_mode=False)
        sys.stdout.flush()
        sys.stderr.flush()
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(code)
