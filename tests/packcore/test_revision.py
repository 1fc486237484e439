"""Revisions that a user types: each name and each set resolves as in git."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from typing import TYPE_CHECKING

import pytest

from packcore.errors import UnknownRevision
from packcore.rev_list import Listing, list_revisions
from packcore.revision import resolve_revision
from packcore.revision_set import parse_revisions
from packcore.store.repository import Repository
from tests.object_makers import blob
from tests.support import fast_import, git, history, init_repository, make_repository, run_git

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A history with a side branch, a merge, tags of a commit, a tree, a blob and a tag."""
    path = make_repository(tmp_path_factory.mktemp("revision") / "r.git", history(commits=8, tag="v1"))
    side = git("commit-tree", "main~3^{tree}", "-p", "main~3", "-m", "side", cwd=path)
    git("update-ref", "refs/heads/side", side, cwd=path)
    merge = git("commit-tree", "main^{tree}", "-p", "main", "-p", "side", "-m", "merge", cwd=path)
    git("update-ref", "refs/heads/merged", merge, cwd=path)
    git("update-ref", "refs/remotes/origin/main", "main~1", cwd=path)
    git("symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/main", cwd=path)
    git("tag", "-a", "-m", "t", "of-tag", "v1", cwd=path)
    git("tag", "-a", "-m", "t", "of-tree", "main:src", cwd=path)
    git("tag", "light", "main:src/part0/file0.txt", cwd=path)
    git("update-ref", "refs/tags/side", "main~5", cwd=path)
    return path


@pytest.fixture
def repository(path: Path) -> Iterator[Repository]:
    with Repository.open(path) as opened:
        yield opened


NAMES = [
    "main",
    "HEAD",
    "@",
    "heads/main",
    "refs/heads/main",
    "tags/v1",
    "v1",
    "origin",
    "origin/main",
    "side",
]
SUFFIXES = [
    "main~3",
    "main~",
    "main~~",
    "main^",
    "main^^",
    "main^0",
    "merged^2",
    "merged^2~1",
    "merged~1^1",
    "main~0",
]
TYPES = [
    "v1^{}",
    "v1^{commit}",
    "v1^{tree}",
    "v1^{tag}",
    "v1^{object}",
    "of-tag^{}",
    "of-tag^0",
    "main^{tree}",
]
PATHS = [
    "main:",
    "main:src",
    "main:src/part0",
    "main:src/part0/file0.txt",
    "v1:src/",
    "of-tree:part0",
    "main^{tree}:src",
]


@pytest.mark.parametrize(
    "text", [*NAMES, *SUFFIXES, *TYPES, *PATHS, "of-tree^{}", "light^{blob}", "v1^{commit}~2"]
)
def test_a_name_resolves_as_in_git(repository: Repository, path: Path, text: str):
    assert resolve_revision(repository, text).hex() == git("rev-parse", "--verify", "-q", text, cwd=path)


@pytest.mark.parametrize("digits", [40, 12, 5])
def test_an_id_may_be_shortened_and_written_in_capitals(repository: Repository, path: Path, digits: int):
    oid = git("rev-parse", "main", cwd=path)
    assert resolve_revision(repository, oid[:digits]).hex() == oid
    assert resolve_revision(repository, oid[:digits].upper()).hex() == oid
    assert resolve_revision(repository, f"v1-8-g{oid[:7]}").hex() == oid


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nothing",
        "main~99",
        "main^3",
        "main^{blob}",
        "main^{thing}",
        "main:nothing",
        "main:src/nothing",
        "v1^{/no such text}",
        ":/no such text",
        "main^{/(}",
        "main^{/!x}",
        "light^{/x}",
        ":src",
        ":/",
        "main@{1}",
        "@{-1}",
        "abc",
        "main~x",
        "main^x",
        "light^{commit}",
        "light~1",
        "of-tree^0",
        "ffffffff",
        "config",
        "objects/pack",
        "../HEAD",
        "main..side",
        "main:light/x",
        "�",
        "a\x00b",
        "main~9999999999",
    ],
)
def test_a_name_without_an_object_is_unknown(repository: Repository, text: str):
    with pytest.raises(UnknownRevision):
        resolve_revision(repository, text)


def test_an_ambiguous_short_id_lists_the_choices(tmp_path: Path):
    with Repository.init(tmp_path / "r.git") as repository:
        by_prefix: dict[str, str] = {}
        for number in range(5000):
            oid = repository.object_format.hash_object(b"blob", b"%d" % number).hex()
            if oid[:4] in by_prefix:
                break
            by_prefix[oid[:4]] = str(number)
        ids = [
            repository.write_loose(*blob(text.encode())).hex() for text in (by_prefix[oid[:4]], str(number))
        ]
        with pytest.raises(UnknownRevision, match="ambiguous") as caught:
            resolve_revision(repository, ids[0][:4])
        hint = caught.value.hint or ""
        assert all(f"{oid[:12]} blob" in hint for oid in ids)
        assert resolve_revision(repository, ids[0][:20]).hex() == ids[0]


def test_a_short_id_is_sought_in_packs_loose_objects_and_alternates_as_git_does(tmp_path: Path):
    """Thousands of blobs over five places, so that four digits are ambiguous within one and across two."""
    texts = iter(range(2000))

    def put(path: Path, count: int, *, pack: bool) -> None:
        blobs = [b"blob\ndata %d\n%d\n" % (len(str(n)), n) for n in islice(texts, count)]
        if pack:
            fast_import(path, blobs)
            return
        with Repository.open(path) as repository:
            for line in blobs:
                repository.write_loose(*blob(line.splitlines()[-1]))

    lender = init_repository(tmp_path / "lender.git")
    borrower = init_repository(tmp_path / "borrower.git")
    for path in (lender, borrower):
        put(path, 450, pack=True)
        put(path, 50, pack=False)
    put(borrower, 450, pack=True)
    (borrower / "objects/info/alternates").write_text(f"{lender}/objects\n")
    listed = git("cat-file", "--batch-all-objects", "--batch-check=%(objectname)", cwd=borrower).split()
    by_prefix = Counter(oid[:digits] for oid in listed for digits in (4, 5))
    with Repository.open(borrower) as repository:
        assert len(listed) == len(set(repository))
        ambiguous = sorted(prefix for prefix, count in by_prefix.items() if count > 1)
        assert len(ambiguous) > 10
        for prefix in ambiguous[:5]:
            assert run_git("rev-parse", "--verify", "-q", prefix, cwd=borrower).returncode
        for prefix in ambiguous:
            with pytest.raises(UnknownRevision, match="ambiguous") as caught:
                resolve_revision(repository, prefix)
            fitting = [oid for oid in listed if oid.startswith(prefix)]
            assert all(oid[:12] in (caught.value.hint or "") for oid in fitting)
        unique = [oid for oid in listed if by_prefix[oid[:4]] == 1]
        assert {resolve_revision(repository, oid[:4]).hex() for oid in unique} == set(unique)
        assert {resolve_revision(repository, oid[:7]).hex() for oid in listed} == set(listed)
        some = unique[::200]
        assert [git("rev-parse", oid[:4], cwd=borrower) for oid in some] == some
        missing = next(f"{n:04x}" for n in range(0x10000) if f"{n:04x}" not in by_prefix)
        with pytest.raises(UnknownRevision, match="no object has an id that starts with this"):
            resolve_revision(repository, missing)


def test_a_short_id_followed_by_a_suffix_means_a_commit(tmp_path: Path):
    path = make_repository(tmp_path / "r.git", history(commits=1))
    with Repository.open(path) as repository:
        tip = repository.refs().known["refs/heads/main"].oid
        prefix = tip.hex()[:4]
        other = next(
            b"%d" % n
            for n in range(1_000_000)
            if repository.object_format.hash_object(b"blob", b"%d" % n).hex().startswith(prefix)
        )
        repository.write_loose(*blob(other))
        assert resolve_revision(repository, f"{prefix}^0") == tip
        assert resolve_revision(repository, f"{prefix}:src").hex() == git("rev-parse", "main:src", cwd=path)


SETS = [
    ["main"],
    ["main", "side"],
    ["merged", "^main"],
    ["side..merged"],
    ["side...main"],
    ["..side"],
    ["main.."],
    ["v1", "^main~2"],
    ["of-tag", "of-tree", "light"],
    ["main:src"],
    ["merged", "^main~1", "^side"],
    ["main", "^merged"],
    ["main~4..v1"],
    ["v1..of-tag"],
    ["main:src..main"],
    ["merged^@"],
    ["merged^!"],
    ["merged^-"],
    ["merged^-2"],
    ["merged^{/x..y|side}"],
    ["main~2", "^main^{/x..y|.}~4"],
]


@pytest.mark.parametrize("revisions", SETS, ids=" ".join)
def test_a_set_lists_what_gits_rev_list_lists(repository: Repository, path: Path, revisions: list[str]):
    expected = git("rev-list", *revisions, cwd=path).split()
    assert sorted(one.oid.hex() for one in list_revisions(repository, revisions).items) == sorted(expected)
    done = run_git("rev-list", "--objects", *revisions, cwd=path).stdout.splitlines()
    lines = [
        one.oid.hex().encode() + (b"" if one.path is None else b" " + one.path)
        for one in list_revisions(repository, revisions, Listing(objects=True)).items
    ]
    assert set(lines) == set(done)


def test_all_refs_list_every_object_as_git_does(repository: Repository, path: Path):
    lines = [
        one.oid.hex() + ("" if one.path is None else f" {one.path.decode()}")
        for one in list_revisions(repository, ["--all"], Listing(objects=True)).items
    ]
    expected = git("rev-list", "--objects", "--all", cwd=path).splitlines()
    # A blob or tree that a ref points to directly is printed without a path by git, and by us.
    assert set(lines) == set(expected)


def test_all_refs_take_a_detached_head_along(tmp_path: Path):
    path = make_repository(tmp_path / "r.git", history(commits=2))
    lone = git("commit-tree", "main^{tree}", "-m", "lone", cwd=path)
    git("update-ref", "--no-deref", "HEAD", lone, cwd=path)
    with Repository.open(path) as repository:
        chosen = parse_revisions(repository, ["^main"], all_refs=True)
        assert lone in {oid.hex() for oid in chosen.wants}
        assert [one.oid.hex() for one in list_revisions(repository, ["--all", "^main"]).items] == [lone]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Commits whose messages match the searches, and two branches with braces in their names."""
    path = init_repository(tmp_path_factory.mktemp("told") / "r.git")
    tree = git("mktree", cwd=path)
    oid = ""
    messages = [
        "first",
        "fix: a:b {c}",
        "tidy ~1 ^2\n\nfix below",
        "",
        "[x] 7 apples",
        "a\\b!",
        "!bang\nend",
        "last",
    ]
    for number, message in enumerate(messages):
        date = {"GIT_COMMITTER_DATE": f"{1_700_000_000 + number // 2} +0000"}
        parents = ["-p", oid] if oid else []
        oid = git("commit-tree", tree, *parents, "-m", message, cwd=path, environment=date)
    git("update-ref", "refs/heads/main", oid, cwd=path)
    # Dates of their own: which of two commits of one second is found first, differs between releases of git.
    for later, (name, start) in enumerate((("foo{bar", "main~2"), ("foo}bar", "main~3")), 1):
        date = {"GIT_COMMITTER_DATE": f"{1_700_000_100 + later} +0000"}
        lone = git("commit-tree", tree, "-p", start, "-m", f"on {name}", cwd=path, environment=date)
        git("update-ref", f"refs/heads/{name}", lone, cwd=path)
    git("tag", "-a", "-m", "a tag's own words", "v1", "main~2", cwd=path)
    return path


WITH_BRACE_AND_COLON = ["foo{bar:", "foo{bar^{/fix}:"]
"""git before 2.49 treats every brace as the start of a suffix, and misses the colon."""


@pytest.mark.parametrize(
    "text",
    [
        *WITH_BRACE_AND_COLON,
        "main^{/fix}",
        "main^{/^fix}",
        "main^{/^fix}:",
        "v1^{/fix}~1",
        "main^{/a:b}",
        "main^{/a:b \\{c}",
        "main^{/a:b [{]c[}]}",
        "main^{/~1 \\^2}",
        "main^{/~1}^{tree}",
        "main^{/~1}^1~1",
        "main^{/}",
        "main^{/!-last}",
        "main^{/!-^(last|!)}~1",
        "main^{/!!bang}",
        "main^{/bang.end$}",
        "main^{/^end}",
        "main^{/[[:digit:]]+ app}",
        "main^{/[^[:space:][:alpha:]] app}",
        "main^{/[]x[]{3}}",
        "main^{/[\\]b}",
        "main^{/\\<ap}",
        "main^{/$}",
        "main^{/no such}",
        "foo{bar",
        "foo}bar^{tree}",
        "@^{/fix}",
        "HEAD^{/fix}^0",
        ":/fix",
        ":/on foo",
        ":/^on.*r$",
        ":/!-on foo",
        ":/a tag's",
        ":/fix^",
    ],
)
def test_a_commit_is_found_by_its_message_as_git_finds_it(told: Path, text: str):
    done = run_git("rev-parse", "--verify", "-q", text, cwd=told)
    with Repository.open(told) as repository:
        if text in WITH_BRACE_AND_COLON:
            assert resolve_revision(repository, text).hex() == git(
                "rev-parse", f"{text[:-1]}^{{tree}}", cwd=told
            )
        elif done.returncode:
            with pytest.raises(UnknownRevision):
                resolve_revision(repository, text)
        else:
            found, expected = resolve_revision(repository, text).hex(), done.stdout.decode().strip()
            if text in (":/on foo", ":/!-on foo") and date_of(told, found) > date_of(told, expected):
                pytest.skip("this git (2.47 does) finds an older commit than the youngest that matches")
            assert found == expected


def date_of(path: Path, oid: str) -> int:
    return int(git("show", "-s", "--format=%ct", oid, cwd=path))
