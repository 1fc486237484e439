"""Walking two trees finds the same difference as comparing sets of their entries."""

from hashlib import sha1

from hypothesis import example, given
from hypothesis import strategies as st

from packcore.search.tree_diff import Change, entry_ids, is_folder, tree_difference

FOLDER, FILE, PROGRAM, LINK = b"40000", b"100644", b"100755", b"120000"

Entries = dict[bytes, tuple[bytes, bytes]]
"""Name -> mode, id."""

# An id that holds NULs where the next but one looks for them may mislead; those that only hold some do not.
digests = [digest for number in range(31) if b"\0" not in (digest := sha1(b"%d" % number).digest())]
ids = st.sampled_from(digests) | st.sampled_from(
    [b"x" * 19 + b"1", b"\0" + b"y" * 18 + b"4", b"100644 a 40000 b 1000", b" " * 20]
).map(lambda odd: odd[:20])
names = st.sampled_from(
    [b"a", b"a.c", b"a0", b"ab", b"a b", b"b", b"lib", b"lib-old", b"40000 x", b"x" * 300, b"z"]
)
trees = st.dictionaries(names, st.tuples(st.sampled_from([FOLDER, FILE, PROGRAM, LINK]), ids))


def encoded(entries: Entries) -> bytes:
    rows = sorted(
        (name + b"/" if mode == FOLDER else name, b"%s %s\0%s" % (mode, name, oid))
        for name, (mode, oid) in entries.items()
    )
    return b"".join(row for _, row in rows)


def by_sets(old: Entries, new: Entries) -> tuple[int, list[Change]]:
    def rows(entries: Entries) -> set[tuple[bytes, bool, bytes]]:
        return {(name, mode == FOLDER, oid) for name, (mode, oid) in entries.items()}

    removed, added = rows(old) - rows(new), rows(new) - rows(old)
    before = {(name, folder): oid for name, folder, oid in removed}
    changes = [
        (new[name][0] + b" " + name, before[name, folder], oid)
        for name, folder, oid in added
        if (name, folder) in before
    ]
    return len(removed) + len(added), sorted(changes)


def difference(old: Entries, new: Entries) -> tuple[int, list[Change]]:
    count, changes = tree_difference(encoded(old), encoded(new), 20)
    return count, sorted(changes)


@given(old=trees, new=trees)
@example(old={b"a": (FILE, b"x" * 19 + b"1"), b"b": (FOLDER, b"y" * 20)}, new={b"b": (FOLDER, b"z" * 20)})
def test_two_trees_differ_as_their_sets_of_entries_do(old, new):
    assert difference(old, new) == by_sets(old, new)


@given(tree=trees, changed=trees)
def test_a_tree_and_its_next_version_differ_as_their_sets_of_entries_do(tree, changed):
    assert difference(tree, {**tree, **changed}) == by_sets(tree, {**tree, **changed})


def test_three_changes_among_thousands_are_found():
    old = {b"%05d.md" % number: (FILE, b"%020d" % number) for number in range(5000)}
    new = {**old, b"02000.md": (FILE, b"A" * 20), b"04000.md": (FILE, b"B" * 20), b"new": (FILE, b"C" * 20)}
    assert difference(old, new) == by_sets(old, new)


@given(old=trees, new=trees, count_max=st.integers(0, 9))
def test_a_search_that_ends_early_reports_that_there_are_more(old, new, count_max):
    count, changes = by_sets(old, new)
    found = tree_difference(encoded(old), encoded(new), 20, count_max)
    assert (found[0], sorted(found[1])) == (count, changes) if count <= count_max else found[0] > count_max


@given(tree=trees, asked=trees, repeat=st.sampled_from([1, 100]))
def test_ids_are_found_by_mode_and_name(tree, asked, repeat):
    heads = [mode + b" " + name for name, (mode, _) in asked.items()] * repeat
    known = {mode + b" " + name: oid for name, (mode, oid) in tree.items()}
    assert entry_ids(encoded(tree), heads, 20) == [known.get(head, b"") for head in heads]


def test_a_folder_whose_id_follows_one_that_ends_like_a_mode_is_a_folder():
    """The byte before its mode is "1" then, and 140000 looks like a mode too."""
    old = {b"a": (FILE, b"x" * 19 + b"1"), b"b": (FOLDER, b"y" * 20)}
    assert difference(old, {**old, b"b": (FOLDER, b"z" * 20)}) == (2, [(b"40000 b", b"y" * 20, b"z" * 20)])


def test_folders_are_recognized_by_their_mode():
    heads = [b"40000 lib", b"040000 lib", b"100644 40000", b"120000 4", b"160000 sub", b""]
    assert [is_folder(head) for head in heads] == [True, True, False, False, False, False]


def test_a_changed_mode_alone_is_no_difference():
    assert difference({b"a": (FILE, b"x" * 20)}, {b"a": (PROGRAM, b"x" * 20)}) == (0, [])


def test_ids_of_32_bytes_are_taken_whole():
    old, new = (b"100644 a\0" + oid * 32 for oid in (b"x", b"y"))
    assert tree_difference(old, new, 32) == (2, [(b"100644 a", b"x" * 32, b"y" * 32)])


@given(old=st.binary(max_size=200) | trees.map(encoded), new=st.binary(max_size=200))
def test_any_bytes_come_to_an_end(old, new):
    for a, b in ((old, new), (new, old), (old, old + new), (old[:-5], old)):
        count, changes = tree_difference(a, b, 20)
        assert count >= len(changes)


def test_what_looks_like_an_entry_where_none_fits_is_no_trouble():
    assert tree_difference(b"x 100644 a\0b", b"x 100644 a\0c", 20) == (2, [(b"x 100644 a", b"b", b"c")])
