"""Materialized sync between two real repositories, served by C git; each ends with `git fsck --strict`."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from packcore.errors import LimitExceeded
from tests.git_transport import GitTransport
from tests.support import fast_import, fsck, git, history, ls_remote, write_hook
from tests.transport.sync.sides import Sides, commit, outcomes, random_dag
from transport.errors import NetworkError, NoRefsMatched, ObjectFormatMismatch, UnsupportedByRemote
from transport.sync import Outcome, RefMapping

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ALL = {"all_refs": True}


@pytest.fixture(params=["sha1", "sha256"])
def any_sides(request: pytest.FixtureRequest, tmp_path: Path) -> Sides:
    return Sides(tmp_path, object_format=request.param)


@pytest.fixture
def sides(tmp_path: Path) -> Sides:
    return Sides(tmp_path)


def packed_objects(repository: Path) -> int:
    return sum(len(path.read_bytes()) > 0 for path in (repository / "objects").glob("??/*"))


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


# --- what may be done ---------------------------------------------------------------------------------


def test_a_diverged_branch_is_blocked_and_the_others_are_pushed(sides):
    base = commit(sides.source, "refs/heads/main")
    sides.sync()
    theirs = commit(sides.target, "refs/heads/main", base, text="theirs")
    commit(sides.source, "refs/heads/main", base, text="ours")
    commit(sides.source, "refs/heads/dev", base)
    result = sides.sync()
    assert outcomes(result) == {"dev": "pushed", "main": "blocked"}
    assert ls_remote(sides.target)["refs/heads/main"] == theirs
    assert result.exit_code == 1
    assert fsck(sides.target) == []


def test_with_atomic_one_blocked_ref_holds_back_the_others(sides):
    base = commit(sides.source, "refs/heads/main")
    sides.sync()
    commit(sides.target, "refs/heads/main", base, text="theirs")
    commit(sides.source, "refs/heads/main", base, text="ours")
    commit(sides.source, "refs/heads/dev", base)
    result = sides.sync(policy={"atomic": True})
    assert outcomes(result) == {"dev": "not-pushed", "main": "blocked"}
    assert "refs/heads/dev" not in ls_remote(sides.target)
    assert result.exit_code == 1


@pytest.mark.parametrize("force", ["force_with_lease", "force_blind"])
def test_force_overwrites_a_diverged_branch_and_moves_a_tag(sides, force):
    base = commit(sides.source, "refs/heads/main")
    git("tag", "v1", base, cwd=sides.source)
    sides.sync(scope={"tags": True})
    commit(sides.target, "refs/heads/main", base, text="theirs")
    tip = commit(sides.source, "refs/heads/main", base, text="ours")
    git("tag", "-f", "v1", tip, cwd=sides.source)
    assert outcomes(sides.sync(scope={"tags": True})) == {"main": "blocked", "v1": "blocked"}
    result = sides.sync(scope={"tags": True}, policy={force: True})
    assert outcomes(result) == {"main": "pushed", "v1": "pushed"}
    sides.check()


def test_a_target_that_is_ahead_is_blocked(sides):
    base = commit(sides.source, "refs/heads/main")
    commit(sides.source, "refs/heads/main", base)
    sides.sync()
    git("update-ref", "refs/heads/main", base, cwd=sides.source)
    assert outcomes(sides.sync()) == {"main": "blocked"}


def test_a_fast_forward_to_another_branchs_tip_is_one(sides):
    base = commit(sides.source, "refs/heads/main")
    tip = commit(sides.source, "refs/heads/dev", base)
    sides.sync()
    git("update-ref", "refs/heads/main", tip, cwd=sides.source)
    assert outcomes(sides.sync()) == {"dev": "up-to-date", "main": "pushed"}
    sides.check()


def test_pruning_deletes_what_the_source_no_longer_has(sides):
    tip = commit(sides.source, "refs/heads/main")
    sides.sync()
    for name in ("refs/heads/gone", "refs/tags/kept", "refs/notes/kept"):
        git("update-ref", name, tip, cwd=sides.target)
    result = sides.sync(policy={"prune": True})
    assert outcomes(result) == {"gone": "deleted", "main": "up-to-date"}
    assert (result.deleted, result.pushed, result.exit_code) == (1, 0, 0)
    assert result.pack is None
    assert set(ls_remote(sides.target)) == {"refs/heads/main", "refs/notes/kept", "refs/tags/kept"}
    sides.sync(scope=ALL, policy={"prune": True})
    sides.check()


def test_pruning_makes_room_for_a_branch_below_the_old_name(sides):
    tip = commit(sides.source, "refs/heads/topic")
    sides.sync()
    git("update-ref", "-d", "refs/heads/topic", cwd=sides.source)
    git("update-ref", "refs/heads/topic/new", tip, cwd=sides.source)
    assert outcomes(sides.sync()) == {"topic/new": "blocked"}
    assert sides.sync(policy={"prune": True}).exit_code == 0
    sides.check()


def test_a_mapping_renames_on_the_way(sides):
    fast_import(sides.source, history(commits=3))
    commit(sides.source, "refs/heads/other")
    sides.sync(scope={"mappings": (RefMapping.parse("main:stable"),)})
    tip = git("rev-parse", "main", cwd=sides.source)
    assert ls_remote(sides.target) == {"refs/heads/stable": tip}
    assert fsck(sides.target) == []


def test_excluded_refs_are_left_alone_on_both_sides(sides):
    tip = commit(sides.source, "refs/heads/main")
    commit(sides.source, "refs/pull/1/head", tip)
    git("update-ref", "refs/heads/main", tip, cwd=sides.source)
    sides.sync()
    git("update-ref", "refs/pull/9/head", tip, cwd=sides.target)
    sides.sync(scope={**ALL, "exclude_ref_prefixes": ("refs/pull/",)}, policy={"prune": True})
    assert set(ls_remote(sides.target)) == {"refs/heads/main", "refs/pull/9/head"}


# --- what the target says -----------------------------------------------------------------------------


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


# --- the course of a run ------------------------------------------------------------------------------


class Recorder:
    """Remembers which phases began, and which of them ended well."""

    def __init__(self, fail_in: str | None = None) -> None:
        self.begun: list[str] = []
        self.complete: list[str] = []
        self.messages: list[tuple[str, str]] = []
        self._fail_in = fail_in

    @contextmanager
    def phase(self, name: str, *, unit: str, total: int | None = None) -> Iterator[Recorder]:
        self.begun.append(name)
        if name == self._fail_in:
            raise KeyboardInterrupt
        yield self
        self.complete.append(name)

    def message(self, origin: str, text: str) -> None:
        self.messages.append((origin, text))

    def advance(self, count: int = 1) -> None: ...

    def total(self, count: int) -> None: ...

    def note(self, **counts: int) -> None: ...


PHASES = ["source: receiving pack", "indexing", "selecting deltas", "target: writing pack"]


def test_the_phases_come_in_the_documented_order(sides):
    fast_import(sides.source, history(commits=5))
    recorder = Recorder()
    sides.sync(progress=recorder)
    assert [name for name in recorder.begun if name in PHASES] == PHASES
    assert [name for name in recorder.complete if name in PHASES] == PHASES


@pytest.mark.parametrize("phase", PHASES)
def test_an_interrupted_run_leaves_nothing_behind_and_the_next_one_completes(sides, tmp_path, phase):
    fast_import(sides.source, history(commits=5))
    spool_directory = tmp_path / "spool"
    spool_directory.mkdir()
    with pytest.raises(KeyboardInterrupt):
        sides.sync(progress=Recorder(fail_in=phase), spool_directory=spool_directory)
    assert list(spool_directory.iterdir()) == []
    assert ls_remote(sides.target) == {}
    sides.sync(spool_directory=spool_directory)
    sides.check()
    assert list(spool_directory.iterdir()) == []


def test_the_figures_of_a_run_are_in_its_json(sides):
    fast_import(sides.source, history(commits=5))
    result = sides.sync(collect_stats=True, measure_memory=True)
    shown = result.to_json()
    assert shown["stats"]["enabled"]
    assert shown["stats"]["items"]["target git-receive-pack"]["commands"] == 1
    assert shown["stats"]["items"]["source git-upload-pack"]["wants"] == 1
    assert shown["measurement"]["enabled"]
    assert shown["pack"]["bytes"] > 0
    assert shown["plans"][0] == {
        "branch": "main",
        "sourceRef": "refs/heads/main",
        "targetRef": "refs/heads/main",
        "sourceHash": git("rev-parse", "main", cwd=sides.source),
        "targetHash": "",
        "kind": "branch",
        "action": "create",
        "reason": result.refs[0].reason,
        "outcome": "pushed",
    }


# --- against git's own judgement ----------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("filtering", [True, False])
def test_what_is_a_fast_forward_is_what_git_says(sides, seed, filtering):
    """Many branches, each at a random commit on either side of a merge-heavy history."""
    import random

    chance = random.Random(seed)
    ids = random_dag(sides.source, seed)
    random_dag(sides.target, seed)
    git("config", "uploadpack.allowFilter", str(filtering).lower(), cwd=sides.source)
    pairs = {f"refs/heads/b{n}": (chance.choice(ids), chance.choice(ids)) for n in range(8)}
    for name, (old, new) in pairs.items():
        git("update-ref", name, old, cwd=sides.target)
        git("update-ref", name, new, cwd=sides.source)
    git("prune", "--expire=now", cwd=sides.target)
    is_ancestor = {}
    for name, (old, new) in pairs.items():
        base = (
            git("merge-base", "--all", old, new, cwd=sides.source).split() if related(sides, old, new) else []
        )
        is_ancestor[name] = old in base
    result = sides.sync()
    for ref in result.refs:
        old, new = pairs[ref.planned.target_ref]
        expected = (
            "up-to-date" if old == new else "pushed" if is_ancestor[ref.planned.target_ref] else "blocked"
        )
        assert ref.outcome.value == expected, ref
    assert fsck(sides.target) == []
    sides.sync(policy={"force_with_lease": True})
    sides.check()


def related(sides: Sides, old: str, new: str) -> bool:
    from tests.support import run_git

    return run_git("merge-base", old, new, cwd=sides.source).returncode == 0
