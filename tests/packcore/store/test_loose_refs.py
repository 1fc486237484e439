"""Loose ref files: what each content means, and that nothing unreadable is taken for absent."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from packcore.errors import RepositoryError, UnreadableRef
from packcore.ids import SHA1, SHA256, ObjectId
from packcore.store.loose_refs import list_loose_names, read_loose_ref
from packcore.store.ref_files import RefFiles
from tests.support import git, init_repository

if TYPE_CHECKING:
    from pathlib import Path

A, B = (ObjectId(bytes([n]) * 20) for n in (0xAB, 0xCD))
NAME = "refs/heads/a"


@pytest.fixture
def base(tmp_path: Path) -> Path:
    (tmp_path / "refs/heads").mkdir(parents=True)
    return tmp_path


def read(base: Path, name: str = NAME) -> ObjectId | str | None:
    return read_loose_ref(base / name, name, SHA1)


@pytest.mark.parametrize("end", ["", "\n", " and more", "\r\n", "\0\0\n"])
@pytest.mark.parametrize("oid", [A.hex(), A.hex().upper()])
def test_an_id_in_either_case_counts_up_to_the_first_blank_or_nul(base: Path, oid: str, end: str):
    (base / NAME).write_bytes(f"{oid}{end}".encode())
    assert read(base) == A


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "its file is empty"),
        (b"\0" * 41, "its file holds only NUL bytes"),
        (b"\n", "its file holds only white space"),
        (b"hello\n", 'its file holds no object id, but "hello"'),
        (A.hex()[:39].encode(), "its file holds no object id"),
        (A.hex().encode() + b"x", f'its file holds no object id, but "{A.hex()}x"'),
        (b"x" * 100, 'x" and 20 bytes more'),
        (b"0" * 40 + b"\n", "its file holds the zero id"),
        (b"ref: nonsense\n", "it points to 'nonsense', which is no ref's name"),
        (b"ref: refs/heads/a..b\n", "which is no ref's name"),
        (b"ref:", "it points to '', which is no ref's name"),
    ],
)
def test_anything_else_is_unreadable_with_the_reason(base: Path, content: bytes, reason: str):
    (base / NAME).write_bytes(content)
    with pytest.raises(UnreadableRef) as raised:
        read(base)
    assert raised.value.reason.startswith(reason) or reason in raised.value.reason
    assert raised.value.is_blank == (not content.strip(b"\0\n"))


def test_an_id_of_the_other_object_format_is_unreadable(base: Path):
    (base / NAME).write_text(A.hex() + "\n")
    with pytest.raises(UnreadableRef, match="no object id"):
        read_loose_ref(base / NAME, NAME, SHA256)


def test_a_file_that_is_not_there_and_a_folder_in_its_place_are_no_loose_ref(base: Path):
    assert read(base) is None
    (base / NAME).mkdir()
    assert read(base) is None
    assert read(base, "refs/heads/a/b/c") is None


def test_a_file_that_may_not_be_opened_is_unreadable(base: Path, monkeypatch: pytest.MonkeyPatch):
    (base / NAME).symlink_to("a")  # a link to itself: the one error that root gets, too
    with pytest.raises(UnreadableRef, match="its file can't be read: Too many levels of symbolic links"):
        read(base)


def test_a_link_to_a_file_is_followed_and_one_whose_text_is_a_ref_name_is_a_symbolic_ref(base: Path):
    (base / "elsewhere").write_text(A.hex())
    (base / NAME).symlink_to(base / "elsewhere")
    assert read(base) == A
    (base / "refs/heads/b").symlink_to("refs/heads/main")
    assert read(base, "refs/heads/b") == "refs/heads/main"


def test_a_link_that_leads_nowhere_is_unreadable(base: Path):
    (base / NAME).symlink_to(base / "gone/x")
    with pytest.raises(UnreadableRef, match=f"symbolic link to '{base / 'gone/x'}', which is not there"):
        read(base)


def test_files_are_listed_whatever_they_hold_but_locks_and_dot_files(base: Path):
    for name in ("a", "a..b", "x.lock", ".hidden"):
        (base / "refs/heads" / name).touch()
    (base / "refs/heads/dangling").symlink_to(base / "gone")
    (base / "refs/.svn").mkdir()
    (base / "refs/.svn/entries").touch()
    found = list_loose_names(base)
    assert sorted(found.names) == ["refs/heads/a", "refs/heads/a..b", "refs/heads/dangling"]
    assert found.faults == {}


def test_linked_folders_are_followed_and_circles_of_them_end(
    base: Path, tmp_path_factory: pytest.TempPathFactory
):
    first, second = tmp_path_factory.mktemp("first"), tmp_path_factory.mktemp("second")
    (first / "x").write_text(A.hex())
    (first / "to-second").symlink_to(second)
    (second / "y").write_text(B.hex())
    (second / "to-first").symlink_to(first)
    (base / "refs/heads/linked").symlink_to(first)
    (base / "refs/heads/up").symlink_to("..")
    found = list_loose_names(base)
    assert sorted(found.names) == ["refs/heads/linked/to-second/y", "refs/heads/linked/x"]
    assert sorted(found.faults) == ["refs/heads/linked/to-second/to-first", "refs/heads/up"]
    assert "a folder that contains it" in found.faults["refs/heads/up"].reason


def test_a_folder_that_can_not_be_listed_is_unreadable_as_a_whole(
    base: Path, monkeypatch: pytest.MonkeyPatch
):
    (base / "refs/heads/team").mkdir()
    (base / NAME).write_text(A.hex())
    scandir = os.scandir

    def refuse(folder: bytes) -> object:
        if folder.endswith(b"/team"):
            raise PermissionError(13, "Permission denied")
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", refuse)
    found = list_loose_names(base)
    assert found.names == [NAME]
    assert found.faults["refs/heads/team"].reason == "its folder can't be listed: Permission denied"


def test_refs_that_can_not_be_listed_at_all_are_an_error(base: Path, monkeypatch: pytest.MonkeyPatch):
    def refuse(folder: bytes) -> object:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(RepositoryError, match="refs: its folder can't be listed: Permission denied"):
        list_loose_names(base)


def test_an_unreadable_file_never_gives_way_to_the_older_value_in_packed_refs(base: Path):
    (base / "packed-refs").write_text(f"# pack-refs with: peeled fully-peeled sorted \n{A.hex()} {NAME}\n")
    (base / NAME).touch()
    refs = RefFiles(base, base, SHA1)
    assert refs.all().known == {}
    assert list(refs.all().unreadable) == [NAME]
    with pytest.raises(UnreadableRef):
        refs.read(NAME)


def test_a_symbolic_ref_to_an_unreadable_one_is_unreadable_and_says_through_what(base: Path):
    (base / NAME).touch()
    (base / "refs/heads/b").write_text(f"ref: {NAME}\n")
    fault = RefFiles(base, base, SHA1).all().unreadable["refs/heads/b"]
    assert str(fault) == "refs/heads/b: it points to refs/heads/a: its file is empty"
    assert not fault.is_dangling


def test_what_git_lists_with_an_id_is_known_and_what_it_lists_with_the_zero_id_is_not(tmp_path: Path):
    path = init_repository(tmp_path / "r.git")
    oid = git("commit-tree", git("mktree", cwd=path), "-m", "x", cwd=path)
    heads = path / "refs/heads"
    (tmp_path / "file").write_text(oid + "\n")
    for name, content in {
        "good": oid,
        "upper": oid.upper(),
        "trailing": f"{oid} more",
        "empty": "",
        "nul": "\0" * 41,
        "garbage": "hello",
        "zero": "0" * 40,
        "a..b": oid,
    }.items():
        (heads / name).write_text(content)
    (heads / "linked").symlink_to(tmp_path / "file")
    listed = dict(line.split("\t")[::-1] for line in git("ls-remote", ".", cwd=path).splitlines())
    refs = RefFiles(path, path, SHA1).all()
    assert {name: ref.oid.hex() for name, ref in refs.known.items()} == {
        name: found for name, found in listed.items() if found.strip("0")
    }
    assert {"refs/heads/" + name for name in ("empty", "nul", "garbage", "zero", "a..b")} == set(
        refs.unreadable
    )


def test_what_a_file_holds_is_shown_as_text_with_control_characters_escaped(base: Path):
    (base / "refs/heads/a").write_bytes(b"caf\xc3\xa9 \xff\x1b[31m\n")
    fault = RefFiles(base, base, SHA1).all().unreadable["refs/heads/a"]
    assert fault.reason == 'its file holds no object id, but "café \\xff\\x1b[31m"'
