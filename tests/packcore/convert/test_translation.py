"""Objects get new ids, each after the objects it refers to; git's own fast-import is the oracle."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packcore import list_objects, open_repository
from packcore.convert import TranslatedStore, translate
from packcore.convert.message import MessageIds
from packcore.convert.rewrite import split_message
from packcore.errors import MissingObject, RepositoryError
from packcore.ids import SHA1, SHA256, ObjectId
from packcore.objects import ObjectType
from packcore.store.memory import MemoryStore
from tests.support import git, git_bytes, history, init_repository, make_repository, require

if TYPE_CHECKING:
    from pathlib import Path

    from packcore.convert import Translation

WHO = b"A U Thor <author@example.com> 1112911993 +0000"


def oid(digits: str) -> ObjectId:
    return ObjectId(bytes.fromhex(digits.ljust(40, "0")))


class Shelf:
    """Hand-made objects and their translation."""

    def __init__(self) -> None:
        self.store = MemoryStore(SHA1)
        self.tree = self.store.add(ObjectType.TREE, b"")

    def commit(self, text: bytes, *parents: ObjectId, extra: bytes = b"") -> ObjectId:
        lines = b"".join(b"parent %s\n" % parent.hex().encode() for parent in parents)
        head = b"tree %s\n%sauthor %s\ncommitter %s\n" % (self.tree.hex().encode(), lines, WHO, WHO)
        return self.store.add(ObjectType.COMMIT, head + extra + b"\n" + text)

    def translated(self, *tips: ObjectId) -> tuple[Translation, TranslatedStore]:
        translation = translate(self.store, list_objects(self.store, tips), SHA256)
        return translation, TranslatedStore(self.store, translation)


def test_ids_are_those_of_gits_own_import(tmp_path: Path) -> None:
    require("git")
    source = make_repository(tmp_path / "sha1.git", history(commits=25, tag="v1"))
    target = init_repository(tmp_path / "sha256.git", object_format="sha256")
    stream = git_bytes("fast-export", "--all", "--signed-tags=strip", cwd=source)
    git("fast-import", "--quiet", cwd=target, stdin=stream)
    with open_repository(source) as repository:
        tips = {name: ref.oid for name, ref in repository.refs().known.items()}
        translation = translate(repository, list_objects(repository, tips.values()), SHA256)
    for name, tip in tips.items():
        assert translation.ids[tip].hex() == git("rev-parse", name, cwd=target)


def test_every_translated_object_has_the_id_of_its_bytes(tmp_path: Path) -> None:
    source = make_repository(tmp_path / "r.git", history(commits=12, tag="v1"))
    with open_repository(source) as repository:
        tips = [ref.oid for ref in repository.refs().known.values()]
        translation = translate(repository, list_objects(repository, tips), SHA256)
        store = TranslatedStore(repository, translation)
        for candidate in translation.candidates:
            found = store.read(candidate.oid)
            assert SHA256.hash_object(found.type.label, found.data) == candidate.oid
            assert store.header(candidate.oid) == (candidate.type, candidate.size)
            assert b"".join(store.stream(candidate.oid)) == found.data


@pytest.mark.parametrize("length", [7, 12, 40])
def test_an_id_in_a_message_becomes_the_new_one_in_full(length: int) -> None:
    shelf = Shelf()
    first = shelf.commit(b"first\n")
    second = shelf.commit(b"This reverts %s.\n" % first.hex()[:length].upper().encode(), first)
    translation, store = shelf.translated(second)
    assert store.read(translation.ids[second]).data.endswith(
        b"This reverts %s.\n" % translation.ids[first].hex().encode()
    )
    assert translation.message_rewrites == 1


def test_an_id_of_a_sibling_branch_is_replaced_whichever_comes_first() -> None:
    shelf = Shelf()
    picked = shelf.commit(b"picked\n")
    other = shelf.commit(b"cherry picked from %s\n" % picked.hex().encode())
    for tips in ((picked, other), (other, picked)):
        translation, store = shelf.translated(*tips)
        assert translation.ids[picked].hex().encode() in store.read(translation.ids[other]).data


def test_an_id_of_a_tree_or_of_nothing_stays() -> None:
    shelf = Shelf()
    text = b"see %s and deadbeefdeadbeef\n" % shelf.tree.hex().encode()
    commit = shelf.commit(text)
    translation, store = shelf.translated(commit)
    assert store.read(translation.ids[commit]).data.endswith(text)


def test_digits_that_match_several_objects_stay_and_are_reported() -> None:
    ids = MessageIds([oid("abcdef1111"), oid("abcdef1222"), oid("abcdef9")])
    assert ids.find(b"abcdef1 abcdef9") == [oid("abcdef9")]
    assert ids.ambiguous == {"abcdef1"}


@pytest.mark.parametrize("text", [b"xabcdef1111", b"abcdef1111x", b"abcdef", b"abcdef1111" + b"0" * 31])
def test_digits_within_words_and_of_other_lengths_are_not_ids(text: bytes) -> None:
    assert MessageIds([oid("abcdef1111")]).find(text) == []


@pytest.mark.parametrize(
    "header",
    [
        b"gpgsig -----BEGIN PGP SIGNATURE-----\n \n iQ\n -----END PGP SIGNATURE-----\n",
        b"gpgsig-sha256 -----BEGIN PGP SIGNATURE-----\n iQ\n -----END PGP SIGNATURE-----\n",
        b"mergetag object aa\n type commit\n tag v1\n",
    ],
)
def test_signatures_and_mergetags_of_commits_are_left_out(header: bytes) -> None:
    shelf = Shelf()
    commit = shelf.commit(b"signed\n", extra=header + b"encoding latin1\n")
    translation, store = shelf.translated(commit)
    data = store.read(translation.ids[commit]).data
    assert b"SIGNATURE" not in data
    assert b"mergetag" not in data
    assert data.endswith(b"encoding latin1\n\nsigned\n")
    assert translation.signatures == 1


@pytest.mark.parametrize("kind", [b"PGP SIGNATURE", b"SSH SIGNATURE", b"SIGNED MESSAGE", b"PGP MESSAGE"])
def test_a_tags_signature_is_cut_off(kind: bytes) -> None:
    text = b"object aa\ntype commit\ntag v1\n\nRelease\n-----BEGIN %s-----\nabc\n-----END %s-----\n" % (
        kind,
        kind,
    )
    message = split_message(text, is_tag=True)
    assert message.text == b"\nRelease\n"
    assert message.signatures == 1


def test_a_submodule_of_another_repository_is_refused_with_its_path() -> None:
    shelf = Shelf()
    inner = shelf.store.add(ObjectType.TREE, b"160000 lib\0" + bytes(range(20)))
    shelf.tree = shelf.store.add(ObjectType.TREE, b"40000 third-party\0" + inner)
    with pytest.raises(RepositoryError, match="submodule third-party/lib at 000102"):
        shelf.translated(shelf.commit(b"with a submodule\n"))


def test_a_submodule_that_is_a_commit_of_its_own_is_translated() -> None:
    shelf = Shelf()
    inner = shelf.commit(b"inner\n")
    shelf.tree = shelf.store.add(ObjectType.TREE, b"160000 self\0" + inner)
    outer = shelf.commit(b"outer\n")
    translation, store = shelf.translated(outer, inner)
    assert store.read(translation.ids[shelf.tree]).data == b"160000 self\0" + translation.ids[inner]


def test_an_object_that_is_not_there_is_named() -> None:
    shelf = Shelf()
    commit = shelf.commit(b"x\n")
    with pytest.raises(MissingObject):
        translate(
            shelf.store, [each for each in list_objects(shelf.store, [commit]) if each.type != 2], SHA256
        )


def test_a_deep_history_needs_no_recursion() -> None:
    shelf = Shelf()
    tip = shelf.commit(b"0\n")
    for number in range(3000):
        tip = shelf.commit(b"%d\n" % number, tip)
    translation, _ = shelf.translated(tip)
    assert translation.counts.commits == 3001


@given(st.binary(max_size=200), st.booleans())
def test_splitting_a_message_never_fails(data: bytes, is_tag: bool) -> None:
    split_message(data, is_tag=is_tag)


def test_a_commit_and_its_signed_copy_become_one_object() -> None:
    shelf = Shelf()
    signature = b"gpgsig -----BEGIN PGP SIGNATURE-----\n iQ\n -----END PGP SIGNATURE-----\n"
    plain, signed = shelf.commit(b"x\n"), shelf.commit(b"x\n", extra=signature)
    merge = shelf.commit(b"both\n", plain, signed)
    translation, store = shelf.translated(merge)
    assert translation.ids[plain] == translation.ids[signed]
    assert translation.merged == 1
    assert sorted(each.oid for each in translation.candidates) == sorted(set(translation.ids.values()))
    parents = store.read(translation.ids[merge]).data.split(b"\n")[1:3]
    assert parents == [b"parent " + translation.ids[plain].hex().encode()] * 2
