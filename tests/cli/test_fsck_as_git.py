"""`packcore fsck` and `git fsck` with the same options say the same of the same repository."""

from __future__ import annotations

import hashlib
import re
import shutil
import zlib
from functools import cache
from typing import TYPE_CHECKING

import pytest

from tests.support import git, git_bytes, run_git

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result

pytestmark = pytest.mark.e2e

GONE = "12" * 20
ZEROS = r"(invalid sha1 pointer 0+|invalid (?:[\w/-]+/)?HEAD) \(.*\)"
"""We add why a ref can't be read."""
BROKEN_LINK = r"broken link from.*\n.*\n"


def commit(path: Path, name: str, content: str) -> str:
    (path / name).parent.mkdir(parents=True, exist_ok=True)
    (path / name).write_text(content)
    git("add", ".", cwd=path)
    git("commit", "-q", "-m", content.strip(), cwd=path)
    return git("rev-parse", "HEAD", cwd=path)


def lose(path: Path, revision: str) -> str:
    """Remove a loose object."""
    oid = git("rev-parse", revision, cwd=path)
    file = path / ".git/objects" / oid[:2] / oid[2:]
    file.unlink()
    return oid


# Repositories, each with one thing to see


def plain(path: Path) -> None:
    """History, tags of tags, something staged, something lost: nothing is wrong."""
    commit(path, "a", "1\n")
    commit(path, "d/e/b", "2\n")
    git("tag", "-a", "-m", "t", "v1", cwd=path)
    git("tag", "-a", "-m", "t", "v1-again", "v1", cwd=path)
    git("checkout", "-q", "-b", "side", cwd=path)
    commit(path, "c", "3\n")
    git("checkout", "-q", "main", cwd=path)
    git("merge", "-q", "--no-ff", "-m", "m", "side", cwd=path)
    commit(path, "a", "given up\n")
    git("reset", "-q", "--hard", "HEAD~1", cwd=path)
    (path / "staged").write_text("staged\n")
    git("add", "staged", cwd=path)
    git("hash-object", "-w", "--stdin", cwd=path, stdin=b"lost\n")
    lost = git("commit-tree", "-m", "lost", "HEAD^{tree}", cwd=path)
    git("commit-tree", "-m", "lost, too", "-p", lost, "HEAD^{tree}", cwd=path)


def packed(path: Path) -> None:
    plain(path)
    git("repack", "-q", "-a", "-d", cwd=path)
    commit(path, "a", "after\n")


def missing_blob(path: Path) -> None:
    plain(path)
    lose(path, "HEAD~1:d/e/b")


def missing_tree_and_parent(path: Path) -> None:
    plain(path)
    lose(path, "HEAD~1:d")
    lose(path, "v1~1")


def missing_for_the_log_alone(path: Path) -> None:
    plain(path)
    lose(path, "main@{1}")


def missing_for_the_index_alone(path: Path) -> None:
    plain(path)
    lose(path, ":staged")


def missing_for_the_cached_tree_alone(path: Path) -> None:
    plain(path)
    git("rm", "-q", "--cached", "staged", cwd=path)
    (path / "x").write_text("x")
    git("add", "x", cwd=path)
    tree = git("write-tree", cwd=path)
    lose(path, tree)


def damaged_index(path: Path) -> None:
    plain(path)
    data = bytearray((path / ".git/index").read_bytes())
    data[70] ^= 1
    (path / ".git/index").write_bytes(data)


def index_of_version_4(path: Path) -> None:
    plain(path)
    git("update-index", "--index-version", "4", cwd=path)
    lose(path, ":staged")


def split_index(path: Path) -> None:
    plain(path)
    git("update-index", "--split-index", cwd=path)
    (path / "staged").write_text("again\n")
    (path / "more").write_text("more\n")
    git("add", "staged", "more", cwd=path)


def resolved_conflict(path: Path) -> None:
    plain(path)
    git("reset", "-q", "--hard", cwd=path)
    git("checkout", "-q", "-b", "other", cwd=path)
    commit(path, "a", "theirs\n")
    git("checkout", "-q", "main", cwd=path)
    commit(path, "a", "ours\n")
    run_git("merge", "other", cwd=path)
    (path / "a").write_text("both\n")
    git("add", "a", cwd=path)
    git("branch", "-q", "-D", "other", cwd=path)
    git("reflog", "expire", "--expire=all", "--all", cwd=path)


def conflict(path: Path) -> None:
    plain(path)
    git("reset", "-q", "--hard", cwd=path)
    git("checkout", "-q", "-b", "other", cwd=path)
    commit(path, "a", "theirs\n")
    git("checkout", "-q", "main", cwd=path)
    commit(path, "a", "ours\n")
    run_git("merge", "other", cwd=path)
    git("branch", "-q", "-D", "other", cwd=path)


def unborn(path: Path) -> None:
    plain(path)
    git("symbolic-ref", "HEAD", "refs/heads/new", cwd=path)


def nothing_at_all(path: Path) -> None:
    git("hash-object", "-w", "--stdin", cwd=path, stdin=b"lost\n")


def detached_at_a_lost_commit(path: Path) -> None:
    plain(path)
    git("checkout", "-q", "-f", "--detach", cwd=path)
    (path / ".git/HEAD").write_text(f"{GONE}\n")


def strange_head(path: Path) -> None:
    plain(path)
    (path / ".git/HEAD").write_text("ref: refs/tags/v1\n")


def refs_to_nothing(path: Path) -> None:
    plain(path)
    (path / ".git/refs/heads/gone").write_text(f"{GONE}\n")
    (path / ".git/refs/tags/gone").write_text(f"{GONE}\n")


def refs_without_a_value(path: Path) -> None:
    plain(path)
    (path / ".git/refs/heads/empty").write_text("")
    (path / ".git/refs/heads/words").write_text("words\n")
    (path / ".git/refs/heads/nowhere").write_text("ref: refs/heads/absent\n")


def badly_named_ref(path: Path) -> None:
    plain(path)
    shutil.copy(path / ".git/refs/heads/main", path / ".git/refs/heads/a..b")


def branches_that_are_no_commits(path: Path) -> None:
    plain(path)
    for name, revision in (("tag", "v1"), ("tree", "HEAD^{tree}"), ("blob", "HEAD:a")):
        oid = git("rev-parse", revision, cwd=path)
        (path / ".git/refs/heads" / name).write_text(f"{oid}\n")


def worktrees(path: Path) -> None:
    """One is detached at a commit of its own; another's HEAD and log lead nowhere."""
    plain(path)
    for name in ("own", "lost"):
        git("worktree", "add", "-q", "--detach", path.parent / f"{path.name}-{name}", cwd=path)
        commit(path.parent / f"{path.name}-{name}", "w", f"{name}\n")
    lost = path / ".git/worktrees" / f"{path.name}-lost"
    (lost / "HEAD").write_text(f"{GONE}\n")
    for index in (path / ".git/worktrees").glob("*/index"):
        index.unlink()  # git 2.39 doesn't look at them
    with (lost / "logs/HEAD").open("a") as log:
        log.write(f"{GONE} {GONE} A <a@b> 1112911993 +0000\tx\n")


def graphs(path: Path) -> None:
    plain(path)
    git("repack", "-q", "-a", "-d", cwd=path)
    git("commit-graph", "write", "--reachable", cwd=path)
    git("multi-pack-index", "write", cwd=path)


def damaged_graph(path: Path) -> None:
    graphs(path)
    damage(path / ".git/objects/info/commit-graph")


def damaged_graph_that_is_switched_off(path: Path) -> None:
    damaged_graph(path)
    git("config", "core.commitGraph", "false", cwd=path)


def damaged_table(path: Path) -> None:
    graphs(path)
    damage(path / ".git/objects/pack/multi-pack-index")


def damaged_table_that_is_switched_off(path: Path) -> None:
    damaged_table(path)
    git("config", "core.multiPackIndex", "false", cwd=path)


def damage(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[-21] ^= 1
    file.chmod(0o644)
    file.write_bytes(data)


def replaced(path: Path) -> None:
    plain(path)
    new = git("commit-tree", "-m", "another", "HEAD^{tree}", cwd=path)
    git("replace", "HEAD", new, cwd=path)


def odd(path: Path) -> str:
    """A commit whose zone is no zone, and a tree with a padded mode."""
    plain(path)
    blob = git_bytes("rev-parse", "HEAD:a", cwd=path).strip()
    tree = b"0100644 a\0" + bytes.fromhex(blob.decode())
    made = git("hash-object", "-t", "tree", "-w", "--literally", "--stdin", cwd=path, stdin=tree)
    data = f"tree {made}\nauthor A <a@b> 1 0000\ncommitter A <a@b> 1 +0000\n\nx\n".encode()
    oid = git("hash-object", "-t", "commit", "-w", "--literally", "--stdin", cwd=path, stdin=data)
    git("update-ref", "refs/heads/odd", oid, cwd=path)
    return oid


def odd_and_told(path: Path) -> None:
    odd(path)


def odd_and_allowed(path: Path) -> None:
    odd(path)
    git("config", "fsck.badTimezone", "ignore", cwd=path)
    git("config", "fsck.zeroPaddedFilemode", "error", cwd=path)


def odd_and_listed(path: Path) -> None:
    oid = odd(path)
    (path / ".git/skipped").write_text(f"# known\n{oid}\n")
    git("config", "fsck.skipList", str(path / ".git/skipped"), cwd=path)


REPOSITORIES = [
    *(plain, packed, missing_blob, missing_tree_and_parent, missing_for_the_log_alone),
    *(missing_for_the_index_alone, missing_for_the_cached_tree_alone, index_of_version_4, split_index),
    *(resolved_conflict, conflict, unborn, nothing_at_all, detached_at_a_lost_commit, strange_head),
    *(refs_to_nothing, refs_without_a_value, badly_named_ref, branches_that_are_no_commits, worktrees),
    *(graphs, damaged_graph_that_is_switched_off, damaged_table_that_is_switched_off, replaced),
    *(odd_and_told, odd_and_allowed, odd_and_listed),
]
DAMAGED = [damaged_index, damaged_graph, damaged_table]
OPTIONS = [
    "",
    "--strict",
    "--no-reflogs",
    "--unreachable",
    "--unreachable --no-reflogs",
    "--no-dangling",
    "--root --tags",
    "--connectivity-only",
    "--connectivity-only --no-reflogs",
    "--name-objects --no-reflogs",  # which log git reads first depends on the disk
    "--no-full --no-reflogs",  # git takes packed objects for missing where a log names them
    "HEAD~1",
    "--cache HEAD~1",
    "--unreachable HEAD~1 v1 nonsense " + GONE,
]


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Callable[[Path], object]], Path]:
    """Make each repository once: nothing here changes one."""
    paths: dict[str, Path] = {}

    def make(build: Callable[[Path], object]) -> Path:
        if build.__name__ not in paths:
            path = tmp_path_factory.mktemp("fsck") / "r"
            git("init", "-q", "-b", "main", path)
            git("config", "gc.auto", "0", cwd=path)
            build(path)
            paths[build.__name__] = path
        return paths[build.__name__]

    return make


def lines(out: str) -> list[str]:
    """Return the report, sorted, without hints, why refs can't be read, and broken links."""
    plain = re.sub(BROKEN_LINK, "", re.sub(ZEROS, r"\1", out))
    plain = re.sub(r"(in cache-tree|in resolve-undo) of \S+", r"\1", plain)  # which index it is: newer gits
    return sorted(line for line in plain.splitlines() if line and not line.startswith("hint:"))


@cache
def checks_refs() -> bool:
    """Whether this git also checks how refs are written down."""
    return b"references" in run_git("fsck", "-h").stdout


def broken_links(out: str) -> set[str]:
    """Return the broken links: git tells the first one to each missing object, and we tell all."""
    return set(re.findall(BROKEN_LINK, out))


@pytest.mark.parametrize("flags", OPTIONS)
@pytest.mark.parametrize("build", REPOSITORIES, ids=lambda build: build.__name__)
def test_the_same_lines_and_the_same_verdict(packcore, made, build, flags: str):
    path = made(build)
    options = [word for word in flags.split() if word.startswith("-")]
    heads = [word for word in flags.split() if not word.startswith("-")]
    done = run_git("fsck", "--no-progress", *options, *heads, cwd=path)
    if checks_refs():  # newer gits have other words for some, and the same verdict
        options.append("--references")
    result = packcore("fsck", *options, path, *heads)
    if not checks_refs():
        assert lines(result.stdout + result.stderr) == lines((done.stdout + done.stderr).decode())
    assert broken_links(done.stdout.decode()) <= broken_links(result.stdout)
    assert result.exit_code == (3 if done.returncode else 0)


@pytest.mark.parametrize("build", DAMAGED, ids=lambda build: build.__name__)
def test_the_same_verdict_on_damaged_files(packcore, made, build):
    path = made(build)
    assert run_git("fsck", "--no-progress", cwd=path).returncode != 0
    result = packcore("fsck", path)
    assert result.exit_code == 3
    assert re.search(r"^error: .*(index|commit-graph|multi-pack-index)", result.stderr, re.MULTILINE)


def test_what_is_staged_in_another_worktree_is_in_use(packcore, tmp_path):
    """As with git 2.41 and later."""
    path = tmp_path / "r"
    git("init", "-q", "-b", "main", path)
    commit(path, "a", "1")
    git("worktree", "add", "-q", "-b", "side", tmp_path / "side", cwd=path)
    (tmp_path / "side" / "staged").write_text("staged")
    git("add", "staged", cwd=tmp_path / "side")
    for place in (path, tmp_path / "side"):
        result = packcore("fsck", place)
        assert (result.exit_code, result.stdout) == (0, "")


def test_lost_found_writes_what_git_writes(packcore, made, tmp_path):
    path = made(plain)
    copies = [tmp_path / "ours", tmp_path / "theirs"]
    for copy in copies:
        shutil.copytree(path, copy)
    assert packcore("fsck", "--lost-found", copies[0]).exit_code == 0
    assert run_git("fsck", "--lost-found", "--no-progress", cwd=copies[1]).returncode == 0
    ours, theirs = (
        {
            file.relative_to(copy): file.read_bytes()
            for file in (copy / ".git/lost-found").rglob("*")
            if file.is_file()
        }
        for copy in copies
    )
    assert ours == theirs
    assert {file.parts[2] for file in ours} == {"commit", "other"}


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("fsck.noSuchThing", "warn", "fsck.nosuchthing: there is no such finding"),
        ("fsck.badDate", "perhaps", "fsck.baddate must be error, warn or ignore"),
        ("fsck.skipList", "absent", "absent can't be read: No such file or directory"),
    ],
)
def test_a_setting_that_git_refuses_is_refused(packcore, made, tmp_path, key, value, words):
    shutil.copytree(made(plain), tmp_path / "r")
    git("config", key, value, cwd=tmp_path / "r")
    assert run_git("fsck", cwd=tmp_path / "r").returncode == 128
    result = packcore("fsck", tmp_path / "r")
    assert result.exit_code == 1
    assert words in result.stderr


def loose(path: Path, oid: str) -> Path:
    return path / ".git/objects" / oid[:2] / oid[2:]


@pytest.fixture
def work(tmp_path):
    git("init", "-q", "-b", "main", tmp_path, cwd=tmp_path)
    commit(tmp_path, "a", "1\n")
    return tmp_path


def errors_of(packcore: Callable[..., Result], path: Path) -> list[str]:
    """Return the lines of `packcore fsck`, after a look that git sees something broken, too."""
    done = packcore("fsck", path)
    assert done.exit_code == 3
    assert run_git("fsck", cwd=path).returncode != 0
    return done.stderr.splitlines()


def test_a_loose_object_in_the_wrong_place_is_told_by_both_ids_as_git_does(packcore, work):
    oid = git("hash-object", "-w", "--stdin", cwd=work, stdin=b"moved\n")
    place = loose(work, oid[:2] + "f" * 38)
    loose(work, oid).rename(place)
    assert errors_of(packcore, work) == [f"error: {oid}: hash-path mismatch, found at: {place}"]


@pytest.mark.parametrize("is_moved", [False, True])
def test_a_loose_object_of_no_type_is_told_with_its_own_id(packcore, work, is_moved):
    data = b"odd 2\0xy"
    oid = hashlib.sha1(data, usedforsecurity=False).hexdigest()
    place = loose(work, oid[:2] + "f" * 38 if is_moved else oid)
    place.parent.mkdir(exist_ok=True)
    place.write_bytes(zlib.compress(data))
    said = errors_of(packcore, work)
    assert said[-1] == f"error: {oid}: object is of unknown type 'odd': {place}"
    assert said[:-1] == ([f"error: {oid}: hash-path mismatch, found at: {place}"] if is_moved else [])


@pytest.mark.parametrize("damage", ["behind", "cut"])
def test_a_damaged_loose_object_is_told_with_its_file_the_reason_and_its_id(packcore, work, damage):
    oid = git("hash-object", "-w", "--stdin", cwd=work, stdin=random_bytes())
    file = loose(work, oid)
    file.chmod(0o644)
    data = file.read_bytes()
    file.write_bytes(data + b"more" if damage == "behind" else data[:1000])
    reason = "garbage behind its zlib stream" if damage == "behind" else "a zlib stream ends early"
    assert errors_of(packcore, work) == [f"error: {file}: {reason} (corrupt loose object '{oid}')"]


def random_bytes() -> bytes:
    return b"".join(hashlib.sha256(b"%d" % number).digest() for number in range(128))


@pytest.mark.parametrize("where", ["HEAD", "worktrees/other/HEAD"])
def test_a_head_at_the_zero_id_points_at_nothing(packcore, work, where):
    git("worktree", "add", "-q", "--detach", work / "other", cwd=work)
    (work / ".git" / where).write_text("0" * 40 + "\n")
    assert f"error: {where}: detached HEAD points at nothing" in packcore("fsck", work).stderr.splitlines()


def test_a_tree_with_an_empty_name_is_none_for_git_and_so_an_error(packcore, work):
    tree = b"100644 \0" + b"twenty-bytes-of-junk"
    oid = git("hash-object", "-t", "tree", "-w", "--literally", "--stdin", cwd=work, stdin=tree)
    assert errors_of(packcore, work) == [
        f"error: empty filename in tree entry: tree {oid}",
        f"error in tree {oid}: badTree: cannot be parsed as a tree",
    ]


def test_an_entry_of_another_type_than_its_mode_says_is_told_with_both(packcore, work):
    blob = git("rev-parse", "HEAD:a", cwd=work)
    data = b"40000 folder\0" + bytes.fromhex(blob)
    tree = git("hash-object", "-t", "tree", "-w", "--literally", "--stdin", cwd=work, stdin=data)
    git("update-ref", "refs/heads/odd", git("commit-tree", tree, "-m", "x", cwd=work), cwd=work)
    assert f"error: object {blob} is a blob, not a tree" in errors_of(packcore, work)


def test_a_damaged_index_is_called_one(packcore, work):
    data = bytearray((work / ".git/index").read_bytes())
    data[70] ^= 1
    (work / ".git/index").write_bytes(data)
    [line] = errors_of(packcore, work)
    assert line.startswith("error: bad index file: ")


def test_a_pack_whose_bytes_have_another_digest_has_a_checksum_mismatch(packcore, work):
    git("repack", "-q", "-a", "-d", cwd=work)
    [pack] = (work / ".git/objects/pack").glob("*.pack")
    damage(pack)
    assert any("checksum mismatch" in line and pack.name in line for line in errors_of(packcore, work))
