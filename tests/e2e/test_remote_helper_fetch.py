"""`git clone`, `fetch` and `pull` with packcore::…: git's own fetch, carried by our transports."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.desk import Desk
from tests.e2e.lasting_servers import GitDaemon
from tests.support import fsck, git, history, ls_remote, make_repository
from tests.transport.server.serving import serving
from transport.server.faults import Simulation

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.nginx import GitHttpServer
    from tests.e2e.places import Place

pytestmark = pytest.mark.e2e

FIRST_SECOND = 1112911993
"""When the first commit of `history` was made; each later one is a second younger."""
V2, V0 = "protocol.version=2", "protocol.version=0"
both = pytest.mark.parametrize("protocol", [V2, V0])


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    made = Desk(tmp_path / "desk")
    made.work.mkdir()
    return made


@pytest.fixture
def origin(server: GitHttpServer, place: Place) -> Path:
    path = make_repository(server.root / place.path("x.git"), history(commits=12, tag="v1"), repack=True)
    git("config", "uploadpack.allowFilter", "true", cwd=path)
    git("config", "uploadpack.allowAnySHA1InWant", "true", cwd=path)
    git("branch", "topic", "main~3", cwd=path)
    return path


@pytest.fixture
def ours(server: GitHttpServer, place: Place, origin: Path) -> str:
    return Desk.ours(server.url(place.path("x.git")))


@both
def test_a_clone_has_all_refs_and_is_clean(desk: Desk, origin: Path, ours: str, protocol: str) -> None:
    desk.must("-c", protocol, "clone", "-q", "--mirror", ours, "copy")
    copy = desk.work / "copy"
    assert ls_remote(copy, head=True) == ls_remote(origin, head=True)
    assert fsck(copy) == []


@both
def test_a_fetch_brings_only_what_is_new(desk: Desk, origin: Path, ours: str, protocol: str) -> None:
    desk.must("clone", "-q", ours, "copy")
    copy = desk.work / "copy"
    tree = git("rev-parse", "main^{tree}", cwd=origin)
    new = git("commit-tree", "-m", "new", "-p", "main", tree, cwd=origin)
    git("update-ref", "refs/heads/main", new, cwd=origin)
    git("tag", "-a", "-m", "v2", "v2", "main", cwd=origin)
    before = git("count-objects", cwd=copy)
    desk.must("-c", protocol, "fetch", "-q", cwd=copy)
    assert git("rev-parse", "origin/main", "v2^{commit}", cwd=copy).split() == [new, new]
    assert before == "0 objects, 0 kilobytes"
    assert git("count-objects", cwd=copy).startswith("2 objects"), "the commit and its tag"
    desk.must("-c", protocol, "pull", "-q", "--ff-only", cwd=copy)
    assert git("rev-parse", "main", cwd=copy) == new


@both
def test_shallow_clones_deepen_step_by_step(desk: Desk, ours: str, protocol: str) -> None:
    desk.must("-c", protocol, "clone", "-q", "--depth=2", ours, "copy")
    copy = desk.work / "copy"

    def count() -> str:
        return git("rev-list", "--count", "main", "origin/main", cwd=copy)

    assert count() == "2"
    desk.must("-c", protocol, "fetch", "-q", "--depth=4", cwd=copy)
    assert count() == "4"
    desk.must("-c", protocol, "fetch", "-q", "--deepen=2", cwd=copy)
    assert count() == "6"
    desk.must("-c", protocol, "fetch", "-q", "--shallow-exclude=topic", cwd=copy)
    assert count() == "3"
    desk.must("-c", protocol, "fetch", "-q", f"--shallow-since=@{FIRST_SECOND + 5}", cwd=copy)
    assert count() == "7"
    desk.must("-c", protocol, "fetch", "-q", "--unshallow", cwd=copy)
    assert count() == "12"
    assert fsck(copy) == []


@both
def test_a_partial_clone_gets_what_it_lacks_when_it_is_needed(desk: Desk, ours: str, protocol: str) -> None:
    desk.must("-c", protocol, "clone", "-q", "--bare", "--filter=blob:none", ours, "copy")
    copy = desk.work / "copy"
    missing = git("rev-list", "--objects", "--all", "--missing=print", cwd=copy).count("?")
    assert missing > 0
    desk.must("-c", protocol, "archive", "-o", "out.tar", "main", cwd=copy)
    left = git("rev-list", "--objects", "--all", "--missing=print", cwd=copy).count("?")
    assert left < missing


@both
def test_an_empty_repository_is_cloned(
    desk: Desk, server: GitHttpServer, place: Place, protocol: str
) -> None:
    server.create(place.path("empty.git"))
    said = desk.must("-c", protocol, "clone", desk.ours(server.url(place.path("empty.git"))), "copy")
    assert "appear to have cloned an empty repository" in said.stderr


@both
def test_ls_remote_shows_head_tags_and_what_they_come_to(
    desk: Desk, server: GitHttpServer, place: Place, ours: str, protocol: str
) -> None:
    theirs = server.url(place.path("x.git"))
    for words in (["--symref"], ["--tags"], ["--heads"], []):
        expected = desk.must("-c", protocol, "ls-remote", *words, theirs).stdout
        assert desk.must("-c", protocol, "ls-remote", *words, ours).stdout == expected


def test_a_server_without_protocol_v2_is_fetched_from(desk: Desk, tmp_path: Path) -> None:
    origin = make_repository(tmp_path / "served" / "x.git", history(commits=5, tag="v1"))
    with serving(tmp_path / "served", simulation=Simulation.parse("no-v2")) as server:
        desk.must("clone", "-q", "--mirror", desk.ours(f"{server.url}/x.git"), "copy")
    assert ls_remote(desk.work / "copy") == ls_remote(origin)


@both
def test_over_a_connection_that_lasts(desk: Desk, tmp_path: Path, protocol: str) -> None:
    root = tmp_path / "daemon"
    origin = make_repository(root / "x.git", history(commits=5, tag="v1"))
    with GitDaemon(root) as daemon:
        url = desk.ours(daemon.url("x.git"))
        desk.must("-c", protocol, "clone", "-q", "--mirror", url, "copy")
        desk.must("-c", protocol, "clone", "-q", "--depth=2", url, "shallow")
    assert ls_remote(desk.work / "copy") == ls_remote(origin)
    assert git("rev-list", "--count", "HEAD", cwd=desk.work / "shallow") == "2"


@both
def test_a_path_is_cloned(desk: Desk, tmp_path: Path, protocol: str) -> None:
    origin = make_repository(tmp_path / "a path with blanks.git", history(commits=5, tag="v1"))
    desk.must("-c", protocol, "clone", "-q", "--mirror", desk.ours(origin), "copy")
    assert ls_remote(desk.work / "copy") == ls_remote(origin)


def test_an_answer_that_breaks_off_is_an_error_and_leaves_no_clone(desk: Desk, tmp_path: Path) -> None:
    make_repository(tmp_path / "served" / "x.git", history(commits=40))
    with serving(tmp_path / "served", simulation=Simulation.parse("cut-after=4k")) as server:
        said = desk.fails("clone", "-q", desk.ours(f"{server.url}/x.git"), "copy")
    assert "packcore: error:" in said.stderr
    assert not (desk.work / "copy").exists()


def test_a_repository_that_is_not_there_is_told_in_one_line(desk: Desk, server: GitHttpServer) -> None:
    said = desk.fails("clone", desk.ours(server.url("nothing/here.git")), "copy")
    lines = [line for line in said.stderr.splitlines() if line.startswith("packcore: error:")]
    assert len(lines) == 1
    assert "404" in lines[0]


def test_archive_over_the_helper_is_declined(desk: Desk, ours: str) -> None:
    said = desk.fails("archive", f"--remote={ours}", "main")
    # git 2.39, and newer ones
    assert (
        "operation not supported by protocol" in said.stderr or "can't connect to subservice" in said.stderr
    )
