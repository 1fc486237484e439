"""The copy of the checkout that a column gets, and that nothing is removed through a mount."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from scripts.matrix import files
from scripts.matrix.columns import MatrixError
from scripts.matrix.files import copy_checkout, mounts_below, remove_tree
from tests.support import git, require

if TYPE_CHECKING:
    from pathlib import Path

_MOUNTS = """\
22 1 254:0 / / rw,relatime - ext4 /dev/vda rw
30 22 0:5 / {folder}/root/proc rw - proc proc rw
31 22 0:5 / {folder}/root\\040two/dev rw - devtmpfs dev rw
"""


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    require("git")
    folder = tmp_path / "checkout"
    folder.mkdir()
    for name, text in {"kept": "1", "edited": "1", "removed": "1", ".gitignore": "/build\n"}.items():
        (folder / name).write_text(text)
    git("init", "-q", cwd=folder)
    git("add", ".", cwd=folder)
    git("commit", "-q", "-m", "one", cwd=folder)
    monkeypatch.setattr(files, "ROOT", folder)
    return folder


def test_a_copy_has_what_is_committed_edited_and_new_and_not_what_git_ignores(
    checkout: Path, tmp_path: Path
) -> None:
    (checkout / "edited").write_text("2")
    (checkout / "removed").unlink()
    (checkout / "new").write_text("2")
    (checkout / "build").mkdir()
    (checkout / "build/output").write_text("2")
    commit = copy_checkout(tmp_path / "copy")
    assert commit.endswith("-dirty")
    copied = {path.name: path.read_text() for path in (tmp_path / "copy").iterdir() if path.is_file()}
    assert copied == {"kept": "1", "edited": "2", "new": "2", ".gitignore": "/build\n"}
    assert git("log", "--format=%s", cwd=tmp_path / "copy") == "one"


def test_a_record_that_earlier_columns_changed_is_no_other_commit(checkout: Path, tmp_path: Path) -> None:
    record = checkout / "docs/works-with.json"
    record.parent.mkdir()
    record.write_text("[]")
    git("add", ".", cwd=checkout)
    git("commit", "-q", "-m", "two", cwd=checkout)
    record.write_text("[1]")
    assert git("rev-parse", "HEAD", cwd=checkout).startswith(copy_checkout(tmp_path / "copy"))


def test_a_folder_that_is_no_checkout_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "ROOT", tmp_path)
    with pytest.raises(MatrixError, match="copies the checkout by git"):
        copy_checkout(tmp_path / "copy")


def test_mounts_are_found_below_a_folder_and_not_beside_it(tmp_path: Path) -> None:
    text = _MOUNTS.format(folder=tmp_path)
    assert mounts_below(tmp_path / "root", text) == [f"{tmp_path}/root/proc"]
    assert mounts_below(tmp_path / "root two", text) == [f"{tmp_path}/root two/dev"]
    assert mounts_below(tmp_path / "roo", text) == []
    assert mounts_below(tmp_path / "root/proc", text) == [f"{tmp_path}/root/proc"]


def test_a_folder_with_a_mount_is_not_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "root/proc").mkdir(parents=True)
    monkeypatch.setattr(files, "mounts_below", lambda *_: [str(tmp_path / "root/proc")])
    with pytest.raises(MatrixError, match="root/proc is mounted; unmount that first"):
        remove_tree(tmp_path / "root")
    assert (tmp_path / "root/proc").is_dir()


def test_a_folder_without_mounts_is_removed_and_one_that_is_not_there_is_fine(tmp_path: Path) -> None:
    (tmp_path / "root/etc").mkdir(parents=True)
    remove_tree(tmp_path / "root")
    remove_tree(tmp_path / "root")
    assert not (tmp_path / "root").exists()
