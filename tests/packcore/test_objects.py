"""Tolerant parsing: links must parse, and everything else may be as odd as in real histories."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packcore.errors import CorruptObject
from packcore.ids import SHA1, SHA256
from packcore.objects import ObjectType, commit_links, iter_tree, parse_commit, parse_tag, tree_rows
from tests.object_makers import commit, tag

TREE = b"1" * 40
PARENT = b"2" * 40
HEAD = b"tree " + TREE + b"\nparent " + PARENT + b"\n"


def test_a_commit_has_tree_parents_identities_headers_and_message():
    data = HEAD + (
        b"author A <a@b> 1 +0000\ncommitter C <c@d> 2 +0100\nencoding latin-1\n"
        b"gpgsig -----BEGIN\n line\n \n -----END\n\nsubject\n\nbody\n"
    )
    found = parse_commit(data, SHA1)
    assert found.tree.hex() == TREE.decode()
    assert [oid.hex() for oid in found.parents] == [PARENT.decode()]
    assert found.author == b"A <a@b> 1 +0000"
    assert found.committer == b"C <c@d> 2 +0100"
    assert found.date == 2
    assert found.headers == ((b"encoding", b"latin-1"), (b"gpgsig", b"-----BEGIN\nline\n\n-----END"))
    assert found.message == b"subject\n\nbody\n"


@pytest.mark.parametrize(
    ("rest", "date"),
    [
        (b"author A <a> 1 +0\ncommitter C <c> 77 +0000\n\nm", 77),
        (b"author A <a> 1 +0\ncommitter C <c>> x > 78 +0000\n\nm", 78),
        (b"committer C <c> 79 +0000\n\nm", 79),
        (b"author A <a> 1 +0\n\ncommitter C <c> 80 +0000\n", 0),
        (b"author A <a> 1 +0\ncommitter C c 81 +0000\n\nm", 0),
        (b"author A <a> 1 +0\ncommitter C <c> soon\n\nm", 0),
        (b"author A <a> 1 +0\ncommitter C <c> 99999999999999999999999 +0\n\nm", 0),
        (b"", 0),
        (b"\nmessage at once", 0),
        (b"\xff\xfe\n\n", 0),
    ],
)
def test_a_commit_with_odd_lines_still_links(rest: bytes, date: int):
    links = commit_links(HEAD + rest, SHA1)
    assert (links.tree.hex(), len(links.parents), links.date) == (TREE.decode(), 1, date)
    assert parse_commit(HEAD + rest, SHA1).parents == links.parents


@given(
    st.integers(0, 3),
    st.lists(
        st.sampled_from([b"author ", b"committer ", b"A <a@b>", b"> ", b" 7", b" -8", b" +0", b"\n", b" x"])
    ),
)
def test_the_quick_look_at_a_commit_finds_what_the_whole_one_finds(parents: int, pieces: list[bytes]):
    rest = b"".join(pieces)
    data = b"tree " + TREE + b"\n" + b"parent %b\n" % PARENT * parents + b"author A <a> 1 +0\n" + rest
    links, whole = commit_links(data, SHA1), parse_commit(data, SHA1)
    assert (links.tree, links.parents) == (whole.tree, whole.parents)
    if b"\n " not in rest and rest.count(b"committer ") == 1:
        assert links.date == whole.date


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"tree \n",
        b"tree " + b"g" * 40 + b"\n",
        b"parent " + PARENT + b"\n",
        b"tree " + TREE,
        b"tree " + TREE + b"\nparent 12\n",
        HEAD + b"parent " + PARENT[:-1] + b"\n",
        b"tree " + b"1" * 64 + b"\n",
    ],
)
def test_a_commit_whose_links_do_not_parse_is_corrupt(data: bytes):
    with pytest.raises(CorruptObject):
        commit_links(data, SHA1)


def test_a_sha256_commit_has_ids_of_32_bytes():
    oid = SHA256.hash_object(b"tree", b"")
    links = commit_links(commit(oid, [oid, oid])[1], SHA256)
    assert links.tree == oid
    assert links.parents == (oid, oid)


def test_a_tree_keeps_odd_modes_and_names():
    rows = [(b"40000", b"d"), (b"040000", b"e"), (b"100664", b"f"), (b"160000", b"sub"), (b"0", b"\xff\n ")]
    data = b"".join(b"%s %s\0%s" % (mode, name, bytes([at]) * 20) for at, (mode, name) in enumerate(rows))
    entries = list(iter_tree(data, SHA1))
    assert [(f"{entry.mode:o}", entry.name) for entry in entries] == [
        ("40000", b"d"),
        ("40000", b"e"),
        ("100664", b"f"),
        ("160000", b"sub"),
        ("0", b"\xff\n "),
    ]
    assert [entry.oid for entry in entries] == [bytes([at]) * 20 for at in range(5)]
    assert [entry.is_tree for entry in entries] == [True, True, False, False, False]
    assert [entry.is_gitlink for entry in entries] == [False, False, False, True, False]


@pytest.mark.parametrize(
    "data",
    [
        b"x",
        b"100644 a\x00" + b"1" * 19,
        b"100644 a",
        b"10 a\x00" + b"1" * 21,
        b"8 a\x00" + b"1" * 20,
        b" a\x00" + b"1" * 20,
        b"777777777777 a\x00" + b"1" * 20,
        b"100644 a\x00" + b"1" * 20 + b"junk",
        b"x" * 22,
    ],
)
def test_a_tree_that_does_not_parse_to_its_end_is_corrupt(data: bytes):
    with pytest.raises(CorruptObject):
        tree_rows(data, SHA1)


@given(
    st.lists(
        st.tuples(st.sampled_from([b"100644", b"40000"]), st.binary(), st.binary(min_size=20, max_size=20))
    )
)
def test_tree_rows_give_back_what_was_written(rows: list[tuple[bytes, bytes, bytes]]):
    rows = [(mode, name.replace(b"\0", b""), oid) for mode, name, oid in rows]
    data = b"".join(b"%s %s\0%s" % row for row in rows)
    assert tree_rows(data, SHA1) == rows


def test_a_long_run_of_digits_without_an_end_costs_one_pass():
    with pytest.raises(CorruptObject):
        tree_rows(b"1 " * 2_000_000, SHA1)


def test_a_tag_without_tagger_parses():
    oid = SHA1.hash_object(b"blob", b"")
    data = b"object %s\ntype blob\ntag v0\n\nold\n" % oid.hex().encode()
    found = parse_tag(data, SHA1)
    assert (found.target, found.target_type, found.name) == (oid, ObjectType.BLOB, b"v0")
    assert (found.tagger, found.message) == (b"", b"old\n")


def test_a_tag_has_name_tagger_and_message():
    oid = SHA256.hash_object(b"blob", b"")
    found = parse_tag(tag(oid, name=b"v9")[1], SHA256)
    assert (found.target, found.name, found.message) == (oid, b"v9", b"m\n")
    assert found.tagger.startswith(b"A U Thor")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n\n",
        b"object 12\ntype commit\n\n",
        b"object " + TREE + b"\n\n",
        b"type commit\nobject " + TREE + b"\n",
        b"object " + TREE + b"\ntype thing\n\n",
        b"object " + TREE.replace(b"1", b"A") + b"\ntype commit\n\n",
    ],
)
def test_a_tag_whose_target_does_not_parse_is_corrupt(data: bytes):
    with pytest.raises(CorruptObject):
        parse_tag(data, SHA1)


@given(
    st.binary(max_size=200),
    st.sampled_from([b"", HEAD, b"object " + TREE + b"\ntype commit\n", b"100644 a\0"]),
)
def test_any_bytes_parse_or_are_corrupt(data: bytes, start: bytes):
    for parse in (parse_commit, parse_tag, tree_rows):
        with suppress(CorruptObject):  # the one error that is allowed
            parse(start + data, SHA1)
