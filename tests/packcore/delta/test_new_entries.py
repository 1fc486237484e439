"""The entries that a version of a tree adds: none is missed, and order is only vouched for where it holds."""

from __future__ import annotations

from hashlib import sha1

from hypothesis import assume, example, given
from hypothesis import strategies as st

from packcore.checks.trees import check_tree
from packcore.delta.new_entries import new_entries
from packcore.ids import SHA1
from packcore.objects import tree_rows

FOLDER, FILE, PROGRAM = b"40000", b"100644", b"100755"

Row = tuple[bytes, bytes, bytes]

# Some ids look like entries, or hold what ends a name.
ids = st.sampled_from(
    [
        *(sha1(b"%d" % number).digest() for number in range(5)),
        b"\0100644 .git\0xxxxxxxxx"[:20],
        b"100644 a\0" + b"y" * 11,
        b"\0" * 19 + b"1",
        b" " * 20,
    ]
)
names = st.sampled_from([b"a", b"a.c", b"a0", b"ab", b"a b", b"b", b"lib", b"lib-old", b"x" * 300, b"z"])
rows = st.tuples(st.sampled_from([FOLDER, FILE, PROGRAM]), names, ids)

ALWAYS_WALKED = 32
"""Up to that many entries of both versions together, the walk can't give up: each step takes one of them."""


def key(row: Row) -> bytes:
    return row[1] + b"/" if row[0] == FOLDER else row[1]


def encoded(entries: list[Row]) -> bytes:
    return b"".join(b"%s %s\0%s" % row for row in entries)


def in_order(entries: list[Row]) -> list[Row]:
    return sorted({name: (mode, name, oid) for mode, name, oid in entries}.values(), key=key)


def added(old: bytes, new: bytes) -> list[Row] | None:
    found = new_entries(old, new, 20)
    if found is None:
        return None
    return [row for start, end in found.ranges for row in tree_rows(new[start:end], SHA1)]


@given(st.lists(rows), st.lists(rows))
@example(
    [(FILE, b"a", b"1" * 20), (FILE, b"b", b"2" * 20)], [(FILE, b"b", b"2" * 20), (FILE, b"a", b"1" * 20)]
)
@example(
    [(FILE, b"a", b"1" * 20)], [(FILE, b"a", b"1" * 20), (FILE, b"a.c", b"2" * 20), (FOLDER, b"a", b"3" * 20)]
)
def test_every_entry_outside_the_ranges_is_in_the_other_version_and_order_is_vouched_for_only_if_it_holds(
    before: list[Row], after: list[Row]
):
    assume(len(before) + len(after) <= ALWAYS_WALKED)
    old, new = encoded(in_order(before)), encoded(after)
    found = new_entries(old, new, 20)
    assert found is not None
    rows_found = added(old, new)
    assert rows_found is not None
    assert {row for row in after if row not in in_order(before)} <= set(rows_found)
    if found.keeps_order:
        assert not {"treeNotSorted", "duplicateEntries"} & {
            finding.message_id for finding in check_tree(new, SHA1, strict=False)
        }


@given(st.lists(rows), st.lists(rows))
def test_a_version_in_order_is_vouched_for(before: list[Row], after: list[Row]):
    assume(len(before) + len(after) <= ALWAYS_WALKED)
    found = new_entries(encoded(in_order(before)), encoded(in_order(after)), 20)
    assert found is not None
    # What ends in the bytes of a name counts as that name once more: all entries are checked then.
    if encoded(in_order(after)).count(b"\0") == len(in_order(after)) and "a b" not in str(after):
        assert found.keeps_order


def test_of_a_large_tree_only_what_changed_is_returned():
    before = [(FILE, b"f%05d" % number, sha1(b"%d" % number).digest()) for number in range(20_000)]
    after = [*before[:5], (FILE, b"f00004x", b"n" * 20), *before[5:9_000], *before[9_001:]]
    after[15_000] = (PROGRAM, *after[15_000][1:])
    assert added(encoded(before), encoded(after)) == [(FILE, b"f00004x", b"n" * 20), after[15_000]]


def test_a_malformed_or_very_different_version_is_left_to_the_full_check():
    before = [(FILE, b"f%05d" % number, sha1(b"%d" % number).digest()) for number in range(2_000)]
    assert new_entries(encoded(before), encoded(before)[:-3], 20) is None
    assert new_entries(encoded(before), encoded(before[:7])[:-3], 20) is None
    assert new_entries(encoded(before[:7]), encoded(before[:8])[:-3], 20) is None
    changed = [(mode, name, oid[::-1]) for mode, name, oid in before]
    assert new_entries(encoded(before), encoded(changed), 20) is None
