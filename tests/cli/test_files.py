"""Output files appear whole or not at all."""

from __future__ import annotations

import os
import stat
import sys

import pytest

from cli.files import AtomicFiles


def test_files_appear_together_when_the_block_ends(tmp_path):
    with AtomicFiles() as files:
        files.open(tmp_path / "a").write(b"one")
        files.open(tmp_path / "b").write(b"two")
        assert not {"a", "b"} & {path.name for path in tmp_path.iterdir()}
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"a": b"one", "b": b"two"}


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_nothing_is_left_after_an_error_and_what_was_there_stays(tmp_path, error):
    (tmp_path / "a").write_bytes(b"old")

    def fail() -> None:
        with AtomicFiles() as files:
            files.open(tmp_path / "a").write(b"new")
            raise error

    with pytest.raises(error):
        fail()
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"a": b"old"}


@pytest.mark.skipif(sys.platform == "win32", reason="file modes of POSIX")
@pytest.mark.parametrize(("read_only", "mode"), [(False, 0o640), (True, 0o440)])
def test_modes_heed_the_umask(tmp_path, read_only, mode):
    before = os.umask(0o027)
    try:
        with AtomicFiles(read_only=read_only) as files:
            files.open(tmp_path / "a").write(b"x")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == mode


def test_a_folder_that_is_not_there_is_an_error_naming_it(tmp_path):
    with pytest.raises(FileNotFoundError), AtomicFiles() as files:
        files.open(tmp_path / "none" / "a")
