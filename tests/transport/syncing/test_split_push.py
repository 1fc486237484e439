"""A push of our own packs cut into requests that the target takes, against C git behind a limit."""

from __future__ import annotations

import random
from contextlib import contextmanager

import pytest

from packcore.errors import LimitExceeded
from tests.git_transport import GitTransport
from tests.support import fast_import, fsck, git, history, write_hook
from tests.transport.syncing.limited_target import LimitedTarget, refused, temp_refs, users_refs
from tests.transport.syncing.sides import Heard, Sides, big_history, commit, outcomes, random_dag
from transport.errors import NetworkError, RefRejected
from transport.syncing import Outcome

pytestmark = pytest.mark.e2e

LIMIT = 40_000
ALL = {"all_refs": True}


def check(sides: Sides, target: LimitedTarget) -> None:
    """All is there, no temporary ref is left, and users never saw anything but before or after."""
    sides.check("refs/heads/")
    assert temp_refs(sides.target) == []
    assert all(seen == target.seen[0] for seen in target.seen)


@pytest.mark.parametrize("object_format", ["sha1", "sha256"])
def test_each_request_is_within_the_limit_and_users_refs_change_with_the_last(tmp_path, object_format):
    sides = Sides(tmp_path, object_format=object_format)
    big_history(sides.source)
    target = LimitedTarget(sides.target)
    result = sides.sync(target=target, target_max_pack_bytes=LIMIT)
    check(sides, target)
    assert outcomes(result) == {"main": "pushed"}
    assert max(target.sizes) <= LIMIT
    assert result.batch_count == result.planned_batch_count == len(target.sizes) - 1 > 3
    assert len(result.temp_refs) == result.batch_count
    assert result.to_json()["batching"] is True


def test_what_fits_goes_in_one_request(sides):
    fast_import(sides.source, history(commits=5))
    target = LimitedTarget(sides.target)
    result = sides.sync(target=target, target_max_pack_bytes=1_000_000)
    assert len(target.sizes) == result.batch_count == 1
    assert result.temp_refs == ()
    assert result.to_json()["batching"] is False


def test_a_history_of_merges_tags_and_odd_refs_is_cut_anywhere(sides):
    ids = random_dag(sides.source, 5, commits=60)
    for place in (-1, -2, 20):
        git("update-ref", f"refs/heads/b{place}", ids[place], cwd=sides.source)
    git("tag", "-a", "-m", "inner", "inner", ids[-1], cwd=sides.source)
    git("tag", "-a", "-m", "outer", "outer", "inner", cwd=sides.source)
    blob = git("hash-object", "-w", "--stdin", cwd=sides.source, stdin=b"alone\n")
    git("update-ref", "refs/misc/blob", blob, cwd=sides.source)
    target = LimitedTarget(sides.target)
    result = sides.sync(target=target, scope=ALL, target_max_pack_bytes=3000)
    sides.check()
    assert result.exit_code == 0
    assert max(target.sizes) <= 3000
    assert result.batch_count > 3


def test_a_commit_that_is_too_large_is_cut_within(sides):
    big_history(sides.source, commits=1, files=30, size=9000)
    target = LimitedTarget(sides.target)
    result = sides.sync(target=target, target_max_pack_bytes=LIMIT)
    check(sides, target)
    assert result.batch_count > 6
    assert max(target.sizes) <= LIMIT


def test_an_object_that_is_too_large_is_named_before_anything_is_pushed(sides):
    big_history(sides.source, commits=3, size=10_000)
    blob = git("hash-object", "-w", "--stdin", cwd=sides.source, stdin=random.Random(1).randbytes(70_000))
    tree = git("mktree", cwd=sides.source, stdin=f"100644 blob {blob}\thuge file\n".encode())
    tip = git("commit-tree", "-p", "main", "-m", "x", tree, cwd=sides.source)
    git("update-ref", "refs/heads/main", tip, cwd=sides.source)
    target = LimitedTarget(sides.target)
    with pytest.raises(LimitExceeded, match=f"blob {blob} \\('huge file'\\) alone makes a push of 70"):
        sides.sync(target=target, target_max_pack_bytes=LIMIT)
    assert target.sizes == []


def test_the_limit_is_found_where_none_is_given(sides):
    big_history(sides.source, commits=20)
    target = LimitedTarget(sides.target, body_bytes_max=LIMIT)
    result = sides.sync(target=target)
    check(sides, target)
    assert outcomes(result) == {"main": "pushed"}
    assert result.batch_count > 4


@pytest.mark.parametrize("status", [408, 413, 502, 504, 524])
@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_batch_that_is_too_much_is_cut_again(sides, status, number):
    big_history(sides.source, size=20_000)
    target = LimitedTarget(sides.target, fault=lambda n, size: refused(status) if n == number else None)
    result = sides.sync(target=target, target_max_pack_bytes=90_000)
    check(sides, target)
    assert outcomes(result) == {"main": "pushed"}
    assert max(target.sizes[number - 1 :]) <= 45_000


@pytest.mark.parametrize("number", [1, 2])
def test_a_batch_whose_connection_was_cut_is_cut_again(sides, number):
    big_history(sides.source, size=20_000)
    cut = NetworkError("the connection was lost")
    target = LimitedTarget(sides.target, fault=lambda n, size: cut if n == number else None)
    assert sides.sync(target=target, target_max_pack_bytes=90_000).exit_code == 0
    check(sides, target)


@pytest.mark.parametrize("error", [NetworkError("the connection was lost"), refused(504)])
def test_a_batch_that_was_taken_though_its_answer_was_lost_is_not_sent_again(sides, error):
    big_history(sides.source, size=20_000)
    target = LimitedTarget(sides.target, fault=lambda n, size: error if n == 2 else None, taken=True)
    result = sides.sync(target=target, target_max_pack_bytes=90_000)
    check(sides, target)
    assert len(target.sizes) == result.batch_count + 1


def test_a_target_that_takes_nothing_ends_with_its_own_words(sides):
    big_history(sides.source)
    target = LimitedTarget(sides.target, fault=lambda n, size: refused(504))
    result = sides.sync(target=target, target_max_pack_bytes=LIMIT)
    assert outcomes(result) == {"main": "not-pushed"}
    assert result.failure is not None
    assert "504" in str(result.failure)
    assert result.exit_code == 4


def test_a_run_that_broke_off_is_resumed_from_its_temporary_refs(sides):
    big_history(sides.source)
    broken = LimitedTarget(sides.target, fault=lambda n, size: refused(500) if n == 3 else None)
    first = sides.sync(target=broken, target_max_pack_bytes=LIMIT)
    assert outcomes(first) == {"main": "not-pushed"}
    assert users_refs(sides.target) == {}
    assert len(temp_refs(sides.target)) == first.batch_count == 2
    target = LimitedTarget(sides.target)
    second = sides.sync(target=target, target_max_pack_bytes=LIMIT)
    check(sides, target)
    whole = Sides(sides.target.parent / "other")
    big_history(whole.source)
    assert second.batch_count < whole.sync(target_max_pack_bytes=LIMIT).batch_count


def test_any_push_sweeps_up_what_an_older_run_left(sides):
    tip = commit(sides.source, "refs/heads/main", commit(sides.source, "refs/heads/main"))
    old = git("rev-parse", "main~1", cwd=sides.source)
    git("push", "-q", sides.target, f"{old}:refs/packcore/bootstrap/{old}", cwd=sides.source)
    sides.sync()
    assert users_refs(sides.target) == {"refs/heads/main": tip}
    assert temp_refs(sides.target) == []


@pytest.mark.parametrize("known", [True, False], ids=["of this source", "of another"])
@pytest.mark.parametrize("relayed", [True, False])
@pytest.mark.parametrize("to_do", [True, False])
def test_what_another_run_may_need_is_left_and_told_of(sides, known, relayed, to_do):
    """A run that brings another branch may be under way: its objects have no other ref yet."""
    commit(sides.source, "refs/heads/main")
    if not to_do:
        sides.clone_source()
    theirs = commit(sides.source if known else sides.target, "refs/heads/dev", text="theirs")
    holder = sides.source if known else sides.target
    git("push", "-q", sides.target, f"{theirs}:refs/packcore/bootstrap/{theirs}", cwd=holder)
    told: list[str] = []
    run = sides.carry_out if relayed else sides.sync
    result = run(scope={"branches": ("main",)}, progress=Heard(told))
    assert result.exit_code == 0
    assert temp_refs(sides.target) == [f"refs/packcore/bootstrap/{theirs}"]
    assert sum("another run may need them" in line for line in told) == 1


@pytest.mark.parametrize("to_do", [True, False])
def test_temporary_refs_that_the_target_does_not_let_go_are_told_of(sides, to_do):
    tip = commit(sides.source, "refs/heads/main")
    if not to_do:
        sides.clone_source()
    git("push", "-q", sides.target, f"{tip}:refs/packcore/bootstrap/{tip}", cwd=sides.source)
    write_hook(sides.target, "update", 'case "$1" in refs/packcore/*) exit 1;; esac')
    told: list[str] = []
    result = sides.sync(progress=Heard(told))
    assert result.left_temp_refs == (f"refs/packcore/bootstrap/{tip}",)
    assert result.exit_code == 1
    assert sum(f"refs/packcore/bootstrap/{tip} was not deleted" in line for line in told) == 1


def test_temporary_refs_on_a_target_that_can_not_delete_are_told_of(sides):
    tip = commit(sides.source, "refs/heads/main")
    git("push", "-q", sides.target, f"{tip}:refs/packcore/bootstrap/{tip}", cwd=sides.source)
    told: list[str] = []
    target = Undeleting(sides.target)
    assert sides.sync(target=target, progress=Heard(told)).exit_code == 0
    assert any("1 temporary refs are left, for the target can't delete refs" in line for line in told)


class Undeleting(GitTransport):
    """A target that does not offer to delete refs."""

    @contextmanager
    def advertise(self, service, *, version, headway=None):
        with super().advertise(service, version=version) as blocks:
            yield iter([b"".join(blocks).replace(b" delete-refs ", b" delete_refs ")])


def test_temporary_refs_are_neither_mirrored_nor_pruned(sides):
    tip = commit(sides.source, "refs/heads/main")
    git("update-ref", f"refs/packcore/bootstrap/{tip}", tip, cwd=sides.source)
    sides.sync(scope=ALL, policy={"prune": True})
    assert list(users_refs(sides.target)) == ["refs/heads/main"]
    assert temp_refs(sides.target) == []


def test_a_ref_that_is_refused_at_the_cutover_leaves_the_others_pushed(sides):
    big_history(sides.source)
    git("branch", "bad", "main", cwd=sides.source)
    write_hook(sides.target, "update", '[ "$1" != refs/heads/bad ]')
    result = sides.sync(target=LimitedTarget(sides.target), target_max_pack_bytes=LIMIT)
    assert outcomes(result) == {"bad": "refused", "main": "pushed"}
    assert temp_refs(sides.target) == []


def test_all_or_none_holds_at_the_cutover(sides):
    big_history(sides.source)
    git("branch", "bad", "main", cwd=sides.source)
    write_hook(sides.target, "update", '[ "$1" != refs/heads/bad ]')
    result = sides.sync(policy={"atomic": True}, target_max_pack_bytes=LIMIT)
    assert result.count(Outcome.PUSHED) == 0
    assert users_refs(sides.target) == {}


def test_a_target_that_refuses_temporary_refs_is_told_of(sides):
    big_history(sides.source)
    git("config", "receive.hideRefs", "refs/packcore", cwd=sides.target)
    result = sides.sync(target_max_pack_bytes=LIMIT)
    assert isinstance(result.failure, RefRejected)
    assert "hidden" in str(result.failure)


def test_push_options_go_with_each_request(sides):
    big_history(sides.source, commits=6)
    git("config", "receive.advertisePushOptions", "true", cwd=sides.target)
    write_hook(sides.target, "pre-receive", f'echo "$GIT_PUSH_OPTION_0" >> {sides.target}/options')
    sides.sync(policy={"push_options": ("ci.skip",)}, target_max_pack_bytes=LIMIT)
    options = (sides.target / "options").read_text().split("\n")
    assert set(options) == {"ci.skip", ""}
    assert len(options) > 3


def test_an_update_is_split_too_and_what_the_target_has_is_not_sent_again(sides):
    big_history(sides.source, commits=2)
    sides.sync()
    before = git("rev-parse", "main", cwd=sides.source)
    chance = random.Random(3)
    for number in range(6):
        blob = git("hash-object", "-w", "--stdin", cwd=sides.source, stdin=chance.randbytes(15_000))
        tree = git("mktree", cwd=sides.source, stdin=f"100644 blob {blob}\tf{number}\n".encode())
        parent = git("rev-parse", "main", cwd=sides.source)
        tip = git("commit-tree", "-p", parent, "-m", "x", tree, cwd=sides.source)
        git("update-ref", "refs/heads/main", tip, cwd=sides.source)
    target = LimitedTarget(sides.target)
    sides.sync(target=target, target_max_pack_bytes=LIMIT)
    sides.check()
    assert all(seen == {"refs/heads/main": before} for seen in target.seen)
    assert sum(target.sizes) < 100_000
    assert fsck(sides.target) == []
