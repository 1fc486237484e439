"""`index-pack` with the options that scripts pass: the same words, files and refusals as git's."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

from tests.cli.odd_packs import EMPTY_TREE, ODD_PACKS, write_odd_packs
from tests.cli.repositories import object_format, only_pack
from tests.packcore.pack_builder import build_pack, whole
from tests.support import git, git_bytes, init_repository, run_git

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_odd_packs(tmp_path_factory.mktemp("odd"))


CHECKS = [
    "--strict",
    "--fsck-objects",
    "--check-self-contained-and-connected",
    "--strict=nulInCommit=warn,badName:ignore",
    "--strict=NULINCOMMIT=ignore|badEmail=warn",
]


@pytest.mark.parametrize("pack", ODD_PACKS)
@pytest.mark.parametrize("check", CHECKS)
def test_a_pack_is_refused_exactly_if_git_refuses_it(packcore, odd, tmp_path, pack, check):
    data = (odd / f"{pack}.pack").read_bytes()
    ours, theirs = (init_repository(tmp_path / name) for name in ("ours.git", "theirs.git"))
    expected = run_git("index-pack", "--stdin", check, cwd=theirs, stdin=data)
    found = packcore("index-pack", "--stdin", "--repo", ours, check, stdin=data)
    if expected.returncode and not expected.stdout:
        assert (found.exit_code, found.stdout_bytes) == (3, b""), found.stderr
        assert found.stderr.startswith("packcore: error: ")
    elif not expected.returncode:
        assert (found.exit_code, found.stdout_bytes) == (0, expected.stdout), found.stderr
    else:  # git has stored the pack before it sees an unsafe .gitmodules
        assert (found.exit_code, found.stdout_bytes) == (3, b""), found.stderr
    if found.exit_code:
        assert list((ours / "objects" / "pack").iterdir()) == []
    for line in expected.stderr.decode().splitlines():
        if line.startswith("warning: object "):
            assert line in found.stderr.splitlines()


def test_a_pack_file_is_checked_the_same_way(packcore, odd, tmp_path):
    pack = shutil.copy(odd / "nul.pack", tmp_path)
    assert packcore("index-pack", pack, "--strict").exit_code == 3
    assert [path.name for path in tmp_path.iterdir()] == ["nul.pack"]
    assert packcore("index-pack", pack, "--strict=nulInCommit=ignore").exit_code == 0


def test_links_may_lead_into_the_repository(packcore, odd, tmp_path):
    path = init_repository(tmp_path / "x.git")
    take = ("index-pack", "--stdin", "--repo", path)
    data = (odd / "no-parent.pack").read_bytes()
    missing = packcore(*take, "--strict", stdin=data)
    assert f"object {(odd / 'first').read_text()} is missing (a commit that commit " in missing.stderr
    assert packcore(*take, stdin=(odd / "good.pack").read_bytes()).exit_code == 0
    assert packcore(*take, "--strict", stdin=data).exit_code == 0


def test_a_pack_that_is_connected_by_the_repository_alone_ends_with_code_1(packcore, odd, tmp_path):
    arguments = ("index-pack", "--stdin", "--check-self-contained-and-connected")
    for name, expected in (("good", 0), ("no-parent", 1)):
        data = (odd / f"{name}.pack").read_bytes()
        paths = [init_repository(tmp_path / f"{name}-{side}.git") for side in ("ours", "theirs")]
        for path in paths:
            git("unpack-objects", "-q", cwd=path, stdin=(odd / "good.pack").read_bytes())
        theirs = run_git(*arguments, cwd=paths[1], stdin=data)
        ours = packcore(*arguments, "--repo", paths[0], stdin=data)
        assert (ours.exit_code, ours.stdout_bytes) == (theirs.returncode, theirs.stdout)
        assert ours.exit_code == expected


def test_parents_that_a_shallow_repository_lacks_are_not_missing(packcore, odd, tmp_path):
    path = init_repository(tmp_path / "x.git")
    data = (odd / "no-parent.pack").read_bytes()
    listing = git("show-index", cwd=path, stdin=indexed(odd / "no-parent.pack", tmp_path))
    names = [line.split()[1] for line in listing.splitlines()]
    (path / "shallow").write_text("".join(f"{name}\n" for name in names if name != EMPTY_TREE))
    assert packcore("index-pack", "--stdin", "--strict", "--repo", path, stdin=data).exit_code == 0


def indexed(pack: Path, folder: Path) -> bytes:
    git("index-pack", "-o", folder / "git.idx", pack)
    return (folder / "git.idx").read_bytes()


def test_a_thin_packs_bases_are_not_checked_again(packcore, odd, tmp_path):
    # The base is a tree whose blob the repository lacks, as a partial clone does.
    work = init_repository(tmp_path / "work.git")
    names = [git("hash-object", "-w", "--stdin", cwd=work, stdin=b"%d" % n) for n in range(60)]
    rows = [f"100644 blob {name}\tfile-{number:03}\n" for number, name in enumerate(names)]
    trees = [git("mktree", cwd=work, stdin="".join(some).encode()) for some in (rows[:-1], rows[1:])]
    thin = git_bytes(
        *("pack-objects", "--stdout", "-q", "--thin", "--revs"), cwd=work,
        stdin=f"{trees[1]}\n^{trees[0]}\n".encode(),
    )  # fmt: skip
    here = init_repository(tmp_path / "here.git")
    for name in names[1:]:
        git("hash-object", "-w", "--stdin", cwd=here, stdin=git_bytes("cat-file", "blob", name, cwd=work))
    tree = git_bytes("cat-file", "tree", trees[0], cwd=work)
    git("hash-object", "-t", "tree", "--literally", "-w", "--stdin", cwd=here, stdin=tree)
    arguments = ("--stdin", "--fix-thin", "--check-self-contained-and-connected")
    theirs = run_git("index-pack", *arguments, cwd=here, stdin=thin)
    ours = packcore("index-pack", *arguments, "--repo", here, stdin=thin)
    assert (ours.exit_code, ours.stdout_bytes) == (theirs.returncode, theirs.stdout)
    assert ours.exit_code == 1


def test_a_gitmodules_blob_is_checked_where_the_repository_has_it(packcore, odd, tmp_path):
    path = init_repository(tmp_path / "x.git")
    data = (odd / "gitmodules-of-an-unsafe-one.pack").read_bytes()
    unsafe = (odd / "unsafe").read_text()
    alone = packcore("index-pack", "--stdin", "--fsck-objects", "--repo", path, stdin=data)
    assert alone.exit_code == 0
    assert alone.stdout.splitlines()[1:] == [unsafe]
    git("hash-object", "-w", "--stdin", cwd=path, stdin=b'[submodule "../x"]\n\turl = -x\n')
    found = packcore("index-pack", "--stdin", "--fsck-objects", "--repo", path, stdin=data)
    assert (found.exit_code, f"object {unsafe}: gitmodulesName: " in found.stderr) == (3, True)


def test_settings_of_pushes_hold_and_words_of_the_command_outrank_them(packcore, odd, tmp_path):
    path = init_repository(tmp_path / "x.git")
    data = (odd / "nul.pack").read_bytes()
    git("config", "receive.fsck.nulInCommit", "ignore", cwd=path)
    take = ("index-pack", "--stdin", "--repo", path)
    assert packcore(*take, "--strict=nulInCommit=error", stdin=data).exit_code == 3
    assert packcore(*take, "--strict", stdin=data).exit_code == 0


def test_a_skip_list_excuses_its_objects(packcore, odd, tmp_path):
    names = git("show-index", stdin=indexed(odd / "nul.pack", tmp_path)).split()[1::3]
    (tmp_path / "skip").write_text("".join(f"{name}\n" for name in names))
    data = (odd / "nul.pack").read_bytes()
    arguments = ("index-pack", "--stdin", "-o", tmp_path / "packs", f"--strict=skipList={tmp_path}/skip")
    assert packcore(*arguments, stdin=data).exit_code == 0


@pytest.mark.parametrize("words", ["noSuch=warn", "badName=mild", "badName", "nulInHeader=ignore"])
@pytest.mark.parametrize("option", ["--strict", "--fsck-objects"])
def test_words_that_git_refuses_are_wrong_usage_before_anything_is_read(packcore, tmp_path, option, words):
    result = packcore("index-pack", "--stdin", "-o", tmp_path / "packs", f"{option}={words}", stdin=b"")
    assert (result.exit_code, option in result.stderr) == (2, True)
    assert list(tmp_path.iterdir()) == []


def test_a_pack_over_the_limit_is_refused_while_it_streams(packcore, repository, tmp_path):
    data = only_pack(repository).read_bytes()
    chosen = ("--object-format", object_format(repository))
    take = ("index-pack", "--stdin", "-o", tmp_path / "packs", *chosen)
    cut = packcore(*take, "--max-input-size", str(len(data) - 1), stdin=data[:-5] + b"wrong")
    assert cut.exit_code == 1
    assert f"pack exceeds maximum allowed size ({len(data) - 1} bytes)" in cut.stderr
    assert list((tmp_path / "packs").iterdir()) == []
    for size in (len(data), 0):
        assert packcore(*take, "--max-input-size", str(size), stdin=data).exit_code == 0


def test_a_pack_file_over_the_limit_is_refused_too(packcore, odd, tmp_path):
    pack = shutil.copy(odd / "good.pack", tmp_path)
    assert packcore("index-pack", pack, "--max-input-size=100").exit_code == 1
    assert [path.name for path in tmp_path.iterdir()] == ["good.pack"]


@pytest.mark.parametrize("form", ["1", "2", "2,0x40", "1,0x40", "2,0", "2,", "2,100", "1,0x7fffffff"])
def test_the_form_of_the_index_is_gits_to_the_byte(packcore, repository, tmp_path, form):
    pack = shutil.copy(only_pack(repository), tmp_path / "x.pack")
    chosen = ("--object-format", object_format(repository))
    git("index-pack", f"--index-version={form}", "-o", tmp_path / "git.idx", pack, cwd=repository)
    expected = (tmp_path / "git.idx").read_bytes()
    result = packcore("index-pack", pack, "--index-version", form, "-o", tmp_path / "ours.idx", *chosen)
    assert result.exit_code == 0, result.stderr
    assert (tmp_path / "ours.idx").read_bytes() == expected
    taken = packcore(
        *("index-pack", "--stdin", f"--index-version={form}", "-o", tmp_path / "packs", *chosen),
        stdin=only_pack(repository).read_bytes(),
    )
    assert taken.exit_code == 0, taken.stderr
    assert next((tmp_path / "packs").glob("*.idx")).read_bytes() == expected


@pytest.mark.parametrize("form", ["0", "3", "x", "2,0x80000000", "2,x", "", "2,-1"])
def test_forms_that_git_refuses_are_wrong_usage(packcore, odd, tmp_path, form):
    pack = shutil.copy(odd / "good.pack", tmp_path)
    assert packcore("index-pack", pack, f"--index-version={form}").exit_code == 2
    assert [path.name for path in tmp_path.iterdir()] == ["good.pack"]


def test_the_index_of_a_pack_file_goes_where_o_says_with_its_reverse_index(packcore, odd, tmp_path):
    pack = shutil.copy(odd / "good.pack", tmp_path)
    (tmp_path / "there").mkdir()
    assert packcore("index-pack", pack, "-o", tmp_path / "there" / "x.idx").exit_code == 0
    assert sorted(path.name for path in (tmp_path / "there").iterdir()) == ["x.idx", "x.rev"]
    assert packcore("index-pack", pack, "-o", tmp_path / "x.index").exit_code == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["good.pack", "there"]


@pytest.mark.parametrize("source", ["file", "stdin"])
def test_there_is_no_reverse_index_where_none_is_wanted(packcore, odd, tmp_path, source):
    pack = shutil.copy(odd / "good.pack", tmp_path)
    data = (odd / "good.pack").read_bytes()
    arguments = [pack] if source == "file" else ["--stdin", "-o", tmp_path]
    assert packcore("index-pack", *arguments, "--no-rev-index", stdin=data).exit_code == 0
    assert [path.suffix for path in tmp_path.iterdir() if path.suffix != ".pack"] == [".idx"]


MARKS = [["--keep"], ["--keep=why"], ["--promisor"], ["--promisor=from there", "--keep=why"]]


@pytest.mark.parametrize("marks", MARKS, ids=" ".join)
def test_marks_beside_a_pack_and_the_words_about_it_are_gits(packcore, odd, tmp_path, marks):
    data = (odd / "good.pack").read_bytes()
    ours, theirs = (init_repository(tmp_path / name) for name in ("ours.git", "theirs.git"))
    for _ in ("new", "again"):
        expected = git_bytes("index-pack", "--stdin", *marks, cwd=theirs, stdin=data)
        assert packcore("index-pack", "--stdin", *marks, "--repo", ours, stdin=data).stdout_bytes == expected
    files = [
        {
            path.name: path.read_bytes()
            for path in (side / "objects" / "pack").iterdir()
            if path.suffix != ".rev"
        }
        for side in (ours, theirs)
    ]
    # git 2.48 and later also packs its own objects that a promisor's pack refers to.
    assert files[0].items() <= files[1].items()


def test_a_pack_file_gets_its_marks_too_and_the_word_behind_keep_is_the_pack(packcore, odd, tmp_path):
    pack = shutil.copy(odd / "good.pack", tmp_path)
    result = packcore("index-pack", "--keep", pack, "--promisor=there")
    assert result.exit_code == 0, result.stderr
    assert result.stdout == git("index-pack", "-o", tmp_path / "git.idx", pack) + "\n"
    assert (tmp_path / "good.keep").read_bytes() == b""
    assert (tmp_path / "good.promisor").read_bytes() == b"there\n"


def test_a_pack_that_is_refused_leaves_no_marks(packcore, odd, tmp_path):
    data = (odd / "nul.pack").read_bytes()
    arguments = ("index-pack", "--stdin", "--keep", "--promisor", "--strict", "-o", tmp_path)
    assert packcore(*arguments, stdin=data).exit_code == 3
    assert list(tmp_path.iterdir()) == []


def test_with_v_progress_is_shown_off_a_terminal(packcore, odd, tmp_path):
    pack = shutil.copy(odd / "good.pack", tmp_path)
    assert packcore("index-pack", pack).stderr == ""
    told = packcore("index-pack", "-v", pack).stderr.splitlines()
    assert [line.partition(":")[0] for line in told] == ["Indexing objects", "Resolving deltas"]
    streamed = packcore("index-pack", "-v", "--stdin", "-o", tmp_path / "packs", stdin=pack_bytes(odd))
    told = streamed.stderr.splitlines()
    assert [line.partition(":")[0] for line in told] == ["Receiving objects", "Resolving deltas"]


def pack_bytes(odd: Path) -> bytes:
    return (odd / "good.pack").read_bytes()


@pytest.mark.parametrize("options", [[], ["--keep=why", "-o", "there.idx"], ["--strict"]], ids=str)
def test_a_pack_from_stdin_may_have_a_name_as_with_git(packcore, odd, tmp_path, monkeypatch, options):
    path = init_repository(tmp_path / "x.git")
    files = {}
    for side in ("ours", "theirs"):
        (tmp_path / side).mkdir()
        monkeypatch.chdir(tmp_path / side)
        words = ("index-pack", "--stdin", *options, "x.pack")
        if side == "ours":
            result = packcore(*words, "--repo", path, stdin=pack_bytes(odd))
            assert result.exit_code == 0, result.stderr
            out = result.stdout_bytes
        else:
            environment = {"GIT_DIR": str(path)}
            done = run_git(*words, "--rev-index", stdin=pack_bytes(odd), environment=environment)
            out = done.stdout
        files[side] = (out, {file.name: file.read_bytes() for file in (tmp_path / side).iterdir()})
    assert files["ours"] == files["theirs"]


def test_a_pack_that_is_there_is_not_overwritten_from_stdin(packcore, odd, tmp_path):
    pack = tmp_path / "x.pack"
    pack.write_bytes(b"mine")
    result = packcore("index-pack", "--stdin", pack, stdin=pack_bytes(odd))
    assert (result.exit_code, str(pack) in result.stderr) == (1, True)
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("x.pack", b"mine")]


def test_nothing_is_left_of_a_broken_pack_from_stdin_with_a_name(packcore, odd, tmp_path):
    result = packcore("index-pack", "--stdin", "--keep", tmp_path / "x.pack", stdin=pack_bytes(odd)[:-9])
    assert result.exit_code == 3
    assert list(tmp_path.iterdir()) == []


def test_json_says_what_the_lines_say(packcore, odd, tmp_path):
    path = init_repository(tmp_path / "x.git")
    data = (odd / "gitmodules-elsewhere.pack").read_bytes()
    arguments = ("index-pack", "--stdin", "--fsck-objects", "--keep", "--repo", path)
    report = json.loads(packcore(*arguments, "--json", stdin=data).stdout)
    words = packcore(*arguments, stdin=data).stdout.split()
    assert ["pack", report["pack"], *report["missingGitmodules"]] == words
    assert (report["kept"], report["objects"]) == (True, 1)


@pytest.mark.parametrize("option", ["--verify", "--verify-stat", "--verify-stat-only"])
@pytest.mark.parametrize("form", ["1", "2,0x40"])
def test_a_pack_with_its_index_is_verified_as_by_git(packcore, repository, tmp_path, option, form):
    pack = tmp_path / "x.pack"
    shutil.copy(only_pack(repository), pack)
    chosen = ("--object-format", object_format(repository))
    assert packcore("index-pack", pack, f"--index-version={form}", *chosen).exit_code == 0
    theirs = git_bytes(
        "index-pack", f"--object-format={object_format(repository)}", option, pack, cwd=repository
    )
    ours = packcore("index-pack", option, pack, *chosen)
    assert (ours.exit_code, ours.stdout_bytes) == (0, theirs)
    (tmp_path / "x.idx").chmod(0o644)
    (tmp_path / "x.idx").write_bytes(bytes(2000))
    damaged = packcore("index-pack", option, pack, *chosen)
    assert (damaged.exit_code, damaged.stdout) == (3, "")
    assert "x.idx" in damaged.stderr


def test_verifying_writes_nothing_and_checks_strictly_if_asked(packcore, odd, tmp_path):
    pack = shutil.copy(odd / "nul.pack", tmp_path)
    assert packcore("index-pack", "--verify", pack).exit_code != 0
    assert packcore("index-pack", pack).exit_code == 0
    assert packcore("index-pack", "--verify", pack).exit_code == 0
    assert packcore("index-pack", "--verify", "--strict", pack).exit_code == 3
    assert packcore("index-pack", "--verify", "--stdin").exit_code == 2
    assert {path.suffix for path in tmp_path.iterdir()} == {".pack", ".idx", ".rev"}


@pytest.mark.parametrize(
    "check", [None, "--strict", "--fsck-objects", "--check-self-contained-and-connected"]
)
@pytest.mark.parametrize("source", ["stdin", "file"])
def test_an_object_that_comes_twice_is_refused_where_git_refuses_it(packcore, tmp_path, check, source):
    pack = tmp_path / "twice.pack"
    pack.write_bytes(build_pack([whole(b"twin"), whole(b"twin")]))
    options = [] if check is None else [check]
    paths = [init_repository(tmp_path / f"{side}.git") for side in ("ours", "theirs")]
    arguments = ["--stdin", *options] if source == "stdin" else [*options, pack]
    theirs = run_git("index-pack", *arguments, cwd=paths[1], stdin=pack.read_bytes())
    ours = packcore("index-pack", "--repo", paths[0], *arguments, stdin=pack.read_bytes())
    assert (ours.exit_code == 0) == (theirs.returncode == 0), (ours.stderr, theirs.stderr)
    assert ours.exit_code in (0, 3)


def test_the_repositorys_settings_say_what_is_written_beside_a_pack(packcore, odd, tmp_path):
    path = init_repository(tmp_path / "x.git")
    data = (odd / "good.pack").read_bytes()
    git("config", "pack.writeReverseIndex", "false", cwd=path)
    git("config", "pack.indexVersion", "1", cwd=path)
    assert packcore("index-pack", "--stdin", "--repo", path, stdin=data).exit_code == 0
    (index,) = (path / "objects" / "pack").glob("*.idx")
    assert index.read_bytes()[:4] != b"\xfftOc"
    assert not index.with_suffix(".rev").exists()
    given = ("--index-version=2", "--rev-index")
    assert packcore("index-pack", "--stdin", "--repo", path, *given, stdin=data).exit_code == 0
    assert index.read_bytes()[:4] == b"\xfftOc"
    assert index.with_suffix(".rev").exists()
    git("config", "pack.indexVersion", "7", cwd=path)
    result = packcore("index-pack", "--stdin", "--repo", path, stdin=data)
    assert (result.exit_code, "pack.indexVersion must be 1 or 2" in result.stderr) == (1, True)
