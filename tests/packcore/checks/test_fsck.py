"""Checking a whole repository: what `git fsck` reports, we report."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING

import pytest

from packcore.checks.fsck import FsckOptions, check_repository
from packcore.ids import SHA1, SHA256, ObjectId
from packcore.limits import Limits
from packcore.objects import ObjectType
from packcore.store.repository import Repository
from tests.e2e.fixtures import copy_fixture, fixture_names
from tests.object_makers import blob, commit, tag, tree
from tests.support import git, history, init_repository, make_repository, run_git

if TYPE_CHECKING:
    from pathlib import Path

MAIN = "refs/heads/main"


def ours(path: Path, *, strict: bool = False, limits: Limits | None = None) -> list[str]:
    with Repository.open(path, limits) as repository:
        found = check_repository(repository, FsckOptions(strict=strict, reflogs=False))
        return sorted(one.text for one in found if one.kind != "notice")


def theirs(path: Path, *, strict: bool = False) -> list[str]:
    flags = ["--full", "--no-progress", "--no-reflogs", *(["--strict"] if strict else [])]
    if b"--[no-]references" in run_git("fsck", "-h", cwd=path).stdout:
        flags.append("--no-references")  # which git checks with `git refs verify`, in other words
    done = run_git("fsck", *flags, cwd=path)
    found = re.findall(r".+(?:\n              to.+)?", (done.stdout + done.stderr).decode())
    return sorted(line for line in found if not line.startswith(("notice:", "hint:")))


@pytest.mark.parametrize("name", ["sha1", "sha256"])
@pytest.mark.parametrize("repack", [False, True])
def test_a_sound_repository_has_no_findings(tmp_path: Path, name: str, repack: bool):
    path = make_repository(tmp_path / "r.git", history(tag="v1"), object_format=name, repack=repack)
    assert ours(path, strict=True) == theirs(path, strict=True) == []


@pytest.mark.parametrize("object_format", [SHA1, SHA256])
def test_missing_objects_broken_links_and_dangling_ones_are_listed_as_git_lists_them(
    tmp_path: Path, object_format
):
    with Repository.init(tmp_path / "r.git", object_format) as repository:
        write = repository.write_loose
        gone = [ObjectId(bytes([n]) * object_format.digest_size) for n in range(1, 5)]
        top = write(*tree({b"a": (0o100644, gone[0]), b"d": (0o40000, gone[1]), b"sub": (0o160000, gone[2])}))
        first = write(*commit(top, [gone[3]]))
        repository.update_ref(MAIN, write(*commit(top, [first], message=b"2\n")))
        repository.update_ref("refs/tags/v1", write(*tag(first)))
        write(*blob(b"nobody's"))
        write(*commit(top, [], message=b"lost\n"))
        path = repository.path
    lines = ours(path)
    assert lines == theirs(path)
    assert [line.split()[0] for line in lines] == ["broken"] * 3 + ["dangling"] * 2 + ["missing"] * 3


def test_findings_in_objects_are_printed_as_git_prints_them(tmp_path: Path):
    with Repository.init(tmp_path / "r.git") as repository:
        write = repository.write_loose
        top = write(ObjectType.TREE, b"0100644 .git\0" + write(*blob(b"")))
        made = write(*commit(top))
        repository.update_ref(MAIN, made)
        bad = b"object %s\ntype commit\ntag v1\n\nm\n" % made.hex().encode()
        repository.update_ref("refs/tags/v1", write(ObjectType.TAG, bad))
        path = repository.path
    for strict in (False, True):
        assert ours(path, strict=strict) == theirs(path, strict=strict) != []


def test_a_dangerous_gitmodules_is_found_if_a_tree_lists_it(tmp_path: Path):
    with Repository.init(tmp_path / "r.git") as repository:
        write = repository.write_loose
        modules = write(*blob(b'[submodule "a/../b"]\n\tpath = a\n\turl = x\n'))
        made = write(*commit(write(*tree({b".gitmodules": (0o100644, modules)}))))
        repository.update_ref(MAIN, made)
        path = repository.path
    assert ours(path) == theirs(path)
    assert "gitmodulesName" in ours(path)[0]


@pytest.mark.parametrize("damage", ["bytes", "another", "empty"])
def test_a_damaged_loose_object_is_an_error_and_the_check_goes_on(tmp_path: Path, damage: str):
    path = make_repository(tmp_path / "r.git", history(commits=3))
    pack = next((path / "objects/pack").glob("*.pack"), None)
    if pack is not None:  # fast-import made a pack: unpack it
        data = pack.read_bytes()
        shutil.rmtree(path / "objects/pack")
        git("unpack-objects", "-q", cwd=path, stdin=data)
    tip_tree = git("rev-parse", f"{MAIN}^{{tree}}", cwd=path)
    other = git("rev-parse", f"{MAIN}~1^{{tree}}", cwd=path)
    file = path / "objects" / tip_tree[:2] / tip_tree[2:]
    content = {
        "bytes": b"\0" * 50,
        "another": (path / "objects" / other[:2] / other[2:]).read_bytes(),
        "empty": b"",
    }
    file.chmod(0o644)
    file.write_bytes(content[damage])
    with Repository.open(path) as repository:
        found = list(check_repository(repository))
    errors = [one for one in found if one.is_error]
    assert errors
    assert all(
        one.oid is not None and one.oid.hex() == tip_tree for one in errors if one.kind == "unreadable"
    )
    assert errors[0].kind == "unreadable"


def test_broken_refs_are_errors(tmp_path: Path):
    path = make_repository(tmp_path / "r.git", history(commits=1))
    (path / "refs/heads/junk").write_text("junk\n")
    (path / "refs/heads/gone").write_text("1" * 40 + "\n")
    tip_tree = git("rev-parse", f"{MAIN}^{{tree}}", cwd=path)
    (path / "refs/heads/tree").write_text(tip_tree + "\n")
    lines = ours(path)
    assert [line.split(":")[1].strip() for line in lines] == [
        "refs/heads/gone",
        "refs/heads/junk",
        "refs/heads/tree",
    ]


def test_a_broken_pack_index_is_an_error_and_not_an_exception(tmp_path: Path):
    path = make_repository(tmp_path / "r.git", history(commits=2), repack=True)
    index = next((path / "objects/pack").glob("*.idx"))
    index.chmod(0o644)
    index.write_bytes(b"junk" * 300)
    assert any(index.name in line for line in ours(path))


def test_a_damaged_pack_is_an_error_and_not_an_exception(tmp_path: Path):
    path = make_repository(tmp_path / "r.git", history(commits=4), repack=True)
    pack = next((path / "objects/pack").glob("*.pack"))
    pack.chmod(0o644)
    data = bytearray(pack.read_bytes())
    for at in range(200, len(data) - 40, 97):
        data[at] ^= 0x55
    pack.write_bytes(data)
    with Repository.open(path) as repository:
        assert any(found.kind == "unreadable" and found.is_error for found in check_repository(repository))


def test_big_blobs_are_hashed_as_a_stream(tmp_path: Path):
    path = make_repository(tmp_path / "r.git", history(commits=3), repack=True)
    assert ours(path, limits=Limits(big_object=10)) == []


def test_a_shallow_clone_misses_nothing(tmp_path: Path):
    source = make_repository(tmp_path / "s.git", history(commits=4))
    git("clone", "-q", "--bare", "--depth", "1", f"file://{source}", tmp_path / "c.git")
    assert ours(tmp_path / "c.git") == theirs(tmp_path / "c.git") == []


@pytest.mark.parametrize("name", fixture_names())
def test_the_odd_repositories_of_libgit2_are_judged_as_git_judges_them(tmp_path: Path, name: str):
    path = copy_fixture(name, tmp_path / "r.git")
    for beside in ("index", "objects/info/commit-graph"):  # git checks these too; we do not read them
        (path / beside).unlink(missing_ok=True)
    lines, expected = ours(path), theirs(path)
    if any("unable to open ./objects" in line for line in expected):
        pytest.skip("git reads no loose object here, since a file has the place of a folder of objects")
    if any("unexpected line in ./packed-refs" in line for line in expected):
        # There git gives up, and we go on to the dangling objects.
        assert any("packed-refs: line 5" in line for line in lines)
    else:
        # We add why a ref can't be read, where git gives the zero id alone.
        assert [re.sub(r"(invalid sha1 pointer 0+) \(.*\)", r"\1", line) for line in lines] == expected


def test_an_empty_repository_is_sound(tmp_path: Path):
    assert ours(init_repository(tmp_path / "r.git")) == []


@pytest.mark.parametrize("spec", ["blob:none", "tree:0", "blob:limit=20"])
def test_what_a_promisor_has_promised_may_be_missing(tmp_path: Path, spec: str):
    source = make_repository(tmp_path / "s.git", history(tag="v1"), repack=True)
    git("config", "uploadpack.allowFilter", "true", cwd=source)
    path = tmp_path / "partial.git"
    git("clone", "-q", "--bare", f"--filter={spec}", f"file://{source}", path)
    assert ours(path, strict=True) == theirs(path, strict=True) == []
    tree_of_main = git("rev-parse", "main^{tree}", cwd=source)
    own = git("commit-tree", "-m", "own", "-p", "main", tree_of_main, cwd=path)
    git("update-ref", "refs/heads/own", own, cwd=path)
    assert ours(path, strict=True) == []
    with Repository.open(path) as repository:  # nobody has promised this one
        lost = ObjectId(b"\1" * 20)
        top = repository.write_loose(*tree({b"lost": (0o100644, lost)}))
        repository.update_ref("refs/heads/broken", repository.write_loose(*commit(top, [])))
    assert f"missing blob {lost.hex()}" in ours(path)
    for key in ("remote.origin.promisor", "extensions.partialClone"):
        run_git("config", "--unset", key, cwd=path)
    assert len([line for line in ours(path) if line.startswith("missing")]) > 1
