"""The built wheel in a fresh environment, used from another folder: one suite of the matrix.

    python wheel.py WORK DEPENDENCIES [WITHOUT…]

Each step is a command that must succeed and leave what it promises. Ends with pytest's kind of closing line,
which the matrix counts.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

_ROOT = Path(__file__).resolve().parent.parent.parent
_PIN = re.compile(r"^([A-Za-z0-9._-]+==[^\s;\\]+)(\s*;[^\\]*)?", re.MULTILINE)
_GIT = {
    **{
        f"GIT_{who}_{what}": value
        for who in ("AUTHOR", "COMMITTER")
        for what, value in (("NAME", "A U Thor"), ("EMAIL", "author@example.com"))
    },
    "GIT_CONFIG_GLOBAL": os.devnull,
}


class Wheel:
    """One environment with the wheel in it, and a folder to use it from."""

    def __init__(self, work: Path, dependencies: str, without: list[str]) -> None:
        self.folder = work / "wheel"
        shutil.rmtree(self.folder, ignore_errors=True)
        self.elsewhere = self.folder / "elsewhere"
        self.elsewhere.mkdir(parents=True)
        self.bin = self.folder / "venv/bin"
        self.dependencies = dependencies
        self.without = without
        self.passed = 0

    def install(self) -> None:
        """Build the wheel and install it with the column's dependencies."""
        dist = self.folder / "dist"
        self._run(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", dist, _ROOT)
        self._run(sys.executable, "-m", "venv", self.folder / "venv")
        pip = (self.bin / "python", "-m", "pip", "--disable-pip-version-check")
        constraints: list[str | Path] = ["-c", self._lowest()] if self.dependencies == "lowest" else []
        self._run(*pip, "install", "-q", *constraints, *dist.glob("*.whl"))
        if self.without:
            self._run(*pip, "uninstall", "-q", "-y", *self.without)

    def use(self) -> None:
        """Run what a new user would run first."""
        packcore = self.bin / "packcore"
        version = self._run(packcore, "--version")
        self._expect(self._run(self.bin / "python", "-m", "cli", "--version") == version, "one version")
        self._expect("Usage" in self._run(packcore, "--help"), "help")
        self._make_repository()
        self._run("git", "init", "-q", "--bare", "-b", "main", "target.git")
        told = json.loads(self._run(packcore, "sync", "./source", "./target.git", "--materialize", "--json"))
        self._expect(told["pushed"] == 1, f"one ref pushed, not {told['pushed']}")
        tips = [self._run("git", "-C", name, "rev-parse", "main") for name in ("source", "target.git")]
        self._expect(tips[0] == tips[1], "the same tip at both ends")
        self._run("git", "-C", "target.git", "fsck", "--strict")
        self._run(packcore, "pack-objects", "source", "--all", "-o", "x.pack")
        self._run(packcore, "verify-pack", "x.pack")
        self._run(packcore, "report", "x.pack", "-o", "x.html")
        self._expect((self.elsewhere / "x.html").stat().st_size > 1000, "a page")
        self._run(packcore, "tour", "--auto")
        self._run(packcore, "bench", "source", "--strategy", "chunk-window", "--against", "git")
        self._run(self.bin / "python", _ROOT / "scripts/demo.py", self.elsewhere / "source")

    def _make_repository(self) -> None:
        self._run("git", "init", "-q", "-b", "main", "source")
        for number in range(5):
            lines = (f"line {line} of version {number if line % 40 == 0 else 0}\n" for line in range(400))
            (self.elsewhere / "source/text").write_text("".join(lines))
            self._run("git", "-C", "source", "add", "text")
            self._run("git", "-C", "source", "commit", "-q", "-m", f"version {number}")

    def _lowest(self) -> Path:
        """Write the pins without their hashes, since those would be asked of the wheel too."""
        pins = self.folder / "constraints.txt"
        text = (_ROOT / "locks/lowest.txt").read_text()
        pins.write_text("".join(f"{pin}{marker.rstrip()}\n" for pin, marker in _PIN.findall(text)))
        return pins

    def _run(self, *command: str | Path) -> str:
        words = list(map(str, command))
        print("$", *words, flush=True)
        done = subprocess.run(
            words, cwd=self.elsewhere, env={**os.environ, **_GIT}, text=True, check=False, capture_output=True
        )
        print(done.stdout, done.stderr, sep="", flush=True)
        self._expect(done.returncode == 0, f"{Path(words[0]).name} {' '.join(words[1:3])}")
        return done.stdout

    def _expect(self, true: bool, what: str) -> None:
        if not true:
            raise AssertionError(what)
        self.passed += 1


def main() -> int:
    """Run all steps; return the exit status."""
    wheel = Wheel(Path(sys.argv[1]), sys.argv[2], sys.argv[3:])
    start = time.monotonic()
    failed = 0
    try:
        wheel.install()
        wheel.use()
    except AssertionError as what:
        print(f"FAILED wheel - {what}")
        failed = 1
    shutil.rmtree(wheel.folder / "venv", ignore_errors=True)
    print(f"{f'{failed} failed, ' if failed else ''}{wheel.passed} passed in {time.monotonic() - start:.1f}s")
    return failed


if __name__ == "__main__":
    sys.exit(main())
