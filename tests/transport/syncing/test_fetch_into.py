"""Fetching into a repository on this disk: whole, by compare-and-swap, and usable by git afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from packcore.errors import RepositoryError
from packcore.ids import ObjectFormat, ObjectId
from packcore.limits import Limits
from packcore.objects import ObjectType
from packcore.store.repository import Repository
from packcore.walk import list_objects
from tests.git_transport import GitTransport
from tests.support import fast_import, fsck, git, history, init_repository, ls_remote, remove_tree, run_git
from tests.transport.syncing.sides import commit, random_dag
from transport.errors import NoRefsMatched, PruneLimitReached, UnsupportedByRemote
from transport.local_fetch import completeness
from transport.local_fetch.fetch_into import FetchResult, fetch_into, fetch_only
from transport.local_fetch.local_refs import moved, opened_or_made
from transport.schemes.file import LocalTransport
from transport.syncing.decide.ref_plan import RefAction
from transport.syncing.outcome.result import Outcome
from transport.syncing.request import Policy, Scope

if TYPE_CHECKING:
    from pathlib import Path

ALL = Scope(all_refs=True)


@pytest.fixture(params=["sha1", "sha256"])
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return init_repository(tmp_path / "source.git", object_format=request.param)


@pytest.fixture
def into(tmp_path: Path) -> Path:
    return tmp_path / "into.git"


def fetch(source: Path, into: Path, scope: Scope = ALL, **options) -> FetchResult:
    return fetch_into(GitTransport(source), into, scope=scope, **options)


def format_of(repository: Path) -> ObjectFormat:
    with Repository.open(repository) as opened:
        return opened.object_format


def outcomes(result: FetchResult) -> dict[str, str]:
    return {ref.planned.branch: ref.outcome.value for ref in result.refs}


def test_a_new_repository_is_made_as_a_clone_would_be(source, into):
    fast_import(source, history(commits=10, branch="refs/heads/trunk", tag="v1"))
    git("symbolic-ref", "HEAD", "refs/heads/trunk", cwd=source)
    result = fetch(source, into)
    assert outcomes(result) == {"trunk": "pushed", "v1": "pushed"}
    assert ls_remote(into, head=True) == ls_remote(source, head=True)
    assert fsck(into) == []
    assert git("symbolic-ref", "HEAD", cwd=into) == "refs/heads/trunk"
    assert result.object_count == len(git("rev-list", "--objects", "--all", cwd=source).splitlines())


@pytest.mark.parametrize("name", ["copy", "copy.git"])
def test_the_name_of_the_copy_may_leave_out_its_ending(source, tmp_path, name):
    fast_import(source, history(commits=2))
    fetch(source, tmp_path / "copy.git")
    assert fetch(source, tmp_path / name).into == tmp_path / "copy.git"
    assert not (tmp_path / "copy").exists()


def test_only_what_leans_on_the_repository_is_walked_to_see_whether_it_is_whole(source, into, monkeypatch):
    walks: list[int] = []

    def walked(store, wants, *arguments, **options):
        walks.append(len(wants))
        return list_objects(store, wants, *arguments, **options)

    monkeypatch.setattr(completeness, "list_objects", walked)
    fast_import(source, history(commits=10, tag="v1"))
    fetch(source, into)
    assert walks == []
    fast_import(source, history(commits=3, branch="refs/heads/more", start="refs/heads/main"))
    fetch(source, into)
    assert len(walks) == 1
    assert fsck(into) == []


def test_a_second_fetch_brings_only_what_is_new(source, into):
    fast_import(source, history(commits=10))
    fetch(source, into)
    tip = commit(source, "refs/heads/main", git("rev-parse", "main", cwd=source))
    result = fetch(source, into)
    assert result.object_count == 3
    assert ls_remote(into) == {"refs/heads/main": tip}
    assert fsck(into) == []


def test_nothing_new_means_no_pack_and_no_request_for_one(source, into):
    fast_import(source, history(commits=3))
    fetch(source, into)
    transport = GitTransport(source)
    result = fetch_into(transport, into, scope=ALL)
    assert outcomes(result) == {"main": "up-to-date"}
    assert len(transport.requests) == 2
    assert result.pack_path is None


def test_a_diverged_branch_is_blocked_unless_forced(source, into):
    base = commit(source, "refs/heads/main")
    commit(source, "refs/heads/main", base, text="one")
    fetch(source, into)
    tip = commit(source, "refs/heads/main", base, text="two")
    result = fetch(source, into)
    assert outcomes(result) == {"main": "blocked"}
    assert result.exit_code == 1
    assert fetch(source, into, policy=Policy(force_with_lease=True)).exit_code == 0
    assert ls_remote(into) == {"refs/heads/main": tip}


def test_pruning_removes_what_the_source_lost(source, into):
    tip = commit(source, "refs/heads/main")
    git("update-ref", "refs/heads/gone", tip, cwd=source)
    fetch(source, into)
    git("update-ref", "-d", "refs/heads/gone", cwd=source)
    assert outcomes(fetch(source, into)) == {"main": "up-to-date"}
    assert outcomes(fetch(source, into, policy=Policy(prune=True))) == {
        "gone": "deleted",
        "main": "up-to-date",
    }
    assert set(ls_remote(into)) == {"refs/heads/main"}


def test_a_branch_that_is_checked_out_is_left_alone(source, tmp_path):
    tip = commit(source, "refs/heads/main")
    work = tmp_path / "work"
    git("clone", "-q", source, work)
    git("update-ref", "refs/heads/other", commit(source, "refs/heads/main", tip), cwd=source)
    assert outcomes(fetch(source, work, Scope())) == {"main": "blocked", "other": "pushed"}
    assert git("status", "--porcelain", cwd=work) == ""


def test_history_that_both_sides_share_is_found_below_the_tips(source, into):
    ids = random_dag(source, seed=7)
    git("update-ref", "refs/heads/all", ids[-1], cwd=source)
    fetch(source, into)
    ours = commit(into, "refs/heads/all", ids[-1], text="ours")
    commit(source, "refs/heads/all", ids[-1], text="theirs")
    result = fetch(source, into)
    assert outcomes(result) == {"all": "blocked"}
    assert result.object_count == 3
    assert ls_remote(into) == {"refs/heads/all": ours}


def test_an_incomplete_answer_moves_no_ref(source, into):
    base = commit(source, "refs/heads/main")
    commit(source, "refs/heads/main", base)
    shallow = into.with_name("shallow.git")
    git("clone", "-q", "--bare", "--depth=1", f"file://{source}", shallow)
    with pytest.raises(UnsupportedByRemote, match="shallow clone"):
        fetch(shallow, into)
    assert not into.exists()


def test_an_interrupted_fetch_leaves_no_file_behind(source, into):
    fast_import(source, history(commits=10))

    class Interrupting(GitTransport):
        @staticmethod
        def _blocks(answer):
            for number, block in enumerate(GitTransport._blocks(answer)):
                if number == 1:
                    raise KeyboardInterrupt
                yield block[:600]

    with pytest.raises(KeyboardInterrupt):
        fetch_into(Interrupting(source), into, scope=ALL)
    assert not into.exists()
    assert outcomes(fetch(source, into)) == {"main": "pushed"}
    assert fsck(into) == []


NAMED = Scope(branches=("main",))


def test_a_named_branch_of_an_empty_source_is_an_error_and_leaves_no_repository(source, into):
    with pytest.raises(NoRefsMatched):
        fetch(source, into, scope=NAMED)
    assert not into.exists()
    into.mkdir()
    with pytest.raises(NoRefsMatched):
        fetch(source, into, scope=NAMED)
    assert list(into.iterdir()) == []


@pytest.mark.parametrize("scope", [Scope(), Scope(tags=True), ALL])
@pytest.mark.parametrize("before", ["nothing", "a folder", "an empty repository"])
def test_an_empty_source_gives_an_empty_repository_with_its_head(source, into, scope, before):
    git("symbolic-ref", "HEAD", "refs/heads/trunk", cwd=source)
    if before == "a folder":
        into.mkdir()
    elif before == "an empty repository":
        init_repository(into, object_format=format_of(source).name)
    result = fetch(source, into, scope=scope)
    assert (result.exit_code, result.object_count, result.refs) == (0, 0, ())
    assert result.source_head == "refs/heads/trunk"
    assert git("symbolic-ref", "HEAD", cwd=into) == "refs/heads/trunk"
    assert format_of(into) is format_of(source)
    assert (ls_remote(into), fsck(into)) == ({}, [])


def test_a_copys_head_is_the_sources_though_there_is_a_main_branch(source, into):
    fast_import(source, history(commits=3))
    git("branch", "trunk", "main~1", cwd=source)
    git("symbolic-ref", "HEAD", "refs/heads/trunk", cwd=source)
    fetch(source, into)
    assert git("symbolic-ref", "HEAD", cwd=into) == "refs/heads/trunk"
    git("symbolic-ref", "HEAD", "refs/heads/main", cwd=source)
    fetch(source, into)
    assert git("symbolic-ref", "HEAD", cwd=into) == "refs/heads/trunk"  # a born HEAD is the copy's own


def test_a_detached_head_gives_the_copy_a_branch_at_the_same_commit(source, into):
    fast_import(source, history(commits=3))
    git("branch", "trunk", "main~1", cwd=source)
    git("update-ref", "--no-deref", "HEAD", "trunk", cwd=source)
    fetch(source, into)
    assert git("symbolic-ref", "HEAD", cwd=into) == "refs/heads/trunk"


def test_an_empty_source_changes_neither_refs_nor_head_of_a_repository_that_has_some(source, into):
    git("symbolic-ref", "HEAD", "refs/heads/trunk", cwd=source)
    init_repository(into, object_format=format_of(source).name)
    tip = commit(into, "refs/heads/other")
    head = git("symbolic-ref", "HEAD", cwd=into)
    assert fetch(source, into).exit_code == 0
    with pytest.raises(PruneLimitReached):
        fetch(source, into, policy=Policy(prune=True))
    assert ls_remote(into)["refs/heads/other"] == tip
    assert git("symbolic-ref", "HEAD", cwd=into) == head


def test_a_source_that_has_tags_only_is_not_empty(source, into):
    commit(source, "refs/tags/v1")
    with pytest.raises(NoRefsMatched) as failure:
        fetch(source, into, scope=Scope())
    assert failure.value.hint == "the source has refs, but none in scope"
    assert not into.exists()


def test_a_fetch_from_an_empty_source_that_keeps_nothing_brings_nothing(source):
    result = fetch_only(GitTransport(source))
    assert (result.exit_code, result.object_count, result.wants) == (0, 0, ())


def test_a_failed_fetch_leaves_a_repository_alone_that_was_there_or_got_something_meanwhile(source, into):
    init_repository(into)
    with pytest.raises(NoRefsMatched):
        fetch(source, into, scope=NAMED)
    assert ls_remote(into) == {}
    remove_tree(into)

    def fail() -> None:
        with opened_or_made(into, format_of(source), Limits()) as repository:
            repository.write_loose(ObjectType.BLOB, b"another process put this here")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert len(git("cat-file", "--batch-all-objects", "--batch-check", cwd=into).splitlines()) == 1


@pytest.mark.parametrize("what", ["main:a.txt", "main^{tree}", "v1"])
def test_a_branch_at_something_else_than_a_commit_is_refused_and_the_others_move(source, into, what):
    fast_import(source, history(commits=3, tag="v1"))
    what = what.replace("a.txt", git("ls-tree", "-r", "--name-only", "main", cwd=source).split()[0])
    oid = git("rev-parse", what, cwd=source)
    (source / "refs/heads/odd").write_text(f"{oid}\n")
    git("update-ref", "refs/other/odd", oid, cwd=source)
    result = fetch_into(LocalTransport(str(source)), into, scope=ALL)
    found = {ref.planned.target_ref: (ref.outcome.value, ref.reason) for ref in result.refs}
    assert found["refs/heads/odd"][0] == "blocked"
    assert "a branch must point to a commit" in found["refs/heads/odd"][1]
    assert (found["refs/heads/main"][0], found["refs/other/odd"][0]) == ("pushed", "pushed")
    assert result.exit_code == 1
    assert fsck(into) == []


def test_a_ref_that_another_fetch_just_moved_there_is_up_to_date(source, into):
    fast_import(source, history(commits=3))
    with opened_or_made(into, format_of(source), Limits()) as repository:
        git("fetch", "-q", source, "main:main", cwd=into)
        git("branch", "other", "main~1", cwd=into)
        tip = ObjectId(bytes.fromhex(git("rev-parse", "main", cwd=source)))
        action = RefAction("create", "branch", "refs/heads/main", "refs/heads/main", tip, None, "new")
        elsewhere = action._replace(target_ref="refs/heads/other")
        gone = action._replace(action="delete", target_ref="refs/heads/gone", source_id=None, target_id=tip)
        outcomes = [result.outcome for result in moved(repository, [action, elsewhere, gone])]
        assert outcomes == [Outcome.UP_TO_DATE, Outcome.MOVED, Outcome.UP_TO_DATE]


def test_a_fetch_that_keeps_nothing_tells_what_came(source):
    fast_import(source, history(commits=5, tag="v1"))
    result = fetch_only(GitTransport(source), scope=Scope(tags=True), collect_stats=True)
    shown = result.to_json()
    assert [want["name"] for want in shown["wants"]] == ["refs/heads/main", "refs/tags/v1"]
    assert shown["fetchedObjects"] == len(git("rev-list", "--objects", "--all", cwd=source).splitlines())
    assert shown["into"] is None
    assert shown["stats"]["items"]["source git-upload-pack"]["wants"] == 2
    tip = run_git("rev-parse", "main", cwd=source).stdout.strip()
    again = fetch_only(GitTransport(source), haves=[ObjectId(bytes.fromhex(tip.decode()))])
    assert again.object_count == 0


def test_a_ref_whose_lock_is_held_is_told_as_locked_and_the_others_move(source, into):
    fast_import(source, history(commits=3))
    fetch(source, into)
    tip = git("rev-parse", "main", cwd=source)
    new = commit(source, "refs/heads/main", tip)
    git("update-ref", "refs/heads/other", new, cwd=source)
    (into / "refs/heads/main.lock").touch()
    result = fetch(source, into)
    assert outcomes(result) == {"main": "locked", "other": "pushed"}
    assert "refs/heads/main.lock is held by another program" in result.refs[0].reason
    assert result.exit_code == 1
    assert ls_remote(into) == {"refs/heads/main": tip, "refs/heads/other": new}


def test_a_folder_with_other_files_is_refused_and_not_touched(source, into):
    fast_import(source, history(commits=3))
    into.mkdir()
    (into / "notes.txt").write_text("mine")
    with pytest.raises(RepositoryError, match="no git repository here"):
        fetch(source, into)
    assert [path.name for path in into.iterdir()] == ["notes.txt"]
