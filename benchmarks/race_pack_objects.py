"""Race the engine against `git pack-objects`: the same objects, no delta reused.

    python benchmarks/race_pack_objects.py REPO... [--strategy NAME] [--set NAME=VALUE ...] [--repeat N]
                                           [--window N,N] [--revs 'REV ...'] [--record] [--profile]

Both sides get the list that `git rev-list --objects --all` prints (or, with `--revs`, what those revisions
reach), without what the repository lacks, and start from its own packs; neither reuses a delta or a
compressed object. What counts is user CPU time, of one thread, from the open repository to the last byte
of the pack; runs alternate, and the best of each counts, because shared machines have slow minutes.
Strategies with a window get the first of git's windows. Every pack of ours is indexed by C git, which must
find exactly the ids of the list. Bytes are exact, times are not.
"""

from __future__ import annotations

import argparse
import cProfile
import gc
import pstats
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.figures import record
from packcore import Candidate, Limits, open_repository, select, write_pack
from packcore.search.registry import get_strategy
from packcore.store.bulk import headers_of

if TYPE_CHECKING:
    from packcore.ids import ObjectId
    from packcore.search.strategy import Strategy
    from packcore.store.base import RawEntry


class Result(NamedTuple):
    """One run."""

    pack_bytes: int
    cpu_seconds: float
    write_seconds: float = 0.0
    deltas: int = 0


class NothingLiesInPacks:
    """A store as it is, but for `raw`: nothing can be copied, so all is compressed anew."""

    def __init__(self, store: Any) -> None:
        self._store = store
        self.read, self.object_format = store.read, store.object_format

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def raw(self, oid: ObjectId) -> RawEntry | None:  # noqa: ARG002, D102
        return None


def list_objects(repo: Path, revisions: str) -> list[tuple[str, bytes]]:
    command = ["git", "-C", str(repo), "rev-list", "--objects", "--missing=allow-any", *revisions.split()]
    printed = subprocess.run(command, check=True, capture_output=True).stdout
    rows = (line.partition(b" ") for line in printed.splitlines())
    return [(oid.decode(), path) for oid, _, path in rows]


def run_git(repo: Path, rows: list[tuple[str, bytes]], window: int) -> Result:
    options = (
        f"--threads=1 --window={window} --no-reuse-delta --no-reuse-object --delta-base-offset --stdout -q"
    )
    listed = b"".join(oid.encode() + b" " + path + b"\n" for oid, path in rows)
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    with tempfile.TemporaryFile() as pack:
        command = ["git", "-C", str(repo), "pack-objects", *options.split()]
        subprocess.run(command, check=True, input=listed, stdout=pack)
        size = pack.tell()
    return Result(size, resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before)


def run_ours(
    repo: Path, rows: list[tuple[str, bytes]], strategy: Strategy, limits: Limits, pack_path: Path
) -> Result:
    gc.set_threshold(1_000_000, 50, 50)  # as the command does
    opened = open_repository(repo, limits=limits)
    try:
        store: Any = NothingLiesInPacks(opened)
        start = user_seconds()
        oids = [store.object_format.from_hex(hex_oid) for hex_oid, _ in rows]
        candidates = []
        for order, (oid, header) in enumerate(zip(oids, headers_of(opened, oids), strict=True)):
            type_, size = header or opened.header(oid)
            candidates.append(Candidate(oid, type_, size, rows[order][1], order))
        plan = select(store, candidates, strategy=strategy, limits=limits, reuse_deltas=False)
        selected = user_seconds()
        with pack_path.open("wb") as pack:
            pack.writelines(write_pack(plan))
        done = user_seconds()
        return Result(pack_path.stat().st_size, done - start, done - selected, plan.delta_count)
    finally:
        opened.close()


def chosen_strategy(arguments: argparse.Namespace) -> Strategy:
    """Return the strategy that was asked for, with its parameters."""
    parameters = dict(word.partition("=")[::2] for word in arguments.set)
    return get_strategy(arguments.strategy)(**{name: int(value) for name, value in parameters.items()})


def user_seconds() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_utime


def verify(pack: Path, rows: list[tuple[str, bytes]]) -> None:
    subprocess.run(["git", "index-pack", str(pack)], check=True, capture_output=True)
    with pack.with_suffix(".idx").open("rb") as index:
        shown = subprocess.run(["git", "show-index"], check=True, stdin=index, capture_output=True).stdout
    found = sorted(line.split()[1].decode() for line in shown.splitlines())
    if found != sorted(oid for oid, _ in rows):
        sys.exit(f"{pack}: git finds other objects in our pack than were listed")


def race(repo: Path, arguments: argparse.Namespace) -> tuple[int, Result, Result]:
    """Print one repository's rows; return its count of objects, git's first row and ours."""
    rows = list_objects(repo, arguments.revs)
    windows = [int(window) for window in arguments.window.split(",")]
    limits = Limits(window=windows[0])
    strategy = chosen_strategy(arguments)
    best: dict[str, Result] = {}
    with tempfile.TemporaryDirectory() as directory:
        for turn in range(arguments.repeat):
            results = {f"git w{window}": run_git(repo, rows, window) for window in windows}
            pack = Path(directory) / f"{turn}.pack"
            results["packcore"] = run_ours(repo, rows, strategy, limits, pack)
            verify(pack, rows)
            for name, result in results.items():
                if name not in best or result.cpu_seconds < best[name].cpu_seconds:
                    best[name] = result
    reference = next(iter(best.values()))
    for name, result in best.items():
        print(
            f"{repo.name:24} {len(rows):8,} {name:10} {result.pack_bytes:12,} {result.cpu_seconds:8.2f} "
            f"{result.pack_bytes / reference.pack_bytes:7.3f} "
            f"{result.cpu_seconds / reference.cpu_seconds:6.2f} {result.deltas or '':>8}",
            flush=True,
        )
    return len(rows), reference, best["packcore"]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("repositories", metavar="REPO", nargs="+", type=Path)
    parser.add_argument("--strategy", default="chunk-window")
    parser.add_argument("--set", metavar="NAME=VALUE", action="append", default=[], help="a parameter of it")
    parser.add_argument("--repeat", type=int, default=1, help="runs of each side; the best counts")
    parser.add_argument("--window", default="10", help="git's windows, the first being the reference: 10,50")
    parser.add_argument(
        "--revs", default="--all", help="what to pack, as git rev-list reads it: 'HEAD --not HEAD~99'"
    )
    parser.add_argument(
        "--record", action="store_true", help="keep the figures, for README.md and docs/performance.md"
    )
    parser.add_argument("--profile", action="store_true", help="profile one run of ours instead")
    arguments = parser.parse_args()
    if arguments.profile:
        profile = cProfile.Profile()
        for repo in arguments.repositories:
            rows = list_objects(repo, arguments.revs)
            with tempfile.TemporaryDirectory() as directory:
                pack = Path(directory) / "0.pack"
                profile.runcall(run_ours, repo, rows, chosen_strategy(arguments), Limits(), pack)
        pstats.Stats(profile).sort_stats("tottime").print_stats(40)
        return
    columns = ("repository", "objects", "by", "bytes", "user s", "bytes/", "CPU/", "deltas")
    print("{:24} {:>8} {:10} {:>12} {:>8} {:>7} {:>6} {:>8}".format(*columns))
    raced = {repo.name: race(repo, arguments) for repo in arguments.repositories}
    if arguments.record:
        record(
            [
                (name, objects, (git.pack_bytes, git.cpu_seconds), (ours.pack_bytes, ours.cpu_seconds))
                for name, (objects, git, ours) in raced.items()
            ],
            arguments.repeat,
        )


if __name__ == "__main__":
    main()
