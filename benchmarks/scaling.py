"""Does the cost of an object grow with their number? CPU time per object and peak memory at several sizes.

    python -m benchmarks.scaling [REPO...] [--sizes 10000,100000] [--strategy NAME] [--against git] [--jobs N]

Each size is a generated history, packed and deltified as a repository is; repositories that are named come
behind them, and `--sizes ''` leaves those out. 1,000,000 objects take about an hour and some gigabytes of
disk: ask for them by `--sizes 1000000`.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.corpora import Batches, generate
from cli.bench.runner import compare
from cli.bench.values import Contender, Settings
from packcore.limits import Limits
from packcore.repack import repack
from packcore.store.repository import Repository

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cli.bench.values import Comparison

TIME_LIMIT_SECONDS = 6 * 3600.0


def generated(objects: int, folder: Path) -> Path:
    """Generate a history of that size, in one pack."""
    path = folder / f"{objects}.git"
    with Repository.init(path) as repository:
        batches = Batches(repository)
        refs = generate(batches, objects)
        batches.flush()
        for name, oid in refs.items():
            repository.update_ref(name, oid)
        repack(repository, limits=repository.limits)
    return path


def measure(path: Path, contenders: list[Contender], jobs: int) -> Comparison:
    """Let all pack a repository."""
    settings = Settings(Limits(), time_limit_seconds=TIME_LIMIT_SECONDS, jobs=jobs)
    return compare(str(path), contenders, settings)


def measured(
    repositories: Sequence[Path], sizes: Sequence[int], contenders: list[Contender], jobs: int
) -> Iterator[tuple[str, Comparison]]:
    """Yield each repository's name and what came out, generated ones first, the smallest foremost."""
    for size in sorted(sizes):
        with tempfile.TemporaryDirectory() as folder:
            yield "generated", measure(generated(size, Path(folder)), contenders, jobs)
    for path in repositories:
        yield path.name.removesuffix(".git"), measure(path, contenders, jobs)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("repositories", nargs="*", type=Path, metavar="REPO", help="others to measure")
    parser.add_argument("--sizes", default="10000,100000", help="numbers of objects to generate")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--strategy", default="chunk-window")
    parser.add_argument("--against", default="", help="git, perhaps")
    parser.add_argument("--json", type=Path, metavar="FILE")
    arguments = parser.parse_args()
    contenders = [Contender(name, is_peer=True) for name in arguments.against.split(",") if name]
    contenders += [Contender(name) for name in arguments.strategy.split(",")]
    reports = []
    smallest: dict[str, float] = {}
    heads = ("", "by", "objects", "bytes", "CPU us/object", "growth", "read us", "memory MB")
    print("{:14} {:14} {:>10} {:>13} {:>14} {:>7} {:>8} {:>10}".format(*heads))
    sizes = [int(size) for size in arguments.sizes.split(",") if size]
    for source, comparison in measured(arguments.repositories, sizes, contenders, arguments.jobs):
        reports.append(comparison.as_json())
        for row in comparison.rows:
            name, cpu, read = row.contender.name, row.median("cpu_seconds"), row.median("read_seconds")
            head = f"{source:14} {name:14} {comparison.objects:10,}"
            if row.pack is None or cpu is None or read is None:
                print(f"{head} {row.reason}")
                continue
            each = 1e6 * cpu / comparison.objects
            growth = each / smallest.setdefault(name, each)
            print(
                f"{head} {row.pack.pack_bytes:13,} {each:14.1f} {growth:7.2f} "
                f"{1e6 * read / comparison.objects:8.1f} {(row.median('peak_bytes') or 0) / 1e6:10.0f}",
                flush=True,
            )
    if arguments.json:
        arguments.json.write_text(json.dumps({"sizes": reports}, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
