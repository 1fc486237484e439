"""Runs commands one after the other, each in a fork of a process that has loaded all of packcore already.

    in     {"argv": [...], "root": "/w", "environment": {...}, "fault": ["kill", 17], "fsize": null}
    out    {"code": 137, "output": "…", "calls": 42}

A line of JSON each, on stdin and stdout. `log` names a file for the calls, pickled. `@push ROOT FROM` is no
command of packcore: it serves ROOT from here, and lets git push the repository FROM to ROOT/target.git.
"""

from __future__ import annotations

import atexit
import importlib
import json
import os
import pickle
import pkgutil
import resource
import subprocess
import sys
import threading
from typing import Any

from tests.crash.disk import Disk, Fault

_END = b"\nend of output, calls: "


def _serve_and_push(root: str, source: str, *refspecs: str) -> int:
    from pathlib import Path

    from transport.server.http import GitHttpServer

    server = GitHttpServer(Path(root), allow_push=True, linger_seconds=1)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"{server.url}/target.git"
    done = subprocess.run(["git", "push", "--porcelain", url, *refspecs], cwd=source, check=False)
    server.stop()
    return done.returncode


def _run(request: dict[str, Any], pipe: int) -> None:
    """Run one command in this process, which ends with it."""
    os.dup2(pipe, 1)
    os.dup2(pipe, 2)
    sys.stdout = open(1, "w", closefd=False, buffering=1)  # noqa: SIM115
    sys.stderr = open(2, "w", closefd=False, buffering=1)  # noqa: SIM115
    os.environ.clear()
    os.environ.update(request["environment"])
    import tempfile

    tempfile.tempdir = None
    if request.get("fsize") is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (request["fsize"], request["fsize"]))
    fault = Fault(*request["fault"]) if request.get("fault") else None
    disk = Disk(request["root"], fault)
    disk.install()
    argv = request["argv"]
    code: int | None = 1
    try:
        if argv[0] == "@push":
            code = _serve_and_push(*argv[1:])
        else:
            from cli.app import app

            code = app.main(argv, standalone_mode=False)
    except BaseException as error:
        print(f"Traceback: {error!r}", file=sys.stderr)
    sys.stdout.flush()
    sys.stderr.flush()
    os.write(1, _END + str(len(disk.calls)).encode())
    if request.get("log"):
        with disk._open_file(request["log"], "wb") as file:
            pickle.dump(disk.calls, file)
    atexit._run_exitfuncs()  # what the interpreter does at its end
    os._exit(code or 0)


def _handle(request: dict[str, Any]) -> dict[str, Any]:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        try:
            _run(request, writing)
        finally:
            os._exit(99)
    os.close(writing)
    pieces = []
    while piece := os.read(reading, 1 << 16):
        pieces.append(piece)
    os.close(reading)
    _, status = os.waitpid(child, 0)
    output, _, calls = b"".join(pieces).partition(_END)
    return {
        "code": os.waitstatus_to_exitcode(status),
        "output": output.decode(errors="replace"),
        "calls": int(calls.strip() or 0),
    }


def main() -> None:
    """Load everything, then answer until stdin ends."""
    for package in ("packcore", "transport", "cli"):
        module = importlib.import_module(package)
        for found in pkgutil.walk_packages(module.__path__, f"{package}."):
            if "bench" not in found.name and not found.name.endswith("__main__"):
                importlib.import_module(found.name)
    for line in sys.stdin:
        print(json.dumps(_handle(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
