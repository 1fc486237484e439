"""`packcore serve` as a process of its own, and every client that this machine has: clones and pushes."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.e2e.jgit import jgit_environment, skip_unless_it_starts
from tests.support import (
    ROOT,
    fast_import,
    fsck,
    git,
    git_environment,
    history,
    init_repository,
    ls_remote,
    make_repository,
    require,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.e2e.command import Workplace

pytestmark = pytest.mark.e2e


@contextmanager
def packcore_serve(root: Path, *options: str, stop: int = signal.SIGINT) -> Iterator[str]:
    """Run it, yield its URL, stop it, and expect that it ends well."""
    command = [sys.executable, "-W", "error", "-m", "cli", "serve", str(root), "--port", "0", *options]
    environment = git_environment({"PYTHONPATH": str(ROOT)})
    log = root.parent / "serve.log"
    with (
        log.open("wb") as errors,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, env=environment, cwd=root) as server,
    ):
        try:
            assert server.stdout is not None
            found = re.search(rb"http://[0-9.:]+", server.stdout.readline())
            assert found, log.read_text()
            yield found[0].decode()
        finally:
            server.send_signal(stop)
            code = server.wait(timeout=30)
    # A request whose client had its answer may be logged after that line.
    assert code == 0
    assert "stopping" in log.read_text().splitlines()
    assert "internal error" not in log.read_text()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "served"
    folder.mkdir()
    made = make_repository(folder / "source.git", history(tag="v1"), repack=True)
    fast_import(made, history(seed=5, branch="refs/heads/later", start="main^0"))
    init_repository(folder / "target.git")
    return folder


def commit_on(folder: Path, branch: str) -> str:
    fast_import(folder, history(commits=3, seed=9, branch=branch, start="refs/heads/main^0"))
    return git("rev-parse", branch, cwd=folder)


def test_each_request_is_logged_with_its_time(root: Path) -> None:
    with packcore_serve(root) as url:
        ls_remote(f"{url}/source.git")
    first = (root.parent / "serve.log").read_text().splitlines()[0]
    assert re.match(r'20[0-9]{2}-[01][0-9]-[0-3][0-9]T[0-9:]{8}Z 127\.0\.0\.1 - "GET /source', first), first


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_it_says_where_it_serves_and_ends_when_told(root: Path, stop: int) -> None:
    with packcore_serve(root, stop=stop) as url:
        assert ls_remote(f"{url}/source.git") == ls_remote(root / "source.git")


def test_libgit2_clones_and_pushes(root: Path, tmp_path: Path) -> None:
    import pygit2  # in the test group: absent only where that is not installed, which is to fail

    with packcore_serve(root, "--allow-push") as url:
        clone = pygit2.clone_repository(f"{url}/source.git", str(tmp_path / "clone"), bare=True)
        oid = commit_on(tmp_path / "clone", "refs/heads/new")
        clone.remotes.create("target", f"{url}/target.git")
        clone.remotes["target"].push(["refs/heads/new", "refs/heads/main"])
        clone.remotes["target"].push([":refs/heads/new"])
        clone.remotes["target"].push(["refs/heads/new"])
    assert fsck(tmp_path / "clone") == []
    assert ls_remote(root / "target.git")["refs/heads/new"] == oid
    assert fsck(root / "target.git") == []


def test_dulwich_clones_and_pushes(root: Path, tmp_path: Path) -> None:
    porcelain = pytest.importorskip("dulwich.porcelain", reason="dulwich is not in the test group")
    with packcore_serve(root, "--allow-push") as url, open(os.devnull, "wb") as nowhere:
        porcelain.clone(f"{url}/source.git", str(tmp_path / "clone"), bare=True, errstream=nowhere).close()
        oid = git("rev-parse", "main", cwd=tmp_path / "clone")
        streams = {"outstream": nowhere, "errstream": nowhere}
        porcelain.push(str(tmp_path / "clone"), f"{url}/target.git", "refs/heads/main", **streams)
    assert fsck(tmp_path / "clone") == []
    assert ls_remote(root / "target.git") == {"refs/heads/main": oid}
    assert fsck(root / "target.git") == []


def test_jgit_clones_and_pushes(root: Path, tmp_path: Path) -> None:
    require("jgit", "java")
    environment = jgit_environment(tmp_path / "jgit")
    skip_unless_it_starts(environment)

    def jgit(*words: str) -> None:
        done = subprocess.run(
            ["jgit", *words], env=environment, cwd=tmp_path, capture_output=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr

    with packcore_serve(root, "--allow-push") as url:
        jgit("clone", "--bare", f"{url}/source.git", str(tmp_path / "clone"))
        oid = commit_on(tmp_path / "clone", "refs/heads/new")
        where = f"--git-dir={tmp_path / 'clone'}"
        jgit(where, "push", f"{url}/target.git", "refs/heads/new:refs/heads/new")
        jgit(where, "push", f"{url}/target.git", "refs/heads/main", "refs/tags/v1")
    assert fsck(tmp_path / "clone") == []
    assert ls_remote(root / "target.git")["refs/heads/new"] == oid
    assert fsck(root / "target.git") == []


def test_packcore_syncs_from_it_and_to_it(workplace: Workplace, root: Path) -> None:
    with packcore_serve(root, "--allow-push") as url:
        source, target = f"{url}/source.git", f"{url}/target.git"
        workplace.must("sync", source, target, "--all-refs", "--materialize")
        assert ls_remote(root / "target.git") == ls_remote(root / "source.git")
        commit_on(root / "source.git", "refs/heads/main")
        git("branch", "-D", "later", cwd=root / "source.git")
        workplace.must("sync", source, target, "--all-refs", "--materialize", "--prune", "--atomic")
    assert ls_remote(root / "target.git") == ls_remote(root / "source.git")
    assert fsck(root / "target.git") == []


def test_a_push_without_leave_ends_with_the_servers_words(workplace: Workplace, root: Path) -> None:
    with packcore_serve(root) as url:
        outcome = workplace.run("sync", f"{url}/source.git", f"{url}/target.git", "--materialize")
    assert outcome.code in (4, 5), outcome
    assert "pushing is not allowed on this server" in outcome.stderr


def test_a_folder_that_is_a_repository_is_refused_with_a_hint(workplace: Workplace, root: Path) -> None:
    outcome = workplace.run("serve", root / "source.git")
    assert outcome.code == 1
    assert f"hint: serve {root} instead" in outcome.stderr


def test_the_demo_runs_without_git(root: Path, tmp_path: Path) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    environment = git_environment({"PYTHONPATH": str(ROOT), "PATH": str(tools)})
    command = [sys.executable, str(ROOT / "scripts/demo.py"), str(root / "source.git")]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "packcore serve, as there is no git here" in done.stdout
    assert "fsck       clean (--strict)" in done.stdout
