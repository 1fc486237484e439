"""Ids as users give them: raw, hex, refs and revisions; and what is told of anything else."""

from __future__ import annotations

import pytest

import packcore
from packcore.ids import SHA1, SHA256, as_id
from packcore.objects import ObjectType
from packcore.plans.entries import Candidate, PackEntry, ThinDelta
from packcore.refs import Ref
from tests.support import git, history, make_repository
from transport.wire.receive_pack import RefUpdate

HELLO = "ce013625030ba8dba906f756967f9e9ca394464a"


@pytest.fixture
def path(tmp_path):
    return make_repository(tmp_path / "x.git", history(commits=5))


@pytest.fixture
def store(path):
    with packcore.open_repository(path) as opened:
        yield opened


@pytest.mark.parametrize("given", ["main", "refs/heads/main", "HEAD", "main^{commit}", "main^{}"])
def test_objects_are_listed_by_a_ref_or_revision(store, path, given):
    tip = SHA1.from_hex(git("rev-parse", "main", cwd=path))
    expected = packcore.list_objects(store, [tip])
    assert packcore.list_objects(store, wants=[given]) == expected
    assert packcore.list_objects(store, wants=[tip.hex()]) == expected
    assert packcore.list_objects(store, wants=[tip.hex().upper()]) == expected


def test_haves_are_given_in_the_same_words(store):
    below = packcore.list_objects(store, ["main"], ["main~1"])
    assert 0 < len(below) < len(packcore.list_objects(store, ["main"]))
    assert len(packcore.list_commits(store, ["main"], ["main~2"])) == 2
    assert packcore.is_ancestor(store, "main~2", "main")
    assert not packcore.is_ancestor(store, "main", "main~2")


def test_a_repository_reads_by_hex_as_by_the_raw_id(store, path):
    digits = git("rev-parse", "main", cwd=path)
    raw = SHA1.from_hex(digits)
    assert store.read(digits) == store.read(raw)
    assert store.header(digits) == store.header(raw)
    assert b"".join(store.stream(digits)) == store.read(raw).data
    assert store.raw(digits) == store.raw(raw)


def test_a_store_without_refs_takes_hex_and_says_so_of_a_name():
    memory = packcore.MemoryStore(SHA1)
    assert memory.add(ObjectType.BLOB, b"hello\n").hex() == HELLO
    assert [found.oid.hex() for found in packcore.list_objects(memory, [HELLO])] == [HELLO]
    with pytest.raises(packcore.UnknownRevision, match="only a repository knows refs"):
        packcore.list_objects(memory, ["main"])


@pytest.mark.parametrize("wrong", [None, 5, ["main"], object()])
def test_a_wrong_type_is_a_type_error_that_names_the_argument(store, wrong):
    with pytest.raises(TypeError, match="each of wants must be bytes or hex digits, not "):
        packcore.list_objects(store, [wrong])
    with pytest.raises(TypeError, match="each of haves must be bytes or hex digits, not "):
        packcore.list_commits(store, ["main"], [wrong])
    with pytest.raises(TypeError, match="descendant must be bytes or hex digits, not "):
        packcore.is_ancestor(store, "main", wrong)
    with pytest.raises(TypeError, match="an object id must be bytes or hex digits, not "):
        store.read(wrong)


@pytest.mark.parametrize("one", ["main", bytes(20)])
def test_one_id_where_a_list_is_wanted_is_a_type_error(store, one):
    with pytest.raises(TypeError, match=r"wants must be a list of ids or names, not one (str|bytes)"):
        packcore.list_objects(store, one)


def test_bytes_of_a_wrong_length_are_no_id(store):
    with pytest.raises(ValueError, match="each of wants has 12 bytes, and a raw sha1 id 20"):
        packcore.list_objects(store, [bytes(12)])
    with pytest.raises(ValueError, match="not a sha256 object id"):
        as_id(SHA256, HELLO)


def test_a_name_that_nothing_answers_to_is_an_unknown_revision(store):
    with pytest.raises(packcore.UnknownRevision, match="no-such-branch"):
        packcore.list_objects(store, ["no-such-branch"])


def test_reprs_show_ids_as_hex():
    oid = SHA1.from_hex(HELLO)
    for value in (
        Candidate(oid, ObjectType.BLOB, 6, b"a", 0),
        PackEntry(oid, ObjectType.BLOB, 6, ThinDelta(oid, 9, None)),
        ThinDelta(oid, 9, None),
        Ref("refs/heads/main", oid),
        RefUpdate("refs/heads/main", SHA1.zero, oid),
    ):
        assert HELLO in repr(value)
        assert "\\x" not in repr(value)
    assert repr(Ref("HEAD", oid)) == f"Ref(name='HEAD', oid='{HELLO}', symref=None, peeled=None)"
