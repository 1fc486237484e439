"""Syncs with the git on PATH at both ends, whichever release it is: every way completes and leaves nothing.

Releases differ in what they say. As a source, git 2.47 does not acknowledge the parent of a commit that it
has acknowledged, as 2.39 does; here branches stand on each other's parents, so that each way meets that.
"""

from __future__ import annotations

import json
import random
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from tests.e2e.lasting_servers import Sshd
from tests.e2e.servers import wait_until
from tests.support import fast_import, fsck, git, ls_remote, write_hook
from tests.transport.server.serving import serving

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.command import Workplace
    from tests.e2e.nginx import GitHttpServer
    from tests.e2e.places import Place

pytestmark = pytest.mark.e2e

COMMITS = 12
FILE_BYTES = 60_000
LIMIT = ("--target-max-pack-bytes", "200k")

WAYS = {
    "relay": ("sync",),
    "materialized": ("sync", "--materialize"),
    "batched relay": ("replicate", *LIMIT),
    "batched materialized": ("sync", "--materialize", *LIMIT),
}


def grow(repository: Path, first: int, *, start: str | None = None) -> None:
    """Commit files that don't compress on main; `next`, `dev` and `old` stand one, two and five below."""
    chance = random.Random(first)
    stream: list[bytes] = []
    for number in range(first, first + COMMITS):
        stream.append(f"commit refs/heads/main\nmark :{number + 1}\n".encode())
        stream.append(f"committer C <c@example.com> {1_112_000_000 + number} +0000\ndata 2\nx\n".encode())
        if number == first and start:
            stream.append(f"from {start}\n".encode())
        stream += [f"M 100644 inline f{number}\ndata {FILE_BYTES}\n".encode()]
        stream += [chance.randbytes(FILE_BYTES), b"\n"]
    fast_import(repository, [*stream, b"done\n"])
    for name, below in (("next", 1), ("dev", 2), ("old", 5)):
        git("update-ref", f"refs/heads/{name}", f"main~{below}", cwd=repository)


@pytest.fixture
def source(server: GitHttpServer, place: Place) -> Path:
    path = server.create(place.path("source.git"))
    git("config", "uploadpack.allowFilter", "true", cwd=path)
    grow(path, 0)
    return path


@pytest.fixture
def behind(server: GitHttpServer, place: Place, source: Path) -> Path:
    """Return a target that has all branches as they were; the source's have gone on, and one is new."""
    path = server.create(place.path("target.git"))
    git("push", "-q", path, "refs/heads/*:refs/heads/*", cwd=source)
    grow(source, COMMITS, start="refs/heads/main^0")
    git("update-ref", "refs/heads/new", "main~3", cwd=source)
    return path


def urls(server: GitHttpServer, place: Place) -> list[str]:
    return [server.url(place.path(name)) for name in ("source.git", "target.git")]


def check(source: Path, target: Path) -> None:
    assert ls_remote(target) == ls_remote(source), "the same refs, and no temporary one"
    assert fsck(target) == []


@pytest.mark.parametrize("way", WAYS)
def test_an_empty_target_gets_everything(
    server: GitHttpServer, place: Place, workplace: Workplace, source: Path, way: str
) -> None:
    target = server.create(place.path("target.git"))
    found = json.loads(workplace.must(*WAYS[way], "--json", *urls(server, place)).stdout)
    check(source, target)
    assert (found["batchCount"] > 2) == ("batched" in way)


@pytest.mark.parametrize("way", WAYS)
def test_a_target_that_is_behind_gets_what_is_new_and_is_not_asked_what_it_has(
    server: GitHttpServer, place: Place, workplace: Workplace, source: Path, behind: Path, way: str
) -> None:
    found = json.loads(workplace.must(*WAYS[way], "--json", *urls(server, place)).stdout)
    check(source, behind)
    assert (found["batchCount"] > 2) == ("batched" in way)
    assert found["pack"]["objects"] == 3 * COMMITS
    uris = [line.uri for line in server.requests(place.path("target.git"))]
    assert not [uri for uri in uris if "git-upload-pack" in uri], "the source knows all of its tips"


@pytest.mark.parametrize("filters", [True, False], ids=["filters", "no filters"])
@pytest.mark.parametrize("command", ["sync", "replicate"])
def test_a_diverged_branch_is_replaced_and_only_what_is_missing_travels(
    server: GitHttpServer,
    place: Place,
    workplace: Workplace,
    source: Path,
    behind: Path,
    command: str,
    filters: bool,
) -> None:
    git("config", "uploadpack.allowFilter", str(filters).lower(), cwd=source)
    tree = git("rev-parse", "main^{tree}", cwd=behind)
    for branch in ("main", "dev"):
        own = git("commit-tree", "-m", "own", "-p", f"refs/heads/{branch}", tree, cwd=behind)
        git("update-ref", f"refs/heads/{branch}", own, cwd=behind)
    more = ("--force-with-lease",) if command == "sync" else ()
    found = json.loads(workplace.must(command, *more, "--json", *urls(server, place)).stdout)
    check(source, behind)
    if filters or not found["relay"]:
        assert found["pack"]["objects"] == 3 * COMMITS


def test_a_bootstrap_killed_in_each_batch_goes_on_from_there(
    server: GitHttpServer, place: Place, workplace: Workplace, source: Path
) -> None:
    for number in (1, 2, 3):
        target = server.create(place.path(f"target{number}.git"))
        write_hook(
            target,
            "pre-receive",
            f"echo >> {target}/count; [ $(wc -l < {target}/count) -ne {number} ] && exit 0\n"
            f"touch {target}/here; until [ -e {target}/go ]; do sleep 0.05; done",
        )
        command = [
            *WAYS["batched relay"],
            server.url(place.path("source.git")),
            server.url(place.path(target.name)),
        ]
        with workplace.start(*command) as running:
            wait_until((target / "here").exists, f"request {number}")
            running.process.kill()
            running.result(seconds=60)
        (target / "go").touch()
        workplace.must(*command)
        check(source, target)


@pytest.mark.parametrize("server_of", ["git over ssh", "git behind nginx", "packcore"])
@pytest.mark.parametrize(
    "command", [("sync",), ("sync", "--materialize"), ("bootstrap",), ("replicate",)], ids=" ".join
)
def test_a_target_with_a_bound_on_packs_gets_smaller_ones(
    server: GitHttpServer,
    place: Place,
    workplace: Workplace,
    source: Path,
    command: tuple[str, ...],
    server_of: str,
) -> None:
    target = server.create(place.path("target.git"))
    git("config", "receive.maxInputSize", "200k", cwd=target)
    name = place.path(target.name)
    with ExitStack() as stack:
        if server_of == "git over ssh":
            sshd = stack.enter_context(Sshd(target.parent))
            workplace.environment |= sshd.environment()
            url = sshd.url(target.name)
        elif server_of == "git behind nginx":
            # git stops reading, and its words are lost: nginx says 502.
            url = server.url(name)
        else:
            url = f"{stack.enter_context(serving(server.root)).url}/{name}"
        sides = server.url(place.path("source.git")), url
        found = json.loads(workplace.must(*command, "--json", *sides).stdout)
    check(source, target)
    assert found["batchCount"] > 3
    assert found["error"] is None
