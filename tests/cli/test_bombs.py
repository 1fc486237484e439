"""Small packs that are meant to cost much, through every command that reads outside packs.

Each runs in a process of its own, whose peak memory is held against that of the same command with a pack
of five small objects. Refusing is an answer, too: then the limit is named.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from packcore.deflate import DEFLATE_LIBRARY
from packcore.ids import SHA1
from packcore.limits import KIB, MIB
from tests import bombs
from tests.support import git, init_repository, require

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.bombs import BombPack

ALLOWED_BYTES = (64 if DEFLATE_LIBRARY.startswith("zlib-ng") else 80) * MIB
"""What a bomb may cost beyond an ordinary pack. The standard library's zlib holds its output twice."""

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read from /proc"),
]


@dataclass(frozen=True)
class Bomb:
    """A pack, how small it is, and which limit refuses it, if one does."""

    make: Callable[[], BombPack]
    pack_bytes_max: int
    limit: str | None = None
    takers: tuple[str, ...] = ()
    """Those who take it all the same, as they don't come to where the limit is."""


HARMLESS = Bomb(lambda: bombs.tags_in_row(1), KIB)
_ANY_TAGS = ("index-pack", "index-pack --strict", "unpack-objects -r", "report", "fsck")
"""Readers that follow no tag."""

FAST = {
    "a delta that makes 256 MiB": Bomb(lambda: bombs.one_delta(256 * MIB), 16 * KIB),
    "a delta of a million instructions": Bomb(lambda: bombs.delta_of_bytes(1_000_000), 16 * KIB),
    "a tag of 64 MiB": Bomb(lambda: bombs.huge_tag(64 * MIB), 128 * KIB, "structure_bytes"),
    "a commit of 340,000 parents": Bomb(lambda: bombs.many_parents(340_000), 64 * KIB),
    "a commit of 400,000 parents": Bomb(lambda: bombs.many_parents(400_000), 64 * KIB, "structure_bytes"),
    "a tree of 500,000 entries": Bomb(lambda: bombs.wide_tree(500_000), 2 * MIB, "structure_bytes"),
    "a .gitattributes of 64 MiB": Bomb(lambda: bombs.large_attributes(64 * MIB), 128 * KIB),
    "2,000 trees in each other": Bomb(lambda: bombs.nested_trees(2_000, 500), 128 * KIB),
    "2,000 tags in a row": Bomb(lambda: bombs.tags_in_row(2_000), 256 * KIB, "tag_depth", _ANY_TAGS),
}
SLOW = {
    "a delta that makes 4 GiB": Bomb(lambda: bombs.one_delta(4096 * MIB), 64 * KIB),
    "a delta of 5,000,000 instructions": Bomb(lambda: bombs.delta_of_bytes(5_000_000), 64 * KIB),
    "a tag of 200 MiB": Bomb(lambda: bombs.huge_tag(200 * MIB), 256 * KIB, "structure_bytes"),
    "a commit of a million parents": Bomb(
        lambda: bombs.many_parents(1_000_000), 256 * KIB, "structure_bytes"
    ),
    "a tree of 470,000 entries": Bomb(lambda: bombs.wide_tree(470_000), 2 * MIB),
    "a chain of 4,000 deltas over 1 MiB": Bomb(lambda: bombs.chain(4_000, MIB), 512 * KIB),
    "4,000 deltas on one base of 1 MiB": Bomb(lambda: bombs.deltas_in_row(4_000, MIB), 512 * KIB),
    "50,000 tags in a row": Bomb(
        lambda: bombs.tags_in_row(50_000),
        16 * MIB,
        "tag_depth",
        _ANY_TAGS,
    ),
}
WIDE_IN_EACH_OTHER = "2,000 trees in each other, each with the same 3,000 blobs"
BOMBS = {
    "five small objects": HARMLESS,
    WIDE_IN_EACH_OTHER: Bomb(lambda: bombs.wide_trees_in_each_other(2_000, 3_000), 512 * KIB),
    **FAST,
    **SLOW,
}


@dataclass(frozen=True)
class Placed:
    """A bomb on this disk: the pack alone, and in a bare repository under refs/tags/t."""

    pack: Path
    repository: Path
    tip: str


class Disk:
    """Makes each bomb once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._placed: dict[str, Placed] = {}

    def place(self, name: str) -> Placed:
        if name not in self._placed:
            self._placed[name] = self._place(BOMBS[name], self._folder / str(len(self._placed)))
        return self._placed[name]

    @staticmethod
    def _place(bomb: Bomb, folder: Path) -> Placed:
        data, tip = bomb.make()
        assert len(data) <= bomb.pack_bytes_max
        repository = folder / "source.git"
        init_repository(repository)
        packed = repository / "objects" / "pack" / f"pack-{data[-20:].hex()}.pack"
        packed.write_bytes(data)
        git("index-pack", str(packed))  # git's, which takes them all
        (repository / "refs" / "tags" / "t").write_text(f"{tip.hex()}\n")
        pack = folder / "bomb.pack"
        pack.write_bytes(data)
        return Placed(pack, repository, tip.hex())


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Disk:
    require("git")
    return Disk(tmp_path_factory.mktemp("bombs"))


@dataclass(frozen=True)
class Outcome:
    """What a reader did."""

    exit_code: int
    text: str
    peak_bytes: int


_MEASURED = """
import atexit, re, sys
from pathlib import Path

def tell():
    status = Path("/proc/self/status").read_text()
    Path(sys.argv[0]).write_text(re.search(r"VmHWM:\\s+(\\d+)", status)[1])

atexit.register(tell)
from cli.__main__ import main
sys.exit(main())
"""


def run(folder: Path, *arguments: str, stdin: Path | None = None) -> Outcome:
    """Run a command of ours. Its peak is its own: what its parent once took doesn't count."""
    peak = folder / "peak"
    child = [sys.executable, "-c", _MEASURED.replace("sys.argv[0]", repr(str(peak))), *arguments]
    with (folder / "out").open("wb") as out, (stdin or Path(os.devnull)).open("rb") as given:
        done = subprocess.run(child, stdin=given, stdout=out, stderr=subprocess.PIPE, cwd=folder, check=False)
    with (folder / "out").open("rb") as out:
        start = out.read(KIB)
    return Outcome(
        done.returncode, (start + done.stderr).decode("utf-8", "replace"), int(peak.read_text()) * KIB
    )


def index_pack(bomb: Placed, folder: Path) -> Outcome:
    (folder / "a.pack").write_bytes(bomb.pack.read_bytes())
    return run(folder, "index-pack", "a.pack")


def index_pack_strictly(bomb: Placed, folder: Path) -> Outcome:
    (folder / "a.pack").write_bytes(bomb.pack.read_bytes())
    return run(folder, "index-pack", "--strict", "a.pack")


def recover(bomb: Placed, folder: Path) -> Outcome:
    init_repository(folder / "into.git")
    return run(folder, "unpack-objects", "-r", "into.git", stdin=bomb.pack)


def report(bomb: Placed, folder: Path) -> Outcome:
    return run(folder, "report", str(bomb.pack), "-o", "page.html")


def fsck(bomb: Placed, folder: Path) -> Outcome:
    return run(folder, "fsck", str(bomb.repository))


def rev_list(bomb: Placed, folder: Path) -> Outcome:
    return run(folder, "rev-list", "--objects", "--all", "--count", str(bomb.repository))


def fetch(bomb: Placed, folder: Path) -> Outcome:
    return run(folder, "fetch", str(bomb.repository), "--all-refs", "--into", "into.git")


def push(bomb: Placed, folder: Path) -> Outcome:
    """Push the very bytes of the pack into a server, whose memory it is about."""
    init_repository(folder / "target.git")
    line = f"{SHA1.zero.hex()} {bomb.tip} refs/tags/t\0report-status".encode()
    body = b"%04x%s0000" % (len(line) + 4, line) + bomb.pack.read_bytes()
    with _server(folder) as (url, process):
        request = urllib.request.Request(
            f"{url}/target.git/git-receive-pack",
            data=body,
            headers={"Content-Type": "application/x-git-receive-pack-request"},
        )
        with urllib.request.urlopen(request) as answer:
            text = answer.read().decode("utf-8", "replace")
        status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
    peak = re.search(r"VmHWM:\s+(\d+)", status)
    assert peak is not None
    return Outcome(0 if "ok refs/tags/t" in text else 1, text, int(peak[1]) * KIB)


@contextmanager
def _server(root: Path) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    start = "import sys; from cli.__main__ import main; sys.exit(main())"
    command = [sys.executable, "-c", start, "serve", "--port", "0", "--allow-push", str(root)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            assert process.stdout is not None
            found = re.search(r"http://[^\s,/]+", process.stdout.readline())
            assert found is not None
            yield found[0], process
        finally:
            process.terminate()


READERS = {
    "index-pack": index_pack,
    "index-pack --strict": index_pack_strictly,
    "unpack-objects -r": recover,
    "report": report,
    "fsck": fsck,
    "rev-list": rev_list,
    "fetch": fetch,
    "push": push,
}


FAST_READERS = {"index-pack --strict", "unpack-objects -r"}
"""Those that are left out of the slow part."""


@pytest.fixture(scope="module")
def base_of(disk: Disk, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], int]:
    """Return a function that gives a reader's peak with a harmless pack."""
    known: dict[str, int] = {}

    def base(reader: str) -> int:
        if reader not in known:
            harmless = READERS[reader](disk.place("five small objects"), tmp_path_factory.mktemp("base"))
            assert harmless.exit_code == 0, harmless.text
            known[reader] = harmless.peak_bytes
        return known[reader]

    return base


_TABLE = [
    *(pytest.param(name, reader, id=f"{reader}: {name}") for name in FAST for reader in READERS),
    *(
        pytest.param(name, reader, id=f"{reader}: {name}", marks=pytest.mark.slow)
        for name in SLOW
        for reader in sorted(READERS.keys() - FAST_READERS)
    ),
]


@pytest.mark.parametrize(("name", "reader"), _TABLE)
def test_a_bomb_costs_little_memory_and_is_read_or_refused_by_name(
    name: str, reader: str, disk: Disk, base_of: Callable[[str], int], tmp_path: Path
):
    bomb = BOMBS[name]
    outcome = READERS[reader](disk.place(name), tmp_path)
    if bomb.limit is None or reader in bomb.takers:
        assert outcome.exit_code == 0, outcome.text
    else:
        assert outcome.exit_code
        assert bomb.limit in outcome.text
    assert outcome.peak_bytes - base_of(reader) < ALLOWED_BYTES


@pytest.mark.slow
@pytest.mark.parametrize("reader", ["index-pack", "report", "fsck", "rev-list", "push"])
def test_what_waits_of_wide_trees_in_each_other_is_held_once(
    reader: str, disk: Disk, base_of: Callable[[str], int], tmp_path: Path
):
    # Fetching from a folder is left out: it reads two repositories in one process, each with its cache.
    outcome = READERS[reader](disk.place(WIDE_IN_EACH_OTHER), tmp_path)
    assert outcome.exit_code == 0, outcome.text
    assert outcome.peak_bytes - base_of(reader) < ALLOWED_BYTES
