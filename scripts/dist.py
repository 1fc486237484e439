"""Build the sdist and the wheel of a release into dist/, and check what a release promises of them.

    python -m scripts.dist [--python PYTHON]… [--no-use]

1. Both are built twice: here, and from a copy in another folder under another umask, time zone and locale.
   --python adds a build by that interpreter. All builds must be the same to the byte. Times come from
   SOURCE_DATE_EPOCH, by default the time of the commit.
2. The wheel is built from the unpacked sdist, too, and must be the same again.
3. check-sdist compares the sdist with what git tracks; twine checks how both are described.
4. The wheel is installed elsewhere and used (scripts/check_wheel.py; --no-use leaves this out).

Needs the packages of locks/release.txt. The installed build backend builds, not one fetched for the occasion.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from scripts.check_wheel import StepFailed, check

ROOT = Path(__file__).resolve().parent.parent
DIST = ROOT / "dist"
_ELSEWHERE = {"TZ": "Asia/Kolkata", "LC_ALL": "C", "LANG": "C", "PYTHONHASHSEED": "7"}
_FALLBACK_EPOCH = "1580601600"
"""2020-02-02, as hatchling has it, where neither git nor the environment says otherwise."""


class DistError(Exception):
    """A build is not as promised; the text says how."""


def build(source: Path, out: Path, *what: str, python: str, more: dict[str, str], umask: int) -> None:
    """Build "sdist", "wheel" or both of a source folder into another folder. Raises DistError."""
    targets = [word for target in what for word in ("--target", target)]
    words = [python, "-m", "hatchling", "build", *targets, "--directory", str(out)]
    _run(words, cwd=source, more=more, umask=umask)


def _run(words: list[str], *, cwd: Path, more: dict[str, str] | None = None, umask: int = -1) -> str:
    environment = {**os.environ, "SOURCE_DATE_EPOCH": _epoch(), **(more or {})}
    done = subprocess.run(
        words, cwd=cwd, env=environment, text=True, check=False, capture_output=True, umask=umask
    )
    if done.returncode:
        raise DistError(f"{' '.join(words)}: exit status {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def _epoch() -> str:
    if "SOURCE_DATE_EPOCH" in os.environ:
        return os.environ["SOURCE_DATE_EPOCH"]
    if not (ROOT / ".git").exists():
        return _FALLBACK_EPOCH
    return subprocess.run(
        ["git", "log", "-1", "--format=%ct"], cwd=ROOT, text=True, check=True, capture_output=True
    ).stdout.strip()


def both_of(folder: Path) -> dict[str, str]:
    """Return the names and SHA-256 hashes of what was built there."""
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.iterdir())
        if path.suffix in {".whl", ".gz"}
    }


def build_twice(dist: Path, work: Path, pythons: list[str]) -> dict[str, str]:
    """Build into `dist` and elsewhere; return the hashes. Raises DistError if a byte differs."""
    shutil.rmtree(dist, ignore_errors=True)
    build(ROOT, dist, "sdist", "wheel", python=sys.executable, more={}, umask=0o022)
    made = both_of(dist)
    for number, python in enumerate([sys.executable, *pythons]):
        copy = work / f"copy-{number}" / "of the source"
        _copy_source(dist, copy)
        again = work / f"again-{number}"
        build(copy, again, "sdist", "wheel", python=python, more=_ELSEWHERE, umask=0o077)
        _same(made, both_of(again), f"a build of {copy} by {python}")
    return made


def _copy_source(dist: Path, target: Path) -> None:
    """Copy what git tracks or would track, or all that the sdist holds where there is no git."""
    if (ROOT / ".git").exists():
        listing = _run(["git", "ls-files", "-z", "-c", "-o", "--exclude-standard"], cwd=ROOT)
        for name in filter(None, listing.split("\0")):
            if (ROOT / name).exists():
                (target / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(ROOT / name, target / name, follow_symlinks=False)
                (target / name).chmod((ROOT / name).stat().st_mode & 0o700)
    else:
        unpack_sdist(dist, target)


def unpack_sdist(dist: Path, target: Path) -> None:
    """Unpack the sdist as a folder of this name."""
    target.parent.mkdir(parents=True, exist_ok=True)
    (sdist,) = dist.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        # Our own archive, made a moment ago; CPython before 3.11.4 has no filters.
        if hasattr(tarfile, "data_filter"):
            archive.extraction_filter = tarfile.data_filter
        archive.extractall(target.parent)
    (target.parent / sdist.name.removesuffix(".tar.gz")).rename(target)


def build_from_sdist(dist: Path, work: Path, made: dict[str, str]) -> None:
    """Build the wheel from the unpacked sdist. Raises DistError if it differs."""
    unpacked = work / "from-sdist" / "unpacked"
    unpack_sdist(dist, unpacked)
    again = work / "again-from-sdist"
    build(unpacked, again, "wheel", python=sys.executable, more=_ELSEWHERE, umask=0o027)
    _same({name: made[name] for name in made if name.endswith(".whl")}, both_of(again), "the sdist's wheel")


def _same(made: dict[str, str], again: dict[str, str], how: str) -> None:
    if made != again:
        raise DistError(f"{how} differs:\n  dist/  {made}\n  again  {again}")


def check_descriptions() -> None:
    """Have twine check the metadata, and check-sdist the sdist's files. Raises DistError."""
    _run([sys.executable, "-m", "twine", "check", "--strict", *map(str, DIST.iterdir())], cwd=ROOT)
    if (ROOT / ".git").exists():
        _run([sys.executable, "-m", "check_sdist", "--no-isolation"], cwd=ROOT)
    else:
        print("dist: check-sdist left out: this is no git checkout")


def main() -> int:
    """Build and check; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m scripts.dist")
    parser.add_argument("--python", action="append", default=[], help="one more interpreter to build with")
    parser.add_argument("--no-use", action="store_true", help="don't install the wheel")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="packcore-dist-") as folder:
        try:
            made = build_twice(DIST, Path(folder), asked.python)
            build_from_sdist(DIST, Path(folder), made)
            check_descriptions()
            if not asked.no_use:
                (wheel,) = DIST.glob("*.whl")
                check(wheel, sys.executable, "locked")
        except (DistError, StepFailed) as error:
            print(f"dist: {error}", file=sys.stderr)
            return 1
    for name, digest in made.items():
        print(f"{digest}  dist/{name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
