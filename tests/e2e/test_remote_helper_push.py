"""`git push packcore::…`: what git shows and does has to be what it shows and does without the prefix."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

import pytest

from tests.e2e.desk import Desk
from tests.e2e.lasting_servers import GitDaemon, Sshd
from tests.support import fsck, git, init_repository, ls_remote, write_hook
from tests.transport.server.serving import serving
from transport.server.faults import Simulation

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.desk import Said
    from tests.e2e.nginx import GitHttpServer
    from tests.e2e.places import Place

pytestmark = pytest.mark.e2e


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    made = Desk(tmp_path / "desk")
    made.begin()
    made.commit(a="one\n")
    return made


@pytest.fixture
def target(server: GitHttpServer, place: Place) -> Path:
    return server.create(place.path("x.git"))


@pytest.fixture
def url(server: GitHttpServer, place: Place, target: Path) -> str:
    return server.url(place.path("x.git"))


@pytest.fixture
def ours(url: str) -> str:
    return Desk.ours(url)


def twin(server: GitHttpServer, place: Place, target: Path) -> str:
    """Return the URL of a copy of the target, for git without the prefix."""
    copy = server.root / place.path("twin.git")
    git("clone", "-q", "--mirror", target, copy)
    git("remote", "remove", "origin", cwd=copy)
    return server.url(place.path("twin.git"))


def words(said: Said) -> list[str]:
    """Return what git said, but for what names the URL, and for what the server says."""
    lines = [" ".join(line.split()) for line in said.stderr.splitlines() if not line.startswith("remote:")]
    return [re.sub(r"packcore::|(?:x|twin)\.git", "", line) for line in lines]


@pytest.mark.parametrize(
    "refs",
    [
        ["main"],
        ["main:refs/heads/other", "v1"],
        ["HEAD~1:refs/heads/behind"],
        ["+side:main"],
        ["side:main"],
        ["unrelated:main"],
        ["v1-moved:refs/tags/old-tag"],
        ["main^{tree}:refs/tags/a-tree"],
        [":topic"],
        [":topic", "main", "side:main2"],
        ["main", "side:topic"],
        [":/second:refs/heads/by-message"],
        ["--all"],
        ["--tags"],
        ["--mirror"],
        ["--prune", "refs/heads/*"],
        ["--follow-tags", "main"],
        ["--force", "side:main", "side:topic"],
        ["--atomic", "main", "side:topic"],
        ["--dry-run", "main", "side:topic", "v1"],
        ["--dry-run", "--atomic", "main", "side:topic"],
        ["--porcelain", "main", "side:topic"],
        ["--quiet", "main"],
        ["--delete", "topic"],
        ["--force-with-lease=topic:main~1", "side:topic"],
        ["--force-with-lease=topic:main", "side:topic"],
        ["--force-with-lease=fresh:", "side:fresh"],
        ["--force-with-lease=topic:", "side:topic"],
        ["nothing-of-this-name"],
    ],
    ids=" ".join,
)
def test_git_says_and_does_the_same_as_without_the_prefix(
    desk: Desk, server: GitHttpServer, place: Place, target: Path, ours: str, refs: list[str]
) -> None:
    git("push", "-q", target, "main", "main:topic", cwd=desk.work)
    git("tag", "old-tag", cwd=desk.work)
    git("push", "-q", target, "old-tag", cwd=desk.work)
    desk.commit(a="second\n")
    git("tag", "-a", "-m", "v1", "v1", cwd=desk.work)
    git("tag", "v1-moved", cwd=desk.work)
    git("push", "-q", target, "HEAD:topic", cwd=desk.work)
    git("branch", "side", "main~1", cwd=desk.work)
    git("checkout", "-q", "side", cwd=desk.work)
    desk.commit(b="beside\n")
    git("checkout", "-q", "--orphan", "unrelated", cwd=desk.work)
    desk.commit(c="alone\n")
    git("checkout", "-q", "main", cwd=desk.work)

    theirs = twin(server, place, target)
    flags = [ref for ref in refs if ref.startswith("--")]
    names = [ref for ref in refs if not ref.startswith("--")]
    expected = desk.git("push", *flags, theirs, *names)
    said = desk.git("push", *flags, ours, *names)
    assert (said.code, words(said)) == (expected.code, words(expected)), said
    assert re.sub(r"packcore::|x\.git", "", said.stdout) == expected.stdout.replace("twin.git", "")
    assert ls_remote(target) == ls_remote(server.root / place.path("twin.git"))
    assert fsck(target) == []


def test_someone_else_was_faster_and_git_says_fetch_first(
    desk: Desk, url: str, target: Path, ours: str, tmp_path: Path
) -> None:
    desk.must("push", ours, "main")
    git("clone", "-q", target, tmp_path / "other")
    git("commit", "-q", "--allow-empty", "-m", "theirs", cwd=tmp_path / "other")
    git("push", "-q", "origin", "main", cwd=tmp_path / "other")
    desk.commit(a="mine\n")
    said = desk.fails("push", ours, "main")
    assert said.table() == ["! [rejected] main -> main (fetch first)"]
    assert words(said) == words(desk.fails("push", url, "main"))
    said = desk.fails("push", ours, "main", "main:fresh")
    assert sorted(said.table()) == ["! [rejected] main -> main (fetch first)", "* [new branch] main -> fresh"]
    assert "blocked" not in said.stderr


def test_a_ref_that_moves_between_the_list_and_the_push_is_not_overwritten(
    desk: Desk, target: Path, ours: str
) -> None:
    desk.must("push", ours, "main")
    first = git("rev-parse", "main", cwd=desk.work)
    desk.commit(a="mine\n")
    # git calls this between its list and its push: the moment of a race.
    hook = desk.work / ".git" / "hooks" / "pre-push"
    hook.parent.mkdir(exist_ok=True)
    moved = "git update-ref refs/heads/main $(git commit-tree -m x 'main^{tree}')"
    hook.write_text(f"#!/bin/sh\ncd {target} && {moved}\n")
    hook.chmod(0o755)
    said = desk.fails("push", "--force", ours, "main")
    assert said.table() == ["! [rejected] main -> main (stale info)"]
    assert ls_remote(target)["refs/heads/main"] not in (first, git("rev-parse", "main", cwd=desk.work))


def test_a_lease_that_follows_the_tracking_ref_holds_with_force_if_includes(
    desk: Desk, target: Path, ours: str
) -> None:
    git("remote", "add", "o", ours, cwd=desk.work)
    desk.must("push", "-u", "o", "main")
    desk.commit(a="two\n")
    desk.must("push", "o", "main")
    git("reset", "-q", "--hard", "HEAD~1", cwd=desk.work)
    mine = desk.commit(a="three\n")
    desk.must("push", "--force-with-lease", "--force-if-includes", "o", "main")
    assert ls_remote(target)["refs/heads/main"] == mine


def test_a_lease_without_what_it_must_include_is_rejected(
    desk: Desk, target: Path, ours: str, tmp_path: Path
) -> None:
    git("remote", "add", "o", ours, cwd=desk.work)
    desk.must("push", "-u", "o", "main")
    git("clone", "-q", target, tmp_path / "other")
    git("commit", "-q", "--allow-empty", "-m", "theirs", cwd=tmp_path / "other")
    git("push", "-q", "origin", "main", cwd=tmp_path / "other")
    desk.must("fetch", "o")  # the tracking ref knows of it now, the branch does not
    git("commit", "-q", "--amend", "-m", "mine", cwd=desk.work)
    said = desk.fails("push", "--force-with-lease", "--force-if-includes", "o", "main")
    assert said.table() == ["! [rejected] main -> main (remote ref updated since checkout)"]


def test_each_refusal_of_the_server_is_told_for_its_ref(
    desk: Desk, url: str, target: Path, ours: str
) -> None:
    write_hook(target, "update", 'test "$1" != refs/heads/locked || { echo no entry >&2; exit 1; }')
    said = desk.fails("push", ours, "main", "main:locked")
    assert sorted(said.table()) == [
        "! [remote rejected] main -> locked (hook declined)",
        "* [new branch] main -> main",
    ]
    assert "remote: no entry" in said.stderr
    assert list(ls_remote(target)) == ["refs/heads/main"]


def test_atomic_sets_nothing_where_the_server_refuses_one(desk: Desk, target: Path, ours: str) -> None:
    write_hook(target, "update", 'test "$1" != refs/heads/locked')
    said = desk.fails("push", "--atomic", ours, "main", "main:locked")
    assert "[remote rejected] main -> locked (hook declined)" in said.stderr
    assert "[remote rejected] main -> main (atomic push failure)" in said.stderr
    assert ls_remote(target) == {}


def test_progress_is_told_under_gits_name_off_a_terminal_too(desk: Desk, ours: str) -> None:
    said = desk.must("push", "--progress", ours, "main")
    assert any(line.startswith("Writing objects: ") for line in said.stderr.splitlines())


def test_push_options_reach_the_hooks(desk: Desk, target: Path, ours: str) -> None:
    git("config", "receive.advertisePushOptions", "true", cwd=target)
    write_hook(target, "pre-receive", f'echo "$GIT_PUSH_OPTION_0|$GIT_PUSH_OPTION_1" > {target}/told')
    desk.must("push", "-o", "ci.skip", "-o", 'say "hi"\tä', ours, "main")
    assert (target / "told").read_text() == 'ci.skip|say "hi"\tä\n'


def test_push_options_that_the_server_does_not_take_are_an_error(desk: Desk, target: Path, ours: str) -> None:
    said = desk.fails("push", "-o", "ci.skip", ours, "main")
    assert "the remote does not take push options" in said.stderr
    assert ls_remote(target) == {}


def test_signed_pushes_are_refused(desk: Desk, ours: str) -> None:
    said = desk.fails("push", "--signed", ours, "main")
    assert "does not support --signed" in said.stderr


def test_tracking_refs_and_the_upstream_are_set(desk: Desk, ours: str) -> None:
    git("remote", "add", "o", ours, cwd=desk.work)
    desk.must("push", "-u", "o", "main")
    desk.must("push", "o", "main:side")
    refs = git("for-each-ref", "--format=%(refname)", "refs/remotes", cwd=desk.work).splitlines()
    assert refs == ["refs/remotes/o/main", "refs/remotes/o/side"]
    assert git("rev-parse", "--abbrev-ref", "main@{upstream}", cwd=desk.work) == "o/main"
    desk.must("push", "o", ":side")
    assert git("for-each-ref", "--format=%(refname)", "refs/remotes/o/side", cwd=desk.work) == ""


def test_instead_of_puts_the_prefix_before_every_url(
    desk: Desk, server: GitHttpServer, url: str, target: Path
) -> None:
    base = server.url("")
    git("config", f"url.packcore::{base}.insteadOf", base, cwd=desk.work)
    said = desk.must("push", url, "main")
    assert f"To packcore::{url}" in said.stderr
    assert ls_remote(target) == {"refs/heads/main": git("rev-parse", "main", cwd=desk.work)}


def test_push_instead_of_leaves_fetches_to_git(
    desk: Desk, server: GitHttpServer, url: str, target: Path
) -> None:
    base = server.url("")
    git("config", f"url.packcore::{base}.pushInsteadOf", base, cwd=desk.work)
    git("remote", "add", "o", url, cwd=desk.work)
    assert "To packcore::" in desk.must("push", "o", "main").stderr
    remotes = desk.must("remote", "-v").stdout.splitlines()
    assert remotes == [f"o\t{url} (fetch)", f"o\tpackcore::{url} (push)"]


def test_names_with_blanks_quotes_and_other_scripts(desk: Desk, server: GitHttpServer, place: Place) -> None:
    target = server.create(place.path("a b 'c' ü.git"))
    git("config", "http.receivepack", "true", cwd=target)
    names = ["müß", "it's", 'a"quote', "emoji-\N{GRINNING FACE}", "a,b;c&d|e$f", "#hash", "deep/" * 20 + "x"]
    desk.branches(names)
    url = desk.ours(f"{server.url(place.path(''))}a%20b%20'c'%20ü.git")
    desk.must("push", "--all", url)
    assert ls_remote(target) == {
        name: oid for name, oid in ls_remote(desk.work).items() if name.startswith("refs/heads/")
    }


def test_a_work_tree_whose_folder_has_blanks_and_a_branch_in_a_linked_work_tree(
    desk: Desk, target: Path, ours: str
) -> None:
    linked = desk.folder / "a linked tree"
    git("worktree", "add", "-q", "-b", "linked", linked, cwd=desk.work)
    git("commit", "-q", "--allow-empty", "-m", "in the linked tree", cwd=linked)
    desk.must("push", ours, "HEAD:refs/heads/from-head", "linked", cwd=linked)
    tip = git("rev-parse", "HEAD", cwd=linked)
    assert ls_remote(target) == {"refs/heads/from-head": tip, "refs/heads/linked": tip}


def test_a_relative_git_dir_and_a_subfolder(desk: Desk, target: Path, ours: str) -> None:
    (desk.work / "sub").mkdir()
    desk.must("push", ours, "main", cwd=desk.work / "sub")
    desk.environment["GIT_DIR"] = "work/.git"
    desk.must("push", ours, "main:two", cwd=desk.folder)
    assert set(ls_remote(target)) == {"refs/heads/main", "refs/heads/two"}


def test_objects_of_alternates_and_loose_ones_travel(desk: Desk, target: Path, ours: str) -> None:
    git("gc", "-q", cwd=desk.work)
    git("clone", "-q", "--shared", desk.work, desk.folder / "borrower")
    git("commit", "-q", "--allow-empty", "-m", "loose", cwd=desk.folder / "borrower")
    desk.must("push", ours, "main", cwd=desk.folder / "borrower")
    assert fsck(target) == []
    assert ls_remote(target)["refs/heads/main"] == git("rev-parse", "main", cwd=desk.folder / "borrower")


def test_a_shallow_clone_pushes_what_it_has(desk: Desk, target: Path, ours: str) -> None:
    for number in range(4):
        desk.commit(a=f"{number}\n")
    desk.must("push", ours, "main")
    desk.must("clone", "-q", "--depth=1", ours, desk.folder / "shallow")
    git("commit", "-q", "--allow-empty", "-m", "on top", cwd=desk.folder / "shallow")
    desk.must("push", "origin", "main", cwd=desk.folder / "shallow")
    assert fsck(target) == []
    assert git("rev-list", "--count", "main", cwd=target) == "6"


def test_five_thousand_refs(desk: Desk, target: Path, ours: str) -> None:
    desk.branches(f"many/{number:04}" for number in range(5000))
    desk.must("push", "-q", "--all", ours)
    assert len(ls_remote(target)) == 5001
    assert "Everything up-to-date" in desk.must("push", "--all", ours).stderr


def test_a_repository_of_sha256(tmp_path: Path, server: GitHttpServer, place: Place) -> None:
    desk = Desk(tmp_path / "sha256")
    desk.begin("--object-format=sha256")
    desk.commit(a="one\n")
    target = server.create(place.path("x256.git"), object_format="sha256")
    ours = desk.ours(server.url(place.path("x256.git")))
    desk.must("push", ours, "main")
    desk.must("clone", "-q", ours, desk.folder / "clone")
    assert git("rev-parse", "HEAD", cwd=desk.folder / "clone") == ls_remote(target)["refs/heads/main"]


def test_a_target_of_another_object_format_is_refused(tmp_path: Path, target: Path, ours: str) -> None:
    desk = Desk(tmp_path / "sha256")
    desk.begin("--object-format=sha256")
    desk.commit(a="one\n")
    said = desk.fails("push", ours, "main")
    assert "sha256" in said.stderr
    assert ls_remote(target) == {}


def test_a_small_change_of_a_large_file_travels_as_a_delta(
    desk: Desk, server: GitHttpServer, place: Place, target: Path, ours: str
) -> None:
    text = "".join(f"{number * 7919 % 1000003}\n" for number in range(100_000))
    desk.commit(big=text)
    desk.must("push", ours, "main")
    desk.commit(big=text + "one line more\n")
    desk.must("push", ours, "main")
    lines = server.wait_for_requests(place.path("x.git"), 4)
    assert lines[-1].method == "POST"
    assert lines[-1].request_bytes < 2000
    assert fsck(target) == []


def test_only_what_is_missing_is_sent_where_the_target_has_moved_on(
    desk: Desk, server: GitHttpServer, place: Place, target: Path, ours: str, tmp_path: Path
) -> None:
    for number in range(70):
        desk.commit(a="".join(f"{number} {line}\n" for line in range(300)))
    desk.must("push", ours, "main")
    git("clone", "-q", target, tmp_path / "other")
    git("commit", "-q", "--allow-empty", "-m", "theirs", cwd=tmp_path / "other")
    git("push", "-q", "origin", "main", cwd=tmp_path / "other")
    git("checkout", "-q", "-b", "topic", cwd=desk.work)
    desk.commit(b="new\n")
    before = len(server.requests(place.path("x.git")))
    desk.must("push", ours, "topic")
    lines = server.wait_for_requests(place.path("x.git"), before + 2)
    posts = [line for line in lines if line.method == "POST"]
    assert max(line.request_bytes for line in posts[1:]) < 6000
    assert fsck(target) == []


def test_no_repository_is_needed_to_list_refs(desk: Desk, target: Path, ours: str) -> None:
    desk.must("push", ours, "main")
    outside = desk.folder / "outside"
    outside.mkdir()
    listed = desk.must("ls-remote", ours, cwd=outside).stdout.split()
    assert listed[-1] == "refs/heads/main"


@pytest.mark.parametrize("path", ["x.git", "x.bundle"])
def test_a_path_is_a_target_too(desk: Desk, path: str) -> None:
    if path.endswith(".git"):
        init_repository(desk.folder / path)
    desk.must("push", desk.ours(desk.folder / path), "main")
    assert "refs/heads/main" in git("ls-remote", desk.folder / path, cwd=desk.work).split()


@pytest.mark.parametrize("spec", ["blob:none", "tree:0"])
def test_a_partial_clone_is_pushed_back_to_where_it_came_from(
    desk: Desk, target: Path, ours: str, spec: str
) -> None:
    (desk.work / "sub").mkdir()
    (desk.work / "sub" / "left-out").write_text("never fetched\n")
    desk.commit(b="two\n")
    desk.must("push", ours, "main")
    git("config", "uploadpack.allowFilter", "true", cwd=target)
    git("config", "uploadpack.allowAnySHA1InWant", "true", cwd=target)
    partial = desk.folder / "partial"
    desk.must("clone", "-q", "--no-checkout", f"--filter={spec}", ours, partial)
    git("read-tree", "--empty", cwd=partial)
    blob = git("hash-object", "-w", "--stdin", cwd=partial, stdin=b"new\n")
    # A tree that holds what is not here, made without asking for it.
    sub = git("rev-parse", "main:sub", cwd=desk.work)
    tree = git(
        "mktree",
        "--missing",
        cwd=partial,
        stdin=f"100644 blob {blob}\tnew\n040000 tree {sub}\tsub\n".encode(),
    )
    commit = git("commit-tree", "-m", "on top", "-p", "HEAD", tree, cwd=partial)
    git("update-ref", "refs/heads/main", commit, cwd=partial)
    desk.must("push", "origin", "main", cwd=partial)
    assert fsck(target) == []
    assert ls_remote(target)["refs/heads/main"] == commit


def test_a_ref_that_the_host_turned_into_another_is_told_as_git_tells_it(
    desk: Desk, server: GitHttpServer, place: Place, target: Path, ours: str
) -> None:
    theirs = twin(server, place, target)
    for repository in (target, server.root / place.path("twin.git")):
        git("config", "receive.procReceiveRefs", "refs/for", cwd=repository)
        hook = write_hook(repository, "proc-receive", "exit 1")
        hook.write_text(PROC_RECEIVE)
    expected = desk.git("push", theirs, "main:refs/for/main")
    said = desk.git("push", ours, "main:refs/for/main")
    assert (said.code, words(said)) == (expected.code, words(expected)), said
    assert "refs/changes/1" in said.stderr


PROC_RECEIVE = f"""#!{sys.executable}
import sys
read, write = sys.stdin.buffer, sys.stdout.buffer
def lines():
    while (size := int(read.read(4), 16)):
        yield read.read(size - 4).decode().rstrip("\\n")
def say(*texts):
    for text in texts:
        write.write(b"%04x" % (len(text) + 4) + text.encode())
    write.write(b"0000")
    write.flush()
list(lines())
say("version=1")
for line in lines():
    old, new, ref = line.split(" ")
say(f"ok {{ref}}", "option refname refs/changes/1", f"option new-oid {{new}}")
"""


def test_over_connections_that_last(desk: Desk, tmp_path: Path) -> None:
    root = tmp_path / "daemon"
    target = init_repository(root / "x.git")
    with GitDaemon(root) as daemon:
        url = desk.ours(daemon.url("x.git"))
        desk.must("push", url, "main")
        tip = desk.commit(a="two\n")
        desk.must("push", url, "main", "main:side")
    assert ls_remote(target) == {"refs/heads/main": tip, "refs/heads/side": tip}


def test_over_ssh_as_the_configuration_has_it(desk: Desk, tmp_path: Path) -> None:
    root = tmp_path / "ssh"
    root.mkdir()
    target = init_repository(root / "x.git")
    with Sshd(root) as sshd:
        command = sshd.environment()["GIT_SSH_COMMAND"]
        desk.must("-c", f"core.sshCommand={command}", "push", desk.ours(sshd.url("x.git")), "main")
    assert set(ls_remote(target)) == {"refs/heads/main"}


@pytest.mark.parametrize(
    ("fault", "words_of_push", "said_of_it"),
    [
        ("no-atomic", ["--atomic", "main:two"], "the remote does not support atomic pushes"),
        ("no-atomic", ["--atomic", "--dry-run", "main:two"], "the remote does not support atomic pushes"),
        ("no-delete", [":main"], "[remote rejected] main (remote does not support deleting refs)"),
    ],
)
def test_what_a_host_lacks_is_told_and_nothing_is_changed(
    desk: Desk, tmp_path: Path, fault: str, words_of_push: list[str], said_of_it: str
) -> None:
    target = init_repository(tmp_path / "served" / "x.git")
    git("push", "-q", target, "main", cwd=desk.work)
    before = ls_remote(target)
    flags = [word for word in words_of_push if word.startswith("--")]
    names = [word for word in words_of_push if not word.startswith("--")]
    with serving(tmp_path / "served", simulation=Simulation.parse(fault)) as server:
        said = desk.fails("push", *flags, desk.ours(f"{server.url}/x.git"), *names)
    assert said_of_it in " ".join(said.stderr.split())
    assert ls_remote(target) == before


@pytest.mark.parametrize("fault", ["no-ofs-delta", "no-thin", "no-sideband", "refs-limit=3", "slow=2m"])
def test_hosts_that_lack_something_take_the_push_all_the_same(desk: Desk, tmp_path: Path, fault: str) -> None:
    target = init_repository(tmp_path / "served" / "x.git")
    desk.branches(f"b{number}" for number in range(5))
    with serving(tmp_path / "served", simulation=Simulation.parse(fault)) as server:
        url = desk.ours(f"{server.url}/x.git")
        desk.must("push", "--all", url)
        desk.commit(a="one and a little more\n")
        desk.must("push", "--all", url)
    assert len(ls_remote(target)) == 6
    assert ls_remote(target)["refs/heads/main"] == git("rev-parse", "main", cwd=desk.work)
    assert fsck(target) == []
