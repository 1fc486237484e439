"""`rev-list` prints what git's does, byte for byte: the same set, order and paths."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from cli.dates import parse_date
from tests.branchy import FIRST_DATE, make_branchy
from tests.cli.beside_git import run_both
from tests.support import git, history, make_repository, run_git

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result


@pytest.fixture(scope="module", params=[3, 4])
def branchy(request, tmp_path_factory):
    return make_branchy(tmp_path_factory.mktemp("branchy") / f"{request.param}.git", request.param)


def assert_same(
    packcore: Callable[..., Result], path: Path, *arguments: str, stdin: bytes = b"", in_order: bool = True
) -> None:
    ours, theirs = run_both(packcore, path, "rev-list", *arguments, stdin=stdin)
    found, expected = ours.stdout_bytes.splitlines(), theirs.splitlines()
    if not in_order:
        found, expected = sorted(found), sorted(expected)
    assert found == expected


SETS = [
    "HEAD",
    "c9 c13",
    "c20 ^c4",
    "c3..c19",
    "c8...c17",
    "c12..c12",
    "--all",
    "v1..v2",
    "v2 vtree ^c6",
    "HEAD ^v1",
    "--branches --not --tags",
    "--branches=c1* --not c1",
    "--tags=v?",
    "--remotes",
    "--glob=heads/c2*",
    "--glob=refs/tags",
    "--exclude=c1* --branches",
    "--exclude=refs/heads/c1? --all",
    "--exclude=v1 --tags --branches=c3",
    "--not c3 --not c20",
    "c20:src c7",
    "c20^@",
    "c20 ^c19^@",
    "c20 ^c19^!",
    "c24 --not c20^@",
    "c19^! c20^-",
]
OPTIONS = [
    "",
    "-n 3",
    "-n3",
    "-2",
    "--max-count=0",
    "-n -1",
    "--max-count=4 --skip=2",
    "--skip=30",
    "--reverse",
    "--reverse -n 3",
    "--topo-order",
    "--topo-order -n 4 --skip=1",
    "--topo-order --first-parent",
    "--date-order",
    "--date-order --reverse",
    "--first-parent",
    "--first-parent --parents",
    "--parents",
    "--boundary",
    "--boundary -n 3",
    "--boundary --reverse",
    "--boundary --topo-order",
    "--boundary --first-parent --parents",
    "--boundary --count",
    "--header -n 3",
    "--header --boundary",
    "--no-walk",
    f"--since={FIRST_DATE + 60}",
    f"--until=@{FIRST_DATE + 60}",
    "--after=2023-11-14T22:14:00Z --before='2023-11-14 23:15:30 +0100'",
    f"--min-age={FIRST_DATE + 90} --max-age={FIRST_DATE + 40}",
    "--count",
    "--disk-usage",
    "--use-bitmap-index",
]
OBJECT_OPTIONS = [
    "",
    "-n 1",
    "--reverse -n 3",
    "--first-parent",
    f"--max-age={FIRST_DATE + 50}",
    "--no-object-names",
    "--topo-order",
    "--in-commit-order",
    "--objects-edge",
    "--count",
    "--missing=print",
    "--no-walk",
    "--filter=blob:none",
    "--filter=blob:limit=1",
    "--filter=blob:limit=1k",
    "--filter=tree:0",
    "--filter=tree:1",
    "--filter=tree:2",
    "--filter=object:type=tree",
    "--filter=object:type=commit",
    "--filter=object:type=tag",
    "--filter=object:type=blob --filter-provided-objects",
    "--filter=combine:tree:2+blob:none",
    "--filter=combine:tree%3A2+blob:limit=1",
    "--filter=tree:2 --filter=blob:none",
    "--filter=sparse:oid=c20:c.c",
    "--filter=blob:none --no-filter",
]
PATHS = ["src", "a doc/", "*.c", "src/lib/x", "nothing", ".", "src/*", "./src/../doc", "[ab]", "src/lib/x/y"]


def words(text: str) -> list[str]:
    import shlex

    return shlex.split(text)


def some_sets(text: str, count: int) -> list[str]:
    """Return a part of the sets that depends on a text, since all with all would take minutes."""
    start = sum(text.encode()) % len(SETS)
    step = 1 + len(SETS) // count
    return [(SETS + SETS)[start + place] for place in range(0, len(SETS), step)]


@pytest.mark.parametrize("options", OPTIONS)
def test_commits_are_listed_as_by_git(packcore, branchy, options):
    for revisions in some_sets(options, 6):
        assert_same(packcore, branchy, *words(options), *words(revisions))


@pytest.mark.parametrize("options", OBJECT_OPTIONS)
def test_objects_are_listed_as_by_git(packcore, branchy, options):
    for revisions in some_sets(options, 6):
        assert_same(packcore, branchy, "--objects", *words(options), *words(revisions))


@pytest.mark.parametrize("paths", PATHS)
@pytest.mark.parametrize(
    "options",
    [
        "",
        "--objects",
        "--first-parent",
        "-n 2 --objects",
        "--topo-order",
        "--objects-edge",
        "--parents",
        "--parents -n 2",
        f"--parents --since={FIRST_DATE + 60}",
    ],
)
def test_paths_limit_a_listing_as_in_git(packcore, branchy, paths, options):
    for revisions in some_sets(paths + options, 4):
        assert_same(packcore, branchy, *words(options), *words(revisions), "--", *words(paths))


@pytest.mark.parametrize("revisions", SETS)
def test_each_set_is_the_same_as_gits(packcore, branchy, revisions):
    assert_same(packcore, branchy, *words(revisions))
    assert_same(packcore, branchy, "--objects", *words(revisions))


def test_edges_that_are_named_come_too_if_asked_for(packcore, branchy):
    for revisions in ("c20 ^c4", "c3..c19", "c12..c12", "v1..v2", "c14 ^c19"):
        assert_same(packcore, branchy, "--objects-edge-aggressive", *words(revisions), in_order=False)


def test_commits_that_are_not_walked_keep_their_order(packcore, branchy):
    assert_same(packcore, branchy, "--no-walk=unsorted", "c3", "c9", "v1", "c2", "c9")
    assert_same(packcore, branchy, "--no-walk", "c3", "c9", "v1", "c2", "c9", "--objects")


@pytest.mark.parametrize("spec", ["blob:none", "blob:limit=1", "tree:0", "tree:1", "tree:2"])
def test_what_a_filter_leaves_out_can_be_printed(packcore, branchy, spec):
    for revisions in ("HEAD", "c3..c19", "v2 vtree ^c6"):
        arguments = ("--objects", f"--filter={spec}", "--filter-print-omitted", *revisions.split())
        assert_same(packcore, branchy, *arguments, in_order=False)


@pytest.mark.parametrize(
    "stdin",
    [
        b"c9\n^c4\n",
        b"c20\n--\nsrc\ndoc\n",
        b"c3..c9\n\nnot read\n",
        b"",
        b"nothing\n",
        b"c9",
    ],
)
def test_revisions_and_paths_may_come_from_stdin(packcore, branchy, stdin):
    assert_same(packcore, branchy, "--stdin", stdin=stdin)
    assert_same(packcore, branchy, "--objects", "c2", "--stdin", stdin=stdin)


def test_options_for_refs_may_come_from_stdin_too(packcore, branchy):
    """git has this since 2.42 (git-rev-list, --stdin)."""
    ours = packcore("rev-list", branchy, "--not", "c3", "--stdin", stdin=b"--branches=c1*\n--not\nc5\n")
    assert ours.stdout == git("rev-list", "--branches=c1*", "^c5", "^c3", cwd=branchy) + "\n"


def test_a_branch_may_look_like_an_option(packcore, tmp_path):
    path = make_repository(tmp_path / "r.git", history(commits=2))
    git("update-ref", "refs/heads/--all", "main~1", cwd=path)
    assert_same(packcore, path, "-n", "1", "--end-of-options", "--all", "main")
    assert_same(packcore, path, "--end-of-options", "--all", "--", "src")
    assert_same(packcore, path, "--end-of-options", "--objects")


@pytest.mark.parametrize(
    "before", ["--all", "--count --all", "-n 2 --all", "--branches=c1* --not --tags", "--end-of-options"]
)
def test_options_may_come_before_the_repository(packcore, branchy, before):
    first, then = (
        packcore("rev-list", *before.split(), branchy, "HEAD"),
        packcore("rev-list", branchy, *before.split(), "HEAD"),
    )
    assert (first.exit_code, first.stdout_bytes) == (then.exit_code, then.stdout_bytes)
    assert first.stdout_bytes


def test_options_alone_lack_a_repository(packcore):
    result = packcore("rev-list", "--all", "--count", "--")
    assert result.exit_code == 2
    assert "Missing argument" in result.stderr


def test_quiet_prints_nothing(packcore, branchy):
    assert_same(packcore, branchy, "--quiet", "--objects", "--all")


@pytest.mark.parametrize(
    "arguments",
    [
        "",
        "nothing",
        "--filter=blob:none HEAD",
        "--objects --filter=nonsense HEAD",
        "--nonsense HEAD",
        "--since",
        "..",
        "HEAD^-9",
        f"^{'1' * 40} HEAD",
    ],
)
def test_a_call_fails_where_gits_does(packcore, branchy, arguments):
    done = run_git("rev-list", *words(arguments), cwd=branchy)
    ours = packcore("rev-list", branchy, *words(arguments))
    assert done.returncode
    assert ours.exit_code in (1, 2, 3)
    assert ours.stderr.startswith("packcore: error: ")
    assert "internal error" not in ours.stderr


def test_magic_in_paths_is_refused(packcore, branchy):
    done = packcore("rev-list", branchy, "HEAD", "--", ":(icase)SRC")
    assert (done.exit_code, "magic in paths is not supported" in done.stderr) == (1, True)


def test_a_list_of_few_commits_reads_few(branchy, monkeypatch):
    from packcore.rev_list import Listing, list_revisions
    from packcore.store.repository import Repository

    read = []
    real = Repository.read

    def noted(self, oid):
        read.append(oid)
        return real(self, oid)

    monkeypatch.setattr(Repository, "read", noted)
    with Repository.open(branchy) as repository:
        assert len(list_revisions(repository, ["HEAD"], Listing(max_count=1)).items) == 1
    assert len(set(read)) <= 5, "the commit and its parents"


@pytest.fixture
def damaged(tmp_path):
    """A repository that lacks a blob and a tree; their ids come with it."""
    path = make_repository(tmp_path / "r.git", history(commits=3))
    blob = git("rev-parse", "main:src/part0/file0.txt", cwd=path)
    tree = git("rev-parse", "main:src/part1", cwd=path)
    pack = next((path / "objects/pack").glob("*.pack"), None)
    if pack is not None:
        moved = tmp_path / "moved.pack"
        pack.rename(moved)
        pack.with_suffix(".idx").unlink()
        git("unpack-objects", "-q", cwd=path, stdin=moved.read_bytes())
    for oid in (blob, tree):
        (path / "objects" / oid[:2] / oid[2:]).unlink()
    return path, blob, tree


@pytest.mark.parametrize("missing", ["print", "allow-any", "allow-promisor", "error"])
def test_missing_objects_are_treated_as_by_git(packcore, damaged, missing):
    path = damaged[0]
    arguments = ("--objects", f"--missing={missing}", "--all")
    theirs = run_git("rev-list", *arguments, cwd=path)
    ours = packcore("rev-list", path, *arguments)
    assert bool(ours.exit_code) == bool(theirs.returncode)
    if not ours.exit_code:
        assert sorted(ours.stdout_bytes.splitlines()) == sorted(theirs.stdout.splitlines())


def test_a_missing_commit_can_be_printed(packcore, tmp_path):
    """git does so since 2.44 (git-rev-list, --missing)."""
    path = make_repository(tmp_path / "r.git", history(commits=1))
    tree, lost = git("rev-parse", "main^{tree}", cwd=path), "1" * 40
    text = f"tree {tree}\nparent {lost}\nauthor A <a@b> 1 +0000\ncommitter A <a@b> 1 +0000\n\nx\n"
    oid = git("hash-object", "-t", "commit", "-w", "--stdin", cwd=path, stdin=text.encode())
    done = packcore("rev-list", path, "--missing=print", oid)
    assert (done.exit_code, done.stdout) == (0, f"{oid}\n?{lost}\n")
    assert packcore("rev-list", path, oid).exit_code == 3


@pytest.mark.parametrize("size", [0, 1, 1023, 1024, 5000, 1 << 20, (1 << 20) + 1, 5_555_555])
def test_a_size_is_readable_as_gits(packcore, tmp_path, size):
    path = make_repository(tmp_path / "r.git", [b"done\n"])
    git("config", "core.compression", "0", cwd=path)
    oid = git("hash-object", "-w", "--stdin", cwd=path, stdin=os.urandom(size))
    assert_same(packcore, path, "--disk-usage=human", "--objects", oid)


NOW = 1_700_000_000


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("@12", 12),
        ("1600000000", 1_600_000_000),
        ("2020-09-13T12:26:40Z", 1_600_000_000),
        ("2020-09-13 14:26:40 +0200", 1_600_000_000),
        ("2020-09-13 14:26:40+02", 1_600_000_000),
        ("Sun, 13 Sep 2020 12:26:40 +0000", 1_600_000_000),
        ("now", NOW),
        ("yesterday", NOW - 86400),
        ("2 weeks ago", NOW - 14 * 86400),
        ("3.days.ago", NOW - 3 * 86400),
        ("1 hour", NOW - 3600),
    ],
)
def test_dates_are_read_as_by_git(text, seconds):
    assert parse_date(text, NOW) == seconds
