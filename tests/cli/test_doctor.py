"""`packcore doctor`: what a host accepts, asked of our own server with faults; nothing is pushed."""

from __future__ import annotations

import json

import pytest

from tests.support import git, history, init_repository, make_repository
from tests.transport.server.serving import serving
from transport.server.faults import Simulation
from transport.server.htpasswd import Passwords


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def mine(tmp_path):
    """A repository whose branches are to be pushed."""
    return make_repository(tmp_path / "mine.git", history(commits=40, files=30))


@pytest.fixture
def asked(packcore, tmp_path):
    """Ask a server with faults; return the object and the exit code."""
    root = tmp_path / "root"
    init_repository(root / "x.git")

    def ask(faults: str, *words: object, allow_push: bool = True):
        with serving(root, allow_push=allow_push, simulation=Simulation.parse(faults)) as server:
            url = f"http://127.0.0.1:{server.port}/x.git"
            result = packcore("doctor", "--json", "--idle", "2", url, *words)
            assert git("for-each-ref", cwd=root / "x.git") == "", "nothing is pushed"
        return json.loads(result.stdout), result.exit_code

    return ask


def test_a_host_without_limits_fits_every_push(asked, mine):
    found, code = asked("", "--for", mine)
    assert (found["protocol"], found["chunked"], found["bodyBytesRefused"]) == ("v2", True, None)
    assert found["idleCutSeconds"] is None
    assert found["push"]["breaks"] == []
    assert (found["push"]["refs"], code) == (1, 0)


def test_a_limit_on_bodies_is_found_and_breaks_a_larger_push(asked, mine):
    found, code = asked("body-limit=3K", "--for", mine)
    assert found["bodyBytesTaken"] <= 3 << 10 < found["bodyBytesRefused"]
    assert found["push"]["bytes"] > found["bodyBytesTaken"]
    (words,) = found["push"]["breaks"]
    assert f"--target-max-pack-bytes {found['bodyBytesTaken']}" in words
    assert code == 1


def test_refused_chunks_are_found(asked, mine):
    found, code = asked("no-chunked", "--for", mine)
    assert (found["chunked"], found["idleSeconds"]) == (False, None)
    assert any("chunked" in words for words in found["push"]["remarks"])
    assert code == 0


def test_an_edge_that_cuts_silence_is_found_with_its_patience(asked):
    found, _ = asked("idle-cut=1s")
    assert 0.8 <= found["idleCutSeconds"] <= 1.9


def test_a_host_that_takes_no_push_says_so_with_exit_code_1(asked):
    found, code = asked("", allow_push=False)
    assert "403" in found["pushRefused"]
    assert code == 1


def test_what_is_found_is_remembered_for_a_sync(asked, tmp_path, mine):
    profile = tmp_path / "hosts.json"
    found, _ = asked("body-limit=3K,no-chunked", "--host-profile", profile)
    entry = next(each for each in json.loads(profile.read_text()).values() if isinstance(each, dict))
    assert entry["bodyBytesMax"] == found["bodyBytesTaken"]


def test_how_many_refs_a_request_may_hold_is_found_by_commands_without_effect(asked):
    found, code = asked("refs-limit=70", "--refs", "500")
    assert (found["refUpdatesMax"], found["refUpdatesTaken"], found["refUpdatesRefused"]) == (70, 70, 500)
    assert code == 0
    found, _ = asked("", "--refs", "500")
    assert (found["refUpdatesMax"], found["refUpdatesTaken"], found["refUpdatesRefused"]) == (None, 500, None)


def test_commands_that_exceed_the_limit_on_bodies_show_no_limit_on_refs(asked):
    found, _ = asked("body-limit=3K", "--refs", "500")
    assert found["refUpdatesMax"] is None
    assert 0 < found["refUpdatesTaken"] < found["refUpdatesRefused"] <= 500


def test_refs_are_counted_only_if_that_is_asked_for(asked):
    found, _ = asked("refs-limit=1")
    assert (found["refUpdatesMax"], found["refUpdatesTaken"]) == (None, None)


def test_a_host_that_deletes_no_refs_can_not_be_tested_for_their_number(packcore, tmp_path):
    target = init_repository(tmp_path / "root" / "x.git")
    with serving(target.parent, allow_push=True, simulation=Simulation.parse("no-delete")) as server:
        said = packcore(
            "doctor", "--idle", "0.1", "--refs", "9", f"http://127.0.0.1:{server.port}/x.git"
        ).stdout
    assert "can't be tested: the host deletes no refs" in said


def test_a_limit_on_refs_breaks_a_push_of_more_and_is_remembered(asked, mine, tmp_path):
    for name in ("two", "three"):
        git("branch", name, "main", cwd=mine)
    profile = tmp_path / "hosts.json"
    found, code = asked("refs-limit=2", "--refs", "100", "--for", mine, "--host-profile", profile)
    (words,) = found["push"]["breaks"]
    assert words.startswith("its 3 refs exceed the limit on a request")
    assert words.endswith("--target-max-ref-updates 2")
    assert code == 1
    (entry,) = json.loads(profile.read_text()).values()
    assert entry["refUpdatesMax"] == 2


def test_the_credentials_that_a_host_accepts_are_named_by_their_origin(packcore, tmp_path):
    target = init_repository(tmp_path / "root" / "x.git")
    (tmp_path / "users").write_text("me:$apr1$abcdefgh$h9FWgUz3n9YxylKLlR5SQ/\n")  # the password is: secret
    passwords = Passwords.read(tmp_path / "users")
    with serving(target.parent, allow_push=True, passwords=passwords) as server:
        url = f"http://127.0.0.1:{server.port}/x.git"
        words = ("--idle", "0.1", "--source-username", "me", "--source-token", "secret")
        said = packcore("doctor", *words, url).stdout
    assert "  sign-in            by --source-token\n" in said


def test_a_path_has_no_limits_of_http(packcore, tmp_path):
    result = packcore("doctor", init_repository(tmp_path / "x.git"))
    assert result.exit_code == 0
    assert "this is not HTTP" in result.stdout


def test_a_repository_that_is_not_there_is_an_error(packcore, tmp_path):
    result = packcore("doctor", tmp_path / "none.git")
    assert result.stderr.startswith(f"packcore: error: {tmp_path}/none.git: no git repository here\n")
