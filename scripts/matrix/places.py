"""Where a column runs: on this machine, or in a Debian release of its own.

Each place has a work folder with the copy of the checkout (`src`), the virtual environment (`venv`) and what
the tests leave behind. `work` is its path for this process, `inside` is its path for what runs there.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from scripts.matrix.debian import Debian, Unavailable, cache_folder, why_not
from scripts.matrix.files import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from scripts.matrix.columns import Column

__all__ = ["Chroot", "Place", "ThisMachine", "find_interpreter", "place_of"]

_DEBIAN_PYTHON = "/usr/bin/python3"
_PASSED_ON = ("PIP_", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")
# What would make a test on this machine see another Python, or another width of terminal, than in a chroot.
_TAKEN_OUT = ("PYTHON", "VIRTUAL_ENV", "COLUMNS", "LINES", "MAKE", "MFLAGS", "PYTEST_")


class Place(Protocol):
    """A machine for one column."""

    @property
    def work(self) -> Path:
        """Return the work folder, as this process sees it."""

    @property
    def inside(self) -> str:
        """Return the work folder, as what runs there sees it."""

    @property
    def python(self) -> str:
        """Return the interpreter to make the virtual environment with."""

    def command(self, argv: Sequence[str], folder: str, extra: Mapping[str, str]) -> list[str]:
        """Return the command that runs `argv` there, in a folder of that place."""

    def environment(self, extra: Mapping[str, str]) -> dict[str, str] | None:
        """Return the environment for `command`, or None if the command sets its own."""


@dataclass(frozen=True, slots=True)
class ThisMachine:
    """This machine as it is."""

    work: Path
    python: str

    @property
    def inside(self) -> str:
        """Return the same folder."""
        return str(self.work)

    def command(self, argv: Sequence[str], folder: str, _extra: Mapping[str, str]) -> list[str]:
        """Return the command, run in the folder."""
        return ["/usr/bin/env", f"--chdir={folder}", *argv]

    def environment(self, extra: Mapping[str, str]) -> dict[str, str]:
        """Return this process's environment without what names another Python."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(_TAKEN_OUT)}
        return {**kept, **extra}


@dataclass(frozen=True, slots=True)
class Chroot:
    """A Debian release below the cache folder."""

    debian: Debian
    python: str

    @property
    def work(self) -> Path:
        """Return its `/matrix`."""
        return self.debian.root / "matrix"

    @property
    def inside(self) -> str:
        """Return `/matrix`: short, since the paths of Unix sockets below it may have 107 bytes."""
        return "/matrix"

    def command(self, argv: Sequence[str], folder: str, extra: Mapping[str, str]) -> list[str]:
        """Return the command, run in the release with an environment that only differs where it must."""
        fixed = {
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": "/matrix/home",
            "TMPDIR": "/matrix/tmp",
            "LANG": "C.UTF-8",
            "DEBIAN_FRONTEND": "noninteractive",
            # Everything that the tests use is installed here, so a test that skips would hide something.
            "CI": "true",
        }
        passed_on = {name: value for name, value in os.environ.items() if name.startswith(_PASSED_ON)}
        return self.debian.command(argv, folder, {**fixed, **passed_on, **extra})

    def environment(self, _extra: Mapping[str, str]) -> None:
        """Return nothing: the command sets its own."""
        return


def place_of(column: Column, *, chroot_always: bool = False) -> Place:
    """Return where a column runs. Unavailable, with the reason, if it can't run on this machine."""
    here = ROOT / "build" / "matrix" / "here" / column.name
    if not column.debian:
        if (found := find_interpreter(column.python)) is None:
            raise Unavailable(f"there is no Python {column.python} on PATH, in pyenv or in uv")
        return ThisMachine(here, found)
    python = column.python or _DEBIAN_PYTHON
    own = not (column.packages or column.setup or chroot_always) and _codename() == column.debian
    if own and _makes_environments(python):
        return ThisMachine(here, python)
    if reason := why_not():
        raise Unavailable(reason)
    return Chroot(Debian(column.debian, cache_folder(os.environ)), python)


def find_interpreter(version: str) -> str | None:
    """Return the path of `pythonVERSION` on PATH, or as pyenv or uv installed it."""
    home = Path(os.environ.get("HOME", "/root"))
    kept = [
        *(home / ".pyenv/versions").glob(f"{version}.*/bin/python{version}"),
        *(home / ".local/share/uv/python").glob(f"cpython-{version}*/bin/python{version}"),
    ]
    # pyenv puts a script on PATH for every version, which fails for those that are not selected.
    on_path = shutil.which(f"python{version}")
    if on_path and "shims" not in Path(on_path).parts:
        return on_path
    return str(max(kept)) if kept else None


def _makes_environments(python: str) -> bool:
    """Tell whether an interpreter is there with its venv module, which Debian has in a package of its own."""
    try:
        done = subprocess.run([python, "-c", "import venv, ensurepip"], capture_output=True, check=False)
    except OSError:
        return False
    return done.returncode == 0


def _codename() -> str:
    try:
        return platform.freedesktop_os_release().get("VERSION_CODENAME", "")
    except OSError:
        return ""
