"""Commands with a repository whose refs are in reftables, which the git of this machine need not know."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from packcore.store.repository import Repository
from tests.reftables import reftable_repository
from tests.support import git, init_repository, ls_remote

if TYPE_CHECKING:
    from pathlib import Path

COMMIT = "66723e84009b70625c6acea5a430499259b54788"
TAG = "416c3e3fb16170c00cfce69f9c9523e27162a685"
LISTED = {
    "refs/heads/alias": COMMIT,
    "refs/heads/main": COMMIT,
    "refs/heads/new": COMMIT,
    "refs/tags/v1": TAG,
    "refs/tags/v1^{}": COMMIT,
}


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return reftable_repository(tmp_path / "tables.git")


def refs(path: Path) -> dict[str, str]:
    with Repository.open(path) as opened:
        return {name: ref.oid.hex() for name, ref in opened.refs().known.items()}


def test_ls_refs_lists_them(packcore, repository):
    lines = packcore("ls-refs", repository).stdout.splitlines()
    assert {name: oid for oid, name in (line.split("\t") for line in lines)} == {**LISTED, "HEAD": COMMIT}


def test_names_are_resolved(packcore, repository):
    for name in ("HEAD", "main", "v1^{commit}", "alias"):
        assert packcore("rev-list", repository, name).stdout == f"{COMMIT}\n"
    assert packcore("rev-list", repository, "--all", "--count").stdout == "1\n"


def test_fsck_finds_it_whole_and_names_a_damaged_table(packcore, repository):
    assert packcore("fsck", repository).exit_code == 0
    table = repository / "reftable" / "kinds-2.ref"
    table.write_bytes(table.read_bytes()[:-1])
    result = packcore("fsck", repository)
    assert result.exit_code == 3
    assert "kinds-2.ref: at offset" in result.stderr


def test_a_sync_reads_them_and_one_writes_them(packcore, repository, tmp_path):
    files = init_repository(tmp_path / "files.git")
    assert packcore("sync", repository, files, "--all-refs").exit_code == 0
    assert ls_remote(files) == LISTED
    git("update-ref", "refs/heads/more", COMMIT, cwd=files)
    git("update-ref", "-d", "refs/heads/new", cwd=files)
    result = packcore("sync", files, repository, "--all-refs", "--prune")
    assert result.exit_code == 0, result.stderr
    assert refs(repository) == {
        name: oid for name, oid in ls_remote(files).items() if not name.endswith("^{}")
    }


def test_a_damaged_table_at_the_target_stops_a_sync_before_anything_is_written(
    packcore, repository, tmp_path
):
    files = init_repository(tmp_path / "files.git")
    packcore("sync", repository, files, "--all-refs")
    table = repository / "reftable" / "kinds-1.ref"
    table.write_bytes(table.read_bytes()[:100])
    before = sorted(path.name for path in (repository / "reftable").iterdir())
    for ends in ((files, repository), (repository, files)):
        result = packcore("sync", *ends, "--all-refs", "--prune")
        assert result.exit_code != 0
        assert "kinds-1.ref: at offset" in result.stderr
    assert sorted(path.name for path in (repository / "reftable").iterdir()) == before
    assert ls_remote(files) == LISTED


def test_fetch_writes_into_them(packcore, repository, tmp_path):
    files = init_repository(tmp_path / "files.git")
    packcore("sync", repository, files, "--branch", "main")
    git("update-ref", "refs/heads/fetched", COMMIT, cwd=files)
    result = packcore("fetch", files, "--into", repository, "--branch", "fetched")
    assert result.exit_code == 0, result.stderr
    assert refs(repository)["refs/heads/fetched"] == COMMIT
