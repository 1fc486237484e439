"""Refs on disk: git's files and locks, compare-and-swap, and nothing written through a link."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from packcore.errors import CorruptData, InvalidRefName, RefMoved, RepositoryError, UnreadableRef
from packcore.ids import SHA1, ObjectId
from packcore.store import ref_lock
from packcore.store.ref_files import RefFiles
from tests.support import git, init_repository, run_git

A, B, C = (ObjectId(bytes([n]) * 20) for n in (1, 2, 3))
ZERO = SHA1.zero


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "refs" / "heads").mkdir(parents=True)
    (tmp_path / "HEAD").write_text("ref: refs/heads/main\n")
    return tmp_path


@pytest.mark.parametrize("is_link", [False, True])
def test_packed_refs_are_changed_below_a_relative_path_and_in_another_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_link: bool
):
    made, packed = tmp_path / "r.git", tmp_path / "r.git/packed-refs"
    (made / "refs/heads").mkdir(parents=True)
    pack(made, f"{A.hex()} refs/heads/a\n", f"{B.hex()} refs/heads/b\n")
    if is_link:
        (tmp_path / "other").mkdir()
        packed = packed.rename(tmp_path / "other/packed-refs")
        (made / "packed-refs").symlink_to(packed)
    monkeypatch.chdir(tmp_path)
    refs = RefFiles(Path("r.git"), Path("r.git"), SHA1)
    refs.delete("refs/heads/a", A)
    refs.locks.close()
    assert packed.read_text().endswith(f"sorted \n{B.hex()} refs/heads/b\n")
    assert [found.name for found in packed.parent.glob("packed-refs*")] == ["packed-refs"]


@pytest.fixture
def refs(path: Path) -> RefFiles:
    return RefFiles(path, path, SHA1)


def pack(path: Path, *lines: str) -> None:
    (path / "packed-refs").write_text("# pack-refs with: peeled fully-peeled sorted \n" + "".join(lines))


def test_a_ref_is_made_moved_and_removed(refs: RefFiles, path: Path):
    refs.update("refs/heads/a/b", A, ZERO)
    assert (path / "refs/heads/a/b").read_text() == A.hex() + "\n"
    refs.update("refs/heads/a/b", B, A)
    assert refs.all().known["refs/heads/a/b"].oid == B
    refs.delete("refs/heads/a/b", B)
    assert refs.all().known == {}
    assert [found.name for found in (path / "refs").iterdir()] == ["heads"]
    assert not (path / "refs/heads/a").exists()


@pytest.mark.parametrize("old", [ZERO, B])
def test_a_ref_that_moved_stays_as_it_is(refs: RefFiles, path: Path, old: ObjectId):
    refs.update("refs/heads/a", A, None)
    with pytest.raises(RefMoved, match=A.hex()):
        refs.update("refs/heads/a", C, old)
    with pytest.raises(RefMoved, match=A.hex()):
        refs.delete("refs/heads/a", old)
    assert refs.all().known["refs/heads/a"].oid == A
    assert not (path / "refs/heads/a.lock").exists()


def test_a_ref_that_should_be_there_and_is_not_has_moved_too(refs: RefFiles):
    with pytest.raises(RefMoved):
        refs.update("refs/heads/a", B, A)
    with pytest.raises(RefMoved):
        refs.delete("refs/heads/a", None)


def test_loose_wins_over_packed_and_deleting_removes_both(refs: RefFiles, path: Path):
    pack(path, f"{A.hex()} refs/heads/a\n", f"{B.hex()} refs/tags/t\n", f"^{C.hex()}\n")
    assert [ref.oid for ref in refs.all().known.values()] == [A, B]
    assert refs.all().known["refs/tags/t"].peeled == C
    refs.update("refs/heads/a", C, A)
    assert refs.all().known["refs/heads/a"].oid == C
    refs.delete("refs/heads/a", C)
    assert list(refs.all().known) == ["refs/tags/t"]
    assert (path / "packed-refs").read_text().endswith(f"sorted \n{B.hex()} refs/tags/t\n^{C.hex()}\n")


def test_refs_are_sorted_by_bytes(refs: RefFiles, path: Path):
    pack(path, f"{A.hex()} refs/heads/b\n", f"{A.hex()} refs/heads/é\n")
    for name in ("refs/heads/a-b", "refs/heads/a/b", "refs/heads/Z"):
        refs.update(name, A, None)
    assert list(refs.all().known) == [f"refs/heads/{name}" for name in ("Z", "a-b", "a/b", "b", "é")]


@pytest.mark.parametrize(
    ("first", "second"), [("refs/heads/a", "refs/heads/a/b"), ("refs/heads/a/b/c", "refs/heads/a")]
)
@pytest.mark.parametrize("packed", [False, True])
def test_a_name_below_or_above_another_is_refused(
    refs: RefFiles, path: Path, first: str, second: str, packed: bool
):
    if packed:
        pack(path, f"{A.hex()} {first}\n")
    else:
        refs.update(first, A, None)
    with pytest.raises(RepositoryError, match="in the way"):
        refs.update(second, A, None)
    refs.delete(first, A)
    refs.update(second, A, ZERO)
    assert list(refs.all().known) == [second]


def test_an_empty_folder_makes_way(refs: RefFiles, path: Path):
    (path / "refs/heads/a/b").mkdir(parents=True)
    refs.update("refs/heads/a", A, ZERO)
    assert refs.all().known["refs/heads/a"].oid == A


@pytest.mark.parametrize(
    "name", ["refs/heads/../../x", "../x", "HEAD.lock", "refs/heads/x.lock", "refs//x", "refs"]
)
def test_a_bad_name_is_refused_before_anything_is_touched(refs: RefFiles, name: str):
    with pytest.raises(InvalidRefName):
        refs.update(name, A, None)
    with pytest.raises(InvalidRefName):
        refs.delete(name, None)


def test_a_name_beside_refs_is_refused(refs: RefFiles):
    with pytest.raises(RepositoryError, match="not below refs/"):
        refs.update("objects/pack", A, None)


def test_symbolic_refs_are_followed_and_what_they_point_to_is_changed(refs: RefFiles, path: Path):
    refs.update("HEAD", A, ZERO)
    assert (path / "HEAD").read_text() == "ref: refs/heads/main\n"
    head = refs.read("HEAD")
    assert head is not None
    assert (head.oid, head.symref) == (A, "refs/heads/main")
    refs.set_symbolic("refs/remotes/o/HEAD", "refs/remotes/o/gone")
    assert "refs/remotes/o/HEAD" not in refs.all().known
    assert str(refs.all().unreadable["refs/remotes/o/HEAD"]) == (
        "refs/remotes/o/HEAD: it points to refs/remotes/o/gone, which is not there"
    )


def test_symbolic_refs_in_a_circle_are_unreadable(refs: RefFiles):
    refs.set_symbolic("refs/heads/a", "refs/heads/b")
    refs.set_symbolic("refs/heads/b", "refs/heads/a")
    with pytest.raises(UnreadableRef, match="more than 5 symbolic refs"):
        refs.read("refs/heads/a")
    assert list(refs.all().unreadable) == ["refs/heads/a", "refs/heads/b"]
    with pytest.raises(RepositoryError, match="too deep"):
        refs.update("refs/heads/a", A, None)


@pytest.mark.parametrize("target", ["HEAD", "config", "refs/../config", "refs/heads/x.lock"])
def test_a_symbolic_ref_points_below_refs_only(refs: RefFiles, path: Path, target: str):
    with pytest.raises(RepositoryError):
        refs.set_symbolic("HEAD", target)
    (path / "refs/heads/evil").write_text(f"ref: {target}\n")
    with pytest.raises(UnreadableRef, match="no ref's name"):
        refs.read("refs/heads/evil")


def test_a_lock_that_is_held_is_respected(refs: RefFiles, path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(ref_lock, "LOCK_TRIES", 2)
    refs.update("refs/heads/a", A, None)
    (path / "refs/heads/a.lock").touch()
    with pytest.raises(RepositoryError, match="held by another program"):
        refs.update("refs/heads/a", B, A)
    assert refs.all().known["refs/heads/a"].oid == A
    assert (path / "refs/heads/a.lock").exists()


def test_a_lock_that_is_given_back_soon_is_waited_for(refs: RefFiles, path: Path):
    lock = path / "refs/heads/a.lock"
    lock.touch()
    timer = threading.Timer(0.05, lock.unlink)
    timer.start()
    refs.update("refs/heads/a", A, ZERO)
    timer.join()
    assert refs.all().known["refs/heads/a"].oid == A


def test_nothing_is_written_through_a_linked_folder(
    refs: RefFiles, path: Path, tmp_path_factory: pytest.TempPathFactory
):
    outside = tmp_path_factory.mktemp("outside")
    (path / "refs/heads/link").symlink_to(outside)
    with pytest.raises(RepositoryError, match="symbolic link"):
        refs.update("refs/heads/link/x", A, None)
    assert list(outside.iterdir()) == []


def test_a_linked_file_is_replaced_and_not_followed(
    refs: RefFiles, path: Path, tmp_path_factory: pytest.TempPathFactory
):
    outside = tmp_path_factory.mktemp("outside") / "file"
    outside.write_text("untouched")
    (path / "refs/heads/link").symlink_to(outside)
    refs.update("refs/heads/link", A, None)
    assert outside.read_text() == "untouched"
    assert not (path / "refs/heads/link").is_symlink()


def test_a_link_whose_text_is_a_ref_name_is_an_old_symbolic_ref(refs: RefFiles, path: Path):
    refs.update("refs/heads/main", A, None)
    (path / "HEAD").unlink()
    (path / "HEAD").symlink_to("refs/heads/main")
    assert refs.read_raw("HEAD") == "refs/heads/main"


@pytest.mark.parametrize("content", ["", "\0" * 41, "\n"])
@pytest.mark.parametrize("packed", [False, True])
def test_a_file_that_holds_nothing_may_be_written_again(
    refs: RefFiles, path: Path, content: str, packed: bool
):
    (path / "refs/heads/blank").write_text(content)
    if packed:
        pack(path, f"{B.hex()} refs/heads/blank\n")
    refs.update("refs/heads/blank", A, ZERO)
    assert refs.all().known["refs/heads/blank"].oid == A


@pytest.mark.parametrize("content", ["junk\n", "1234\n", "ref:", "A" * 39])
def test_a_file_that_holds_something_else_is_not_overwritten_unseen(refs: RefFiles, path: Path, content: str):
    (path / "refs/heads/bad").write_text(content)
    for old in (ZERO, A):
        with pytest.raises(UnreadableRef):
            refs.update("refs/heads/bad", B, old)
        with pytest.raises(UnreadableRef):
            refs.delete("refs/heads/bad", old)
    assert (path / "refs/heads/bad").read_text() == content
    refs.update("refs/heads/bad", B, None)
    assert refs.all().known["refs/heads/bad"].oid == B


def test_a_file_that_can_not_be_read_may_still_be_removed_by_name(refs: RefFiles, path: Path):
    (path / "refs/heads/bad").write_text("junk")
    refs.delete("refs/heads/bad", None)
    assert not (path / "refs/heads/bad").exists()


def test_a_name_too_long_for_a_file_is_read_from_packed_refs_and_refused_as_a_new_ref(
    refs: RefFiles, path: Path
):
    name = "refs/heads/" + "x" * 300
    pack(path, f"{A.hex()} {name}\n")
    assert refs.all().known[name].oid == A
    with pytest.raises(RepositoryError, match="too long for a file"):
        refs.update("refs/heads/" + "y" * 300, A, ZERO)


def test_a_packed_refs_file_without_a_byte_is_corrupt_since_git_writes_a_header(refs: RefFiles, path: Path):
    (path / "packed-refs").touch()
    with pytest.raises(CorruptData, match="the file is empty"):
        refs.all()


def test_the_zero_id_in_packed_refs_is_no_value(refs: RefFiles, path: Path):
    pack(path, f"{ZERO.hex()} refs/heads/a\n")
    assert str(refs.all().unreadable["refs/heads/a"]) == "refs/heads/a: packed-refs gives it the zero id"


@pytest.mark.parametrize(
    "line",
    [
        "junk\n",
        f"{A.hex()}\n",
        f"{A.hex()} refs/heads/a",
        f"^{A.hex()}\n",
        f"{A.hex()} refs/heads/a\r\n",
        f"{A.hex()} refs/heads/\0\0\0\n",
        f"{A.hex()}  refs/heads/a\n",
        f"{A.hex()} ../refs/heads/a\n",
        f"{B.hex()} refs/heads/ok\n",
    ],
    ids=repr,
)
def test_packed_refs_that_do_not_parse_are_corrupt_with_their_line(refs: RefFiles, path: Path, line: str):
    pack(path, f"{A.hex()} refs/heads/ok\n", f"^{B.hex()}\n", line)
    with pytest.raises(CorruptData, match="line 4"):
        refs.all().known


def test_a_tab_before_the_name_and_a_line_that_comes_twice_are_read_as_git_reads_them(
    refs: RefFiles, path: Path
):
    pack(path, f"{A.hex()}\trefs/heads/a\n", f"{A.hex()} refs/heads/a\n")
    assert {name: ref.oid for name, ref in refs.all().known.items()} == {"refs/heads/a": A}


@pytest.mark.parametrize("start", ["refs/heads/", "other/"])
def test_a_packed_name_that_no_list_of_refs_can_tell_is_damage(refs: RefFiles, path: Path, start: str):
    pack(path, f"{A.hex()} refs/heads/ok\n", f"{A.hex()} {start}{'x' * 65_000}\n")
    with pytest.raises(CorruptData, match="line 3 is longer than any list of refs can tell"):
        refs.all()


def test_packed_refs_behind_a_symbolic_link_are_changed_where_they_are(refs: RefFiles, path: Path, tmp_path):
    pack(path, f"{A.hex()} refs/heads/a\n", f"{B.hex()} refs/heads/b\n")
    shared = tmp_path / "shared"
    shared.mkdir()
    (path / "packed-refs").rename(shared / "packed-refs")
    (path / "packed-refs").symlink_to(shared / "packed-refs")
    refs.delete("refs/heads/a", A)
    assert (path / "packed-refs").is_symlink()
    assert (shared / "packed-refs").read_text().endswith(f"sorted \n{B.hex()} refs/heads/b\n")
    assert [entry.name for entry in shared.iterdir()] == ["packed-refs"]
    assert list(refs.all().known) == ["refs/heads/b"]


def test_git_and_we_work_on_the_same_refs(tmp_path: Path):
    path = init_repository(tmp_path / "r.git")
    oid = SHA1.from_hex(git("commit-tree", git("mktree", cwd=path), "-m", "x", cwd=path))
    refs = RefFiles(path, path, SHA1)
    for number in range(5):
        refs.update(f"refs/heads/b{number}", oid, ZERO)
    refs.set_symbolic("HEAD", "refs/heads/b3")
    assert git("symbolic-ref", "HEAD", cwd=path) == "refs/heads/b3"
    git("tag", "-a", "-m", "t", "v1", "b0", cwd=path)
    git("pack-refs", "--all", "--prune", cwd=path)
    assert len(refs.all().known) == 6
    assert refs.all().known["refs/tags/v1"].peeled == oid
    refs.delete("refs/heads/b1", oid)
    assert "refs/heads/b1" not in git("for-each-ref", cwd=path)
    assert git("show-ref", "--dereference", "v1", cwd=path).count("\n") == 1
    assert run_git("fsck", cwd=path).stderr == b""
