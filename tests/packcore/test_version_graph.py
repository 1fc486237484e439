"""Edges of the version graph: what commits say about which object is a version of which."""

from collections.abc import Callable

import pytest

from packcore.ids import SHA1, SHA256, ObjectFormat, ObjectId
from packcore.objects import ObjectType
from packcore.plan import Candidate
from packcore.store.memory import MemoryStore
from packcore.version_graph import version_edges


class Repository:
    """Objects by short names, in the order in which they are made."""

    def __init__(self, object_format: ObjectFormat = SHA1) -> None:
        self.store = MemoryStore(object_format)
        self.names: dict[ObjectId, str] = {}

    def add(self, name: str, type_: ObjectType, data: bytes) -> ObjectId:
        oid = self.store.add(type_, data)
        self.names.setdefault(oid, name)
        return oid

    def blob(self, name: str) -> ObjectId:
        return self.add(name, ObjectType.BLOB, name.encode())

    def tree(self, name: str, **entries: ObjectId) -> ObjectId:
        rows = [
            (b"40000 " if self.store.header(oid).type == ObjectType.TREE else b"100644 ")
            + key.encode()
            + b"\0"
            + oid
            for key, oid in sorted(entries.items())
        ]
        return self.add(name, ObjectType.TREE, b"".join(rows))

    def commit(self, name: str, tree: ObjectId, *parents: ObjectId) -> ObjectId:
        lines = [
            f"tree {tree.hex()}",
            *(f"parent {parent.hex()}" for parent in parents),
            f"author {name}",
            "",
            "",
        ]
        return self.add(name, ObjectType.COMMIT, "\n".join(lines).encode())

    def edges(self, usable: Callable[[ObjectId], bool] = lambda oid: True) -> dict[tuple[str, str], int]:
        oids = list(self.store)
        candidates = [
            Candidate(oid, self.store.header(oid).type, self.store.header(oid).size, b"", n)
            for n, oid in enumerate(oids)
        ]
        found = version_edges(
            candidates,
            lambda n: self.store.read(oids[n]).data,
            self.store.object_format,
            lambda n: usable(oids[n]),
        )
        return {(self.names[oids[a]], self.names[oids[b]]): weight for a, b, weight in found}


@pytest.mark.parametrize("object_format", [SHA1, SHA256])
def test_a_changed_file_ties_its_versions_and_all_trees_above(object_format):
    repo = Repository(object_format)
    same = repo.blob("same")
    old = repo.tree("old", src=repo.tree("old-src", a=repo.blob("a1"), b=same), z=same)
    new = repo.tree("new", src=repo.tree("new-src", a=repo.blob("a2"), b=same), z=same)
    repo.commit("second", new, repo.commit("first", old))
    assert repo.edges() == {("old", "new"): 2, ("old-src", "new-src"): 2, ("a1", "a2"): 0}


def test_a_file_that_came_or_went_ties_only_the_trees():
    repo = Repository()
    old, new = repo.tree("old", a=repo.blob("a")), repo.tree("new", a=repo.blob("a"), b=repo.blob("b"))
    repo.commit("second", new, repo.commit("first", old))
    assert repo.edges() == {("old", "new"): 1}


def test_a_file_that_became_a_folder_is_no_version_of_it():
    repo = Repository()
    old = repo.tree("old", x=repo.blob("file"))
    new = repo.tree("new", x=repo.tree("folder", a=repo.blob("a")))
    repo.commit("second", new, repo.commit("first", old))
    assert repo.edges() == {("old", "new"): 2}


def test_a_merge_ties_to_both_parents():
    repo = Repository()
    one, two = repo.tree("one", a=repo.blob("a1")), repo.tree("two", a=repo.blob("a2"))
    merged = repo.tree("merged", a=repo.blob("a3"))
    repo.commit("merge", merged, repo.commit("left", one), repo.commit("right", two))
    assert {("one", "merged"), ("two", "merged"), ("a1", "a3"), ("a2", "a3")} == set(repo.edges())


def test_objects_that_do_not_travel_or_are_too_big_have_no_edge():
    repo = Repository()
    old, new = repo.tree("old", a=repo.blob("a1")), repo.tree("new", a=repo.blob("a2"))
    repo.commit("second", new, repo.commit("first", old))
    assert set(repo.edges(lambda oid: repo.names[oid] != "a1")) == {("old", "new")}
    assert repo.edges(lambda oid: repo.names[oid] != "first") == {}


@pytest.mark.parametrize(
    "data", [b"", b"tree\n", b"tree zz\nauthor x\n", b"tree " + b"1" * 39 + b"\nparent 12\n\n", b"\0" * 50]
)
def test_broken_commits_and_trees_have_no_edges_and_raise_nothing(data):
    repo = Repository()
    broken = repo.add("broken tree", ObjectType.TREE, data)
    first = repo.commit("first", broken)
    repo.commit("second", repo.add("other tree", ObjectType.TREE, data + b"100644 x"), first)
    repo.add("broken commit", ObjectType.COMMIT, data)
    assert set(repo.edges()) <= {("broken tree", "other tree")}
