"""Hidden refs, tips of alternates, and names that can't stand beside each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from packcore.ids import ObjectId
from packcore.store.repository import Repository
from tests.support import git, git_bytes, history, init_repository, ls_remote, make_repository, run_git
from tests.transport.server.serving import serving, snapshot
from transport.base import Body
from transport.listing import advertise_push
from transport.schemes import open_transport
from transport.send_pack import push
from transport.server.ref_rules import NamesInUse
from transport.server.shown_refs import HiddenRefs
from transport.wire.receive_pack import RefUpdate

if TYPE_CHECKING:
    from pathlib import Path

    from transport.wire.report import ReportStatus

ZERO = ObjectId(bytes(20))


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """Return a repository with a branch, a tag, and refs that a host keeps to itself."""
    made = make_repository(tmp_path / "root" / "x.git", history(commits=4, tag="v1"))
    git("update-ref", "refs/pull/1/head", "main~1", cwd=made)
    git("update-ref", "refs/internal/keep/a", "main~2", cwd=made)
    return made


def oid_of(repository: Path, revision: str) -> ObjectId:
    return ObjectId(bytes.fromhex(git("rev-parse", revision, cwd=repository)))


def pushed(
    target: Path, *updates: RefUpdate, pack: bytes | None = None, atomic: bool = False
) -> ReportStatus:
    transport = open_transport(str(target))
    try:
        body = None if pack is None else Body.of(pack)
        return push(transport, advertise_push(transport), list(updates), body, atomic=atomic)
    finally:
        transport.close()


def empty_pack(repository: Path) -> bytes:
    return git_bytes("pack-objects", "--stdout", cwd=repository)


# -- hidden refs ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rules", "hidden"),
    [
        ([], set()),
        (["refs/pull"], {"refs/pull/1/head"}),
        (["refs/pull/"], {"refs/pull/1/head"}),
        (["refs/pul"], set()),
        (["refs", "!refs/heads"], {"refs/pull/1/head", "refs/tags/v1"}),
        (["!refs/heads", "refs"], {"refs/pull/1/head", "refs/tags/v1", "refs/heads/main"}),
        (["^refs/pull"], {"refs/pull/1/head"}),
        (["refs/pull", "!refs/pull/1"], set()),
    ],
)
def test_of_several_rules_the_last_that_fits_counts(target, rules, hidden):
    for rule in rules:
        git("config", "--add", "transfer.hideRefs", rule, cwd=target)
    with Repository.open(target) as repository:
        found = HiddenRefs(repository, "receive")
    names = ("refs/heads/main", "refs/tags/v1", "refs/pull/1/head")
    assert {name for name in names if found.hides(name)} == hidden


@pytest.mark.parametrize("number", [0, 2])
@pytest.mark.parametrize("key", ["transfer.hideRefs", "uploadpack.hideRefs"])
def test_a_fetch_sees_what_gits_own_server_shows(target, number, key):
    git("config", key, "refs/pull", cwd=target)
    version = ("-c", f"protocol.version={number}")
    with serving(target.parent) as server:
        ours = git(*version, "ls-remote", f"{server.url}/x.git")
        hidden = git("rev-parse", "refs/pull/1/head", cwd=target)
        assert run_git(*version, "ls-remote", "--exit-code", f"{server.url}/x.git", "refs/pull/*").returncode
    assert ours == git(*version, "ls-remote", f"file://{target}")
    assert hidden not in ours


@pytest.mark.parametrize("key", ["transfer.hideRefs", "receive.hideRefs"])
def test_a_push_neither_sees_nor_changes_a_hidden_ref(target, key):
    git("config", key, "refs/internal", cwd=target)
    tip = oid_of(target, "main")
    report = pushed(
        target,
        RefUpdate("refs/internal/keep/b", ZERO, tip),
        RefUpdate("refs/heads/new", ZERO, tip),
        RefUpdate("refs/internal/keep/a", oid_of(target, "main~2"), ZERO),
        pack=empty_pack(target),
    )
    denied = "deny updating a hidden ref"
    assert [ref.reason for ref in report.refs.values()] == [denied, None, denied]
    with serving(target.parent) as server:
        transport = open_transport(f"{server.url}/x.git")
        assert not any(name.startswith("refs/internal") for name in advertise_push(transport).refs)
        transport.close()


# -- alternates -----------------------------------------------------------------------------------


def test_tips_of_alternates_are_told_to_who_pushes_and_nothing_of_them_is_sent(target, tmp_path):
    fork = init_repository(tmp_path / "root" / "fork.git")
    (fork / "objects" / "info" / "alternates").write_text(f"{target}/objects\n")
    transport = open_transport(str(fork))
    haves = advertise_push(transport).haves
    transport.close()
    tips = {oid_of(target, name) for name in ("main", "v1^{tag}", "refs/pull/1/head", "refs/internal/keep/a")}
    assert set(haves) == tips
    with serving(tmp_path / "root") as server:
        done = run_git("push", f"{server.url}/fork.git", "main", cwd=target)
        assert done.returncode == 0, done.stderr
    assert ls_remote(fork) == {"refs/heads/main": git("rev-parse", "main", cwd=target)}
    assert list((fork / "objects" / "pack").iterdir()) == []


# -- names ----------------------------------------------------------------------------------------


def test_a_name_that_is_a_folder_of_another_is_in_its_way():
    names = NamesInUse(["refs/heads/main", "refs/tags/a/b"], ["refs/heads/x/y"])
    assert names.in_the_way("refs/heads/main/x") == "refs/heads/main"
    assert names.in_the_way("refs/tags/a") == "refs/tags/a/b"
    assert names.in_the_way("refs/tags/a/c") is names.in_the_way("refs/heads/mainly") is None
    names.remove("refs/tags/a/b")
    names.add("refs/tags/a")
    assert names.in_the_way("refs/tags/a/b") == "refs/tags/a"


@pytest.mark.parametrize("atomic", [False, True])
@pytest.mark.parametrize("name", ["refs/heads/main/x", "refs/tags/v1/x", "refs/pull/1"])
def test_a_clash_of_names_is_found_before_the_pack_is_installed(target, tmp_path, name, atomic):
    other = make_repository(tmp_path / "other.git", history(seed=5, commits=3))
    tip = oid_of(other, "main")
    pack = git_bytes("pack-objects", "--stdout", "--revs", cwd=other, stdin=b"main\n")
    before = snapshot(target)
    report = pushed(target, RefUpdate(name, ZERO, tip), pack=pack, atomic=atomic)
    (verdict,) = report.refs.values()
    assert verdict.reason is not None
    assert verdict.reason.endswith("is in the way")
    assert snapshot(target) == before


def test_two_new_names_of_one_push_may_clash_too(target):
    tip = oid_of(target, "main")
    updates = [RefUpdate(name, ZERO, tip) for name in ("refs/heads/a", "refs/heads/a/b", "refs/heads/c")]
    report = pushed(target, *updates, pack=empty_pack(target))
    assert [ref.reason for ref in report.refs.values()] == [None, "refs/heads/a is in the way", None]


def test_a_ref_that_is_deleted_first_makes_room(target):
    tip = oid_of(target, "main")
    report = pushed(
        target,
        RefUpdate("refs/tags/v1", oid_of(target, "v1^{tag}"), ZERO),
        RefUpdate("refs/tags/v1/final", ZERO, tip),
        pack=empty_pack(target),
    )
    assert report.ok
    with Repository.open(target) as repository:
        assert {name for name in repository.refs().known if "tags" in name} == {"refs/tags/v1/final"}
