"""One run of another program on the same list: git, libgit2 through pygit2, dulwich. All are optional.

    git       pack-objects --threads=JOBS --no-reuse-delta --no-reuse-object --delta-base-offset
    pygit2    libgit2's pack builder, the same number of threads, with names if pygit2 lets us pass them
    dulwich   its pack writer with deltas enabled, in one thread

Window, depth and compression are ours if the program supports them: dulwich has no depth, and libgit2 reads
its settings from a repository, so it gets a temporary one that borrows the objects. git's two phases come
from its own trace (`trace2` regions); the others don't separate theirs. This is the only file that knows
other git implementations, and only runs of `bench --against` import it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import time
from importlib import import_module
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli.bench.usage import children_cpu_seconds, children_peak_bytes, own_cpu_seconds, own_peak_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["PEER_JOBS", "PeerAbsentError"]


class PeerAbsentError(Exception):
    """The program or library is not installed."""


def _git(job: dict[str, Any]) -> dict[str, Any]:
    git = shutil.which("git")
    if git is None:
        raise PeerAbsentError
    limits = job["limits"]
    command = [git, "-C", job["repository"], "pack-objects", f"--threads={job['jobs']}"]
    command += ["--no-reuse-delta", "--no-reuse-object", "--delta-base-offset", "--stdout", "-q"]
    command += [f"--{name}={limits[name]}" for name in ("window", "depth", "compression")]
    with tempfile.TemporaryDirectory() as folder:
        trace = Path(folder) / "trace"
        environment = {**os.environ, "GIT_TRACE2_EVENT": str(trace)}
        started = time.perf_counter()
        with Path(job["list"]).open("rb") as listed, Path(job["pack"]).open("wb") as pack:
            done = subprocess.run(
                command, stdin=listed, stdout=pack, stderr=subprocess.PIPE, env=environment, check=False
            )
        total = time.perf_counter() - started
        if done.returncode:
            raise RuntimeError(done.stderr.decode(errors="replace").strip() or f"exit {done.returncode}")
        regions = _trace_regions(trace)
    writing = regions.get("write-pack-file")
    return {
        "select_seconds": None if writing is None else total - writing,
        "write_seconds": writing,
        "total_seconds": total,
        "cpu_seconds": children_cpu_seconds(),
        "peak_bytes": children_peak_bytes(),
    }


def _trace_regions(trace: Path) -> dict[str, float]:
    """Return the seconds of each region of pack-objects, from git's event trace (api-trace2)."""
    found: dict[str, float] = {}
    try:
        lines = trace.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:  # an old git without the trace
        return found
    for line in lines:
        event = json.loads(line)
        if event.get("event") == "region_leave" and event.get("category") == "pack-objects":
            found[event["label"]] = found.get(event["label"], 0.0) + event["t_rel"]
    return found


def _listed(job: dict[str, Any]) -> Iterator[tuple[bytes, bytes]]:
    with Path(job["list"]).open("rb") as lines:
        for line in lines:
            hex_oid, _, name = line.rstrip(b"\n").partition(b" ")
            yield hex_oid, name


def _pygit2(job: dict[str, Any]) -> dict[str, Any]:
    try:
        import pygit2
    except ImportError:
        raise PeerAbsentError from None
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        pygit2.init_repository(folder, bare=True).free()
        alternates = Path(folder) / "objects" / "info" / "alternates"
        alternates.parent.mkdir(exist_ok=True)
        alternates.write_bytes(os.fsencode(job["objects"]) + b"\n")
        repository = pygit2.Repository(folder)
        for name in ("window", "depth", "compression"):
            repository.config[f"pack.{name}"] = job["limits"][name]
        builder = pygit2.PackBuilder(repository)
        builder.set_threads(job["jobs"])
        insert = _libgit2_insert(builder)
        for hex_oid, path in _listed(job):
            insert(pygit2.Oid(hex=hex_oid.decode()), path)
        out = Path(folder) / "out"
        out.mkdir()
        builder.write(str(out))
        made = next(out.glob("*.pack"))
        shutil.move(made, job["pack"])
        del builder
        repository.free()
    return _measured(started)


def _libgit2_insert(builder: Any) -> Callable[[Any, bytes], None]:
    """Return a function that adds an object with its name, which pygit2's own `add` doesn't take."""
    try:
        from pygit2.errors import check_error

        libgit2: Any = import_module("pygit2.ffi")
    except ImportError:
        return lambda oid, _: builder.add(oid)

    ffi, library = libgit2.ffi, libgit2.C

    def insert(oid: Any, path: bytes) -> None:
        raw = ffi.new("git_oid *")
        ffi.buffer(raw)[:] = oid.raw
        check_error(library.git_packbuilder_insert(builder._packbuilder, raw, ffi.new("char[]", path)))

    return insert


def _dulwich(job: dict[str, Any]) -> dict[str, Any]:
    try:
        from dulwich import pack as dulwich_pack
        from dulwich.repo import Repo
    except ImportError:
        raise PeerAbsentError from None
    started = time.perf_counter()
    with Repo(job["repository"]) as repository:
        store: Any = repository.object_store
        objects: list[Any] = [(store[hex_oid], path) for hex_oid, path in _listed(job)]
        write_pack_objects: Any = dulwich_pack.write_pack_objects
        options: dict[str, Any] = {
            "deltify": True,
            "delta_window_size": job["limits"]["window"],
            "compression_level": job["limits"]["compression"],
        }
        if "object_format" in signature(write_pack_objects).parameters:  # from 1.0 on
            options["object_format"] = store.object_format
        with Path(job["pack"]).open("wb") as pack:
            write_pack_objects(pack.write, objects, **options)
    return _measured(started)


def _measured(started: float) -> dict[str, Any]:
    return {
        "select_seconds": None,
        "write_seconds": None,
        "total_seconds": time.perf_counter() - started,
        "cpu_seconds": own_cpu_seconds(),
        "peak_bytes": own_peak_bytes(),
    }


PEER_JOBS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "git": _git,
    "pygit2": _pygit2,
    "dulwich": _dulwich,
}
"""Each takes a job and returns measurements. Raises PeerAbsentError, or what the library raises."""
