"""The cost of an object: where each limit is enforced, and that small and large objects are read the same."""

from __future__ import annotations

import random
from contextlib import contextmanager
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packcore import objects, tree_versions, walk
from packcore.ancestry import peel
from packcore.checks import trees as check_tree
from packcore.checks.objects import check_object
from packcore.convert.rewrite import split_message
from packcore.delta.codec import apply_delta
from packcore.errors import CorruptObject, LimitExceeded
from packcore.ids import SHA1
from packcore.limits import KIB, Limits
from packcore.objects import (
    MODE_DIRECTORY,
    ObjectType,
    commit_links,
    iter_rows,
    parse_tag,
    row_chunks,
    tag_target,
    tree_rows,
)
from packcore.pack.indexer import index_pack_file
from packcore.store.loose import LooseStore
from packcore.store.memory import MemoryStore
from packcore.store.packfile import PackFile
from packcore.varint import encode_size
from packcore.walk import list_objects
from tests import bombs
from tests.object_makers import blob, commit, tag, tree
from tests.packcore.pack_builder import (
    build_pack,
    indexed_pack,
    ofs_delta,
    simple_delta,
    whole,
    write_pack_file,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from packcore.ids import ObjectId

SMALL = replace(Limits(), big_object=4 * KIB, structure_bytes=8 * KIB)
STRUCTURES = [ObjectType.COMMIT, ObjectType.TREE, ObjectType.TAG]
LONG = b"x" * (8 * KIB + 1)

_ROWS = st.lists(
    st.tuples(
        st.sampled_from([b"100644", b"100755", b"40000", b"120000", b"160000", b"0100644", b"100664", b"7"]),
        st.sampled_from([b"", b".", b"..", b".git", b"a", b"a.b", b"b", b".gitmodules", b"a/b", b"GIT~1"]),
        st.sampled_from([b"\0" * 20, b"\1" * 20]),
    )
)


@pytest.mark.parametrize("type_", STRUCTURES)
def test_a_pack_with_a_structure_beyond_the_limit_is_refused(type_: ObjectType, tmp_path: Path):
    path = write_pack_file(tmp_path, [build_pack([whole(LONG, type_)])])
    with pytest.raises(LimitExceeded, match=rf"structure_bytes .*the {type_.label.decode()} at offset 12"):
        index_pack_file(path, object_format=SHA1, limits=SMALL)


@pytest.mark.parametrize("type_", STRUCTURES)
def test_a_delta_that_makes_a_structure_beyond_the_limit_is_refused(type_: ObjectType, tmp_path: Path):
    entries = [whole(LONG[1:], type_), ofs_delta(0, simple_delta(LONG[1:], LONG))]
    path = write_pack_file(tmp_path, [build_pack(entries)])
    with pytest.raises(LimitExceeded, match="structure_bytes") as caught:
        index_pack_file(path, object_format=SHA1, limits=SMALL)
    assert caught.value.limit == "structure_bytes"


def test_a_blob_of_that_size_is_taken(tmp_path: Path):
    path = write_pack_file(tmp_path, [build_pack([whole(LONG)])])
    assert len(index_pack_file(path, object_format=SHA1, limits=SMALL).table) == 1


@pytest.mark.parametrize("type_", STRUCTURES)
def test_a_pack_that_has_one_already_is_read_without_it(type_: ObjectType, tmp_path: Path):
    entries = [whole(b"x", type_), whole(LONG, type_), ofs_delta(0, simple_delta(b"x", LONG))]
    pack = PackFile(indexed_pack(tmp_path, build_pack(entries)), SHA1, SMALL)
    oid = SHA1.hash_object(type_.label, LONG)
    with pytest.raises(LimitExceeded, match=f"object {oid.hex()}: more than structure_bytes"):
        pack.read(oid)
    assert pack.read(SHA1.hash_object(type_.label, b"x")).data == b"x"
    pack.close()


@pytest.mark.parametrize("type_", STRUCTURES)
def test_a_loose_one_is_not_read_whole(type_: ObjectType, tmp_path: Path):
    store = LooseStore(tmp_path, SHA1, SMALL)
    oid = store.write_stream(type_, len(LONG), [LONG])
    with pytest.raises(LimitExceeded, match=f"structure_bytes .*{oid.hex()}"):
        store.read(oid)


def test_tags_are_followed_as_far_as_the_limit():
    store = MemoryStore(SHA1)
    target = commit_oid = store.add(*commit(store.add(*tree({}))))
    tags: list[ObjectId] = []
    for _ in range(4):
        type_ = ObjectType.TAG if tags else ObjectType.COMMIT
        tags.append(target := store.add(*tag(target, type_)))
    assert peel(store, tags[2], tag_depth=3) == (commit_oid, ObjectType.COMMIT)
    assert len(list_objects(store, [tags[2]], limits=Limits(tag_depth=3))) == 5
    with pytest.raises(LimitExceeded, match="tag_depth"):
        peel(store, tags[3], tag_depth=3)
    with pytest.raises(LimitExceeded, match="tag_depth"):
        list_objects(store, [tags[3]], limits=Limits(tag_depth=3))


@pytest.mark.parametrize("seed", range(5))
def test_dropping_what_waits_twice_changes_neither_order_nor_paths(
    seed: int, monkeypatch: pytest.MonkeyPatch
):
    chance = random.Random(seed)
    store = MemoryStore(SHA1)
    made: list[tuple[int, ObjectId]] = [(0o100644, store.add(*blob(b"%d" % n))) for n in range(5)]
    for _ in range(30):
        names = chance.sample([b"a", b"b", b"c", b"d", b"e", b"f"], chance.randrange(1, 6))
        made.append((MODE_DIRECTORY, store.add(*tree({name: chance.choice(made) for name in names}))))
    roots = [oid for mode, oid in made if mode == MODE_DIRECTORY][::-1]
    expected = [(one.oid, one.path) for one in list_objects(store, roots)]
    monkeypatch.setattr(walk, "_WAITING_MAX", 0)
    monkeypatch.setattr(tree_versions, "LARGE_TREE_BYTES", 0)
    assert [(one.oid, one.path) for one in list_objects(store, roots)] == expected


def test_paths_of_nested_trees_share_their_folders(tmp_path: Path):
    data, tip = bombs.nested_trees(300, 500)
    pack = PackFile(indexed_pack(tmp_path, data), SHA1)
    listed = list_objects(pack, [tip])
    assert len(listed[-1].path) == 299 * 501 + 1
    folders = {id(one.where.parent) for one in listed if not isinstance(one.where, bytes)}
    assert len(folders) == 300
    pack.close()


@contextmanager
def chunks_of(size: int) -> Iterator[None]:
    """Read every tree in chunks of this many bytes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(objects, "LARGE_TREE_BYTES", 0)
        patch.setattr(objects, "CHUNK_BYTES", size)
        yield


@given(_ROWS, st.integers(1, 100))
def test_rows_in_chunks_are_the_same_as_all_together(rows: list[tuple[bytes, bytes, bytes]], size: int):
    data = b"".join(b"%s %s\0%s" % row for row in rows)
    with chunks_of(size):
        assert list(iter_rows(data, SHA1)) == tree_rows(data, SHA1) == rows


@given(st.one_of(st.binary(), _ROWS.map(lambda rows: b"".join(map(b"%s %s\0%s".__mod__, rows))[:-1])))
def test_bytes_that_are_not_a_tree_are_refused_either_way(data: bytes):
    def rows_or_none(read) -> object:
        try:
            return list(read(data, SHA1))
        except CorruptObject:
            return None

    with chunks_of(30):
        assert rows_or_none(iter_rows) == rows_or_none(tree_rows)


@pytest.mark.parametrize("name_bytes", [1, 10, 100_000])
def test_a_tree_in_chunks_is_read_a_few_times_at_most(name_bytes: int, monkeypatch: pytest.MonkeyPatch):
    data = b"".join(b"100644 %06d%s\0%s" % (n, b"n" * name_bytes, b"\1" * 20) for n in range(300))
    read = 0
    pattern = objects._ROW["sha1"]

    def find(data: bytes, start: int, end: int) -> list[tuple[bytes, bytes, bytes]]:
        nonlocal read
        read += min(end, len(data)) - start
        return pattern.findall(data, start, end)

    monkeypatch.setitem(objects._ROW, "sha1", SimpleNamespace(findall=find))
    with chunks_of(1000):
        assert sum(map(len, row_chunks(data, SHA1))) == 300
    # A chunk that is cut is read again from its last line on; one too small for a line is doubled.
    assert read < 4 * len(data)


@given(_ROWS, st.booleans())
def test_a_large_tree_is_checked_like_a_small_one(rows: list[tuple[bytes, bytes, bytes]], strict: bool):
    data = b"".join(b"%s %s\0%s" % row for row in rows)
    expected = check_object(ObjectType.TREE, data, SHA1, strict=strict)
    special = check_tree.special_blobs(data, SHA1)
    with chunks_of(60), pytest.MonkeyPatch.context() as patch:
        patch.setattr(check_tree, "LARGE_TREE_BYTES", 0)
        assert check_object(ObjectType.TREE, data, SHA1, strict=strict) == expected
        assert check_tree.special_blobs(data, SHA1) == special


@pytest.mark.parametrize("folded", [b"\n " * 300_000, b"\n more" * 300_000])
def test_folded_lines_take_one_pass(folded: bytes):
    # Splitting them one by one and joining them each time takes an hour here.
    head = b"object " + b"1" * 40 + b"\ntype commit\nx y"
    message = split_message(head + folded + b"\n\ntext", is_tag=False)
    assert message.headers[-1] == b"x y" + folded
    assert message.text == b"\n\ntext"[1:]
    assert parse_tag(head + folded, SHA1).headers == ((b"x", b"y" + folded.replace(b"\n ", b"\n")),)


@given(st.lists(st.sampled_from([b"object " + b"1" * 40, b"type tag", b"type x", b" more", b"tag v", b""])))
def test_a_tags_target_is_what_its_parts_say(lines: list[bytes]):
    data = b"\n".join(lines)
    try:
        tagged = parse_tag(data, SHA1)
    except CorruptObject:
        with pytest.raises(CorruptObject):
            tag_target(data, SHA1)
    else:
        assert tag_target(data, SHA1) == (tagged.target, tagged.target_type)


def test_all_parents_of_a_wide_commit_are_read():
    parents = [SHA1.hash_object(b"blob", b"%d" % n) for n in range(3_000)]
    _, data = commit(SHA1.zero, parents)
    assert commit_links(data, SHA1).parents == tuple(parents)
    with pytest.raises(CorruptObject):
        commit_links(data.replace(b"parent " + parents[-1].hex().encode(), b"parent x"), SHA1)


@pytest.mark.parametrize("copies", [1, 21_843, 21_844, 21_845, 21_846, 100_000])
def test_a_long_delta_makes_what_its_instructions_say(copies: int):
    base = bytes(range(256))
    delta = encode_size(256) + encode_size(copies) + b"\x91\x05\x01" * copies
    assert apply_delta(base, delta) == b"\x05" * copies


def test_the_defaults_are_those_of_the_documentation():
    assert (Limits().structure_bytes, Limits().tag_depth) == (16 * KIB * KIB, 1024)
    assert Limits().structure_bytes > objects.LARGE_TREE_BYTES
