"""Install a built wheel where no checkout is, and use it as a new user would.

    python scripts/check_wheel.py WHEEL [--python PYTHON] [--dependencies lowest] [--without NAME]

The wheel goes into a virtual environment of its own, with the dependencies of locks/run.txt, with the lowest
that pyproject.toml admits, or with today's newest. Everything runs in another folder, with `python -I`
semantics: nothing of the checkout can be imported. The first step that fails ends the run with its output and
status 1. Needs git, to make a repository and to judge what arrived.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).resolve().parent.parent
if __package__ in (None, ""):
    sys.path.insert(0, str(ROOT))

from scripts.lock_file import Pin, read_pins  # noqa: E402

DEPENDENCIES = ("locked", "lowest", "newest")
_OF_THE_VENV = {"pip", "setuptools", "wheel", "packcore"}
if sys.implementation.name == "pypy":  # these come with it
    _OF_THE_VENV |= {"cffi", "greenlet", "hpy", "readline"}


class StepFailed(Exception):
    """A step did not do what it should; the text says which, and shows its output."""


class Installation:
    """A virtual environment that holds the wheel, and a folder to use it from."""

    def __init__(
        self, folder: Path, wheel: Path, python: str, dependencies: str, without: Sequence[str] = ()
    ) -> None:
        self.folder = folder
        self.wheel = wheel.resolve()
        self.dependencies = dependencies
        self.without = without
        self.steps = 0
        self.elsewhere = folder / "elsewhere"
        self.elsewhere.mkdir()
        self.run(python, "-m", "venv", folder / "venv")
        self.programs = folder / "venv" / ("Scripts" if os.name == "nt" else "bin")
        self.python = self.programs / "python"
        self.packcore = self.programs / "packcore"

    def install(self) -> None:
        """Install the dependencies, then the wheel; what pip resolves must be consistent."""
        pip = (self.python, "-m", "pip", "--disable-pip-version-check")
        if self.dependencies == "newest":
            self.run(*pip, "install", "--quiet", self.wheel)
        else:
            pins = self.folder / "pins.txt"
            pins.write_text(pins_text(self.dependencies))
            self.run(*pip, "install", "--quiet", "--require-hashes", "-r", pins)
            self.run(*pip, "install", "--quiet", "--no-deps", self.wheel)
        if sys.implementation.name != "pypy":  # its own cffi asks for a package that isn't there
            self.run(*pip, "check")
        if self.without:
            self.run(*pip, "uninstall", "--quiet", "--yes", *self.without)

    def compare_with_bill(self) -> None:
        """Hold what is installed against the wheel's own bill of materials."""
        listing = self.run(
            self.python, "-m", "pip", "--disable-pip-version-check", "list", "--format", "json"
        )
        installed = {
            (entry["name"].lower(), entry["version"])
            for entry in json.loads(listing)
            if entry["name"].lower() not in _OF_THE_VENV
        }
        listed = bill_of(self.wheel)["components"]
        everywhere = {(part["name"], part["version"]) for part in listed if part["scope"] == "required"}
        somewhere = {(part["name"], part["version"]) for part in listed}
        if not everywhere <= installed <= somewhere:
            raise StepFailed(
                f"the bill of materials differs from what is installed:\n"
                f"  only listed     {sorted(everywhere - installed)}\n"
                f"  only installed  {sorted(installed - somewhere)}"
            )

    def use(self) -> None:
        """Run what a new user would run first."""
        version = self.wheel.name.split("-")[1]
        for said in (
            self.run(self.packcore, "--version"),
            self.run(self.python, "-m", "cli", "--version"),
        ):
            expect(version in said, f"packcore {version} calls itself {said!r}")
        self._sync()
        self.run(self.packcore, "pack-objects", "source", "--all", "-o", "all.pack")
        self.run(self.packcore, "verify-pack", "all.pack")
        self.run(self.packcore, "report", "all.pack", "-o", "all.html")
        page = (self.elsewhere / "all.html").read_text(encoding="utf-8")
        expect("</html>" in page, "the report is no whole page")
        self.run(self.packcore, "tour", "--auto")
        self.run(self.packcore, "bench", "source", "--strategy", "chunk-window", "--against", "git")
        self.run(self.python, ROOT / "scripts/demo.py", self.elsewhere / "source")

    def _sync(self) -> None:
        make_repository(self, "source")
        self.run("git", "init", "--quiet", "--bare", "--initial-branch=main", "target.git")
        for options in ((), ("--materialize",)):
            self.run(self.packcore, "sync", "./source", "./target.git", *options)
            tips = {self.run("git", "-C", name, "rev-parse", "main") for name in ("source", "target.git")}
            expect(len(tips) == 1, f"source and target differ after a sync: {sorted(tips)}")
        self.run("git", "-C", "target.git", "fsck", "--strict")

    def run(self, *command: str | Path) -> str:
        """Run a program in the other folder; return what it prints. Raises StepFailed."""
        words = [str(word) for word in command]
        done = subprocess.run(
            words,
            cwd=self.elsewhere,
            env=environment(),
            text=True,
            encoding="utf-8",
            errors="replace",
            check=False,
            stdin=subprocess.DEVNULL,
            capture_output=True,
        )
        if done.returncode:
            raise StepFailed(f"{' '.join(words)}: exit status {done.returncode}\n{done.stdout}{done.stderr}")
        self.steps += 1
        return done.stdout


def expect(true: bool, what: str) -> None:
    """Raise StepFailed unless it is true."""
    if not true:
        raise StepFailed(what)


def environment() -> dict[str, str]:
    """Return this process's environment without what leads Python to the checkout, or git to settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "GIT_"))}
    people = {
        f"GIT_{who}_{what}": value
        for who in ("AUTHOR", "COMMITTER")
        for what, value in (("NAME", "A U Thor"), ("EMAIL", "author@example.com"))
    }
    return {**kept, **people, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "PYTHONUTF8": "1"}


def pins_text(dependencies: str) -> str:
    """Return requirements with hashes of what packcore runs with: locked, or the lowest versions."""
    run = read_pins((ROOT / "locks/run.txt").read_text())
    if dependencies == "lowest":
        names = {pin.name for pin in run}
        run = [pin for pin in read_pins((ROOT / "locks/lowest.txt").read_text()) if pin.name in names]
    return "".join(map(_requirement, run))


def _requirement(pin: Pin) -> str:
    marker = f" ; {pin.marker}" if pin.marker else ""
    hashes = "".join(f" --hash=sha256:{digest}" for digest in pin.sha256)
    return f"{pin.name}=={pin.version}{marker}{hashes}\n"


def bill_of(wheel: Path) -> dict[str, Any]:
    """Return the bill of materials that a wheel carries. Raises StepFailed if there is not exactly one."""
    with zipfile.ZipFile(wheel) as archive:
        bills = [
            name for name in archive.namelist() if re.search(r"\.dist-info/sboms/[^/]+\.cdx\.json$", name)
        ]
        expect(len(bills) == 1, f"{wheel.name} has {len(bills)} bills of materials")
        return json.loads(archive.read(bills[0]))  # type: ignore[no-any-return]


def make_repository(where: Installation, name: str) -> None:
    """Make a small repository with five versions of a text."""
    where.run("git", "init", "--quiet", "--initial-branch=main", name)
    for number in range(5):
        lines = (f"line {line} of version {number if line % 40 == 0 else 0}\n" for line in range(400))
        (where.elsewhere / name / "text").write_text("".join(lines))
        where.run("git", "-C", name, "add", "text")
        where.run("git", "-C", name, "commit", "--quiet", "--message", f"version {number}")


def check(wheel: Path, python: str, dependencies: str, without: Sequence[str] = ()) -> int:
    """Install the wheel in a temporary folder and use it; return how many commands ran. Raises StepFailed."""
    folder = Path(tempfile.mkdtemp(prefix="packcore-wheel-"))
    try:
        installation = Installation(folder, wheel, python, dependencies, without)
        installation.install()
        if dependencies == "locked" and not without:
            installation.compare_with_bill()
        installation.use()
        return installation.steps
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def main() -> int:
    """Check a wheel; return the exit status."""
    parser = argparse.ArgumentParser(prog="check_wheel")
    parser.add_argument("wheel", type=Path)
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--dependencies", choices=DEPENDENCIES, default="locked")
    parser.add_argument("--without", nargs="+", default=(), metavar="NAME")
    asked = parser.parse_args()
    version = subprocess.run([asked.python, "--version"], text=True, check=True, capture_output=True)
    name = f"{asked.wheel.name}, {version.stdout.strip()}, {asked.dependencies} dependencies"
    try:
        check(asked.wheel, asked.python, asked.dependencies, asked.without)
    except StepFailed as failure:
        print(f"wheel: FAILED: {name}: {failure}", file=sys.stderr)
        return 1
    print(f"wheel: {name}: installed elsewhere, synced, packed, reported, toured")
    return 0


if __name__ == "__main__":
    sys.exit(main())
