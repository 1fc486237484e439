"""What we prepare in a repository: git verifies each file, uses it, and finds nothing wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from packcore.checks.fsck import check_repository
from packcore.errors import MissingObject, RepositoryError
from packcore.prepare import prepare_bitmap, prepare_commit_graph, prepare_multi_pack_index
from packcore.repack import repack
from packcore.store.repository import Repository
from packcore.walk import list_objects
from tests.packcore.store.test_bitmap import made, tip
from tests.packcore.store.test_multi_pack_index import made as made_in_packs
from tests.support import git, init_repository, run_git

if TYPE_CHECKING:
    from pathlib import Path


def nothing_wrong(path: Path) -> None:
    """Check the repository with git, then with our own fsck."""
    assert run_git("fsck", "--full", "--strict", cwd=path).returncode == 0
    with Repository.open(path) as repository:
        assert [found.text for found in check_repository(repository) if found.is_error] == []


def listed(path: Path, want: str, have: str) -> set[str]:
    with Repository.open(path) as repository:
        found = list_objects(repository, [tip(path, want)], [tip(path, have)], haves_complete=True)
        assert repository.shortcuts.bitmap is not None
        assert repository.shortcuts.faults == []
        return {one.oid.hex() for one in found}


def truly(path: Path, want: str, have: str) -> set[str]:
    lists = [
        git("rev-list", "--objects", "--no-object-names", name, cwd=path).split() for name in (want, have)
    ]
    return set(lists[0]) - set(lists[1])


@pytest.mark.parametrize("object_format", ["sha1", "sha256"])
def test_a_commit_graph_of_ours_passes_gits_check_and_is_git_s_own(tmp_path: Path, object_format: str):
    path = init_repository(tmp_path / "a.git", object_format=object_format)
    lines = []
    for n in range(20):
        lines += ["commit refs/heads/main", f"committer a <a@b> {1000 - n} +0000", "data 1", "x"]
    git("fast-import", "--quiet", cwd=path, stdin="\n".join(lines).encode())
    with Repository.open(path) as repository:
        file = prepare_commit_graph(repository)
    assert file is not None
    ours = file.read_bytes()
    git("commit-graph", "verify", cwd=path)
    nothing_wrong(path)
    git("commit-graph", "write", "--reachable", cwd=path)
    assert file.read_bytes() == ours


def test_a_graph_in_layers_is_replaced_by_one_of_ours(tmp_path: Path):
    path = made(tmp_path / "a.git")
    git("commit-graph", "write", "--reachable", "--split", cwd=path)
    with Repository.open(path) as repository:
        prepare_commit_graph(repository)
        assert repository.shortcuts.commit_graph is not None
        assert len(repository.shortcuts.commit_graph) == int(git("rev-list", "--all", "--count", cwd=path))
    assert list((path / "objects/info/commit-graphs").glob("*")) == []
    git("commit-graph", "verify", cwd=path)


def test_a_shallow_clone_and_an_empty_repository_get_no_graph(tmp_path: Path):
    path = made(tmp_path / "a.git")
    git("clone", "-q", "--bare", "--depth", "3", path.as_uri(), str(tmp_path / "b.git"))
    with Repository.open(tmp_path / "b.git") as repository, pytest.raises(RepositoryError, match="shallow"):
        prepare_commit_graph(repository)
    with Repository.open(init_repository(tmp_path / "c.git")) as repository:
        assert prepare_commit_graph(repository) is None
        assert prepare_multi_pack_index(repository) is None


def test_a_bitmap_of_ours_passes_gits_test_and_git_counts_by_it(tmp_path: Path):
    path = made(tmp_path / "a.git")
    (file,) = (path / "objects/pack").glob("*.bitmap")
    file.unlink()
    with Repository.open(path) as repository:
        prepare_bitmap(repository, file.with_suffix(".pack"))
    git("rev-list", "--test-bitmap", "main", cwd=path)
    git("rev-list", "--test-bitmap", "side", cwd=path)
    counts = [
        git("rev-list", "--objects", "--count", *use, "--all", cwd=path)
        for use in ([], ["--use-bitmap-index"])
    ]
    assert counts[0] == counts[1]
    assert listed(path, "main", "main~30") == truly(path, "main", "main~30")
    nothing_wrong(path)


def test_a_table_of_ours_and_its_bitmap_pass_gits_check(tmp_path: Path):
    path = made_in_packs(tmp_path / "a.git")
    (path / "objects/pack/multi-pack-index").unlink()
    with Repository.open(path) as repository:
        prepare_multi_pack_index(repository, bitmap=True)
    git("multi-pack-index", "verify", cwd=path)
    git("rev-list", "--test-bitmap", "main", cwd=path)
    assert listed(path, "main", "main~10") == truly(path, "main", "main~10")
    nothing_wrong(path)


def test_an_object_in_two_packs_is_in_the_table_once_by_the_preferred_pack(tmp_path: Path):
    path = made_in_packs(tmp_path / "a.git", 3)
    git("pack-objects", "-q", "--all", "objects/pack/pack", cwd=path, stdin=b"")
    with Repository.open(path) as repository:
        prepare_multi_pack_index(repository, bitmap=True)
        assert all(packed.table is None or packed.table.count for packed in repository._packs)
    git("multi-pack-index", "verify", cwd=path)
    git("rev-list", "--test-bitmap", "main", cwd=path)
    nothing_wrong(path)


def test_a_pack_that_is_not_closed_gets_no_bitmap(tmp_path: Path):
    path = made_in_packs(tmp_path / "a.git", 3)
    largest = max((path / "objects/pack").glob("*.pack"), key=lambda pack: pack.stat().st_size)
    with Repository.open(path) as repository, pytest.raises(MissingObject, match="not in the packs"):
        prepare_bitmap(repository, largest)
    assert list((path / "objects/pack").glob("*.bitmap")) == []


def test_after_a_repack_all_three_can_be_written_and_git_goes_on_with_them(tmp_path: Path):
    path = made_in_packs(tmp_path / "a.git", 3)
    with Repository.open(path) as repository:
        done = repack(repository)
        assert done.path is not None
        prepare_commit_graph(repository)
        prepare_bitmap(repository, done.path)
    nothing_wrong(path)
    git("rev-list", "--test-bitmap", "main", cwd=path)
    git("gc", "-q", cwd=path)
    nothing_wrong(path)


def test_a_pack_with_a_bitmap_gets_the_reverse_index_that_reading_it_needs(tmp_path: Path):
    path = made(tmp_path / "a.git", rev=False)
    (pack,) = (path / "objects/pack").glob("*.pack")
    with Repository.open(path) as repository:
        prepare_bitmap(repository, pack)
    assert pack.with_suffix(".rev").exists()
    nothing_wrong(path)
    assert listed(path, "main", "main~30") == truly(path, "main", "main~30")
