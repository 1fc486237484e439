"""`packcore sync` between two real smart-HTTP servers: what arrives, what is sent, what is said."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.nginx import PASSWORD, USER
from tests.e2e.places import Pair, noise
from tests.support import (
    ROOT,
    fast_import,
    fsck,
    git,
    history,
    ls_remote,
    make_repository,
    run_git,
    write_hook,
)

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.command import Workplace
    from tests.e2e.nginx import AccessLine, GitHttpServer
    from tests.e2e.places import Place

pytestmark = pytest.mark.e2e


def report(workplace: Workplace, *arguments: str | Path) -> dict[str, Any]:
    """Sync with --json and return what it printed."""
    return dict(json.loads(workplace.must("sync", *arguments, "--json").stdout))


def test_every_ref_and_object_reaches_an_empty_target(workplace: Workplace, pair: Pair) -> None:
    result = report(workplace, pair.source_url, pair.target_url, "--all-refs")
    pair.assert_equal()
    assert {plan["action"] for plan in result["plans"]} == {"create"}
    assert result["pushed"] == len(result["plans"]) == 5


def test_branches_alone_are_the_default_and_tags_come_when_asked_for(
    workplace: Workplace, pair: Pair
) -> None:
    workplace.must("sync", pair.source_url, pair.target_url)
    assert set(ls_remote(pair.target)) == {"refs/heads/main", "refs/heads/topic/two"}
    workplace.must("sync", pair.source_url, pair.target_url, "--tags")
    assert set(ls_remote(pair.target)) == {
        *("refs/heads/main", "refs/heads/topic/two", "refs/tags/light"),
        *("refs/tags/v1", "refs/tags/v1^{}"),
    }


@pytest.mark.parametrize("protocol", ["v0", "v1", "v2"])
def test_each_protocol_version_of_the_source_does(workplace: Workplace, pair: Pair, protocol: str) -> None:
    workplace.must("sync", pair.source_url, pair.target_url, "--all-refs", "--protocol", protocol)
    pair.assert_equal()


def test_a_sha256_repository_is_synced(workplace: Workplace, server: GitHttpServer, place: Place) -> None:
    pair = Pair.make(server, place, object_format="sha256")
    workplace.must("sync", pair.source_url, pair.target_url, "--all-refs")
    pair.assert_equal()


def test_a_second_sync_sends_only_what_is_new(workplace: Workplace, pair: Pair) -> None:
    first = report(workplace, pair.source_url, pair.target_url, "--all-refs")
    fast_import(pair.source, history(seed=3, commits=2, files=1, start="main^0"))
    new_objects = git("rev-list", "--objects", "main", "^main~2", cwd=pair.source).splitlines()
    second = report(workplace, pair.source_url, pair.target_url, "--all-refs")
    pair.assert_equal()
    assert second["pack"]["objects"] == len(new_objects) < first["pack"]["objects"]
    assert [plan["action"] for plan in second["plans"] if plan["action"] != "skip"] == ["update"]


def test_up_to_date_means_one_question_a_side_and_no_pack(workplace: Workplace, pair: Pair) -> None:
    workplace.must("sync", pair.source_url, pair.target_url, "--all-refs")
    pair.assert_equal()
    before = _settled(pair)
    result = report(workplace, pair.source_url, pair.target_url, "--all-refs")
    source, target = (now[len(then) :] for then, now in zip(before, _settled(pair), strict=True))
    assert result["pushed"] == 0
    assert _spoken(target) == ["GET git-receive-pack"]
    # Protocol v2 asks for the refs by a request of its own.
    assert _spoken(source) in (["GET git-upload-pack", "POST git-upload-pack"], ["GET git-upload-pack"])
    assert all(line.request_bytes < 2000 for line in source)


def test_a_first_sync_is_one_fetch_and_one_push(workplace: Workplace, pair: Pair) -> None:
    before = _settled(pair)
    workplace.must("sync", pair.source_url, pair.target_url, "--all-refs")
    _, target = (now[len(then) :] for then, now in zip(before, _settled(pair), strict=True))
    assert _spoken(target) == ["GET git-receive-pack", "POST git-receive-pack"]
    assert {line.connection_requests for line in target} == {1}
    assert len({line.connection for line in target}) == 2


def test_deleted_and_rewound_branches_need_leave(workplace: Workplace, pair: Pair) -> None:
    sides = (pair.source_url, pair.target_url)
    workplace.must("sync", *sides, "--all-refs")
    git("update-ref", "refs/heads/main", "main~2", cwd=pair.source)
    git("update-ref", "-d", "refs/heads/topic/two", cwd=pair.source)
    blocked = workplace.run("sync", *sides, "--all-refs")
    assert blocked.code == 1, blocked
    assert "refs/heads/main" in blocked.stdout + blocked.stderr
    workplace.must("sync", *sides, "--all-refs", "--force-with-lease", "--prune")
    pair.assert_equal()


def test_a_ref_that_the_server_refuses_is_reported_in_its_words(workplace: Workplace, pair: Pair) -> None:
    write_hook(pair.target, "update", 'case "$1" in refs/tags/*) echo "tags are frozen" >&2; exit 1;; esac')
    outcome = workplace.run("sync", pair.source_url, pair.target_url, "--tags")
    assert outcome.code == 1, outcome
    assert "tags are frozen" in outcome.stderr
    assert "hook declined" in outcome.stdout + outcome.stderr
    assert set(ls_remote(pair.target)) == {"refs/heads/main", "refs/heads/topic/two"}


def test_the_password_may_come_by_option_environment_or_url(
    workplace: Workplace, pair: Pair, server: GitHttpServer
) -> None:
    guarded = server.url(pair.target_name, "auth")
    refused = workplace.run("sync", pair.source_url, guarded, "--branch", "main")
    assert refused.code == 5, refused
    assert len(refused.error_lines) == 1, refused
    options = ("--target-username", USER, "--target-token", PASSWORD)
    workplace.must("sync", pair.source_url, guarded, "--branch", "main", *options)
    workplace.environment |= {"PACKCORE_TARGET_USERNAME": USER, "PACKCORE_TARGET_TOKEN": PASSWORD}
    workplace.must("sync", pair.source_url, guarded, "--branch", "topic/two")
    workplace.environment.clear()
    in_url = server.url(pair.target_name, "auth", user=f"{USER}:{PASSWORD.replace(' ', '%20')}")
    workplace.must("sync", pair.source_url, in_url, "--all-refs")
    pair.assert_equal()


def test_a_wrong_password_is_an_authentication_failure_that_shows_no_secret(
    workplace: Workplace, pair: Pair, server: GitHttpServer
) -> None:
    guarded = server.url(pair.target_name, "auth", user=f"{USER}:open%20sesame")
    workplace.environment["PACKCORE_HTTP_TRACE"] = "1"
    outcome = workplace.run("sync", pair.source_url, guarded, "-v", "--debug")
    assert outcome.code == 5, outcome
    assert "sesame" not in outcome.stdout + outcome.stderr
    assert "b3BlbiBzZXNhbW" not in outcome.stdout + outcome.stderr


def test_tls_is_trusted_by_the_bundle_given_and_by_no_other(
    workplace: Workplace, pair: Pair, server: GitHttpServer
) -> None:
    secure = server.url(pair.target_name, "tls")
    distrusted = workplace.run("sync", pair.source_url, secure, "--all-refs")
    assert distrusted.code == 4, distrusted
    assert "certificate" in distrusted.error_lines[0]
    workplace.must("sync", pair.source_url, secure, "--all-refs", "--target-ca-bundle", server.certificate)
    pair.assert_equal()


def test_a_body_that_is_too_large_for_the_server_is_told_as_such(
    workplace: Workplace, server: GitHttpServer, place: Place
) -> None:
    source = make_repository(server.root / place.path("source.git"), noise(3_000_000))
    target = server.create(place.path("target.git"))
    outcome = workplace.run("sync", source, server.url(place.path("target.git"), "small"))
    assert outcome.code == 1, outcome
    assert "413" in outcome.stderr
    assert "one object can't be cut" in outcome.stderr
    assert len(outcome.error_lines) == 1
    assert not workplace.left_behind()
    assert ls_remote(target) == {}


def test_this_project_itself_is_synced(workplace: Workplace, server: GitHttpServer, place: Place) -> None:
    if run_git("rev-parse", "--git-dir", cwd=ROOT).returncode:
        pytest.skip("this is no checkout, but an unpacked archive: it has no history")
    target = server.create(place.path("target.git"))
    workplace.must("sync", ROOT, server.url(place.path("target.git")), "--tags")
    listed = git("ls-remote", "--heads", "--tags", ROOT)
    assert git("ls-remote", "--heads", "--tags", target) == listed != ""
    assert fsck(target) == []


def _settled(pair: Pair) -> tuple[list[AccessLine], list[AccessLine]]:
    """Return what both sides have logged, once it is all there: nginx logs after it has answered."""
    # The log is written in order, so a later request's line says that the earlier ones are there.
    for name in (pair.source_name, pair.target_name):
        count = len(pair.server.requests(name))
        run_git("ls-remote", f"{pair.server.url(name)}/settled")
        pair.server.wait_for_requests(name, count + 1)
    lines = (pair.server.requests(name) for name in (pair.source_name, pair.target_name))
    source, target = ([line for line in found if "/settled/" not in line.uri] for found in lines)
    return source, target


def _spoken(lines: list[AccessLine]) -> list[str]:
    return [f"{line.method} git-{line.uri.rpartition('git-')[2]}" for line in lines]
