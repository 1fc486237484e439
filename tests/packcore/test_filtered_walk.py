"""A filtered walk reads no more than it lists, and keeps what is wanted by its own id."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from packcore.errors import InvalidFilter, LimitExceeded, MissingObject
from packcore.filtered_walk import FilteringLister
from packcore.ids import SHA1
from packcore.limits import Limits
from packcore.object_filter import Filter, parse_filter
from packcore.objects import ObjectType
from packcore.store.memory import MemoryStore
from packcore.walk import list_objects
from tests.object_makers import blob, commit, tree

if TYPE_CHECKING:
    from packcore.ids import ObjectId
    from packcore.store.base import ObjectHeader, StoredObject


class Named(MemoryStore):
    """A store whose objects have names."""

    a: ObjectId
    b: ObjectId
    src: ObjectId
    top: ObjectId
    tip: ObjectId


@pytest.fixture
def store():
    """Two commits over src/a and b; `tip`, `top`, `src`, `a` and `b` are ids in it."""
    made = Named(SHA1)
    made.a = made.add(*blob(b"a"))
    made.b = made.add(*blob(b"b"))
    made.src = made.add(*tree({b"a": (0o100644, made.a)}))
    made.top = made.add(*tree({b"b": (0o100644, made.b), b"src": (0o040000, made.src)}))
    made.tip = made.add(*commit(made.top))
    return made


def listed(store: Named, spec: bytes, wants: list[ObjectId] | None = None, **options: Any) -> list[ObjectId]:
    filter_ = parse_filter(spec, lambda _: b"/src/\n")
    lister = partial(FilteringLister, filter_=filter_, **options)
    return [one.oid for one in list_objects(store, wants or [store.tip], make_lister=lister)]


class Noting(MemoryStore):
    """A copy of a store that notes which objects are looked at."""

    def __init__(self, store: MemoryStore) -> None:
        super().__init__(store.object_format)
        self._objects = store._objects
        self.met: set[ObjectId] = set()

    def header(self, oid: ObjectId) -> ObjectHeader:
        self.met.add(oid)
        return super().header(oid)

    def read(self, oid: ObjectId) -> StoredObject:
        self.met.add(oid)
        return super().read(oid)


@pytest.mark.parametrize(
    ("spec", "left"),
    [
        (b"blob:none", "tip top src"),
        (b"tree:0", "tip"),
        (b"tree:1", "tip top"),
        (b"object:type=commit", "tip"),
        (b"object:type=tree", "tip top src"),
        (b"combine:tree:2+blob:none", "tip top src"),
    ],
)
def test_what_is_left_out_is_not_looked_at(store, spec, left):
    noting = Noting(store)
    lister = partial(FilteringLister, filter_=parse_filter(spec, lambda _: b""))
    found = [one.oid for one in list_objects(noting, [store.tip], make_lister=lister)]
    assert found == [getattr(store, name) for name in left.split()]
    assert noting.met == set(found)


def test_a_wanted_tree_or_blob_passes_every_filter(store):
    assert listed(store, b"blob:none", [store.a]) == [store.a]
    assert listed(store, b"tree:0", [store.src]) == [store.src]
    assert listed(store, b"object:type=commit", [store.top]) == [store.top]
    assert listed(store, b"blob:none", [store.a], spare_given=False) == []


def test_a_wanted_tree_of_a_listed_commit_is_filtered_as_by_git(store):
    assert listed(store, b"tree:0", [store.tip, store.top]) == [store.tip]


def test_an_object_counts_at_its_highest_place(store):
    deep = store.add(*tree({b"d": (0o040000, store.src)}))
    top = store.add(*tree({b"deep": (0o040000, deep), b"src": (0o040000, store.src)}))
    tip = store.add(*commit(top))
    assert listed(store, b"tree:3", [tip]) == [tip, top, deep, store.src, store.a]
    assert listed(store, b"tree:2", [tip]) == [tip, top, deep, store.src]


def test_missing_objects_are_collected_if_that_is_asked_for(store):
    lost = store.object_format.hash_object(b"blob", b"lost")
    top = store.add(*tree({b"b": (0o100644, store.b), b"lost": (0o100644, lost)}))
    with pytest.raises(MissingObject, match="'lost' in the wanted"):
        listed(store, b"blob:limit=9", [top])
    errors: list[MissingObject] = []
    assert listed(store, b"blob:limit=9", [top], on_missing=errors.append) == [top, store.b]
    assert [error.oid for error in errors] == [lost.hex()]


def test_omitted_objects_are_those_that_no_place_lets_pass(store):
    omitted: set[ObjectId] = set()
    assert listed(store, b"tree:1", omitted=omitted) == [store.tip, store.top]
    assert omitted == {store.a, store.b, store.src}
    omitted = set()
    listed(store, b"sparse:oid=x", omitted=omitted)
    assert omitted == {store.b}


def test_trees_nested_too_deep_are_refused(store):
    inner = store.src
    for _ in range(5):
        inner = store.add(*tree({b"d": (0o040000, inner)}))
    lister = partial(FilteringLister, filter_=Filter(blob_bytes=9))
    with pytest.raises(LimitExceeded, match="nested deeper than 3"):
        list_objects(store, [inner], limits=Limits(tree_depth=3), make_lister=lister)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (b"", "invalid filter-spec ''"),
        (b"blob:limit=", "invalid filter-spec"),
        (b"blob:limit=1t", "invalid filter-spec"),
        (b"tree:", "expected 'tree:<depth>'"),
        (b"object:type=thing", "invalid filter-spec"),
        (b"combine:", "expected something after combine:"),
        (b"combine:tree:1+", "expected 'tree:<depth>'"),
        (b"combine:tree:1+sparse:oid=a b", "must escape char in sub-filter-spec: ' '"),
        (b"combine:" + b"+".join([b"tree:1"] * 17), "more than 16 filters"),
    ],
)
def test_a_text_that_is_no_filter_is_refused_with_the_reason(spec, message):
    with pytest.raises(InvalidFilter) as caught:
        parse_filter(spec, lambda _: b"")
    assert message in str(caught.value)


def test_the_strictest_of_several_filters_counts():
    found = parse_filter(b"combine:blob:limit=1k+blob:limit=2+tree%3A3+tree:5", lambda _: b"")
    assert found == Filter(frozenset(ObjectType), 2, 3)
