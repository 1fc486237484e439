"""Paths that limit a listing, and whether two trees differ there."""

from __future__ import annotations

import pytest

from packcore.errors import LimitExceeded, UnknownRevision
from packcore.ids import SHA1
from packcore.limits import Limits
from packcore.pathspec import Pathspec, TreeComparison
from packcore.store.memory import MemoryStore
from packcore.wildcards import wildcard_fits
from tests.object_makers import blob, tree


@pytest.mark.parametrize(
    ("spec", "path", "is_folder", "fits"),
    [
        ("src", b"src", True, True),
        ("src", b"src", False, True),
        ("src/", b"src", True, True),
        ("src/", b"src", False, False),
        ("src", b"srcs", False, False),
        ("./src//lib/../x", b"src/x", False, True),
        ("*.c", b"src/a.c", False, True),
        ("src/*", b"src/lib/a", False, True),
        ("s?c", b"src", True, True),
        ("[a-c]*", b"b/x", False, True),
        ("\\*", b"*", False, True),
        ("\\*", b"x", False, False),
        (".", b"", True, True),
    ],
)
def test_a_path_is_taken_in_or_not(spec, path, is_folder, fits):
    assert Pathspec.parse([spec]).takes(path, is_folder=is_folder) is fits


@pytest.mark.parametrize("spec", ["", ":(icase)x", ":!x", "../x", "a/../../x"])
def test_a_path_that_can_not_be_meant_is_refused(spec):
    with pytest.raises(UnknownRevision):
        Pathspec.parse([spec])


@pytest.fixture
def store():
    return MemoryStore(SHA1)


def test_trees_are_compared_only_where_the_paths_lead(store):
    one, two = store.add(*blob(b"1")), store.add(*blob(b"2"))
    lost = SHA1.hash_object(b"tree", b"not here")
    left = store.add(*tree({b"a": (0o100644, one), b"b": (0o100644, one), b"skipped": (0o040000, lost)}))
    right = store.add(*tree({b"a": (0o100644, one), b"b": (0o100755, two)}))
    for spec, differ in (("a", False), ("b", True), ("c", False), (".", True), ("skipped", True)):
        assert TreeComparison(store, Pathspec.parse([spec])).differ(left, right) is differ
    assert TreeComparison(store, Pathspec.parse(["a"])).differ(left, None)
    assert not TreeComparison(store, Pathspec.parse(["."])).differ(store.add(*tree({})), None)


def test_trees_nested_too_deep_are_refused(store):
    inner, other = (store.add(*tree({b"x": (0o100644, store.add(*blob(text)))})) for text in (b"1", b"2"))
    for _ in range(5):
        inner, other = (store.add(*tree({b"d": (0o040000, oid)})) for oid in (inner, other))
    assert TreeComparison(store, Pathspec.parse(["*x"])).differ(inner, other)
    with pytest.raises(LimitExceeded, match="deeper than 3"):
        TreeComparison(store, Pathspec.parse(["*x"]), Limits(tree_depth=3)).differ(inner, other)


def test_many_stars_take_no_longer_than_one():
    assert not wildcard_fits(b"*a" * 400 + b"b", b"a" * 4000)
    assert wildcard_fits(b"*a" * 400, b"a" * 4000)
