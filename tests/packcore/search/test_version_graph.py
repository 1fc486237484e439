"""Edges of the version graph: which objects are versions of each other, derived from commits."""

from collections.abc import Callable

import pytest

from packcore.ids import SHA1, SHA256, ObjectFormat, ObjectId
from packcore.objects import ObjectType
from packcore.plans.entries import Candidate
from packcore.search.version_graph import version_edges
from packcore.store.memory import MemoryStore


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


def test_what_a_merge_took_from_one_parent_is_no_version_of_what_the_other_had():
    repo = Repository()
    files = {name: repo.blob(name) for name in ("a1", "a2", "b1", "b2", "c1", "c2", "c3", "new")}
    left = repo.tree("left", a=files["a2"], b=files["b1"], c=files["c1"])
    right = repo.tree("right", a=files["a1"], b=files["b2"], c=files["c2"])
    merged = repo.tree("merged", a=files["a2"], b=files["b2"], c=files["c3"], d=files["new"])
    repo.commit("merge", merged, repo.commit("of left", left), repo.commit("of right", right))
    blobs = {pair for pair, weight in repo.edges().items() if not weight}
    assert blobs == {("c1", "c3"), ("c2", "c3")}


def test_folders_below_a_merge_are_compared_with_those_of_all_its_parents():
    repo = Repository()
    files = {name: repo.blob(name) for name in ("a1", "a2", "a3", "b1", "b2", "z")}
    left = repo.tree("left", src=repo.tree("left-src", a=files["a1"], b=files["b2"]), z=files["z"])
    right = repo.tree("right", src=repo.tree("right-src", a=files["a2"], b=files["b1"]), z=files["z"])
    merged = repo.tree("merged", src=repo.tree("merged-src", a=files["a3"], b=files["b2"]), z=files["z"])
    repo.commit("merge", merged, repo.commit("of left", left), repo.commit("of right", right))
    assert repo.edges() == {
        ("left", "merged"): 2,
        ("right", "merged"): 2,
        ("left-src", "merged-src"): 2,
        ("right-src", "merged-src"): 4,
        ("a1", "a3"): 0,
        ("a2", "a3"): 0,
    }


def test_a_merge_that_is_as_one_of_its_parents_ties_only_trees():
    repo = Repository()
    one = repo.tree("one", src=repo.tree("one-src", a=repo.blob("a1")))
    two = repo.tree("two", src=repo.tree("two-src", a=repo.blob("a2")))
    repo.commit("merge", one, repo.commit("left", one), repo.commit("right", two))
    assert repo.edges() == {("two", "one"): 2, ("two-src", "one-src"): 2}


def test_of_two_parents_the_tree_of_one_that_is_far_has_no_edge():
    repo = Repository()
    old = {f"f{number}": repo.blob(f"old{number}") for number in range(20)}
    new = {f"f{number}": repo.blob(f"new{number}") for number in range(20)}
    near, far = repo.tree("near", a=repo.blob("a1"), **new), repo.tree("far", a=repo.blob("a2"), **old)
    merged = repo.tree("merged", a=repo.blob("a3"), **new)
    for parents in ((far, near), (near, far)):
        commits = [repo.commit(f"parent {parents} {number}", tree) for number, tree in enumerate(parents)]
        repo.commit("merge", merged, *commits)
    assert repo.edges() == {("near", "merged"): 2, ("a1", "a3"): 0, ("a2", "a3"): 0}


def test_objects_that_are_not_sent_or_too_big_have_no_edge():
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
