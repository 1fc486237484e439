"""What a materialized sync sends, and what it refuses to begin; each ends with `git fsck --strict`."""

from __future__ import annotations

import pytest

from packcore.errors import LimitExceeded
from tests.git_transport import GitTransport
from tests.support import fast_import, fsck, git, history, write_hook
from tests.transport.syncing.sides import Sides, commit, outcomes
from transport.errors import NoRefsMatched, ObjectFormatMismatch

ALL = {"all_refs": True}


# --- what travels -------------------------------------------------------------------------------------


def test_an_empty_target_gets_everything(any_sides):
    fast_import(any_sides.source, history(commits=20, tag="v1"))
    result = any_sides.sync(scope={"tags": True})
    any_sides.check()
    assert outcomes(result) == {"main": "pushed", "v1": "pushed"}
    assert result.exit_code == 0
    assert result.pack is not None
    objects = git("rev-list", "--objects", "--all", cwd=any_sides.source).splitlines()
    assert result.pack.objects == len(objects)
    assert result.pack.deltas > 0


def test_an_incremental_sync_sends_what_is_missing_and_no_more(any_sides):
    fast_import(any_sides.source, history(commits=20))
    any_sides.sync()
    before = git("rev-parse", "main", cwd=any_sides.source)
    fast_import(any_sides.source, history(commits=3, seed=2, start="refs/heads/main^0"))
    result = any_sides.sync()
    any_sides.check()
    missing = git("rev-list", "--objects", "main", "--not", before, cwd=any_sides.source).splitlines()
    assert result.pack is not None
    assert result.pack.objects == len(missing)
    assert "fast-forward" in result.refs[0].reason


@pytest.mark.parametrize("protocol", ["v0", "v1", "v2"])
def test_every_protocol_of_the_source_will_do(sides, protocol):
    fast_import(sides.source, history(commits=5, tag="v1"))
    assert sides.sync(scope=ALL, protocol=protocol).protocol == protocol
    commit(sides.source, "refs/heads/main", git("rev-parse", "main", cwd=sides.source))
    assert outcomes(sides.sync(scope=ALL, protocol=protocol)) == {"main": "pushed", "v1": "up-to-date"}
    sides.check()


def test_up_to_date_means_two_listings_and_nothing_else(sides):
    fast_import(sides.source, history(commits=5))
    sides.sync()
    source, target = GitTransport(sides.source), GitTransport(sides.target)
    result = sides.sync(source=source, target=target)
    assert outcomes(result) == {"main": "up-to-date"}
    assert result.pack is None
    assert source.requests == [("advertise", "git-upload-pack"), ("request", "git-upload-pack")]  # ls-refs
    assert target.requests == [("advertise", "git-receive-pack")]


def test_a_branch_at_a_commit_that_the_target_has_needs_no_fetch(sides):
    tip = commit(sides.source, "refs/heads/main")
    sides.sync()
    git("update-ref", "refs/heads/copy", tip, cwd=sides.source)
    source = GitTransport(sides.source)
    result = sides.sync(source=source)
    sides.check()
    assert outcomes(result) == {"copy": "pushed", "main": "up-to-date"}
    assert len(source.requests) == 2
    assert result.pack is not None
    assert result.pack.objects == 0


def test_a_new_branch_below_a_tip_of_the_target_sends_an_empty_pack(sides):
    old = commit(sides.source, "refs/heads/main")
    commit(sides.source, "refs/heads/main", old)
    sides.sync()
    git("update-ref", "refs/heads/older", old, cwd=sides.source)
    result = sides.sync()
    sides.check()
    assert result.pack is not None
    assert result.pack.objects == 0


def test_refs_at_blobs_trees_and_nested_tags_travel(any_sides):
    source = any_sides.source
    tip = commit(source, "refs/heads/main")
    git("update-ref", "refs/misc/blob", git("rev-parse", f"{tip}:file", cwd=source), cwd=source)
    git("update-ref", "refs/misc/tree", git("rev-parse", f"{tip}^{{tree}}", cwd=source), cwd=source)
    blob = git("hash-object", "-w", "--stdin", cwd=source, stdin=b"alone\n")
    git("update-ref", "refs/misc/lone", blob, cwd=source)
    git("tag", "-a", "-m", "of a blob", "blob-tag", blob, cwd=source)
    git("tag", "-a", "-m", "inner", "inner", tip, cwd=source)
    git("tag", "-a", "-m", "outer", "outer", "inner", cwd=source)
    git("tag", "-d", "inner", cwd=source)
    assert any_sides.sync(scope=ALL).exit_code == 0
    any_sides.check()


def test_a_symbolic_ref_becomes_a_plain_one(sides):
    commit(sides.source, "refs/remotes/origin/main")
    git("symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/main", cwd=sides.source)
    assert sides.sync(scope=ALL).exit_code == 0
    sides.check()


@pytest.mark.parametrize("head", ["detached", "unborn"])
def test_an_odd_head_of_the_source_is_no_hindrance(sides, head):
    tip = commit(sides.source, "refs/heads/topic")
    (sides.source / "HEAD").write_text(f"{tip}\n" if head == "detached" else "ref: refs/heads/nowhere\n")
    assert sides.sync().exit_code == 0
    sides.check()


def test_the_heads_branch_is_the_first_to_be_created(sides):
    for name in ("aaa", "trunk", "zzz"):
        commit(sides.source, f"refs/heads/{name}")
    git("symbolic-ref", "HEAD", "refs/heads/trunk", cwd=sides.source)
    order = sides.target / "order"
    write_hook(sides.target, "update", f'echo "$1" >> {order}')
    result = sides.sync()
    assert order.read_text().split() == ["refs/heads/trunk", "refs/heads/aaa", "refs/heads/zzz"]
    assert result.source_head == "refs/heads/trunk"


def test_a_shallow_target_gets_a_history_that_it_can_use(sides, tmp_path):
    ids = [commit(sides.source, "refs/heads/main")]
    for number in range(4):
        ids.append(commit(sides.source, "refs/heads/main", ids[-1], text=str(number)))
    git("clone", "-q", "--bare", "--depth=1", f"file://{sides.source}", tmp_path / "shallow.git")
    commit(sides.source, "refs/heads/main", ids[-1])
    result = sides.sync(target=GitTransport(tmp_path / "shallow.git"))
    assert outcomes(result) == {"main": "pushed"}
    assert fsck(tmp_path / "shallow.git") == []


@pytest.mark.parametrize("accepted", [True, False])
def test_a_shallow_source_is_the_targets_to_judge(sides, tmp_path, accepted):
    base = commit(sides.source, "refs/heads/main")
    commit(sides.source, "refs/heads/main", base)
    git("clone", "-q", "--bare", "--depth=1", f"file://{sides.source}", tmp_path / "shallow.git")
    git("config", "receive.shallowUpdate", str(accepted).lower(), cwd=sides.target)
    result = sides.sync(source=GitTransport(tmp_path / "shallow.git"))
    assert outcomes(result) == {"main": "pushed" if accepted else "refused"}
    assert fsck(sides.target) == []
    if not accepted:
        assert "shallow" in result.refs[0].reason


# --- refused before anything is sent ------------------------------------------------------------------


def test_a_source_without_refs_is_an_error(sides):
    with pytest.raises(NoRefsMatched):
        sides.sync()


@pytest.mark.fault(33)
def test_sides_of_different_object_formats_are_an_error(tmp_path):
    (tmp_path / "a").mkdir()
    source, target = Sides(tmp_path / "a"), Sides(tmp_path, object_format="sha256")
    commit(source.source, "refs/heads/main")
    with pytest.raises(ObjectFormatMismatch):
        source.sync(target=GitTransport(target.target))


def test_too_many_objects_are_refused_before_the_push(sides):
    fast_import(sides.source, history(commits=5))
    target = GitTransport(sides.target)
    with pytest.raises(LimitExceeded, match="limit is 10"):
        sides.sync(target=target, materialized_max_objects=10)
    assert target.requests == [("advertise", "git-receive-pack")]


def test_a_dry_run_tells_what_would_happen_and_sends_nothing(sides):
    base = commit(sides.source, "refs/heads/main")
    sides.sync()
    commit(sides.target, "refs/heads/dev", base, text="theirs")
    commit(sides.source, "refs/heads/dev", base, text="ours")
    commit(sides.source, "refs/heads/main", base)
    commit(sides.source, "refs/heads/new", base)
    target = GitTransport(sides.target)
    result = sides.sync(target=target, dry_run=True)
    assert outcomes(result) == {"dev": "blocked", "main": "not-pushed", "new": "not-pushed"}
    assert [ref.planned.action for ref in result.refs] == ["block", "update", "create"]
    assert target.requests == [("advertise", "git-receive-pack")]
    assert result.exit_code == 0
    assert result.to_json()["dryRun"] is True
