"""Without zlib-ng, xxhash or both, the engine does the same with what Python itself has.

Each run is a process of its own in which the packages can't be imported: which is used is decided once, when
the engine is loaded. The columns `no-zlib-ng`, `no-xxhash` and `pypy` of `make matrix` run whole suites.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.support import ROOT, git, history, make_repository, require

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.e2e

PACKAGES = ("zlib_ng", "xxhash")
MISSING = [("zlib_ng",), ("xxhash",), PACKAGES]
BLOCKED = "import sys; sys.modules.update(dict.fromkeys({missing!r}))\n"
"""`None` in sys.modules makes an import fail as if the package were not there."""


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a repository with text, trees, tags, and a binary of some size."""
    require("git")
    return make_repository(tmp_path_factory.mktemp("missing") / "x.git", history(commits=60))


def python(missing: tuple[str, ...], code: str, *arguments: object) -> subprocess.CompletedProcess[bytes]:
    """Run code in an interpreter where some packages are missing."""
    return subprocess.run(
        [sys.executable, "-c", BLOCKED.format(missing=missing) + code, *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )


def packcore_without(missing: tuple[str, ...], *arguments: object) -> subprocess.CompletedProcess[bytes]:
    """Run a command where some packages are missing."""
    return python(missing, "from cli.__main__ import main; sys.exit(main())", *arguments)


def packed(missing: tuple[str, ...], repository: Path, folder: Path, *options: str) -> dict[str, Any]:
    """Pack a repository; return what was reported, the plan and the pack's id as git sees it."""
    folder.mkdir(exist_ok=True)
    done = packcore_without(
        missing,
        *("pack-objects", repository, "--all", "--no-reuse-delta", "--json", *options),
        *("-o", folder / "x.pack", "--save-plan", folder / "x.plan"),
    )
    report: dict[str, Any] = json.loads(done.stderr.splitlines()[-1])
    git("index-pack", "--strict", "-o", folder / "git.idx", folder / "x.pack")
    assert (folder / "git.idx").read_bytes() == (folder / "x.idx").read_bytes()
    return report


@pytest.mark.parametrize(
    ("missing", "deflate", "chunk_hash"),
    [(("zlib_ng",), "zlib ", None), (("xxhash",), None, "blake2b"), (PACKAGES, "zlib ", "blake2b")],
)
def test_verbose_runs_name_the_libraries_in_use(missing, deflate, chunk_hash):
    line = python(missing, "from cli.render.engine import engine_line; print(engine_line())").stdout.decode()
    assert deflate is None or line.startswith(f"deflate: {deflate}")
    assert chunk_hash is None or line.endswith(f"chunk hash: {chunk_hash}\n")


@pytest.mark.parametrize("strategy", ["chunk-window", "superfeature", "union"])
@pytest.mark.parametrize("others", [(), ("zlib_ng",)], ids=["zlib-ng", "zlib"])
def test_xxhash_changes_neither_plan_nor_pack(repository, tmp_path, strategy, others):
    one = packed(others, repository, tmp_path / "with", "--strategy", strategy)
    other = packed((*others, "xxhash"), repository, tmp_path / "without", "--strategy", strategy)
    assert (tmp_path / "with/x.plan").read_bytes() == (tmp_path / "without/x.plan").read_bytes()
    assert one["checksum"] == other["checksum"]


@pytest.mark.parametrize("missing", MISSING)
def test_a_pack_is_about_as_small(repository, tmp_path, missing):
    """Where the choice weighs compressed sizes, another library may tip it: so about, and not exactly."""
    one, other = (packed(some, repository, tmp_path / str(len(some))) for some in ((), missing))
    assert other["bytes"] == pytest.approx(one["bytes"], rel=0.02)
    assert other["deltas"] == pytest.approx(one["deltas"], rel=0.02)


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_without_either_the_bytes_do_not_depend_on_the_number_of_jobs(repository, tmp_path, jobs):
    one = packed(PACKAGES, repository, tmp_path / "one", "--jobs", "1")
    assert packed(PACKAGES, repository, tmp_path / "some", "--jobs", jobs)["checksum"] == one["checksum"]


@pytest.mark.parametrize(("saved_by", "used_by"), [((), PACKAGES), (PACKAGES, ())])
def test_a_plan_saved_with_them_is_written_without_and_the_other_way_round(
    repository, tmp_path, saved_by, used_by
):
    whole = packed(saved_by, repository, tmp_path / "saved")
    plan, pack = tmp_path / "saved/x.plan", tmp_path / "again.pack"
    packcore_without(used_by, "pack-objects", repository, "--plan", plan, "-o", pack)
    listing = git("verify-pack", "-v", tmp_path / "again.idx").splitlines()
    assert len([line for line in listing if len(line.split()) == 7]) == whole["deltas"]


@pytest.mark.parametrize("missing", MISSING)
def test_a_pack_is_indexed_to_the_same_bytes(repository, tmp_path, missing):
    packed((), repository, tmp_path / "all")
    pack = tmp_path / "copy.pack"
    pack.write_bytes((tmp_path / "all/x.pack").read_bytes())
    packcore_without(missing, "index-pack", pack)
    for suffix in (".idx", ".rev"):
        assert pack.with_suffix(suffix).read_bytes() == (tmp_path / f"all/x{suffix}").read_bytes()


@pytest.mark.parametrize("options", [(), ("--materialize",)], ids=["relayed", "materialized"])
def test_a_repository_is_synced(repository, tmp_path, options):
    target = tmp_path / "y.git"
    git("init", "-q", "--bare", target)
    packcore_without(PACKAGES, "sync", *options, repository, target)
    assert git("for-each-ref", cwd=target) == git("for-each-ref", cwd=repository)
    git("fsck", "--strict", cwd=target)


IN_A_SUBINTERPRETER = """
try:
    from concurrent import interpreters                        # 3.14
    run = lambda code: interpreters.create().exec(code)
except ImportError:
    try:
        import _interpreters as old                            # 3.13
    except ImportError:
        import _xxsubinterpreters as old
    def run(code):
        if failed := old.run_string(old.create(), code):
            raise RuntimeError(failed.formatted)
run('import sys; sys.path[:] = %r; sys.modules.update(dict.fromkeys(%r)); sys.argv = %r\\n%s' % (
    sys.path, MISSING, sys.argv, CODE))
"""
PACK_AND_INDEX = """
import packcore
from pathlib import Path
from packcore.search import partition
from packcore.pack.indexer import index_pack_file
partition.SEARCHED_MIN = partition.HALVED_MIN = partition.PART_MIN = 10
repository, folder = map(Path, sys.argv[1:])
with packcore.open_repository(repository) as store:
    tip = packcore.resolve_revision(store, "main")
    objects = packcore.list_objects(store, wants=[tip], haves=[])
    plan = packcore.select(store, objects, reuse_deltas=False, jobs=2)
    Path(folder, "x.pack").write_bytes(b"".join(packcore.write_pack(plan)))
indexed = index_pack_file(Path(folder, "x.pack"), object_format=packcore.SHA1)
Path(folder, "x.idx").write_bytes(b"".join(indexed.index_blocks()))
"""


@pytest.mark.skipif(sys.implementation.name != "cpython", reason="PyPy has no subinterpreters")
@pytest.mark.skipif(sys.version_info[:2] == (3, 12), reason="`import hashlib` in one crashes CPython 3.12")
@pytest.mark.parametrize("missing", [(), PACKAGES], ids=["as installed", "neither"])
def test_a_subinterpreter_packs_and_indexes(repository, tmp_path, missing):
    """It can't import every compiled package or start a process, and works without both."""
    settings = f"MISSING = {missing!r}; CODE = {PACK_AND_INDEX!r}\n"
    python((), settings + IN_A_SUBINTERPRETER, repository, tmp_path)
    git("index-pack", "--strict", "-o", tmp_path / "git.idx", tmp_path / "x.pack")
    assert (tmp_path / "git.idx").read_bytes() == (tmp_path / "x.idx").read_bytes()


BROKEN = """
from packcore.deflate import deflate, inflate, inflate_blocks, inflate_head
from packcore.errors import CorruptData
stream = deflate(b"some text, some more text\\n" * 9)
flipped = stream[:9] + bytes([stream[9] ^ 255]) + stream[10:]
for read in (inflate, lambda data, size: b"".join(inflate_blocks([data], size))):
    for data, size in ((flipped, 234), (stream[:-1], 234), (stream, 233), (stream, 235), (b"", 1)):
        try:
            read(data, size)
        except CorruptData as error:
            print(str(error).partition(":")[0])
        else:
            print("read")
print(inflate_head(stream, 0, 9))
"""


def test_damage_is_reported_in_the_same_words():
    assert python(("zlib_ng",), BROKEN).stdout == python((), BROKEN).stdout
