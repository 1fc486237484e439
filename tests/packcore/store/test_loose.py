"""Loose objects: as git writes them, streamed whatever their size, and never trusted."""

from __future__ import annotations

import os
import random
import stat
import zlib
from typing import TYPE_CHECKING, BinaryIO

import pytest

from packcore.errors import CorruptData, CorruptObject, LimitExceeded, MissingObject, RepositoryError
from packcore.ids import SHA1, ObjectId
from packcore.limits import Limits
from packcore.objects import ObjectType
from packcore.store.loose import LooseStore
from tests.support import git, git_bytes, init_repository

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def store(tmp_path: Path) -> LooseStore:
    return LooseStore(tmp_path / "objects", SHA1)


def place(store: LooseStore, tmp_path: Path, content: bytes, oid: ObjectId | None = None) -> ObjectId:
    """Put a file where an object of this id would be."""
    oid = oid or ObjectId(b"\xab" * 20)
    path = tmp_path / "objects" / oid.hex()[:2] / oid.hex()[2:]
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    return oid


def test_git_reads_what_we_write_and_we_read_what_git_writes(tmp_path: Path):
    path = init_repository(tmp_path / "r.git")
    store = LooseStore(path / "objects", SHA1)
    oid = store.write(ObjectType.BLOB, b"ours\n")
    assert git_bytes("cat-file", "blob", oid.hex(), cwd=path) == b"ours\n"
    theirs = SHA1.from_hex(git("hash-object", "-w", "--stdin", cwd=path, stdin=b"theirs\n"))
    assert store.read(theirs) == (ObjectType.BLOB, b"theirs\n")
    assert sorted(store) == sorted([oid, theirs])


def test_a_file_is_read_only_in_its_fan_out_folder_and_alone(store: LooseStore, tmp_path: Path):
    oid = store.write(ObjectType.BLOB, b"hello\n")
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert [str(path.relative_to(tmp_path)) for path in files] == [f"objects/{oid.hex()[:2]}/{oid.hex()[2:]}"]
    assert stat.S_IMODE(files[0].stat().st_mode) == 0o444


def test_writing_twice_changes_nothing(store: LooseStore, tmp_path: Path):
    oid = store.write(ObjectType.BLOB, b"hello\n")
    path = next(path for path in tmp_path.rglob("*") if path.is_file())
    before = path.stat().st_mtime_ns, path.stat().st_ino
    assert store.write(ObjectType.BLOB, b"hello\n") == oid
    assert store.write_stream(ObjectType.BLOB, 6, [b"hel", b"lo\n"]) == oid
    assert (path.stat().st_mtime_ns, path.stat().st_ino) == before


def test_an_object_is_written_from_blocks(store: LooseStore):
    data = bytes(range(256)) * 1000
    oid = store.write_stream(
        ObjectType.BLOB, len(data), (data[at : at + 999] for at in range(0, len(data), 999))
    )
    assert oid == SHA1.hash_object(b"blob", data)
    assert b"".join(store.stream(oid)) == data


@pytest.mark.parametrize("size", [0, 5, 7])
def test_blocks_that_do_not_add_up_leave_nothing_behind(store: LooseStore, tmp_path: Path, size: int):
    with pytest.raises(CorruptData, match="6 came"):
        store.write_stream(ObjectType.BLOB, size, [b"abc", b"def"])
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_an_error_among_the_blocks_leaves_nothing_behind(store: LooseStore, tmp_path: Path):
    def broken() -> Iterator[bytes]:
        yield b"abc"
        raise ValueError("lost")

    with pytest.raises(ValueError, match="lost"):
        store.write_stream(ObjectType.BLOB, 6, broken())
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"junk",
        zlib.compress(b"blob 3\0abcd"),
        zlib.compress(b"blob 5\0abcd"),
        zlib.compress(b"blob 4\0abcd"),
        zlib.compress(b"blob 4\0abcd") + b"more",
        zlib.compress(b"blob 4\0abcd")[:-3],
        zlib.compress(b"blub 4\0abcd"),
        zlib.compress(b"blob 04\0abcd"),
        zlib.compress(b"blob -4\0abcd"),
        zlib.compress(b"blob 4"),
        zlib.compress(b"x" * 100),
        zlib.compress(b"blob 99999999999999999999999\0"),
        b"\x78\x01\x00\x40\x00\xbf\xff" + b"x" * 64 + b"\x07",  # a stored block, and one of no known type
    ],
)
def test_a_damaged_file_is_a_corrupt_object(store: LooseStore, tmp_path: Path, content: bytes):
    oid = place(store, tmp_path, content)
    with pytest.raises(CorruptObject) as caught:
        store.read(oid)
    assert caught.value.oid == oid.hex()
    with pytest.raises(CorruptObject):
        b"".join(store.stream(oid))


@pytest.mark.parametrize("more", [b"\0", bytes(200_000)], ids=["in its last block", "in further blocks"])
def test_bytes_behind_the_stream_are_damage_whichever_way_it_is_read(
    store: LooseStore, tmp_path: Path, more: bytes
):
    oid = place(store, tmp_path, zlib.compress(b"blob 4\0abcd") + more, SHA1.hash_object(b"blob", b"abcd"))
    with pytest.raises(CorruptObject, match="garbage behind"):
        store.read(oid)
    with pytest.raises(CorruptObject, match="garbage behind"):
        b"".join(store.stream(oid))


def test_a_bomb_stops_at_its_announced_size(store: LooseStore, tmp_path: Path):
    oid = place(store, tmp_path, zlib.compress(b"blob 10\0" + bytes(50_000_000)))
    with pytest.raises(CorruptObject, match="has more"):
        store.read(oid)


def test_an_object_over_the_limit_is_refused(tmp_path: Path):
    store = LooseStore(tmp_path / "objects", SHA1, Limits(object_bytes=100))
    oid = place(store, tmp_path, zlib.compress(b"blob 101\0" + bytes(101)))
    for ask in (store.header, store.read, store.stream):
        with pytest.raises(LimitExceeded):
            ask(oid)


def test_files_of_other_names_are_passed_over(store: LooseStore, tmp_path: Path):
    oid = store.write(ObjectType.BLOB, b"x")
    for name in ("ab/tmp_obj_1", "ab/" + "g" * 38, "pack/x", "zz/" + "1" * 38):
        (tmp_path / "objects" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "objects" / name).write_bytes(b"")
    assert list(store) == [oid]


@pytest.mark.parametrize("absent", [b"", b"\1" * 19, b"\1" * 32, "text", None])
def test_what_is_no_id_is_not_in_it(store: LooseStore, absent: object):
    assert absent not in store


def test_a_folder_that_can_not_be_written_is_a_repository_error(tmp_path: Path):
    (tmp_path / "objects").write_bytes(b"in the way")
    store = LooseStore(tmp_path / "objects", SHA1)
    with pytest.raises(RepositoryError, match="can't write"):
        store.write(ObjectType.BLOB, b"x")
    with pytest.raises(MissingObject):
        store.read(SHA1.hash_object(b"blob", b"x"))


@pytest.mark.parametrize(
    "left",
    [b"", b"nonsense", b"\0" * 40, zlib.compress(b"blob 4\0text") + b"\0"],
    ids=["empty", "no stream", "zeros", "more behind it"],
)
@pytest.mark.parametrize("by_stream", [False, True])
def test_a_file_that_is_no_object_is_replaced_when_the_object_is_written(
    by_stream: bool, left: bytes, tmp_path: Path
):
    store = LooseStore(tmp_path, SHA1)
    oid = SHA1.hash_object(b"blob", b"text")
    file = tmp_path / oid.hex()[:2] / oid.hex()[2:]
    file.parent.mkdir()
    file.write_bytes(left)
    if by_stream:
        store.write_stream(ObjectType.BLOB, 4, [b"te", b"xt"])
    else:
        store.write(ObjectType.BLOB, b"text")
    assert store.read(oid).data == b"text"


def test_an_object_that_is_there_and_whole_is_not_written_again(tmp_path: Path):
    store = LooseStore(tmp_path, SHA1)
    oid = store.write(ObjectType.BLOB, b"text")
    file = tmp_path / oid.hex()[:2] / oid.hex()[2:]
    before = file.stat()
    store.write(ObjectType.BLOB, b"text")
    store.write_stream(ObjectType.BLOB, 4, [b"text"])
    assert file.stat().st_ino == before.st_ino


def test_a_short_object_is_read_by_opening_its_file_once(store: LooseStore, monkeypatch: pytest.MonkeyPatch):
    oid = store.write(ObjectType.BLOB, b"hello\n")
    opened: list[object] = []
    open_file = os.open

    def counted(path: str, flags: int) -> int:
        opened.append(path)
        return open_file(path, flags)

    monkeypatch.setattr(os, "open", counted)
    assert store.read_short(oid) == (ObjectType.BLOB, b"hello\n")
    assert opened == [store.file_of(oid)]


def test_what_is_long_absent_or_damaged_is_left_to_the_careful_way(store: LooseStore, tmp_path: Path):
    long = store.write(ObjectType.BLOB, b"x" * 300_000)
    noise = store.write(ObjectType.BLOB, random.Random(0).randbytes(40_000))
    assert [store.read_short(oid) for oid in (long, noise, ObjectId(b"\xcd" * 20))] == [None] * 3
    good = zlib.compress(b"blob 6\0hello\n")
    contents = [b"", good, good[:-1], good + b"\0", zlib.compress(b"blob 7\0hello\n"), b"x" + good]
    for number, content in enumerate(contents):
        oid = place(store, tmp_path, content, ObjectId(bytes([number]) * 20))
        assert store.read_short(oid) is None


@pytest.mark.parametrize(("size", "more_calls"), [(0, 0), (3_000, 0), (100_000, 1)])
def test_a_small_object_is_opened_once(
    store: LooseStore, monkeypatch: pytest.MonkeyPatch, size: int, more_calls: int
):
    data = random.Random(1).randbytes(size)
    oid = store.write(ObjectType.BLOB, data)
    opened: list[ObjectId] = []
    open_file = store._open

    def counted(oid: ObjectId) -> BinaryIO:
        opened.append(oid)
        return open_file(oid)

    monkeypatch.setattr(store, "_open", counted)
    assert store.read(oid) == (ObjectType.BLOB, data)
    assert len(opened) == more_calls
