"""How costs grow with refs, branches, commits and objects: user CPU, wall time and peak memory, beside git.

    python -m benchmarks.growth [ROW...] [--scale 0.1] [--folder DIR] [--also CHECKOUT] [--repeat N]

Each row is one command of packcore and the command of git that does the same work on the same repository, run
one after the other, each in a process of its own; the best of the runs counts. `--scale` makes every
repository smaller. `--also` measures another checkout of packcore too, such as an older one. Repositories are
kept in `--folder`, so that a later run needn't make them again; at full scale they take some 6 GB. Peak
memory under some 20 MB isn't seen: a process starts as a copy of this one.
"""

from __future__ import annotations

import argparse
import fnmatch
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import grown
from benchmarks.process_cost import Cost, cost_of, packcore_environment

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parent.parent
TIME_LIMIT_SECONDS = 900


class Failed(Exception):
    """A command ended with an error, or took longer than the limit."""


@dataclass(frozen=True, slots=True)
class Row:
    """One kind of work: `ours` are the arguments of packcore, `git` is the whole of git's command, if any."""

    name: str
    ours: list[str]
    git: list[str] = field(default_factory=list)
    stdin: Path | None = None
    fresh: tuple[Path, Path] | None = None
    """A repository that the command changes, and what to copy there before each run."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """The sizes of the repositories, multiplied by a scale."""

    folder: Path
    scale: float

    def at(self, count: int) -> int:
        """Return a number of things at this scale, at least 10."""
        return max(int(count * self.scale), 10)

    def repository(self, name: str, make: Callable[[Path], None]) -> Path:
        """Return a kept repository of that name."""
        return grown.kept(self.folder / f"{name}-{self.scale:g}.git", make)


def _refs(sizes: Sizes) -> list[Row]:
    refs = sizes.repository("refs", lambda path: grown.packed_refs(path, sizes.at(200_000)))
    tags = sizes.repository("tags", lambda path: grown.tags_of_tags(path, sizes.at(100_000)))
    same = sizes.repository("refs-copy", lambda path: _copy(refs, path))
    few = sizes.repository("refs-few", lambda path: grown.packed_refs(path, 10))
    few_too = sizes.repository("refs-few-copy", lambda path: _copy(few, path))
    new, pruned = sizes.folder / "new.git", sizes.folder / "pruned.git"
    count = f"{sizes.at(200_000):,} refs"
    return [
        Row(f"ls-refs, {count}", ["ls-refs", str(refs)], ["git", "ls-remote", str(refs)]),
        Row(
            f"ls-refs, {sizes.at(100_000):,} tags of tags",
            ["ls-refs", str(tags)],
            ["git", "ls-remote", str(tags)],
        ),
        Row(
            f"sync, nothing to do, {count}",
            ["sync", "-q", str(refs), str(same)],
            ["git", "-C", str(refs), "push", "-q", str(same), "refs/heads/*:refs/heads/*"],
        ),
        Row(
            "sync, nothing to do, 11 refs",
            ["sync", "-q", str(few), str(few_too)],
            ["git", "-C", str(few), "push", "-q", str(few_too), "refs/heads/*:refs/heads/*"],
        ),
        Row(
            f"fetch, {count} new",
            ["fetch", "-q", str(refs), "--into", str(new)],
            ["git", "-C", str(new), "fetch", "-q", str(refs), "+refs/*:refs/*"],
            fresh=(few, new),
        ),
        Row(
            f"fetch, {count} pruned",
            ["fetch", "-q", str(few), "--into", str(pruned), "--prune", "--prune-limit", "100%"],
            ["git", "-C", str(pruned), "fetch", "-q", "--prune", str(few), "+refs/*:refs/*"],
            fresh=(refs, pruned),
        ),
    ]


def _branches(sizes: Sizes) -> list[Row]:
    rows = []
    all_heads = "refs/heads/*:refs/heads/*"
    for commits, branches in ((300_000, 1), (300_000, 10), (300_000, 100), (60_000, 40)):
        name = f"behind-{commits // 1000}-{branches}"
        source = sizes.repository(name, lambda path, n=commits: grown.history(path, sizes.at(n)))  # type: ignore[misc]
        target = sizes.repository(
            f"{name}-target",
            lambda path, of=source, n=branches: grown.behind(of, path, n),  # type: ignore[misc]
        )
        rows.append(
            Row(
                f"plan, {sizes.at(commits):,} commits, {branches} behind",
                ["plan", "-q", str(source), str(target)],
                ["git", "-C", str(source), "push", "-q", "--dry-run", str(target), all_heads],
            )
        )
    return rows


def _reading(sizes: Sizes) -> list[Row]:
    one_thread = ["git", "-c", "pack.threads=1", "-C"]
    million = sizes.repository("million", lambda path: grown.tiny_objects(path, sizes.at(1_000_000)))
    tenth = sizes.repository("tenth", lambda path: grown.tiny_objects(path, sizes.at(100_000)))
    parts = sizes.repository("scattered", lambda path: grown.scattered(path, 20, max(sizes.at(100_000), 4)))
    wide = sizes.repository("wide", lambda path: grown.wide_tree(path, sizes.at(200_000), 50))
    bare = sizes.repository("million-bare", lambda path: _without_bitmap(million, path))
    rows = []
    named = (
        (f"{sizes.at(100_000):,} objects", tenth),
        (f"{sizes.at(1_000_000):,} objects", million),
        (f"{sizes.at(1_000_000):,} objects without a bitmap", bare),
        (f"20 packs, {sizes.at(100_000):,} loose", parts),
        (f"50 trees of {sizes.at(200_000):,} entries", wide),
    )
    for words, path in named:
        inside = [*one_thread, str(path)]
        rows.append(
            Row(
                f"rev-list --objects, {words}",
                ["rev-list", str(path), "--objects", "--all"],
                [*inside, "rev-list", "--objects", "--all"],
            )
        )
        if path != bare:
            rows.append(Row(f"fsck, {words}", ["fsck", "-q", str(path)], [*inside, "fsck", "--full"]))
        rows.append(
            Row(
                f"pack-objects --all, {words}",
                ["pack-objects", "-q", str(path), "--all"],
                [*inside, "pack-objects", "-q", "--all", "--stdout", "--delta-base-offset"],
                stdin=Path(os.devnull),
            )
        )
    for words, path in named[:2]:
        pack = next((path / "objects/pack").glob("*.pack"))
        alone = sizes.folder / "alone.pack"
        rows.append(
            Row(f"verify-pack, {words}", ["verify-pack", str(pack)], ["git", "verify-pack", str(pack)])
        )
        rows.append(
            Row(
                f"index-pack, {words}",
                ["index-pack", "-q", str(alone)],
                ["git", "index-pack", "--threads=1", str(alone)],
                fresh=(pack, alone),
            )
        )
    new = sizes.folder / "fetched.git"
    rows.append(
        Row(
            f"fetch from a path, {sizes.at(1_000_000):,} objects",
            ["fetch", "-q", str(million), "--into", str(new)],
            ["git", "-C", str(new), "fetch", "-q", f"file://{million}", "+refs/*:refs/*"],
            fresh=(sizes.repository("none", _empty), new),
        )
    )
    rows.append(
        Row(
            f"a new pack, {sizes.at(100_000):,} objects",
            ["pack-objects", "-q", str(tenth), "--all", "--no-reuse-delta"],
            # With a bitmap, git would copy the whole pack in spite of --no-reuse-delta.
            [
                *(*one_thread, str(tenth), "pack-objects", "-q", "--all", "--stdout"),
                *("--no-use-bitmap-index", "--no-reuse-delta", "--delta-base-offset"),
            ],
            stdin=Path(os.devnull),
        )
    )
    return rows


def _without_bitmap(source: Path, path: Path) -> None:
    """Copy a repository by hard links, and leave out what git prepared for its listing."""
    subprocess.run(["cp", "-al", source, path], check=True)
    for bitmap in (path / "objects/pack").glob("*.bitmap"):
        bitmap.unlink()


def _empty(path: Path) -> None:
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", path], check=True)


def _copy(source: Path, target: Path) -> None:
    shutil.rmtree(target, ignore_errors=True)
    if source.is_dir():
        shutil.copytree(source, target)
    else:
        for suffix in (".idx", ".rev"):
            target.with_suffix(suffix).unlink(missing_ok=True)
        target.unlink(missing_ok=True)
        shutil.copy(source, target)
        target.chmod(0o644)


def run(command: list[str], row: Row, environment: dict[str, str]) -> Cost:
    """Run one command to its end."""
    if row.fresh:
        _copy(*row.fresh)
    with ExitStack() as files:
        said = files.enter_context(tempfile.TemporaryFile())
        process = subprocess.Popen(
            ["timeout", "-k", "5", str(TIME_LIMIT_SECONDS), *command],
            stdin=files.enter_context((row.stdin or Path(os.devnull)).open("rb")),
            stdout=subprocess.DEVNULL,
            stderr=said,
            env=environment,
        )
        cost = cost_of(process)
        if process.returncode:
            said.seek(0)
            words = said.read().decode(errors="replace").strip().splitlines()[-1:] or ["no word"]
            raise Failed(f"ended with {process.returncode}: {words[0]}")
    return cost


def measured(row: Row, checkouts: list[Path], repeat: int) -> list[Cost | str]:
    """Return what each checkout took, then git. Runs alternate."""
    contenders = [
        # Without -P, the package in the current folder would run for each checkout.
        ([sys.executable, "-P", "-m", "cli", *row.ours], packcore_environment(checkout))
        for checkout in checkouts
    ] + ([(row.git, dict(os.environ))] if row.git else [])
    runs: list[list[Cost]] = [[] for _ in contenders]
    failed: dict[int, str] = {}
    for _ in range(repeat):
        for number, (command, environment) in enumerate(contenders):
            try:
                if number not in failed:
                    runs[number].append(run(command, row, environment))
            except Failed as error:
                failed[number] = str(error)
    return [failed.get(number) or Cost.best(runs[number]) for number in range(len(contenders))]


def _cell(cost: Cost | str) -> str:
    return cost if isinstance(cost, str) else f"{cost.user:.2f} s, {cost.wall:.2f} s, {cost.peak:.0f} MB"


def _ratio(ours: Cost | str, git: Cost | str) -> str:
    return "" if isinstance(ours, str) or isinstance(git, str) else f"{ours.user / max(git.user, 0.005):.1f}"


def main() -> None:
    """Print a line for each row as it ends."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("rows", nargs="*", metavar="ROW", help="patterns of rows' names; default: all")
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--folder", type=Path, default=None)
    parser.add_argument("--also", type=Path, action="append", default=[], metavar="CHECKOUT")
    parser.add_argument("--repeat", type=int, default=1)
    arguments = parser.parse_args()
    with ExitStack() as stack:
        folder = arguments.folder or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.mkdir(parents=True, exist_ok=True)
        sizes = Sizes(folder.absolute(), arguments.scale)
        checkouts = [*(path.absolute() for path in arguments.also), ROOT]
        print("user CPU, wall time and peak memory\n")
        heads = ["work", *(f"packcore in {path.name}" for path in checkouts), "git", "CPU to git's"]
        print("| " + " | ".join(heads) + " |\n" + "|---" * len(heads) + "|", flush=True)
        patterns = [f"*{pattern}*" for pattern in arguments.rows] or ["*"]
        for group in (_refs, _branches, _reading):
            for row in group(sizes):
                if not any(fnmatch.fnmatch(row.name, pattern) for pattern in patterns):
                    continue
                costs = measured(row, checkouts, arguments.repeat)
                cells = [row.name, *map(_cell, costs)]
                print("| " + " | ".join([*cells, _ratio(costs[-2], costs[-1])]) + " |", flush=True)


if __name__ == "__main__":
    main()
