"""`--jobs 2` without shared memory, semaphores, a second core, or permission to start a process."""

import multiprocessing
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from packcore.ids import SHA1
from packcore.plans.write import write_pack
from packcore.search.select import select
from packcore.store.repository import Repository
from packcore.store.spool import SpooledPack
from packcore.walk import list_objects
from tests.pack_stores import make_history
from tests.support import ROOT

METHODS = [method for method in ("fork", "spawn") if method in multiprocessing.get_all_start_methods()]

SCRIPT = """
import hashlib, multiprocessing, os, sys
import _multiprocessing
import packcore.search.parallel.pool as pool
from packcore import Repository, list_objects, select, write_pack
from packcore.search import partition

def refuse(*_, **__):
    raise OSError(38, "Function not implemented")

class Words:
    def phase(self, *_, **__): return self
    def __enter__(self): return self
    def __exit__(self, *_): return None
    def advance(self, count): pass
    def note(self, **counts): pass
    def message(self, origin, text): print(origin, text)

if __name__ == "__main__":
    path, method, jobs, place = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
    partition.SEARCHED_MIN, partition.HALVED_MIN, partition.PART_MIN = 10, 10, 20
    pool._method = lambda **_: method
    if place == "no semaphores":
        _multiprocessing.SemLock = refuse
    if place == "no processes":
        os.fork = refuse
        import multiprocessing.popen_spawn_posix
        multiprocessing.popen_spawn_posix.Popen.__init__ = refuse
    if place == "one core" and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    if place == "no shared memory":
        try:
            open("/dev/shm/x", "w")
        except OSError:
            pass
        else:
            sys.exit("/dev/shm can be written")
    with Repository.open(path) as store:
        objects = list_objects(store, [ref.oid for ref in store.refs().known.values()])
        plan = select(store, objects, reuse_deltas=False, jobs=jobs, progress=Words())
        print(hashlib.sha1(b"".join(write_pack(plan))).hexdigest())
"""


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    store, tip = make_history(commits=60)
    path = tmp_path_factory.mktemp("poor") / "r.git"
    with Repository.init(path) as repository:
        plan = select(store, list_objects(store, [tip]))
        with SpooledPack.receive(write_pack(plan), object_format=SHA1) as spool:
            repository.add_pack(spool)
        repository.update_ref("refs/heads/main", tip)
    return path


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("script") / "pack.py"
    path.write_text(SCRIPT)
    return path


def run(script: Path, *arguments: str, before: tuple[str, ...] = ()) -> list[str]:
    done = subprocess.run(
        [*before, sys.executable, str(script), *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.fixture(scope="module")
def alone(script: Path, repository: Path) -> list[str]:
    return run(script, str(repository), "fork", "1", "anywhere")


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("place", ["no semaphores", "one core"])
def test_the_pack_is_the_same(script, repository, alone, method, place):
    assert run(script, str(repository), method, "2", place) == alone


@pytest.mark.parametrize("method", METHODS)
def test_where_no_process_can_be_started_this_one_searches_and_says_so(script, repository, alone, method):
    said, digest = run(script, str(repository), method, "2", "no processes")
    assert said.startswith("packcore no further process can be started")
    assert [digest] == alone


@pytest.mark.parametrize("method", METHODS)
def test_the_pack_is_the_same_without_shared_memory(script, repository, alone, method):
    hide = 'mount -t tmpfs -o ro,size=4k none /dev/shm && exec "$@"'
    before = ("unshare", "--mount", "sh", "-c", hide, "sh")
    tried = shutil.which("unshare") and subprocess.run([*before, "true"], check=False, capture_output=True)
    if not tried or tried.returncode:
        pytest.skip("a place without /dev/shm can't be made here: no leave to unshare and mount")
    assert run(script, str(repository), method, "2", "no shared memory", before=before) == alone
