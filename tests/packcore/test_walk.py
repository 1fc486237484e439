"""From wants and haves to objects: against git, against plain reachability, and with parts missing."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from packcore.errors import CorruptObject, LimitExceeded, MissingObject
from packcore.ids import SHA1, SHA256, ObjectId
from packcore.limits import Limits
from packcore.objects import MODE_DIRECTORY, ObjectType, commit_links, iter_tree, parse_tag
from packcore.store.loose import LooseStore
from packcore.store.memory import MemoryStore
from packcore.walk import ObjectChecker, list_commits, list_objects
from tests.object_makers import blob, commit, tag, tree
from tests.support import git, init_repository

if TYPE_CHECKING:
    from packcore.store.base import ObjectStore
    from tests.object_makers import Writer

FILE, DIRECTORY, GITLINK = 0o100644, MODE_DIRECTORY, 0o160000


def make_history(write: Writer, seed: int, *, commits: int = 12, skew: bool = False) -> list[ObjectId]:
    """Write a random history with merges, several roots, and files that come back; return its commits."""
    chance = random.Random(seed)
    made: list[ObjectId] = []
    for number in range(commits):
        folders = {}
        for name in (b"a", b"b", b"c"):
            files = {
                b"f%d" % n: (FILE, write(*blob(b"%d" % chance.randrange(commits))))
                for n in range(chance.randrange(3))
            }
            if files:
                folders[name] = (DIRECTORY, write(*tree(files)))
        top = write(*tree({**folders, b"top": (FILE, write(*blob(b"%d" % chance.randrange(4))))}))
        parents = sorted(set(chance.sample(made, min(len(made), chance.choice([0, 1, 1, 1, 1, 2])))))
        date = 1_000_000_000 + (chance.randrange(-50, 50) if skew else 0) + number
        made.append(write(*commit(top, parents, date=date, message=b"%d\n" % number)))
    return made


def reachable(store: ObjectStore, tips: list[ObjectId]) -> set[ObjectId]:
    """Everything that the tips reach: the plainest walk there is."""
    seen: set[ObjectId] = set()
    stack = list(tips)
    while stack:
        oid = stack.pop()
        if oid in seen or oid not in store:
            continue
        seen.add(oid)
        type_, data = store.read(oid)
        if type_ is ObjectType.COMMIT:
            links = commit_links(data, store.object_format)
            stack += [links.tree, *links.parents]
        elif type_ is ObjectType.TREE:
            stack += [entry.oid for entry in iter_tree(data, store.object_format)]
        elif type_ is ObjectType.TAG:
            stack.append(parse_tag(data, store.object_format).target)
    return seen


def ids(store: ObjectStore, wants: list[ObjectId], haves: list[ObjectId] = [], **options) -> list[ObjectId]:  # noqa: B006
    return [candidate.oid for candidate in list_objects(store, wants, haves, **options)]


@given(st.integers(0, 10**6), st.data())
def test_nothing_needed_is_left_out_and_nothing_the_haves_hold_themselves_is_sent(
    seed: int, data: st.DataObject
):
    store = MemoryStore(SHA1)
    made = make_history(store.add, seed, skew=True)
    wants = data.draw(st.lists(st.sampled_from(made), min_size=1, max_size=3))
    haves = data.draw(st.lists(st.sampled_from(made), max_size=3))
    found = ids(store, wants, haves, haves_complete=True)
    assert len(found) == len(set(found))
    had, wanted = reachable(store, haves), reachable(store, wants)
    assert wanted - had <= set(found) <= wanted
    own = {commit_links(store.read(have).data, SHA1).tree for have in haves}
    assert not set(found) & (reachable(store, sorted(own)) | set(haves))


@given(st.integers(0, 10**6), st.data())
def test_a_store_that_holds_only_what_the_haves_lack_gives_all_of_it(seed: int, data: st.DataObject):
    full = MemoryStore(SHA1)
    made = make_history(full.add, seed)
    wants = data.draw(st.lists(st.sampled_from(made), min_size=1, max_size=3))
    haves = data.draw(st.lists(st.sampled_from(made), min_size=1, max_size=3))
    new = reachable(full, wants) - reachable(full, haves)
    spool = MemoryStore(SHA1)
    for oid in full:
        if oid in new:
            spool.add(*full.read(oid))
    present = [want for want in wants if want in new]
    assert set(ids(spool, present, haves)) == new


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([SHA1, SHA256]))
def test_git_lists_the_same_objects(tmp_path_factory: pytest.TempPathFactory, seed: int, object_format):
    path = init_repository(tmp_path_factory.mktemp("walk"), object_format=object_format.name)
    store = LooseStore(path / "objects", object_format)
    made = make_history(store.write, seed)
    wants, haves = random.Random(seed).sample(made, 2), random.Random(seed + 1).sample(made, 2)
    full = git("rev-list", "--objects", *(oid.hex() for oid in wants), cwd=path).splitlines()
    assert [line[: object_format.hex_size] for line in full] == [oid.hex() for oid in ids(store, wants)]
    chosen = [*(oid.hex() for oid in wants), "--not", *(oid.hex() for oid in haves)]
    theirs = {
        line[: object_format.hex_size]
        for line in git("rev-list", "--objects", *chosen, cwd=path).splitlines()
    }
    ours = {oid.hex() for oid in ids(store, wants, haves, haves_complete=True)}
    least = reachable(store, wants) - reachable(store, haves)
    assert {oid.hex() for oid in least} <= ours <= theirs
    commits = git("rev-list", *chosen, cwd=path).splitlines()
    assert sorted(commits) == sorted(oid.hex() for oid in list_commits(store, wants, haves))


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore(SHA1)


def one_file(store: MemoryStore, text: bytes, *, name: bytes = b"f") -> ObjectId:
    return store.add(*tree({name: (FILE, store.add(*blob(text)))}))


def test_commits_come_first_then_tags_then_trees_depth_first_with_paths(store: MemoryStore):
    inner = one_file(store, b"x", name=b"z.c")
    top = store.add(*tree({b"src": (DIRECTORY, inner), b"a": (FILE, store.add(*blob(b"a")))}))
    old = store.add(*commit(one_file(store, b"old"), date=1))
    new = store.add(*commit(top, [old], date=2))
    label = store.add(*tag(new))
    found = list_objects(store, [label])
    assert [(candidate.type.name, candidate.path) for candidate in found] == [
        ("COMMIT", b""),
        ("COMMIT", b""),
        ("TAG", b""),
        ("TREE", b""),
        ("BLOB", b"a"),
        ("TREE", b"src"),
        ("BLOB", b"src/z.c"),
        ("TREE", b""),
        ("BLOB", b"f"),
    ]
    assert [candidate.oid for candidate in found[:3]] == [new, old, label]
    assert [candidate.order for candidate in found] == list(range(9))
    assert [candidate.size for candidate in found] == [len(store.read(one.oid).data) for one in found]


def test_tags_of_tags_trees_and_blobs_are_followed(store: MemoryStore):
    lone = store.add(*blob(b"lone"))
    inner = store.add(*tag(lone, ObjectType.BLOB))
    outer = store.add(*tag(inner, ObjectType.TAG))
    of_tree = store.add(*tag(one_file(store, b"t"), ObjectType.TREE))
    assert set(ids(store, [outer, of_tree])) == set(store)


def test_a_tag_that_the_receiver_has_takes_its_target_along(store: MemoryStore):
    made = store.add(*commit(one_file(store, b"1"), date=1))
    label = store.add(*tag(made))
    assert ids(store, [label, made], [label]) == []


def test_a_new_tag_of_an_old_commit_is_sent_alone(store: MemoryStore):
    made = store.add(*commit(one_file(store, b"1"), date=1))
    label = store.add(*tag(made))
    assert ids(store, [label], [made]) == [label]


def test_submodules_are_passed_over(store: MemoryStore):
    top = store.add(*tree({b"sub": (GITLINK, ObjectId(b"\7" * 20)), b"f": (FILE, store.add(*blob(b"")))}))
    assert len(ids(store, [store.add(*commit(top))])) == 3


def test_a_receiver_lacks_an_object_of_which_it_has_only_the_id_as_a_submodule(store: MemoryStore):
    new = store.add(*blob(b"new"))
    had = store.add(*commit(store.add(*tree({b"sub": (GITLINK, new)})), date=1))
    top = store.add(*tree({b"f": (FILE, new)}))
    made = store.add(*commit(top, [had], date=2))
    assert ids(store, [made], [had]) == [made, top, new]


@pytest.mark.parametrize("mode", [b"040000", b"40000", b"0040000"])
def test_a_folder_is_followed_whatever_zeros_its_mode_starts_with(store: MemoryStore, mode: bytes):
    top = store.add(ObjectType.TREE, mode + b" d\0" + one_file(store, b"x"))
    assert len(ids(store, [top])) == 3


def test_an_all_zero_id_in_a_tree_is_passed_over(store: MemoryStore):
    top = store.add(*tree({b"null": (FILE, SHA1.zero), b"f": (FILE, store.add(*blob(b"")))}))
    assert len(ids(store, [top])) == 2


def test_a_missing_blob_is_an_error_that_says_who_needs_it(store: MemoryStore):
    inner = store.add(*tree({b"gone.c": (FILE, ObjectId(b"\1" * 20))}))
    made = store.add(*commit(store.add(*tree({b"src": (DIRECTORY, inner)}))))
    with pytest.raises(MissingObject, match=f"01010101.*src/gone.c.*{made.hex()}"):
        list_objects(store, [made])


@pytest.mark.parametrize("what", ["want", "tree", "parent"])
def test_a_missing_object_is_an_error_where_no_have_excuses_it(store: MemoryStore, what: str):
    gone = ObjectId(b"\1" * 20)
    made = {
        "want": gone,
        "tree": store.add(*commit(gone)),
        "parent": store.add(*commit(one_file(store, b"1"), [gone])),
    }[what]
    with pytest.raises(MissingObject, match="01010101"):
        list_objects(store, [made])
    have = store.add(*commit(one_file(store, b"2")))
    with pytest.raises(MissingObject, match="01010101"):
        list_objects(store, [made], [have], haves_complete=True)
    if what != "want":
        assert made in ids(store, [made], [have])


def test_a_shallow_commits_parents_are_not_asked_for(store: MemoryStore):
    made = store.add(*commit(one_file(store, b"1"), [ObjectId(b"\1" * 20)]))
    assert len(ids(store, [made], shallow={made})) == 3


def test_a_want_that_is_a_have_is_not_sent_even_if_absent(store: MemoryStore):
    gone = ObjectId(b"\1" * 20)
    assert ids(store, [gone], [gone]) == []


def test_an_object_of_the_wrong_type_is_corrupt(store: MemoryStore):
    data = store.add(*blob(b"x"))
    as_tree = store.add(*commit(data))
    as_blob = store.add(*tree({b"f": (FILE, one_file(store, b"y"))}))
    as_parent = store.add(*commit(one_file(store, b"y"), [data]))
    for want in (as_tree, as_blob, as_parent):
        with pytest.raises(CorruptObject, match="needed here"):
            list_objects(store, [want])


def test_trees_nested_too_deep_meet_the_limit_and_no_recursion(store: MemoryStore):
    oid = one_file(store, b"x")
    for _ in range(5000):
        oid = store.add(*tree({b"d": (DIRECTORY, oid)}))
    with pytest.raises(LimitExceeded, match="2048"):
        list_objects(store, [oid])
    assert len(list_objects(store, [oid], limits=Limits(tree_depth=5002))) == 5002


def test_a_long_history_is_walked_without_recursion_both_ways(store: MemoryStore):
    top = one_file(store, b"x")
    made = [store.add(*commit(top, date=0))]
    for number in range(3000):
        made.append(store.add(*commit(top, [made[-1]], date=number)))
    assert len(ids(store, [made[-1]])) == 3003
    assert ids(store, [made[0]], [made[-1]], haves_complete=True) == []


def test_more_objects_than_a_pack_may_hold_meet_the_limit(store: MemoryStore):
    made = store.add(*commit(one_file(store, b"x")))
    with pytest.raises(LimitExceeded):
        list_objects(store, [made], limits=Limits(pack_objects=2))


def test_a_wanted_blob_keeps_the_path_it_was_named_by(store: MemoryStore):
    oid = store.add(*blob(b"x"))
    assert list_objects(store, [oid], want_paths={oid: b"a/b"})[0].path == b"a/b"


@pytest.mark.parametrize("named_anyway", [False, True])
def test_a_tree_that_is_named_is_listed_anyway_where_that_is_asked_for(named_anyway):
    store = MemoryStore(SHA1)
    file = store.add(*blob(b"x"))
    inner = store.add(*tree({b"f": (FILE, file)}))
    tip = store.add(*commit(store.add(*tree({b"d": (DIRECTORY, inner)}))))
    listed = list_objects(store, [inner], [tip], named_anyway=named_anyway)
    assert [one.oid for one in listed] == ([inner, file] if named_anyway else [])


def test_a_check_makes_no_list_but_finds_what_is_missing(store: MemoryStore):
    whole = store.add(*commit(one_file(store, b"x")))
    assert list_objects(store, [whole], make_lister=ObjectChecker) == []
    torn = store.add(*commit(store.add(*tree({b"gone.c": (FILE, ObjectId(b"\1" * 20))}))))
    with pytest.raises(MissingObject, match=r"01010101.*gone\.c"):
        list_objects(store, [torn], make_lister=ObjectChecker)
