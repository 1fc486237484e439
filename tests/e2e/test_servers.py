"""The test servers themselves, with C git on both ends: what fails later is then not the harness."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from tests.e2e.nginx import PASSWORD, USER
from tests.support import fsck, git, git_environment, history, ls_remote, make_repository, run_git

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.nginx import GitHttpServer
    from tests.e2e.places import Place

pytestmark = pytest.mark.e2e


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Return a bare repository with a history and a tag."""
    return make_repository(tmp_path / "source.git", history(tag="v1"), repack=True)


@pytest.mark.parametrize("kind", ["plain", "edge"])
@pytest.mark.parametrize("version", [0, 2])
def test_git_pushes_to_and_clones_from_each_server(
    server: GitHttpServer, place: Place, source: Path, tmp_path: Path, kind: str, version: int
) -> None:
    target = server.create(place.path("target.git"))
    url = server.url(place.path("target.git"), kind)
    git("-c", f"protocol.version={version}", "push", "-q", "--mirror", url, cwd=source)
    git("-c", f"protocol.version={version}", "clone", "-q", "--mirror", url, tmp_path / "clone.git")
    assert ls_remote(url) == ls_remote(source)
    assert fsck(target) == fsck(tmp_path / "clone.git") == []


def test_the_protocol_version_reaches_git(server: GitHttpServer, place: Place, source: Path) -> None:
    server.create(place.path("target.git"))
    url = server.url(place.path("target.git"))
    git("push", "-q", "--mirror", url, cwd=source)
    packets = git_environment({"GIT_TRACE_PACKET": "1"})
    assert b"< version 2" in run_git("ls-remote", url, environment=packets).stderr


def test_the_guarded_server_wants_a_password(server: GitHttpServer, place: Place, source: Path) -> None:
    server.create(place.path("target.git"))
    refused = run_git("ls-remote", server.url(place.path("target.git"), "auth"))
    assert b"could not read Username" in refused.stderr
    user = f"{USER}:{PASSWORD.replace(' ', '%20')}"
    git("push", "-q", "--mirror", server.url(place.path("target.git"), "auth", user=user), cwd=source)


def test_the_small_server_refuses_a_large_body(server: GitHttpServer, place: Place, tmp_path: Path) -> None:
    source = make_repository(tmp_path / "large.git", history(commits=2))
    noise = random.Random(7).randbytes(2_000_000)
    git("tag", "noise", git("hash-object", "-w", "--stdin", cwd=source, stdin=noise), cwd=source)
    server.create(place.path("target.git"))
    done = run_git("push", "--mirror", server.url(place.path("target.git"), "small"), cwd=source)
    assert b"413" in done.stderr


def test_the_tls_server_is_trusted_by_its_own_authority(
    server: GitHttpServer, place: Place, source: Path
) -> None:
    server.create(place.path("target.git"))
    url = server.url(place.path("target.git"), "tls")
    git("-c", f"http.sslCAInfo={server.certificate}", "push", "-q", "--mirror", url, cwd=source)
    assert b"certificate" in run_git("ls-remote", url).stderr
