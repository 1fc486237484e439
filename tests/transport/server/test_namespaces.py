"""Ref namespaces: a client sees the refs of one, by their short names, and changes no others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from packcore.store.repository import Repository
from tests.support import git, git_bytes, history, ls_remote, make_repository, run_git, write_hook
from tests.transport.server.serving import serving
from transport.errors import InvalidRequest
from transport.server.hooks import HookSettings
from transport.server.namespaces import Namespace, namespace_of

if TYPE_CHECKING:
    from pathlib import Path

FORK = "refs/namespaces/fork/"
NAMES = {
    "fork": "refs/namespaces/fork/",
    "a/b": "refs/namespaces/a/refs/namespaces/b/",
    "/a//b/": "refs/namespaces/a/refs/namespaces/b/",
    "": "",
}


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    """Return a repository with refs of its own, and with two namespaces."""
    made = make_repository(tmp_path / "root/x.git", history(commits=4, tag="v1"))
    git("update-ref", f"{FORK}refs/heads/main", "main~2", cwd=made)
    git("update-ref", f"{FORK}refs/heads/topic", "main~1", cwd=made)
    git("update-ref", f"{FORK}refs/tags/v1", "v1", cwd=made)
    git("symbolic-ref", f"{FORK}HEAD", f"{FORK}refs/heads/topic", cwd=made)
    git("update-ref", "refs/namespaces/other/refs/heads/secret", "main", cwd=made)
    return made


def fork(repository: Path, **settings: object):
    return serving(repository.parent, namespace=Namespace.parse("fork"), **settings)


@pytest.mark.parametrize("name", NAMES)
def test_each_part_of_a_name_is_a_namespace_in_the_one_before(name):
    assert Namespace.parse(name).prefix == NAMES[name]


@pytest.mark.parametrize("name", ["a..b", "a b", ".x", "x.lock", "a/../b", "a\nb"])
def test_a_name_that_no_ref_can_have_is_refused(name):
    with pytest.raises(InvalidRequest, match="GIT_NAMESPACE"):
        Namespace.parse(name)


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_client_sees_what_gits_own_server_shows(shared, number):
    asked = ("-c", f"protocol.version={number}", "ls-remote", "--symref")
    with fork(shared) as server:
        ours = git(*asked, f"{server.url}/x.git")
    theirs = git(*asked, f"file://{shared}", environment={"GIT_NAMESPACE": "fork"})
    assert ours.splitlines() == list(dict.fromkeys(theirs.splitlines()))  # in v2, git lists HEAD twice
    assert "ref: refs/heads/topic\tHEAD" in ours
    assert "secret" not in ours


def test_a_clone_has_the_branches_of_the_namespace_alone(shared, tmp_path):
    with fork(shared) as server:
        git("clone", "-q", f"{server.url}/x.git", tmp_path / "clone")
    names = git("for-each-ref", "--format=%(refname)", "refs/remotes", cwd=tmp_path / "clone").split()
    assert names == [f"refs/remotes/origin/{name}" for name in ("HEAD", "main", "topic")]
    assert git("rev-parse", "HEAD", cwd=tmp_path / "clone") == git("rev-parse", "main~1", cwd=shared)


@pytest.mark.parametrize("many", [False, True])
def test_a_push_changes_refs_of_the_namespace_alone(shared, many):
    before = ls_remote(shared)
    extra = [f"main~3:refs/heads/n{number}" for number in range(120 if many else 0)]
    with fork(shared) as server:
        git("push", "-q", f"{server.url}/x.git", "main", ":v1", "main~1:refs/heads/new", *extra, cwd=shared)
    after = ls_remote(shared)
    tip = before["refs/heads/main"]
    assert after[f"{FORK}refs/heads/main"] == tip
    assert f"{FORK}refs/tags/v1" not in after
    assert f"{FORK}refs/heads/new" in after
    assert len(after) == len(before) + 1 + len(extra) - 2  # an annotated tag has two lines
    assert {name: oid for name, oid in after.items() if not name.startswith(FORK)} == {
        name: oid for name, oid in before.items() if not name.startswith(FORK)
    }


def test_a_branch_that_a_work_tree_has_may_be_pushed_in_a_namespace(tmp_path):
    work = tmp_path / "work"
    git("init", "-q", "-b", "main", work)
    git("commit", "-q", "--allow-empty", "-m", "one", cwd=work)
    with serving(tmp_path, export_all=True, namespace=Namespace.parse("fork")) as server:
        git("push", "-q", f"{server.url}/work", "main", cwd=work)
    with serving(tmp_path, export_all=True) as server:
        assert run_git("push", f"{server.url}/work", "HEAD:main~0", cwd=work).returncode
    assert git("rev-parse", f"{FORK}refs/heads/main", cwd=work) == git("rev-parse", "main", cwd=work)


@pytest.mark.parametrize(
    ("rule", "seen"),
    [
        ("refs/heads/topic", {"refs/heads/main", "refs/tags/v1"}),
        (f"^{FORK}refs/heads/topic", {"refs/heads/main", "refs/tags/v1"}),
        (f"{FORK}refs/heads/topic", {"refs/heads/main", "refs/heads/topic", "refs/tags/v1"}),
        ("^refs/heads/topic", {"refs/heads/main", "refs/heads/topic", "refs/tags/v1"}),
    ],
)
def test_a_rule_hides_by_the_name_that_clients_use_or_by_the_full_one(shared, rule, seen):
    git("config", "transfer.hideRefs", rule, cwd=shared)
    with fork(shared) as server:
        url = f"{server.url}/x.git"
        assert {name for name in ls_remote(url) if not name.endswith("^{}")} == seen
        refused = run_git("push", url, "main:topic", cwd=shared).returncode
    assert bool(refused) == ("refs/heads/topic" not in seen)


def test_a_symbolic_ref_that_leads_out_of_the_namespace_is_not_followed(shared):
    secret = "refs/namespaces/other/refs/heads/secret"
    git("symbolic-ref", f"{FORK}refs/heads/way-out", secret, cwd=shared)
    before = ls_remote(shared)
    with fork(shared) as server:
        url = f"{server.url}/x.git"
        listed = git("ls-remote", "--symref", url, "refs/heads/way-out")
        done = run_git("push", url, "+main~3:way-out", cwd=shared)
    assert "ref:" not in listed
    assert b"broken symref" in done.stderr
    assert ls_remote(shared) == before


def test_hooks_are_told_of_the_namespace_and_its_names(shared):
    write_hook(shared, "update", 'echo "$GIT_NAMESPACE $1" >&2')
    write_hook(shared, "reference-transaction", "cat >&2")
    with fork(shared, hooks=HookSettings()) as server:
        said = run_git("push", f"{server.url}/x.git", "main:new", cwd=shared).stderr.decode()
    assert "fork refs/heads/new" in said
    assert f"{FORK}refs/heads/new" in said


def test_a_pusher_is_not_told_the_tips_of_other_namespaces(shared):
    hidden = git("commit-tree", "-m", "theirs", "main^{tree}", cwd=shared)
    git("update-ref", "refs/namespaces/other/refs/heads/secret", hidden, cwd=shared)
    with Namespace.parse("fork").repository_type.open(shared) as repository:
        from transport.server.receive_pack import ReceivePack

        assert hidden.encode() not in b"".join(ReceivePack(repository).advertise(0))


def test_what_another_namespace_has_counts_as_complete(shared, tmp_path):
    # Only the commit is new: its tree is reached from refs outside.
    git("clone", "-q", shared, tmp_path / "work")
    git("commit", "-q", "--allow-empty", "-m", "new", cwd=tmp_path / "work")
    with serving(shared.parent, namespace=Namespace.parse("empty")) as server:
        git("push", "-q", f"{server.url}/x.git", "HEAD:refs/heads/main", cwd=tmp_path / "work")
    assert "refs/namespaces/empty/refs/heads/main" in ls_remote(shared)


def test_a_repository_in_a_namespace_reads_and_changes_all_by_short_names(shared):
    with Namespace.parse("fork").repository_type.open(shared) as repository:
        main, topic = (repository.refs().known[f"refs/heads/{name}"].oid for name in ("main", "topic"))
        assert namespace_of(repository).name == "fork"
        assert repository.head() == "refs/heads/topic"
        repository.update_ref("refs/heads/copy", main, None)
        repository.set_symbolic_ref("refs/heads/alias", "refs/heads/copy")
        assert repository.final_ref_name("refs/heads/alias") == "refs/heads/copy"
        assert repository.symbolic_refs() == {"refs/heads/alias"}
        assert repository.read_refs(["refs/heads/copy", "refs/heads/none"]).keys() == {"refs/heads/copy"}
        repository.delete_ref("refs/heads/copy", main)
        repository.set_head("refs/heads/main")
        head = repository.read_ref("HEAD")
        assert head is not None
        assert (head.oid, head.symref) == (main, "refs/heads/main")
        assert topic != main
    with Repository.open(shared) as repository:
        assert repository.head() == "refs/heads/main"


def test_an_unreadable_ref_is_named_as_it_is_in_the_namespace(shared):
    (shared / FORK / "refs/heads/broken").write_text("nonsense")
    with fork(shared) as server:
        done = git_bytes("-c", "protocol.version=0", "ls-remote", f"{server.url}/x.git")
    assert b"0" * 40 + b"\trefs/heads/broken" in done
