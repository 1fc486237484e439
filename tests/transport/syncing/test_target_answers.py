"""What the target says to a materialized push, and what becomes of each ref by it."""

from __future__ import annotations

import pytest

from tests.git_transport import GitTransport
from tests.support import git, ls_remote, write_hook
from tests.transport.syncing.sides import commit, outcomes
from transport.errors import NetworkError, UnsupportedByRemote
from transport.schemes import open_transport
from transport.syncing import Outcome

ALL = {"all_refs": True}


def test_a_refused_ref_is_told_in_the_servers_words(sides):
    commit(sides.source, "refs/heads/main")
    commit(sides.source, "refs/heads/secret")
    write_hook(sides.target, "update", 'case "$1" in */secret) echo "no secrets here" >&2; exit 1;; esac')
    result = sides.sync()
    assert outcomes(result) == {"main": "pushed", "secret": "refused"}
    refused = next(ref for ref in result.refs if ref.outcome is Outcome.REFUSED)
    assert "hook declined" in refused.reason
    assert refused.to_json()["action"] == "warn"
    assert result.exit_code == 1


def test_an_atomic_push_with_one_refused_ref_changes_nothing(sides):
    commit(sides.source, "refs/heads/main")
    commit(sides.source, "refs/heads/secret")
    write_hook(sides.target, "update", 'case "$1" in */secret) exit 1;; esac')
    result = sides.sync(policy={"atomic": True})
    assert outcomes(result) == {"main": "refused", "secret": "refused"}
    assert ls_remote(sides.target) == {}
    assert result.exit_code == 1


def test_a_hidden_ref_is_refused_and_the_rest_arrives(sides):
    tip = commit(sides.source, "refs/heads/main")
    git("update-ref", "refs/pull/1/head", tip, cwd=sides.source)
    git("config", "receive.hideRefs", "refs/pull", cwd=sides.target)
    result = sides.sync(scope=ALL)
    assert outcomes(result) == {"main": "pushed", "pull/1/head": "refused"}
    assert "hidden ref" in result.refs[1].reason


def test_a_ref_that_the_target_can_not_read_itself_is_refused_and_has_not_moved(sides):
    commit(sides.source, "refs/heads/main")
    (sides.target / "refs/heads/main").write_text("junk")
    result = sides.sync(target=open_transport(str(sides.target)))
    assert outcomes(result) == {"main": "refused"}
    assert "the target refused it: reference broken: its file holds no object id" in result.refs[0].reason
    assert (sides.target / "refs/heads/main").read_text() == "junk"


def test_a_ref_that_moved_during_the_run_is_not_overwritten(sides):
    base = commit(sides.source, "refs/heads/main")
    sides.sync()
    commit(sides.source, "refs/heads/main", base, text="ours")
    theirs: list[str] = []

    def somebody_pushes(kind: str, service: str) -> None:
        if kind == "request" and not theirs:
            theirs.append(commit(sides.target, "refs/heads/main", base, text="theirs"))

    result = sides.sync(
        target=GitTransport(sides.target, before=somebody_pushes), policy={"force_with_lease": True}
    )
    assert outcomes(result) == {"main": "moved"}
    assert theirs == [ls_remote(sides.target)["refs/heads/main"]]
    assert result.exit_code == 1
    assert [error.ref for error in result.moved()] == ["refs/heads/main"]


def test_blind_force_overwrites_a_ref_that_moved_before_the_push(sides):
    base = commit(sides.source, "refs/heads/main")
    sides.sync()
    tip = commit(sides.source, "refs/heads/main", base, text="ours")
    listings = []

    def somebody_pushes(kind: str, service: str) -> None:
        listings.append(kind)
        if listings == ["advertise", "advertise"]:
            commit(sides.target, "refs/heads/main", base, text="theirs")

    target = GitTransport(sides.target, before=somebody_pushes)
    result = sides.sync(target=target, policy={"force_blind": True})
    assert outcomes(result) == {"main": "pushed"}
    assert ls_remote(sides.target)["refs/heads/main"] == tip


@pytest.mark.fault(39)
def test_a_lost_answer_is_followed_by_a_second_look_at_the_target(sides):
    commit(sides.source, "refs/heads/main")
    target = GitTransport(sides.target, cut_answer_of="git-receive-pack")
    result = sides.sync(target=target)
    assert outcomes(result) == {"main": "unanswered"}
    assert "shows the new tip" in result.refs[0].reason
    assert isinstance(result.failure, NetworkError)
    assert result.exit_code == 4
    assert outcomes(sides.sync()) == {"main": "up-to-date"}


def test_a_ref_that_moved_after_a_lost_answer_may_have_been_pushed_before(sides):
    """Nobody knows whether the push was carried out, so nothing is said of that."""
    commit(sides.source, "refs/heads/main")
    pushed: list[str] = []

    def somebody_pushes(kind: str, service: str) -> None:
        if (kind, service) == ("request", "git-receive-pack"):
            pushed.append("")
        elif pushed == [""]:
            pushed.append(commit(sides.target, "refs/heads/main", text="theirs"))

    target = GitTransport(sides.target, cut_answer_of="git-receive-pack", before=somebody_pushes)
    (ref,) = sides.sync(target=target).refs
    assert ref.outcome is Outcome.MOVED
    assert "not known" in ref.reason
    assert "overwritten" not in ref.reason


def test_push_options_reach_the_hooks(sides):
    git("config", "receive.advertisePushOptions", "true", cwd=sides.target)
    seen = sides.target / "seen"
    write_hook(sides.target, "pre-receive", f'echo "$GIT_PUSH_OPTION_0" > {seen}')
    commit(sides.source, "refs/heads/main")
    assert sides.sync(policy={"push_options": ("ci.skip",)}).exit_code == 0
    assert seen.read_text() == "ci.skip\n"


def test_atomic_is_refused_for_a_target_that_can_not(sides):
    tip = commit(sides.source, "refs/heads/main")
    sides.sync()
    git("update-ref", "refs/heads/gone", tip, cwd=sides.target)
    git("config", "receive.advertiseAtomic", "false", cwd=sides.target)
    with pytest.raises(UnsupportedByRemote, match="atomic"):  # only a delete: no pack
        sides.sync(policy={"atomic": True, "prune": True})
    git("tag", "v1", tip, cwd=sides.source)
    with pytest.raises(UnsupportedByRemote, match="atomic"):
        sides.sync(scope={"tags": True}, policy={"atomic": True, "prune": True})
    assert set(ls_remote(sides.target)) == {"refs/heads/gone", "refs/heads/main"}
