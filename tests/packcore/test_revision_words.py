"""Revisions by the index, the reflogs and the configuration: each names what it names to git."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest

from packcore.errors import AmbiguousRevision, CorruptData, UnknownRevision
from packcore.ids import SHA1
from packcore.objects import ObjectType
from packcore.rev_list import list_revisions
from packcore.revision import resolve_revision
from packcore.store.index_file import read_index
from packcore.store.repository import Repository
from tests.support import git, init_repository, run_git

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def commit(path: Path, name: str, text: str) -> str:
    (path / name).parent.mkdir(parents=True, exist_ok=True)
    (path / name).write_text(text)
    git("add", name, cwd=path)
    git("commit", "-q", "-m", f"{name} {text}", cwd=path)
    return git("rev-parse", "HEAD", cwd=path)


@pytest.fixture(scope="module", params=["sha1", "sha256"])
def worked(request, tmp_path_factory):
    """A work tree after some days: checkouts, commits, a reset, upstreams, a conflict and a staged file."""
    path = tmp_path_factory.mktemp("worked") / request.param
    init_repository(path, bare=False, object_format=request.param)
    git("symbolic-ref", "HEAD", "refs/heads/main", cwd=path)
    commit(path, "a", "1")
    commit(path, "src/lib/b", "1")
    git("checkout", "-q", "-b", "topic", cwd=path)
    commit(path, "a", "2")
    commit(path, "a", "3")
    git("reset", "-q", "--hard", "HEAD~1", cwd=path)
    git("checkout", "-q", "main", cwd=path)
    commit(path, "a", "4")
    git("checkout", "-q", "--detach", "HEAD~1", cwd=path)
    git("checkout", "-q", "topic", cwd=path)
    git("checkout", "-q", "main", cwd=path)
    git("branch", "plain", "topic", cwd=path)
    git("branch", "local", "topic", cwd=path)
    git("branch", "forked", "topic", cwd=path)
    git("branch", "gone", "topic", cwd=path)
    git("tag", "-a", "-m", "t", "v1", "main~1", cwd=path)
    git("update-ref", "refs/remotes/origin/main", "main~1", cwd=path)
    git("update-ref", "refs/remotes/origin/topic", "main~1", cwd=path)
    git("update-ref", "refs/remotes/origin/main", "main", cwd=path)
    git("update-ref", "refs/remotes/fork/pulled/forked", "topic", cwd=path)
    settings = {
        "remote.origin.url": "/nowhere",
        "remote.origin.fetch": "+refs/heads/*:refs/remotes/origin/*",
        "remote.fork.url": "/elsewhere",
        "remote.fork.fetch": "refs/heads/*:refs/remotes/fork/pulled/*",
        "branch.main.remote": "origin",
        "branch.main.merge": "refs/heads/main",
        "branch.topic.remote": "origin",
        "branch.topic.merge": "refs/heads/main",
        "branch.local.remote": ".",
        "branch.local.merge": "refs/heads/topic",
        "branch.forked.remote": "origin",
        "branch.forked.merge": "refs/heads/main",
        "branch.forked.pushRemote": "fork",
        "branch.gone.remote": "origin",
        "branch.gone.merge": "refs/heads/gone",
    }
    for key, value in settings.items():
        git("config", key, value, cwd=path)
    run_git("merge", "-q", "topic", cwd=path)
    (path / "new file").write_text("staged")
    git("add", "new file", cwd=path)
    return path


REFLOGS = [
    "@{0}",
    "@{1}",
    "@{2}",
    "@{9}",
    "HEAD@{0}",
    "HEAD@{1}",
    "HEAD@{4}",
    "HEAD@{99}",
    "topic@{0}",
    "topic@{1}",
    "topic@{2}",
    "topic@{3}",
    "topic@{4}",
    "refs/heads/topic@{1}",
    "heads/topic@{1}~1",
    "topic@{1}^{tree}",
    "topic@{1}:a",
    "origin/main@{1}",
    "v1@{0}",
    "nothing@{0}",
    "@{-1}",
    "@{-2}",
    "@{-3}",
    "@{-4}",
    "@{-9}",
    "@{-0}",
    "@{-1}~1",
    "@{-1}@{1}",
    "@{-1}@{upstream}",
    "main@{-1}",
    "@{nonsense}",
    "@{",
    "@{1",
    "@{1}x",
    "@{}",
]
UPSTREAMS = [
    "@{upstream}",
    "@{u}",
    "@{U}",
    "@{UPSTREAM}",
    "@@{u}",
    "HEAD@{u}",
    "main@{u}",
    "main@{u}~1",
    "main@{u}@{1}",
    "topic@{u}",
    "local@{u}",
    "local@{u}@{u}",
    "plain@{u}",
    "forked@{u}",
    "gone@{u}",
    "v1@{u}",
    "refs/heads/main@{u}",
    "nothing@{u}",
    "@{push}",
    "main@{push}",
    "topic@{push}",
    "forked@{push}",
    "local@{push}",
    "plain@{push}",
]
STAGED = [
    ":new file",
    ":src/lib/b",
    ":a",
    ":0:a",
    ":1:a",
    ":2:a",
    ":3:a",
    ":0:new file",
    ":1:new file",
    ":4:a",
    ":src",
    ":nothing",
    ":",
    ":0:",
]


def check_as_git(path: Path, text: str) -> None:
    done = run_git("rev-parse", "--verify", "-q", text, cwd=path)
    with Repository.open(path) as repository:
        if done.returncode:
            with pytest.raises(UnknownRevision):
                resolve_revision(repository, text)
        else:
            assert resolve_revision(repository, text).hex() == done.stdout.decode().strip()


@pytest.mark.parametrize("text", [*REFLOGS, *UPSTREAMS, *STAGED])
def test_a_revision_names_what_it_names_to_git(worked, text):
    check_as_git(worked, text)


@pytest.mark.parametrize("default", ["nothing", "current", "matching", "upstream", "simple"])
def test_where_a_branch_is_pushed_depends_on_push_default(worked, default):
    git("config", "push.default", default, cwd=worked)
    try:
        for branch in ("main", "topic", "forked", "local", "plain"):
            check_as_git(worked, f"{branch}@{{push}}")
    finally:
        git("config", "--unset", "push.default", cwd=worked)


def test_push_refspecs_say_where_a_branch_is_pushed(worked):
    git("config", "remote.fork.push", "refs/heads/fo*:refs/heads/fo*", cwd=worked)
    try:
        check_as_git(worked, "forked@{push}")
    finally:
        git("config", "--unset", "remote.fork.push", cwd=worked)


@pytest.mark.parametrize("version", [2, 3, 4])
def test_each_version_of_the_index_is_read(tmp_path, version):
    path = init_repository(tmp_path / "r", bare=False)
    names = ["a", "a.c", "dir/a-longer-name", "dir/b", "x" * 250, f"long/{'y' * 200}/{'z' * 250}", "é"]
    for name in names:
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text(name)
    git("add", "-A", cwd=path)
    if version == 3:  # git writes it only if an entry needs the flags that it has room for
        (path / "later").write_text("x")
        git("add", "-N", "later", cwd=path)
    git("update-index", "--index-version", str(version), cwd=path)
    data = (path / ".git/index").read_bytes()
    listed = git("ls-files", "-s", "-z", cwd=path).rstrip("\0").split("\0")
    index = read_index(path / ".git/index", SHA1)
    assert index is not None
    found = [f"{mode:o} {oid.hex()} {stage}\t{name.decode()}" for mode, oid, name, stage in index.entries]
    assert data[4:8] == struct.pack(">I", version)
    assert found == listed


def test_a_split_index_is_read(tmp_path):
    path = init_repository(tmp_path / "r", bare=False)
    (path / "a").write_text("x")
    git("add", "a", cwd=path)
    git("update-index", "--split-index", cwd=path)
    with Repository.open(path) as repository:
        assert resolve_revision(repository, ":a").hex() == git("rev-parse", ":a", cwd=path)


@pytest.mark.parametrize("version", [2, 4])
def test_a_damaged_index_is_refused(tmp_path, version):
    path = init_repository(tmp_path / "r", bare=False)
    for name in ("a", "b"):
        (path / name).write_text("x")
    git("add", "a", "b", cwd=path)
    git("update-index", "--index-version", str(version), cwd=path)
    data = (path / ".git/index").read_bytes()
    (path / ".git/index").write_bytes(data[:70])
    with Repository.open(path) as repository, pytest.raises(CorruptData, match=r"\.git/index: "):
        resolve_revision(repository, ":a")


def test_a_line_that_is_no_entry_of_a_reflog_is_passed_over_as_git_does(tmp_path):
    path = init_repository(tmp_path / "r", bare=False)
    for text in ("1", "2"):
        commit(path, "a", text)
    log = path / ".git/logs/HEAD"
    first, second = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(first + b"nonsense\n" + second)
    with Repository.open(path) as repository:
        assert resolve_revision(repository, "HEAD@{1}").hex() == git("rev-parse", "HEAD@{1}", cwd=path)


@pytest.fixture(scope="module")
def alike(tmp_path_factory):
    """Objects of different types whose ids begin alike; the prefixes come with the repository, by types."""
    path = init_repository(tmp_path_factory.mktemp("alike") / "r.git")
    empty = git("mktree", cwd=path)
    blob = git("hash-object", "-w", "--stdin", cwd=path)
    makers: dict[str, Callable[[int], bytes]] = {
        "commit": lambda n: (
            f"tree {empty}\nauthor a <a@b> {n} +0000\ncommitter a <a@b> {n} +0000\n\nx\n".encode()
        ),
        "blob": lambda n: b"%d" % n,
        "tree": lambda n: b"100644 f%d\0" % n + bytes.fromhex(blob),
    }
    made: dict[str, dict[str, bytes]] = {kind: {} for kind in makers}
    for kind, make in makers.items():
        for number in range(6000):
            data = make(number)
            made[kind].setdefault(SHA1.hash_object(kind.encode(), data).hex()[:4], data)
    prefixes: dict[tuple[str, str], str] = {}
    with Repository.open(path) as repository:
        for kinds in (("commit", "blob"), ("tree", "blob"), ("commit", "tree")):
            common = set(made[kinds[0]]) & set(made[kinds[1]]) - set(prefixes.values())
            prefixes[kinds] = min(common)
            for kind in kinds:
                repository.write_loose(ObjectType.from_label(kind.encode()), made[kind][prefixes[kinds]])
    return path, prefixes


AFTER = ["", "^0", "~0", "^", "^{commit}", "^{tree}", "^{blob}", "^{tag}", "^{}", "^{object}", ":", "^{/x}"]


@pytest.mark.parametrize("kinds", [("commit", "blob"), ("tree", "blob"), ("commit", "tree")])
@pytest.mark.parametrize("hint", ["", "commit", "committish", "tree", "treeish", "blob"])
def test_a_short_id_means_what_fits_what_follows_as_in_git(alike, kinds, hint):
    path, prefixes = alike
    git("config", "core.disambiguate", hint or "none", cwd=path)
    for after in AFTER:
        check_as_git(path, prefixes[kinds] + after)


def test_the_ends_of_a_range_are_commits(alike):
    path, prefixes = alike
    git("config", "core.disambiguate", "none", cwd=path)
    one, other = prefixes["commit", "blob"], prefixes["commit", "tree"]
    with Repository.open(path) as repository:
        for text in (f"{one}..{other}", f"{one}...{other}"):
            expected = git("rev-list", text, cwd=path).split()
            assert sorted(item.oid.hex() for item in list_revisions(repository, [text]).items) == sorted(
                expected
            )
        with pytest.raises(AmbiguousRevision):
            list_revisions(repository, [one])
