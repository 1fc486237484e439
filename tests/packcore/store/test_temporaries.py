"""Temporaries: in use while their process lives, left over when it is gone."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from packcore.store import temporaries
from packcore.store.temporaries import Temporary, file_system, sweep, temporary_folder, write_whole
from tests.processes import another_process, killed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def leave(folder: Path) -> None:
    """Leave a temporary of a killed process."""

    def work(die: Callable[[], None]) -> None:
        _ = Temporary(folder, suffix=".spool")
        die()

    killed(work)


@pytest.fixture
def shared(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every folder be on a disk that other machines may use."""
    monkeypatch.setattr(temporaries, "file_system", lambda folder: "other")


@pytest.fixture(autouse=True)
def own_disk(tmp_path: Path) -> None:
    if file_system(tmp_path) == "other":
        pytest.skip("the temporary folder is on a file system of several machines")


def test_what_a_killed_process_left_is_swept_at_once(tmp_path: Path):
    leave(tmp_path)
    assert len(names(tmp_path)) == 1
    sweep(tmp_path)
    assert names(tmp_path) == []


def test_a_folder_of_a_killed_process_is_swept_with_what_it_holds(tmp_path: Path):
    def work(die: Callable[[], None]) -> None:
        with temporary_folder(tmp_path) as folder:
            (folder / "inner").mkdir()
            (folder / "inner" / "file").touch()
            die()

    killed(work)
    sweep(tmp_path)
    assert names(tmp_path) == []


def test_what_another_process_is_writing_stays_however_old_it_is(tmp_path: Path):
    def work(stand_still: Callable[[], None]) -> None:
        temporary = Temporary(tmp_path)
        os.utime(temporary.path, (0, 0))
        stand_still()

    with another_process(work):
        before = names(tmp_path)
        sweep(tmp_path)
        assert names(tmp_path) == before != []


def test_where_other_machines_may_be_writing_only_a_day_old_file_is_left_over(tmp_path: Path, shared: None):
    leave(tmp_path)
    sweep(tmp_path)
    assert len(names(tmp_path)) == 1
    os.utime(tmp_path / names(tmp_path)[0], (0, 0))
    sweep(tmp_path)
    assert names(tmp_path) == []


def test_a_file_made_on_another_kind_of_file_system_is_not_taken_for_left_over(tmp_path: Path):
    (tmp_path / "packcore-tmp-nfs4-0123456789ab.spool").touch()
    (tmp_path / "packcore-tmp-other-0123456789ab.spool").touch()
    before = names(tmp_path)
    sweep(tmp_path)
    assert names(tmp_path) == before


def test_files_that_are_not_ours_stay(tmp_path: Path):
    for name in ("tmp_pack_1", "notes", "packcore.tmp"):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (0, 0))
    sweep(tmp_path)
    assert names(tmp_path) == ["notes", "packcore.tmp", "tmp_pack_1"]


def test_a_file_appears_whole_or_not_at_all(tmp_path: Path):
    (tmp_path / "file").write_bytes(b"old")

    def blocks() -> Iterator[bytes]:
        yield b"new"
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        write_whole(tmp_path / "file", blocks(), 0o644)
    assert (tmp_path / "file").read_bytes() == b"old"
    assert names(tmp_path) == ["file"]


MOUNTS = b"""\
1 0 8:1 / / rw - ext4 /dev/sda1 rw
2 1 0:5 / /srv/a\\040disk rw shared:1 - nfs4 host:/x rw
3 2 0:6 / /srv/a\\040disk/fast rw - tmpfs tmpfs rw
"""


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/srv", "ext4"),
        ("/srv/a disk/x", "other"),
        ("/srv/a disk/fast", "tmpfs"),
        ("/srv/a disk/faster", "other"),
    ],
)
def test_the_file_system_is_that_of_the_innermost_mount(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str, kind: str
):
    (tmp_path / "mounts").write_bytes(MOUNTS)
    monkeypatch.setattr(temporaries, "_MOUNTS", tmp_path / "mounts")
    assert temporaries._file_system.__wrapped__(folder, 1) == kind


def test_without_a_list_of_mounts_nothing_is_known_of_a_file_system(tmp_path, monkeypatch):
    monkeypatch.setattr(temporaries, "_MOUNTS", tmp_path / "none")
    assert temporaries._file_system.__wrapped__("/", 1) == "other"
