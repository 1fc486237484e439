"""What an index file names, as `git ls-files` lists it; damage is an error with the file's name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from packcore.errors import CorruptData
from packcore.ids import SHA1, SHA256
from packcore.store.index_file import read_index
from tests.support import git, git_bytes

if TYPE_CHECKING:
    from pathlib import Path

FORMATS = {"sha1": SHA1, "sha256": SHA256}


def staged(path: Path, object_format: str = "sha1") -> Path:
    git("init", "-q", f"--object-format={object_format}", path)
    for name in ("a", "d/e/b", "d/e/bb", "d/f", "x" * 70, "caf\u00e9"):
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text(name)
    git("add", ".", cwd=path)
    return path


def listed(path: Path) -> list[tuple[int, str, bytes]]:
    """What git says: mode, id and path."""
    rows = [row.split(b"\t") for row in git_bytes("ls-files", "-s", "-z", cwd=path).split(b"\0")[:-1]]
    return [(int(info.split()[0], 8), info.split()[1].decode(), name) for info, name in rows]


def ours(path: Path, object_format: str = "sha1") -> list[tuple[int, str, bytes]]:
    names = read_index(path / ".git/index", FORMATS[object_format])
    assert names is not None
    return sorted(((mode, oid.hex(), name) for mode, oid, name, _ in names.entries), key=lambda row: row[2])


@pytest.mark.parametrize("object_format", ["sha1", "sha256"])
@pytest.mark.parametrize("version", [2, 3, 4])
def test_every_version_is_read(tmp_path: Path, object_format: str, version: int):
    path = staged(tmp_path / "r", object_format)
    if version == 3:
        git("add", "-N", "--", path / "d", cwd=path)
        git("update-index", "--skip-worktree", "a", cwd=path)
    else:
        git("update-index", "--index-version", str(version), cwd=path)
    assert (path / ".git/index").read_bytes()[7] == version
    assert ours(path, object_format) == listed(path)


def test_trees_that_were_written_are_named(tmp_path: Path):
    path = staged(tmp_path / "r")
    tree = git("write-tree", cwd=path)
    names = read_index(path / ".git/index", SHA1)
    assert names is not None
    assert names.trees[0] == (bytes.fromhex(tree), 1, b"")
    assert [below for _, below, _ in names.trees] == [1, 1, 0]
    (path / "a").write_text("changed")
    git("add", "a", cwd=path)
    names = read_index(path / ".git/index", SHA1)
    assert names is not None
    assert names.trees[0] == (None, 1, b"")


def test_a_split_index_is_its_own_entries_over_the_shared_ones(tmp_path: Path):
    path = staged(tmp_path / "r")
    git("update-index", "--split-index", cwd=path)
    (path / "a").write_text("changed")
    git("add", "a", cwd=path)
    git("rm", "-q", "--cached", "d/f", cwd=path)
    assert ours(path) == listed(path)
    shared = next((path / ".git").glob("sharedindex.*"))
    whole = shared.read_bytes()
    shared.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(CorruptData, match=r"sharedindex\.\w+: it has another digest than .*index says"):
        ours(path)
    shared.unlink()
    with pytest.raises(
        CorruptData, match=r"index: it shares entries with sharedindex\.\w+, which is not there"
    ):
        ours(path)


def test_a_digest_may_be_left_out(tmp_path: Path):
    path = staged(tmp_path / "r")
    expected = listed(path)
    file = path / ".git/index"
    file.write_bytes(file.read_bytes()[:-20] + bytes(20))  # as index.skipHash makes it
    assert ours(path) == expected


def test_no_file_is_an_empty_index(tmp_path: Path):
    assert read_index(tmp_path / "index", SHA1) is None


@pytest.mark.parametrize("version", [2, 4])
def test_a_cut_or_changed_file_is_an_error_with_its_path(tmp_path: Path, version: int):
    path = staged(tmp_path / "r")
    git("write-tree", cwd=path)
    git("update-index", "--index-version", str(version), cwd=path)
    file = path / ".git/index"
    whole = file.read_bytes()
    for end in range(0, len(whole) - 20, 7):
        file.write_bytes(whole[:end])
        with pytest.raises(CorruptData, match=f"^{re.escape(str(file))}: "):
            read_index(file, SHA1)
    changed = bytearray(whole)
    changed[70] ^= 1
    file.write_bytes(changed)
    with pytest.raises(CorruptData, match="another digest than it says"):
        read_index(file, SHA1)
