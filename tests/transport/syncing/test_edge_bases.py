"""Bases for a thin pack out of a whole repository: what the target has at the paths of what is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packcore.store.repository import Repository
from packcore.walk import list_objects
from tests.support import fast_import, git, history, init_repository, make_repository
from transport.syncing.deliver.edge_bases import edge_bases

if TYPE_CHECKING:
    from pathlib import Path


def found_at(path: Path, wanted: str, had: str) -> set[str]:
    """Return the paths of the bases for what `wanted` has beyond `had`."""
    with Repository(path) as repository:
        want, have = (
            repository.object_format.from_hex(git("rev-parse", name, cwd=path)) for name in (wanted, had)
        )
        objects = list_objects(repository, [want], [have], haves_complete=True)
        bases = edge_bases(repository, objects)
        sent = {candidate.oid for candidate in objects}
        assert not any(base.oid in sent for base in bases)
        for base in bases:
            spec = f"{had}:{bytes(base.where).decode()}" if base.where else f"{had}^{{tree}}"
            assert git("rev-parse", spec, cwd=path) == base.oid.hex()
        return {bytes(base.where).decode() for base in bases}


def test_the_older_versions_of_what_changed_are_bases_and_nothing_else(tmp_path):
    path = make_repository(tmp_path / "x.git", history(commits=3))
    changed = git("diff", "--name-only", "main~1", "main", cwd=path).split()
    folders = {name.rpartition("/")[0] for name in changed}
    above = {part.split("/")[0] for part in changed}
    assert found_at(path, "main", "main~1") == {"", *changed, *folders, *above}


def test_a_file_that_is_new_has_no_base_but_its_folder_has(tmp_path):
    path = make_repository(tmp_path / "x.git", history(commits=1))
    stream = [b"commit refs/heads/main\ncommitter C <c@example.com> 1112912993 +0000\ndata 0\nfrom main^0\n",
              b"M 100644 inline src/part0/new\ndata 3\nnew\ndone\n"]  # fmt: skip
    fast_import(path, stream)
    assert found_at(path, "main", "main~1") == {"", "src", "src/part0"}


def test_a_first_push_has_no_bases(tmp_path):
    path = make_repository(tmp_path / "x.git", history(commits=3))
    with Repository(path) as repository:
        tip = repository.object_format.from_hex(git("rev-parse", "main", cwd=path))
        assert edge_bases(repository, list_objects(repository, [tip])) == []


def test_a_file_in_the_place_of_a_folder_is_passed_over(tmp_path):
    path = init_repository(tmp_path / "x.git")
    fast_import(path, [
        b"commit refs/heads/main\ncommitter C <c@example.com> 1 +0000\ndata 0\n",
        b"M 100644 inline a\ndata 1\nx\n",
        b"commit refs/heads/main\ncommitter C <c@example.com> 2 +0000\ndata 0\nD a\n",
        b"M 100644 inline a/b\ndata 1\ny\ndone\n",
    ])  # fmt: skip
    assert found_at(path, "main", "main~1") == {"", "a"}
