"""What clients expect of a server because git's own does it, with git as the client of our HTTP server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support import fsck, git, init_repository, run_git
from tests.transport.server.serving import serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.e2e


@pytest.fixture
def work(tmp_path) -> Path:
    """Return a repository with two commits of one file, and an annotated tag of the first."""
    path = init_repository(tmp_path / "work", bare=False)
    for text in ("1", "2"):
        (path / "f").write_text(text)
        git("add", "f", cwd=path)
        git("commit", "-q", "-m", text, cwd=path)
        if text == "1":
            git("tag", "-a", "-m", "x", "v1", cwd=path)
    return path


@pytest.fixture
def served(tmp_path, work) -> Path:
    path: Path = tmp_path / "served" / "x.git"
    git("clone", "-q", "--bare", work, path)
    return path


@pytest.fixture
def url(served) -> Iterator[str]:
    with serving(served.parent) as server:
        yield f"{server.url}/x.git"


@pytest.mark.parametrize("version", [0, 1, 2])
def test_a_partial_clone_fetches_what_it_left_out(served, url, tmp_path, version):
    git("config", "uploadpack.allowAnySHA1InWant", "true", cwd=served)
    words = ["-c", f"protocol.version={version}"]
    git(*words, "clone", "-q", "--filter=blob:none", url, tmp_path / "clone")
    assert (tmp_path / "clone" / "f").read_text() == "2"


@pytest.mark.parametrize("version", [0, 1, 2])
@pytest.mark.parametrize("name", ["main:f", "main^{tree}", "main~1"])
def test_a_partial_clone_fetches_one_object_by_id(served, url, tmp_path, version, name):
    git("config", "uploadpack.allowAnySHA1InWant", "true", cwd=served)
    words = ["-c", f"protocol.version={version}"]
    clone = tmp_path / "clone.git"
    git(*words, "clone", "-q", "--bare", "--filter=tree:0", url, clone)
    oid = git("rev-parse", name, cwd=served)
    done = run_git(*words, "fetch", "-q", "origin", oid, cwd=clone)
    assert done.returncode == 0, done.stderr
    assert fsck(clone, strict=False) == []
    kind = git("-c", "remote.origin.url=/nowhere", "cat-file", "-t", oid, cwd=clone)
    assert kind == git("cat-file", "-t", oid, cwd=served)
