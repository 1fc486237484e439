"""Pushes in several requests, from the command line to nginx and `git http-backend`."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.servers import wait_until
from tests.support import fast_import, fsck, git, ls_remote, write_hook

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.nginx import GitHttpServer
    from tests.e2e.places import Place

pytestmark = pytest.mark.e2e

TEMP_REFS = "refs/packcore/bootstrap/"


def noise_history(repository: Path, *, commits: int, size: int) -> None:
    """Commit files that don't compress, on main, with a side branch and a tag."""
    chance = random.Random(11)
    stream: list[bytes] = []
    for number in range(commits):
        stream.append(f"commit refs/heads/main\nmark :{number + 1}\n".encode())
        stream.append(f"committer C <c@example.com> {1_112_000_000 + number} +0000\ndata 2\nx\n".encode())
        stream += [f"M 100644 inline f{number}\ndata {size}\n".encode(), chance.randbytes(size), b"\n"]
    fast_import(repository, [*stream, f"reset refs/heads/side\nfrom :{commits // 2}\n\n".encode(), b"done\n"])
    git("tag", "-a", "-m", "v1", "v1", "main", cwd=repository)
    git("repack", "-adq", cwd=repository)


@pytest.fixture
def source(server: GitHttpServer, place: Place) -> Path:
    path = server.create(place.path("source.git"))
    git("config", "uploadpack.allowFilter", "true", cwd=path)
    return path


def users_refs(repository: Path) -> dict[str, str]:
    return {name: oid for name, oid in ls_remote(repository).items() if not name.startswith(TEMP_REFS)}


def check(source: Path, target: Path) -> None:
    assert ls_remote(target) == ls_remote(source)
    assert fsck(target) == []


LIMIT = ["--target-max-pack-bytes", "1000k"]


def case(*words: str, slow: bool = False) -> Any:
    return pytest.param(list(words), id=" ".join(words), marks=[pytest.mark.slow] * slow)


@pytest.mark.parametrize(
    "command",
    [
        case("bootstrap", *LIMIT),
        case("bootstrap", *LIMIT, "--bootstrap-strategy", "topo", slow=True),
        case("bootstrap", slow=True),
        case("sync", "--materialize", *LIMIT),
        case("sync", "--materialize", slow=True),
        case("sync"),
    ],
)
def test_a_server_that_takes_one_megabyte_gets_six(server, place, source, workplace, command):
    noise_history(source, commits=60, size=100_000)
    target = server.create(place.path("target.git"))
    seen = target / "seen"
    write_hook(
        target,
        "post-receive",
        f"git for-each-ref --format='%(refname)' refs/heads refs/tags >> {seen}; echo . >> {seen}",
    )
    outcome = workplace.must(
        *command, "--tags", "--json",
        server.url(place.path("source.git")), server.url(place.path("target.git"), "small"),
    )  # fmt: skip
    result = json.loads(outcome.stdout)
    check(source, target)
    assert result["pushed"] == 3
    assert result["batching"] is True
    assert result["batchCount"] == len(result["tempRefs"]) >= 6
    assert all(name.startswith(TEMP_REFS) for name in result["tempRefs"])
    assert "".join(seen.read_text().split("\n")[: result["batchCount"]]) == "." * result["batchCount"]
    if command == ["sync"]:
        assert result["relayReason"] == "target-takes-less"
        asked = [line for line in server.requests(place.path("source.git")) if line.method == "POST"]
        assert len(asked) == 2, "refs and one pack: what was refused is cut from what came"


BOOTSTRAP, MATERIALIZED = ["bootstrap"], ["sync", "--materialize"]


@pytest.mark.parametrize(
    ("command", "hook_name"),
    [
        pytest.param(BOOTSTRAP, "pre-receive", id="bootstrap before it is taken"),
        pytest.param(BOOTSTRAP, "post-receive", id="bootstrap after", marks=pytest.mark.slow),
        pytest.param(MATERIALIZED, "pre-receive", id="materialized before", marks=pytest.mark.slow),
        pytest.param(MATERIALIZED, "post-receive", id="materialized after", marks=pytest.mark.slow),
    ],
)
def test_killed_in_each_batch_and_run_again_it_completes(
    server, place, source, workplace, command, hook_name
):
    noise_history(source, commits=10, size=60_000)

    def arguments(name: str) -> list[str]:
        urls = [server.url(place.path(repository)) for repository in ("source.git", name)]
        return [*command, "--tags", "--json", "--target-max-pack-bytes", "200k", *urls]

    server.create(place.path("target.git"))
    requests = json.loads(workplace.must(*arguments("target.git")).stdout)["batchCount"] + 1
    assert requests >= 4
    for number in range(1, requests + 1):
        target = server.create(place.path(f"target{number}.git"))
        write_hook(target, hook_name, stand_still_in(number, target))
        with workplace.start(*arguments(target.name)) as running:
            wait_until((target / "here").exists, f"request {number}")
            running.process.kill()
            running.result(seconds=60)
        assert users_refs(target) in ({}, ls_remote(source)), "what users see is as before, or all"
        (target / "go").touch()
        again = json.loads(workplace.must(*arguments(target.name)).stdout)
        check(source, target)
        assert again["batchCount"] < requests - max(0, number - 2), "what was there was not sent again"


def stand_still_in(number: int, target: Path) -> str:
    """Return a hook that waits in one request until it is let go."""
    return (
        f"echo >> {target}/count; [ $(wc -l < {target}/count) -ne {number} ] && exit 0\n"
        f"touch {target}/here; until [ -e {target}/go ]; do sleep 0.05; done"
    )


@pytest.mark.parametrize(
    ("options", "refusal"),
    [
        pytest.param(["--target-max-ref-updates", "5000"], "no", marks=pytest.mark.slow),
        pytest.param([], "a push may hold at most 5000 refs", marks=pytest.mark.slow),
    ],
    ids=["told", "found out"],
)
def test_ten_thousand_refs_reach_a_server_that_takes_five_thousand(
    server, place, source, workplace, options, refusal
):
    noise_history(source, commits=2, size=10)
    tip = git("rev-parse", "main", cwd=source)
    create = "".join(f"create refs/heads/b/{number:05} {tip}\n" for number in range(9_998))
    git("update-ref", "--stdin", cwd=source, stdin=create.encode())
    git("pack-refs", "--all", cwd=source)
    target = server.create(place.path("target.git"))
    write_hook(target, "pre-receive", f'n=$(wc -l); echo "$n" >> {target}/counts\n'
         f'[ "$n" -le 5000 ] || {{ echo "{refusal}" >&2; exit 1; }}')  # fmt: skip
    arguments = [
        *options,
        "--json",
        server.url(place.path("source.git")),
        server.url(place.path(target.name)),
    ]
    result = json.loads(workplace.must("sync", *arguments).stdout)
    assert result["pushed"] == 10_000
    assert users_refs(target) == {
        name: oid for name, oid in ls_remote(source).items() if name.startswith("refs/heads/")
    }
    assert (target / "counts").read_text().split()[-2:] == ["5000", "5000"]


def test_the_limit_of_a_host_is_remembered(server, place, source, workplace):
    noise_history(source, commits=30, size=100_000)
    profile = workplace.folder / "hosts.json"
    refused = []
    for name in ("one.git", "two.git"):
        server.create(place.path(name))
        arguments = [server.url(place.path("source.git")), server.url(place.path(name), "small")]
        workplace.must("bootstrap", "--host-profile", profile, *arguments)
        refused.append(sum(line.status == 413 for line in server.requests(place.path(name), "small")))
    assert refused[0] > 0
    assert refused[1] == 0
    assert next(iter(json.loads(profile.read_text()).values()))["bodyBytesTaken"] <= 1024 * 1024
