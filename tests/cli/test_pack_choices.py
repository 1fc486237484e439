"""Which objects `pack-objects` packs, and how they are written: with git's options, beside git."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from packcore import reach
from packcore.ids import SHA1
from packcore.pack.format import OFS_DELTA, REF_DELTA
from packcore.pack.reader import PackReader
from tests.support import (
    copy_of,
    git,
    git_bytes,
    git_version,
    history,
    init_repository,
    make_repository,
    run_git,
)

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from packcore.ids import ObjectId
    from packcore.store.repository import Repository


def ids_in(pack: bytes, repository: Path) -> list[str]:
    """Return the ids in a pack, sorted, after git has checked all of it."""
    path = repository / "check.pack"
    path.write_bytes(pack)
    git("index-pack", path, cwd=repository)
    listing = git("show-index", cwd=repository, stdin=path.with_suffix(".idx").read_bytes())
    path.unlink()
    path.with_suffix(".idx").unlink()
    return sorted(line.split()[1] for line in listing.splitlines())


@pytest.fixture
def places(tmp_path: Path) -> Path:
    """Return a repository with objects in every kind of place.

    In an alternate's pack: three commits. In own packs: three more, the first in one with a .keep file.
    Loose: a commit, of whose blob the alternate has a loose copy; tag v1 of main~1, and a tag of that tag.
    """
    return copy_of("objects in every kind of place", make_places, tmp_path) / "r.git"


def make_places(folder: Path) -> None:
    pool = make_repository(folder / "pool.git", history(commits=3, files=3), repack=True)
    path, work = folder / "r.git", folder / "work"
    git("clone", "-q", "--bare", "--shared", pool, path)
    (path / "objects/info/alternates").write_text("../../pool.git/objects\n")
    git("clone", "-q", path, work)
    git("remote", "set-url", "origin", "../r.git", cwd=work)
    for number in range(4):
        (work / f"new-{number}").write_text(f"{number}\n" * 50)
        git("add", ".", cwd=work)
        git("commit", "-q", "-m", f"new {number}", cwd=work)
        git("push", "-q", "origin", "main", cwd=work)
        if number < 3:
            git("repack", "-dlq", cwd=path)
        if number == 0:
            (pack,) = (path / "objects" / "pack").glob("*.pack")
            pack.with_suffix(".keep").touch()
    git("tag", "-a", "-m", "one", "v1", "main~1", cwd=path)
    git("tag", "-a", "-m", "two", "twice", "v1", cwd=path)
    blob = git("rev-parse", "main:new-3", cwd=path)
    git("hash-object", "-w", "--stdin", cwd=pool, stdin=git_bytes("cat-file", "blob", blob, cwd=path))


def own_packs(path: Path) -> list[str]:
    packs = sorted((path / "objects" / "pack").glob("*.pack"), key=os.path.getmtime)
    return [pack.name for pack in packs]


CHOICES = [
    (["--all"], ""),
    (["--revs"], "main\n"),
    (["--revs"], "main\n^main~2\n"),
    (["--revs"], "main\n--not\nmain~2\n"),
    (["--revs"], "--not\nmain~1\n^main\n--not\nv1\n"),
    (["--revs", "--all"], "main~1\n"),
    (["--revs", "--incremental"], "main\n"),
    (["--all", "--incremental"], ""),
    (["--all", "--local"], ""),
    (["--all", "--honor-pack-keep"], ""),
    (["--all", "--local", "--honor-pack-keep", "--incremental"], ""),
    (["--all", "--keep-pack=@1"], ""),
    (["--all", "--keep-pack=@1", "--keep-pack=@2"], ""),
    (["--all", "--keep-pack=nosuch.pack"], ""),
    (["--all", "--unpacked"], ""),
    (["--unpacked", "--revs"], "main\n"),
    (["--all", "--unpacked", "--incremental"], ""),
    (["--revs", "--include-tag"], "main\n^main~3\n"),
    (["--revs", "--include-tag"], "main~2\n"),
    (["--revs", "--include-tag"], "v1\n"),
    (["--stdin-packs"], "@1\n"),
    (["--stdin-packs"], "@0\n@1\n@2\n"),
    (["--stdin-packs"], "@0\n@2\n^@1\n"),
    (["--stdin-packs", "--unpacked"], "@1\n"),
    (["--stdin-packs"], ""),
]


@pytest.mark.parametrize(("options", "lines"), CHOICES, ids=str)
def test_the_same_objects_are_packed_as_by_git(packcore, places, options, lines):
    def named(text: str) -> str:
        for number, name in enumerate(own_packs(places)):
            text = text.replace(f"@{number}", name)
        return text

    words, stdin = [named(word) for word in options], named(lines).encode()
    # With bitmaps git leaves --unpacked out.
    arguments = ("pack-objects", "--stdout", "-q", "--no-use-bitmap-index", *words)
    theirs = git_bytes(*arguments, cwd=places, stdin=stdin)
    ours = packcore("pack-objects", places, "--stdout", "-q", *words, stdin=stdin)
    assert ours.exit_code == 0, ours.stderr
    found, expected = ids_in(ours.stdout_bytes, places), ids_in(theirs, places)
    if "--unpacked" in words and git_version() >= (2, 40):
        # Newer gits leave out what is in a pack of the trees and blobs of such commits, too.
        found = [oid for oid in found if oid in expected]
    assert found == expected


FILTERS = [
    ["blob:none"],
    ["blob:limit=100"],
    ["blob:limit=1k"],
    ["tree:0"],
    ["tree:1"],
    ["tree:2"],
    ["object:type=commit"],
    ["object:type=tag"],
    ["sparse:oid=main:rules"],
    ["combine:blob:limit=100+tree:3"],
    ["combine:tree:3+object:type=blob"],
]


@pytest.mark.parametrize("filters", FILTERS, ids=str)
@pytest.mark.parametrize("lines", ["main\nv1\n", "main\n^main~2\n", "main:new-3\n"], ids=repr)
def test_filters_leave_out_what_they_leave_out_with_git(packcore, places, tmp_path, filters, lines):
    work = tmp_path / "work"
    (work / "rules").write_text("/new-1\n/src\n!/src/part1\n")
    git("add", ".", cwd=work)
    git("commit", "-q", "-m", "rules", cwd=work)
    git("push", "-q", "origin", "main", cwd=work)
    words = ["--revs", *(f"--filter={each}" for each in filters)]
    stdin = lines.encode()
    theirs = git_bytes("pack-objects", "--stdout", "-q", *words, cwd=places, stdin=stdin)
    ours = packcore("pack-objects", places, *words, stdin=stdin)
    assert ours.exit_code == 0, ours.stderr
    assert ids_in(ours.stdout_bytes, places) == ids_in(theirs, places)


def test_several_filters_leave_out_what_each_of_them_does(packcore, places):
    # git 2.39 takes two of them for less than both.
    for one, other in (("tree:3", "object:type=blob"), ("blob:limit=60", "object:type=blob")):
        packs = [
            packcore("pack-objects", places, "--revs", *words, stdin=b"main\n").stdout_bytes
            for words in ([f"--filter={one}", f"--filter={other}"], [f"--filter=combine:{one}+{other}"])
        ]
        assert ids_in(packs[0], places) == ids_in(packs[1], places)


@pytest.mark.parametrize("spec", ["blob:some", "tree:x", "sparse:oid=nosuch", "combine:"])
def test_a_filter_that_is_none_is_refused_and_nothing_is_written(packcore, places, spec):
    words = ("--revs", f"--filter={spec}")
    result = packcore("pack-objects", places, *words, stdin=b"main\n")
    assert (result.exit_code != 0, result.stdout_bytes) == (True, b"")
    assert run_git("pack-objects", "--stdout", *words, cwd=places, stdin=b"main\n").returncode


@pytest.mark.parametrize("missing", ["error", "allow-any", "allow-promisor"])
@pytest.mark.parametrize("is_partial", [False, True])
def test_objects_that_are_not_here_may_be_missing_as_with_git(packcore, tmp_path, missing, is_partial):
    source = make_repository(tmp_path / "s.git", history(commits=3, files=2), repack=True)
    path = tmp_path / "r.git"
    if is_partial:
        git("config", "uploadpack.allowFilter", "true", cwd=source)
        git("clone", "-q", "--bare", "--filter=blob:none", f"file://{source}", path)
        source.rename(tmp_path / "away.git")
    else:
        git("clone", "-q", "--bare", source, path)
        git("unpack-objects", "-q", cwd=path, stdin=take_pack(path))
        lost = git("rev-parse", "main~1:src/part1/file1.txt", cwd=path)
        (path / "objects" / lost[:2] / lost[2:]).unlink()
    words = ("--revs", f"--missing={missing}")
    theirs = run_git("pack-objects", "--stdout", "-q", *words, cwd=path, stdin=b"main\n")
    ours = packcore("pack-objects", path, *words, stdin=b"main\n")
    assert (ours.exit_code == 0) == (theirs.returncode == 0), (ours.stderr, theirs.stderr)
    if not ours.exit_code:
        assert ids_in(ours.stdout_bytes, path) == ids_in(theirs.stdout, path)


def take_pack(path: Path) -> bytes:
    """Remove the one pack of a repository, and return it."""
    (pack,) = (path / "objects" / "pack").glob("*.pack")
    data = pack.read_bytes()
    for file in (path / "objects" / "pack").iterdir():
        file.unlink()
    return data


@pytest.mark.parametrize("option", ["--incremental", "--local", "--honor-pack-keep", "--include-tag"])
def test_the_rules_hold_for_listed_objects_too(packcore, places, option):
    listed = git_bytes("rev-list", "--objects", "main", cwd=places)
    theirs = git_bytes("pack-objects", "--stdout", "-q", option, cwd=places, stdin=listed)
    ours = packcore("pack-objects", places, option, stdin=listed)
    assert ids_in(ours.stdout_bytes, places) == ids_in(theirs, places)


def test_a_tag_that_cannot_be_read_is_told(packcore, places):
    (places / "refs" / "tags" / "torn").write_text("nonsense\n")
    result = packcore("pack-objects", places, "--revs", "--include-tag", stdin=b"main\n")
    assert (result.exit_code, "refs/tags/torn" in result.stderr) == (1, True)
    assert result.stdout_bytes.startswith(b"PACK")


def test_a_pack_that_is_not_there_is_named(packcore, places):
    result = packcore("pack-objects", places, "--stdin-packs", stdin=b"pack-1.pack\n")
    assert (result.exit_code, result.stdout_bytes) == (1, b"")
    assert "could not find pack 'pack-1.pack'" in result.stderr


@pytest.mark.parametrize("line", ["--glob=x", "-3", "--all"])
def test_an_option_on_stdin_is_no_revision(packcore, places, line):
    result = packcore("pack-objects", places, "--revs", stdin=f"{line}\n".encode())
    assert (result.exit_code, f"not a revision: '{line}'" in result.stderr) == (2, True)
    assert run_git("pack-objects", "--stdout", "--revs", cwd=places, stdin=f"{line}\n".encode()).returncode


@pytest.mark.parametrize(
    "words",
    [
        ["--stdin-packs", "--revs"],
        ["--stdin-packs", "--all"],
        ["--stdin-packs", "--reflog"],
        ["--stdin-packs", "--thin"],
        ["--max-pack-size=2m"],
        ["--max-pack-size=2m", "--stdout"],
        ["--stdout", "base"],
        ["--stdout", "-o", "x.pack"],
        ["-o", "x.pack", "base"],
        ["--thin", "--revs", "base"],
        ["--filter=blob:none"],
        ["--stdin-packs", "--filter=blob:none"],
        ["--missing=allow-any"],
        ["--plan", "/dev/null", "--incremental"],
    ],
    ids=str,
)
def test_contradicting_words_are_wrong_usage(packcore, places, words):
    assert packcore("pack-objects", places, *words, stdin=b"").exit_code == 2


def deltas(pack: Path) -> int:
    listing = git("verify-pack", "-v", pack, cwd=pack.parent)
    return sum(len(line.split()) == 7 for line in listing.splitlines())


@pytest.fixture(scope="module")
def similar(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a repository of similar files, packed with deltas."""
    path = tmp_path_factory.mktemp("similar") / "r.git"
    return make_repository(path, history(commits=20, files=3), repack=True)


@pytest.mark.parametrize(
    ("options", "are_there"),
    [
        (["--window=0"], True),
        (["--window=0", "--no-reuse-delta"], False),
        (["--window=-3"], True),
        (["--depth=-1"], False),
        (["--depth=0"], False),
        (["--depth=0", "--no-reuse-delta"], False),
        (["--window=0", "--strategy=git-window", "--no-reuse-delta"], False),
        (["--no-reuse-delta"], True),
    ],
    ids=str,
)
def test_without_a_window_nothing_is_searched_and_deltas_are_reused_as_with_git(
    packcore, similar, tmp_path, options, are_there
):
    pack = tmp_path / "x.pack"
    assert packcore("pack-objects", similar, "--all", "-o", pack, *options).exit_code == 0
    assert (deltas(pack) > 0) is are_there


def test_bases_are_named_by_id_on_request(packcore, similar, tmp_path):
    kinds = {}
    for option in ("--delta-base-offset", "--no-delta-base-offset"):
        pack = tmp_path / f"x{option}.pack"
        result = packcore("pack-objects", similar, "--all", option, "-o", pack)
        assert result.exit_code == 0, result.stderr
        assert deltas(pack) > 0
        kinds[option] = {item.type_code for item in PackReader([pack.read_bytes()], object_format=SHA1)}
    assert REF_DELTA not in kinds["--delta-base-offset"]
    assert OFS_DELTA not in kinds["--no-delta-base-offset"]


def test_with_a_base_name_the_files_are_named_by_their_hash_as_with_git(packcore, similar, tmp_path):
    (tmp_path / "ours").mkdir()
    result = packcore("pack-objects", similar, tmp_path / "ours" / "a.b", "--all", "--index-version=1")
    assert result.exit_code == 0, result.stderr
    (name,) = result.stdout.split()
    names = {file.name for file in (tmp_path / "ours").iterdir()}
    assert names == {f"a.b-{name}{suffix}" for suffix in (".pack", ".idx", ".rev")}
    assert (tmp_path / "ours" / f"a.b-{name}.pack").read_bytes()[-20:].hex() == name
    assert (tmp_path / "ours" / f"a.b-{name}.idx").read_bytes()[:4] != b"\xfftOc"
    git("verify-pack", tmp_path / "ours" / f"a.b-{name}.idx", cwd=similar)


def test_nothing_is_written_where_there_is_nothing_and_that_is_asked_for(packcore, similar, tmp_path):
    empty = packcore("pack-objects", similar, stdin=b"").stdout_bytes
    assert empty == git_bytes("pack-objects", "--stdout", "-q", cwd=similar, stdin=b"")
    assert packcore("pack-objects", similar, "--non-empty", stdin=b"").stdout_bytes == b""
    result = packcore("pack-objects", similar, tmp_path / "x", "--non-empty", "--json", stdin=b"")
    assert (result.exit_code, result.stdout) == (0, "")
    assert json.loads(result.stderr)["packs"] == []
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a repository with 6 MB that don't compress, in pairs of similar objects, and one large one."""
    path = init_repository(tmp_path_factory.mktemp("large") / "r.git")
    lines = []
    for number in range(20):
        data = os.urandom(150_000)
        for end in (b"one", b"two"):
            text = data + b"%d" % number + end
            lines.append(git("hash-object", "-w", "--stdin", cwd=path, stdin=text))
    lines.append(git("hash-object", "-w", "--stdin", cwd=path, stdin=os.urandom(3_000_000)))
    (path / "list").write_text("".join(f"{line} f\n" for line in lines))
    return path


@pytest.mark.parametrize("naming", [["--delta-base-offset"], ["--no-delta-base-offset"]], ids=str)
def test_packs_of_a_limited_size_hold_everything_and_stand_alone(packcore, large, tmp_path, naming):
    listed = (large / "list").read_bytes()
    arguments = ("pack-objects", large, tmp_path / "p", "--max-pack-size=1m", *naming)
    result = packcore(*arguments, stdin=listed)
    assert result.exit_code == 0, result.stderr
    names = result.stdout.split()
    assert len(names) > 3
    found: list[str] = []
    for name in names:
        pack = tmp_path / f"p-{name}.pack"
        git("index-pack", "-o", tmp_path / "check.idx", pack, cwd=large)
        listing = git("show-index", cwd=large, stdin=(tmp_path / "check.idx").read_bytes())
        inside = [line.split()[1] for line in listing.splitlines()]
        assert pack.stat().st_size <= 1 << 20 or len(inside) == 1
        found += inside
    assert sorted(found) == sorted(line.split()[0].decode() for line in listed.splitlines())
    assert sum(map(deltas, tmp_path.glob("*.pack"))) > 0


def test_further_packs_beside_a_file_are_numbered(packcore, large, tmp_path):
    listed = (large / "list").read_bytes()
    result = packcore(
        "pack-objects", large, "-o", tmp_path / "x.pack", "--max-pack-size=4m", "--json", stdin=listed
    )
    report = json.loads(result.stderr)
    assert [pack["path"] for pack in report["packs"]] == [f"{tmp_path}/x.pack", f"{tmp_path}/x-2.pack"]
    assert sum(pack["objects"] for pack in report["packs"]) == report["objects"]
    assert {path.name for path in tmp_path.iterdir()} >= {"x-2.idx", "x-2.rev", "x.idx", "x.rev"}


def test_one_pack_that_fits_is_the_one_that_would_be_written_anyway(packcore, similar, tmp_path):
    for name, options in (("a", []), ("b", ["--max-pack-size=1g"])):
        assert (
            packcore("pack-objects", similar, "--all", "-o", tmp_path / f"{name}.pack", *options).exit_code
            == 0
        )
    assert (tmp_path / "a.pack").read_bytes() == (tmp_path / "b.pack").read_bytes()


def test_a_limit_below_the_smallest_is_raised_with_a_word(packcore, similar, tmp_path):
    result = packcore("pack-objects", similar, "--all", "-o", tmp_path / "x.pack", "--max-pack-size=10")
    assert result.exit_code == 0
    assert "the smallest size of a pack is 1m" in result.stderr


def test_the_repositorys_settings_limit_the_size_of_files_and_choose_the_index(packcore, large, tmp_path):
    listed = (large / "list").read_bytes()
    for key, value in (("packSizeLimit", "4m"), ("writeReverseIndex", "false"), ("indexVersion", "1")):
        git("config", f"pack.{key}", value, cwd=large)
    try:
        names = packcore("pack-objects", large, tmp_path / "p", stdin=listed).stdout.split()
        whole = packcore("pack-objects", large, "--stdout", stdin=listed)
    finally:
        git("config", "--remove-section", "pack", cwd=large)
    assert len(names) == 2
    assert {path.suffix for path in tmp_path.iterdir()} == {".pack", ".idx"}
    assert {path.read_bytes()[:4] == b"\xfftOc" for path in tmp_path.glob("*.idx")} == {False}
    assert len(whole.stdout_bytes) > 4 << 20


def test_bitmaps_may_be_left_out_and_the_objects_are_the_same(packcore, similar, monkeypatch):
    git("repack", "-adbq", cwd=similar)
    asked = []
    real = reach.reached_ids

    def counted(repository: Repository, wants: list[ObjectId]) -> Collection[ObjectId] | None:
        asked.append(wants)
        return real(repository, wants)

    monkeypatch.setattr(reach, "reached_ids", counted)
    packs = {}
    for option in ("--use-bitmap-index", "--no-use-bitmap-index"):
        packs[option] = packcore("pack-objects", similar, "--all", option).stdout_bytes
        assert len(asked) == 1
    assert ids_in(packs["--use-bitmap-index"], similar) == ids_in(packs["--no-use-bitmap-index"], similar)
