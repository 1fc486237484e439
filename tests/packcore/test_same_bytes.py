"""The law of the engine: nothing timed, ordered by chance or process-dependent reaches a plan or a pack.

Each run is a process of its own, in a world that differs from the first one's in one thing: how strings are
hashed and so sets ordered, how many processes search, what every clock says and how old the files are, where
objects lie in memory, what `random` and `secrets` give. Plan and pack must be the same to the byte.
"""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.support import ROOT, git, history, make_repository, require

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.e2e

SMALL_PARTS = (
    "import sys; sys.modules.update(dict.fromkeys({missing!r}))\n"
    "import packcore.search.partition as parts\n"
    "parts.SEARCHED_MIN = parts.HALVED_MIN = 10; parts.PART_MIN = 20\n"
)
"""So that a history of a few dozen commits is searched in parts, as large ones are."""
MAIN = "\nfrom cli.__main__ import main; sys.exit(main())"

CLOCKS = """
import time
for name in ("time", "monotonic", "perf_counter", "process_time"):
    real = getattr(time, name)
    setattr(time, name, lambda real=real: {factor} * real() + {offset})
    real_ns = getattr(time, name + "_ns")
    setattr(time, name + "_ns", lambda real=real_ns: int({factor} * real()) + {offset} * 10**9)
"""
ADDRESSES = "\nkept = [bytes(number % 999) for number in range(50_000)]; del kept[::3]\n"
CHANCE = """
import os, random, secrets
random.seed(4711)
names = iter(range(10**9))
os.urandom = lambda size: next(names).to_bytes(size, "big")
secrets.token_hex = lambda size=6: os.urandom(size).hex()
"""

WORLDS = {
    "another hash seed": ("", "1", 1),
    "a random hash seed": ("", "random", 1),
    "two processes": ("", "0", 2),
    "two processes and a random hash seed": ("", "random", 2),
    "a clock that is years ahead and fast": (CLOCKS.format(factor=1000, offset=500_000_000), "0", 1),
    "a slow clock": (CLOCKS.format(factor=0.1, offset=1), "0", 1),
    "other addresses": (ADDRESSES, "0", 1),
    "other chances": (CHANCE, "0", 1),
}


@pytest.fixture(scope="module", params=[True, False], ids=["packed", "loose"])
def repository(request, tmp_path_factory: pytest.TempPathFactory) -> Path:
    require("git")
    folder = tmp_path_factory.mktemp("bytes")
    return make_repository(folder / "x.git", history(commits=40, tag="v1"), repack=request.param)


def made(
    repository: Path,
    folder: Path,
    strategy: str,
    *,
    world: str = "",
    seed: str = "0",
    jobs: int = 1,
    missing: tuple[str, ...] = (),
) -> tuple[bytes, bytes]:
    """Return plan and pack, as a process of its own makes them."""
    folder.mkdir()
    arguments = ["pack-objects", repository, "--all", "--no-reuse-delta", "--strategy", strategy]
    arguments += ["--jobs", jobs, "-o", folder / "x.pack", "--save-plan", folder / "x.plan"]
    subprocess.run(
        [sys.executable, "-c", SMALL_PARTS.format(missing=missing) + world + MAIN, *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": seed},
        check=True,
        capture_output=True,
    )
    return (folder / "x.plan").read_bytes(), (folder / "x.pack").read_bytes()


@pytest.fixture(scope="module")
def first(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, bytes]:
    return made(repository, tmp_path_factory.mktemp("first") / "made", "chunk-window")


@pytest.mark.parametrize("world", WORLDS)
def test_a_plan_and_its_pack_are_the_same_in_a_world_with(world, repository, first, tmp_path):
    code, seed, jobs = WORLDS[world]
    assert made(repository, tmp_path / "made", "chunk-window", world=code, seed=seed, jobs=jobs) == first


def test_they_are_the_same_whatever_the_age_of_the_files(repository, first, tmp_path):
    files = [path for path in repository.rglob("*") if path.is_file()]
    for number, path in enumerate(files):
        os.utime(path, (number * 10**6, number * 10**6))
    assert made(repository, tmp_path / "made", "chunk-window") == first


@pytest.mark.parametrize("strategy", ["git-window", "superfeature", "union", "none"])
def test_other_strategies_give_the_same_bytes_by_any_hash_seed_and_number_of_processes(
    strategy, repository, tmp_path
):
    one = made(repository, tmp_path / "one", strategy)
    assert made(repository, tmp_path / "two", strategy, seed="random", jobs=2) == one


@pytest.mark.parametrize("missing", [("xxhash",), ("zlib_ng",), ("zlib_ng", "xxhash")], ids="-".join)
def test_without_the_fast_libraries_the_same_law_holds(missing, repository, first, tmp_path):
    one = made(repository, tmp_path / "one", "chunk-window", missing=missing)
    assert made(repository, tmp_path / "two", "chunk-window", missing=missing, seed="random", jobs=2) == one
    if "zlib_ng" not in missing:  # the deflate is the same, so all is
        assert one == first


def test_git_reads_the_pack_that_all_worlds_make(first, tmp_path):
    path = tmp_path / "x.pack"
    path.write_bytes(first[1])
    git("index-pack", "--strict", path)
