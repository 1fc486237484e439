"""The new entries of each version of a folder: none is missed, and little else is parsed."""

from __future__ import annotations

from hashlib import sha1

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from packcore import objects, tree_versions
from packcore.errors import CorruptObject
from packcore.ids import SHA1, ObjectFormat, ObjectId
from packcore.objects import tree_rows
from packcore.tree_versions import FolderVersion, TreeVersions
from tests.packcore.delta.test_new_entries import FILE, FOLDER, PROGRAM, Row, encoded, rows

OID = ObjectId(b"t" * 20)


def files(count: int) -> list[Row]:
    return [(FILE, b"f%05d" % number, sha1(b"%d" % number).digest()) for number in range(count)]


versions_of_trees = st.lists(
    st.tuples(st.integers(0, 60), st.integers(0, 60), st.lists(rows, max_size=4)), max_size=6
)
"""Each version: how many of the files before and behind are kept, and what comes between."""


@given(versions_of_trees)
@example([(30, 30, [(FILE, b"a", b"1" * 20)] * 2), (30, 30, [(FILE, b"a", b"1" * 20)])])
@example([(0, 60, []), (0, 60, [(FILE, b"a", b"1" * 20)]), (0, 60, []), (60, 0, []), (30, 30, [])])
def test_what_no_version_before_had_is_returned_whatever_changed(versions: list[tuple[int, int, list[Row]]]):
    walk, folder, many = TreeVersions(SHA1), FolderVersion(), files(60)
    before_it: set[Row] = set()
    for before, behind, between in versions:
        tree = [*many[:before], *between, *many[60 - behind :]]
        found = list(walk.new_rows(folder, encoded(tree), OID))
        assert set(tree) - before_it <= set(found) <= set(tree)
        before_it.update(tree)


@given(st.binary(max_size=100), st.integers(0, 60 * 34))
def test_a_malformed_version_is_refused_wherever_it_is_malformed(change: bytes, place: int):
    walk, folder, old = TreeVersions(SHA1), FolderVersion(), encoded(files(60))
    new = old[:place] + change + old[place + len(change) :]
    walk.new_rows(folder, old, OID)
    try:
        expected = tree_rows(new, SHA1)
    except CorruptObject:
        with pytest.raises(CorruptObject):
            walk.new_rows(folder, new, OID)
    else:
        assert set(expected) - set(files(60)) <= set(walk.new_rows(folder, new, OID)) <= set(expected)


@pytest.mark.parametrize("count", [30, 200, 3_000])
def test_of_one_change_only_that_entry_is_parsed(count: int, monkeypatch: pytest.MonkeyPatch):
    walk, folder, old = TreeVersions(SHA1), FolderVersion(), files(count)
    at = count // 2
    list(walk.new_rows(folder, encoded(old), OID))
    list(walk.new_rows(folder, encoded(old[:-1]), OID))
    list(walk.new_rows(folder, encoded(old), OID))
    parsed: list[int] = []

    def counted(
        data: bytes, object_format: ObjectFormat, oid: ObjectId | None = None
    ) -> list[tuple[bytes, bytes, ObjectId]]:
        parsed.append(len(objects.tree_rows(data, object_format, oid)))
        return objects.tree_rows(data, object_format, oid)

    monkeypatch.setattr(tree_versions, "tree_rows", counted)
    new_file, other_mode = (FILE, b"f%05dx" % (at - 1), b"n" * 20), (PROGRAM, *old[at][1:])
    for new, added in (
        ([*old[:at], other_mode, *old[at + 1 :]], [other_mode]),
        ([*old[:at], new_file, *old[at:]], [new_file, old[at]]),
        ([*old[:at], *old[at + 1 :]], []),
    ):
        assert set(walk.new_rows(folder, encoded(new), OID)) <= set(added)
    assert sum(parsed) <= 3


def test_an_entry_as_long_as_the_two_before_it_hides_no_version_of_its_folder():
    walk, folder, around = TreeVersions(SHA1), FolderVersion(), files(20)
    two = [(FILE, b"m", b"1" * 20), (FILE, b"n", b"2" * 20)]
    # Where the first of the two ended, the longer name has what looks like a submodule.
    name = b"m" * (len(encoded(two[:1])) - len("40000 ")) + b"160000 x"
    first, second = [(FOLDER, name, b"3" * 20)], [(FOLDER, name, b"4" * 20)]
    assert len(encoded(first)) == len(encoded(two))
    for newest in (two, first):
        list(walk.new_rows(folder, encoded([*around, *newest]), OID))
    assert set(second) <= set(walk.new_rows(folder, encoded([*around, *second]), OID))


def test_versions_that_are_held_take_a_limited_number_of_bytes(monkeypatch: pytest.MonkeyPatch):
    tree = encoded(files(60))
    monkeypatch.setattr(tree_versions, "_HELD_BYTES_MAX", 3 * len(tree))
    walk, folders = TreeVersions(SHA1), [FolderVersion() for _ in range(20)]
    for folder in folders * 2:
        walk.new_rows(folder, tree, OID)
        assert sum(len(one.data) for one in folders) <= 3 * len(tree)
