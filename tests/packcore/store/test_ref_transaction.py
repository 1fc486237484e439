"""Several refs changed together: all or none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from packcore.errors import (
    InvalidRefName,
    MissingObject,
    PackcoreError,
    RefLocked,
    RefMoved,
    RepositoryError,
)
from packcore.ids import ObjectId
from packcore.store import ref_lock, ref_transaction
from packcore.store.ref_change import RefChange
from packcore.store.repository import Repository
from tests.object_makers import commit, tree
from tests.support import git

if TYPE_CHECKING:
    from collections.abc import Iterator

ZERO = ObjectId(bytes(20))


@pytest.fixture(params=["few", "many"], autouse=True)
def how_many(request, monkeypatch) -> str:
    """Make the changes one by one, and by one new packed-refs as if they were very many."""
    chosen: str = request.param
    if chosen == "many":
        monkeypatch.setattr(ref_transaction, "MANY_CHANGES", 0)
    return chosen


@pytest.fixture
def repository(tmp_path) -> Iterator[Repository]:
    with Repository.init(tmp_path / "r.git") as made:
        yield made


@pytest.fixture
def ids(repository) -> list[ObjectId]:
    """Two commits, since a branch holds nothing else."""
    empty = repository.write_loose(*tree({}))
    return [repository.write_loose(*commit(empty, message=text)) for text in (b"one\n", b"two\n")]


def values(repository: Repository) -> dict[str, ObjectId]:
    return {name: ref.oid for name, ref in repository.refs().known.items()}


def test_creations_updates_and_deletions_are_made_together(repository, ids):
    one, two = ids
    repository.update_ref("refs/heads/a", one)
    repository.update_ref("refs/heads/b", one)
    changes = [
        RefChange("refs/heads/new", ZERO, two),
        RefChange("refs/heads/a", one, two),
        RefChange("refs/heads/b", one, ZERO),
    ]
    repository.change_refs(changes)
    assert values(repository) == {"refs/heads/a": two, "refs/heads/new": two}


@pytest.mark.parametrize(
    ("name", "old", "new", "error"),
    [
        ("refs/heads/b", "two", "one", RefMoved),
        ("refs/heads/b", "zero", "one", RefMoved),
        ("refs/heads/b", "two", "zero", RefMoved),
        ("refs/heads/gone", "zero", "zero", RefMoved),
        ("refs/heads/b/below", "zero", "one", RepositoryError),
        ("refs/heads/a", "one", "zero", RepositoryError),
        ("refs/heads/new/below", "zero", "one", RepositoryError),
        ("refs/heads/..", "zero", "one", RepositoryError),
        ("refs/heads/other", "zero", "stranger", MissingObject),
    ],
)
def test_one_change_that_cannot_be_made_leaves_every_ref_as_it_was(repository, ids, name, old, new, error):
    one, two = ids
    known = {"one": one, "two": two, "zero": ZERO, "stranger": ObjectId(b"\1" * 20)}
    repository.update_ref("refs/heads/a", one)
    repository.update_ref("refs/heads/b", one)
    before = values(repository)
    changes = [
        RefChange("refs/heads/a", one, two),
        RefChange("refs/heads/new", ZERO, two),
        RefChange(name, known[old], known[new]),
    ]
    with pytest.raises(error):
        repository.change_refs(changes)
    assert values(repository) == before
    assert not list(repository.path.rglob("*.lock"))
    repository.update_ref("refs/heads/a", two)


def test_what_was_written_before_a_failed_write_is_put_back(repository, ids, monkeypatch, how_many):
    one, two = ids
    repository.update_ref("refs/heads/a", one)
    repository.update_ref("refs/heads/z", one)
    original = type(repository.path).replace

    def full(self, target):
        if target.name == ("z" if how_many == "few" else "packed-refs"):
            raise OSError(28, "No space left on device")
        return original(self, target)

    monkeypatch.setattr(type(repository.path), "replace", full)
    changes = [
        RefChange("refs/heads/a", one, two),
        RefChange("refs/heads/new", ZERO, two),
        RefChange("refs/heads/z", one, two),
    ]
    with pytest.raises(PackcoreError, match="No space left"):
        repository.change_refs(changes)
    assert values(repository) == {"refs/heads/a": one, "refs/heads/z": one}


def test_a_symbolic_ref_is_followed_by_an_update_and_removed_by_a_deletion(repository, ids):
    one, two = ids
    repository.update_ref("refs/heads/main", one)
    repository.set_symbolic_ref("refs/heads/alias", "refs/heads/main")
    repository.change_refs([RefChange("refs/heads/alias", one, two)])
    assert values(repository)["refs/heads/main"] == two
    repository.change_refs([RefChange("refs/heads/alias", two, ZERO)])
    assert values(repository) == {"refs/heads/main": two}


@pytest.mark.parametrize("packed", [False, True])
def test_each_change_for_itself_leaves_out_those_that_cannot_be_made(repository, ids, packed):
    one, two = ids
    for name in ("a", "b", "c"):
        repository.update_ref(f"refs/heads/{name}", one)
    if packed:
        git("pack-refs", "--all", cwd=repository.path)
    changes = [
        RefChange("refs/heads/a", one, two),
        RefChange("refs/heads/b", two, one),
        RefChange("refs/heads/c", one, ZERO),
        RefChange("refs/heads/c/below", ZERO, one),
        RefChange("refs/heads/a/below", ZERO, one),
        RefChange("refs/heads/gone", one, ZERO),
        RefChange("refs/heads/..", ZERO, one),
        RefChange("refs/heads/lost", ZERO, ObjectId(b"\1" * 20)),
        RefChange("refs/heads/new", ZERO, two),
    ]
    faults = repository.change_refs_apart(changes)
    assert {name.removeprefix("refs/heads/"): type(fault) for name, fault in faults.items()} == {
        "b": RefMoved,
        "a/below": RepositoryError,
        "gone": RefMoved,
        "..": InvalidRefName,
        "lost": MissingObject,
    }
    assert values(repository) == {
        "refs/heads/a": two,
        "refs/heads/b": one,
        "refs/heads/c/below": one,
        "refs/heads/new": two,
    }
    assert not list(repository.path.rglob("*.lock"))


def test_a_locked_ref_alone_is_left_out(repository, ids, monkeypatch):
    monkeypatch.setattr(ref_lock, "LOCK_TRIES", 2)
    one, _ = ids
    (repository.path / "refs/heads/held.lock").touch()
    changes = [RefChange(f"refs/heads/{name}", ZERO, one) for name in ("a", "held", "z")]
    faults = repository.change_refs_apart(changes)
    assert [(name, type(fault)) for name, fault in faults.items()] == [("refs/heads/held", RefLocked)]
    assert list(values(repository)) == ["refs/heads/a", "refs/heads/z"]
    assert (repository.path / "refs/heads/held.lock").exists()
