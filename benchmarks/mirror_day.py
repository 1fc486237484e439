"""A day of a mirror: many repositories, a round of all of them each hour, of which few have changed.

    python -m benchmarks.mirror_day [--repositories 500] [--rounds 24] [--changed 3] [--jobs 2] [--only NAME]

The rounds run back to back. Sources and targets lie on one `packcore serve`; its work isn't counted. Three
mirrors take turns, each with targets of its own:

- `manifest`: one `packcore sync --manifest` a round;
- `one by one`: one `packcore sync` for each repository;
- `git`: `git fetch` and `git push` for each repository, in clones that are kept between the rounds.

CPU is user and system time of the mirror's processes. After the last round all targets must hold what the
sources hold, or the program ends with 1.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import grown
from benchmarks.process_cost import Cost, cost_of, packcore_environment

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
PACKCORE = [sys.executable, "-m", "cli"]
REFSPECS = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")
MIRRORS = ("manifest", "one by one", "git")
PROBE_COMMITS = 40


def _environment() -> dict[str, str]:
    return {**packcore_environment(ROOT), "GIT_TERMINAL_PROMPT": "0"}


def _run(*command: str | Path) -> Cost:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=_environment())
    cost = cost_of(process)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, [str(word) for word in command])
    return cost


@contextmanager
def _served(folder: Path) -> Iterator[str]:
    """Serve a folder on a free port, and yield its URL."""
    command = [*PACKCORE, "serve", str(folder), "--port", "0", "--allow-push"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=_environment()
    ) as process:
        try:
            assert process.stdout is not None
            found = re.search(r"http://[\w.:]+", process.stdout.readline())
            if not found:
                raise SystemExit("packcore serve didn't start")
            yield found[0]
        finally:
            process.terminate()


class Day:
    """The repositories of a day, in a folder that is served."""

    def __init__(self, folder: Path, url: str, repositories: int, jobs: int) -> None:
        self.folder, self.url, self.jobs = folder, url, jobs
        self.names = [f"r{number:04d}.git" for number in range(repositories)]
        self.clones = folder.parent / "clones"

    def make(self, mirrors: list[str]) -> None:
        """Make the sources, empty targets of each mirror, and git's clones."""
        first = self.folder / "first.git"
        grown.tiny_objects(first, PROBE_COMMITS * 4)
        for name in self.names:
            shutil.copytree(first, self.folder / "source" / name)
        empty = self.folder / "empty.git"
        subprocess.run(["git", "init", "-q", "--bare", "-b", "main", empty], check=True)
        for mirror in mirrors:
            for name in self.names:
                shutil.copytree(empty, self._target(mirror, name))
        if "git" in mirrors:
            for name in self.names:
                shutil.copytree(empty, self.clones / name)
        lines = ["[defaults]", "prune = true"]
        for name in self.names:
            lines += ["[[pair]]", f'source = "{self.url}/source/{name}"']
            lines += [f'target = "{self.url}/manifest/{name}"']
        (self.folder.parent / "day.toml").write_text("\n".join(lines) + "\n")

    def _target(self, mirror: str, name: str) -> Path:
        return self.folder / mirror.replace(" ", "-") / name

    def change(self, round_number: int, percent: float) -> None:
        """Give some of the sources a commit, others each round."""
        count = max(round(len(self.names) * percent / 100), 1)
        for step in range(count):
            name = self.names[(round_number * count + step) % len(self.names)]
            grown.add_commit(self.folder / "source" / name, round_number)

    def mirror(self, how: str) -> Cost:
        """Bring all targets of one mirror up to date."""
        if how == "manifest":
            manifest = str(self.folder.parent / "day.toml")
            executor = f"processes:{self.jobs}"
            return _run(*PACKCORE, "sync", "-q", "--manifest", manifest, "--executor", executor)
        used = Cost()
        for name in self.names:
            source = f"{self.url}/source/{name}"
            target = f"{self.url}/{how.replace(' ', '-')}/{name}"
            if how == "git":
                clone = str(self.clones / name)
                used = used.plus(_run("git", "-C", clone, "fetch", "-q", "--prune", source, *REFSPECS))
                used = used.plus(_run("git", "-C", clone, "push", "-q", "--prune", target, *REFSPECS))
            else:
                used = used.plus(_run(*PACKCORE, "sync", "-q", "--prune", source, target))
        return used

    def differing(self, mirror: str) -> list[str]:
        """Return the targets that don't hold what their source holds."""
        return [
            name
            for name in self.names
            if grown.refs_of(self.folder / "source" / name) != grown.refs_of(self._target(mirror, name))
        ]


def main() -> int:
    """Print the first round, which copies all, and the sum of the others."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--repositories", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=24)
    parser.add_argument("--changed", type=float, default=3.0, help="percent that change before each round")
    parser.add_argument("--jobs", type=int, default=2, help="processes of the manifest")
    parser.add_argument("--only", action="append", choices=MIRRORS, default=[])
    arguments = parser.parse_args()
    mirrors = arguments.only or list(MIRRORS)
    with tempfile.TemporaryDirectory() as base:
        folder = Path(base) / "served"
        folder.mkdir()
        with _served(folder) as url:
            day = Day(folder, url, arguments.repositories, arguments.jobs)
            day.make(mirrors)
            first = {mirror: day.mirror(mirror) for mirror in mirrors}
            rest = dict.fromkeys(mirrors, Cost())
            for round_number in range(1, arguments.rounds + 1):
                day.change(round_number, arguments.changed)
                for mirror in mirrors:
                    rest[mirror] = rest[mirror].plus(day.mirror(mirror))
            syncs = arguments.rounds * arguments.repositories
            print(f"{arguments.repositories} repositories, {arguments.rounds} rounds, {syncs:,} syncs\n")
            print("| mirror | first copy: CPU, wall | the rounds: CPU, wall | CPU of a sync | peak memory |")
            print("|---|---|---|---|---|")
            for mirror in mirrors:
                one, all_ = first[mirror], rest[mirror]
                print(
                    f"| {mirror} | {one.cpu:.1f} s, {one.wall:.1f} s | {all_.cpu:.1f} s, {all_.wall:.1f} s "
                    f"| {all_.cpu / syncs * 1000:.1f} ms | {max(one.peak, all_.peak):.0f} MB |"
                )
            differing = {mirror: day.differing(mirror) for mirror in mirrors}
    for mirror, names in differing.items():
        if names:
            print(
                f"{mirror}: {len(names)} targets differ from their source, first {names[0]}", file=sys.stderr
            )
    return 1 if any(differing.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
