"""packed-refs that is kept in memory: read again whenever it may have changed, and only then."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from packcore.errors import CorruptData
from packcore.ids import SHA1, ObjectId
from packcore.store import packed_file
from packcore.store.packed_file import PackedFile, RefViews
from packcore.store.packed_refs import PackedRefs

if TYPE_CHECKING:
    from pathlib import Path

A, B = (ObjectId(bytes([n]) * 20) for n in (1, 2))
LATER_NS = 10**10


@pytest.fixture
def parses(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list of how many bytes were parsed, each time."""
    sizes: list[int] = []
    real = PackedRefs.parse

    class Counted(PackedRefs):
        @classmethod
        def parse(cls, data: bytes, *rest: object) -> PackedRefs:
            sizes.append(len(data))
            return real(data, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(packed_file, "PackedRefs", Counted)
    return sizes


def line(oid: ObjectId, name: str = "refs/heads/a") -> str:
    return f"{oid.hex()} {name}\n"


def replaced(path: Path, text: str) -> None:
    """Replace a file as git does, with the times of the old one: two changes within one tick of a clock."""
    times = path.stat()
    new = path.with_name("new")
    new.write_text(text)
    os.utime(new, ns=(times.st_atime_ns, times.st_mtime_ns))
    new.rename(path)


def aged(path: Path) -> int:
    """Return a time that is long after the file's."""
    return path.stat().st_ctime_ns + LATER_NS


def test_a_file_that_stays_the_same_is_parsed_once(tmp_path: Path, parses: list[int]) -> None:
    path = tmp_path / "packed-refs"
    path.write_text(line(A))
    views = RefViews(lambda: aged(path))
    for _ in range(5):
        assert views.packed_file(path, SHA1).read().get("refs/heads/a") == (A, None)
    assert len(parses) == 1
    views.close()


def test_a_file_that_was_replaced_within_one_tick_by_one_as_large_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "packed-refs"
    path.write_text(line(A))
    file = PackedFile(path, SHA1, lambda: aged(path))
    for oid in (A, B, A, B, A):
        replaced(path, line(oid))
        assert file.read().get("refs/heads/a") == (oid, None)
    file.close()


def test_a_file_that_has_just_changed_is_not_relied_on(tmp_path: Path, parses: list[int]) -> None:
    path = tmp_path / "packed-refs"
    path.write_text(line(A))
    times = path.stat()
    file = PackedFile(path, SHA1, lambda: times.st_mtime_ns)
    assert file.read().get("refs/heads/a") == (A, None)
    with path.open("r+") as written:  # in place, and with the old times
        written.write(line(B))
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert file.read().get("refs/heads/a") == (B, None)
    assert len(parses) == 2
    file.close()


def test_a_file_that_is_gone_and_one_that_is_damaged_are_told_apart_each_time(tmp_path: Path) -> None:
    path = tmp_path / "packed-refs"
    path.write_text(line(A))
    file = PackedFile(path, SHA1, lambda: aged(path))
    assert len(file.read()) == 1
    path.write_text("junk\n")
    for _ in range(2):
        with pytest.raises(CorruptData, match="line 1"):
            file.read()
    path.unlink()
    assert len(file.read()) == 0
    file.close()


def test_only_the_files_that_were_asked_for_last_are_kept(tmp_path: Path, parses: list[int]) -> None:
    paths = [tmp_path / f"packed-refs-{number}" for number in range(4)]
    for path in paths:
        path.write_text(line(A))
    views = RefViews(lambda: aged(paths[-1]), count_max=2)
    for path in (*paths, paths[-1], paths[-2], paths[0]):
        views.packed_file(path, SHA1).read()
    assert len(parses) == 5
    views.close()
    small = RefViews(lambda: aged(paths[-1]), bytes_max=100)
    for path in (*paths[:2], *paths[:2]):
        small.packed_file(path, SHA1).read()
    assert len(parses) == 8
    small.close()
