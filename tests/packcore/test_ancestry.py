"""Ancestry: who comes before whom, in stores that hold all of history or only its newest part."""

from __future__ import annotations

import pytest

from packcore.ancestry import is_ancestor, list_commits, peel
from packcore.errors import CorruptObject, MissingObject
from packcore.ids import SHA1, ObjectId
from packcore.objects import ObjectType
from packcore.store.memory import MemoryStore
from tests.object_makers import blob, commit, tag, tree

GONE = ObjectId(b"\1" * 20)


class History:
    """a - b - c - e, with d a second parent of e, and x apart; dates run backwards on purpose."""

    def __init__(self) -> None:
        self.store = MemoryStore(SHA1)
        self.tree = self.store.add(*tree({}))
        self.a = self.commit(9, b"a")
        self.b = self.commit(8, b"b", self.a)
        self.c = self.commit(7, b"c", self.b)
        self.d = self.commit(6, b"d", self.a)
        self.e = self.commit(5, b"e", self.c, self.d)
        self.x = self.commit(4, b"x")

    def commit(self, date: int, message: bytes, *parents: ObjectId) -> ObjectId:
        return self.store.add(*commit(self.tree, parents, date=date, message=message))


@pytest.fixture
def made() -> History:
    return History()


@pytest.mark.parametrize(
    ("ancestor", "descendant", "expected"),
    [
        ("a", "a", True),
        ("a", "e", True),
        ("d", "e", True),
        ("b", "d", False),
        ("e", "a", False),
        ("x", "e", False),
    ],
)
def test_ancestry_follows_every_parent_whatever_the_dates(
    made: History, ancestor: str, descendant: str, expected: bool
):
    assert is_ancestor(made.store, getattr(made, ancestor), getattr(made, descendant)) is expected


def test_an_ancestor_that_the_store_lacks_is_reached_when_a_commit_names_it(made: History):
    top = made.commit(20, b"top", made.commit(19, b"next", GONE))
    assert is_ancestor(made.store, GONE, top)
    assert not is_ancestor(made.store, made.a, top)


def test_a_descendant_that_the_store_lacks_is_missing(made: History):
    with pytest.raises(MissingObject):
        is_ancestor(made.store, made.a, GONE)
    assert is_ancestor(made.store, GONE, GONE)


def test_tags_stand_for_their_commits(made: History):
    old, new = made.store.add(*tag(made.a)), made.store.add(*tag(made.e))
    assert is_ancestor(made.store, old, new)
    assert is_ancestor(made.store, made.e, new)


def test_what_is_no_commit_has_no_ancestors(made: History):
    assert not is_ancestor(made.store, made.a, made.tree)
    assert not is_ancestor(made.store, made.tree, made.a)


def test_commits_are_listed_newest_first_without_those_of_the_haves(made: History):
    assert set(list_commits(made.store, [made.e], [made.b])) == {made.e, made.c, made.d}
    assert list_commits(made.store, [made.a], [made.e]) == []


def test_peeling_follows_tags_to_the_end(made: History):
    oid = made.store.add(*tag(made.store.add(*tag(made.a)), ObjectType.TAG))
    assert peel(made.store, oid) == (made.a, ObjectType.COMMIT)


def test_peeling_a_tag_of_nothing_names_the_tag(made: History):
    oid = made.store.add(*tag(GONE))
    with pytest.raises(MissingObject, match=f"target of tag {oid.hex()}"):
        peel(made.store, oid)


def test_a_parent_that_is_no_commit_is_corrupt(made: History):
    top = made.commit(1, b"top", made.store.add(*blob(b"x")))
    with pytest.raises(CorruptObject, match="is a blob"):
        list_commits(made.store, [top])
