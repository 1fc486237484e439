"""Applying a delta to its base gives the target: for each type, any bytes, any edits."""

import random
import string
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from packcore.delta.chunks import chunk_starts, cut, fingerprints, has_lines
from packcore.delta.codec import Copy, Insert, apply_delta, delta_sizes, iter_instructions
from packcore.delta.make import commit_text_start, find_matches, make_delta
from packcore.objects import ObjectType
from tests.pack_stores import edit, make_text

TYPES = list(ObjectType)

small_alphabet = st.text(alphabet="ab \n\0", max_size=300).map(str.encode)
lines = st.lists(st.sampled_from([b"", b"a", b"line one", b"another line", b"x" * 100, b"}"]), max_size=60)
contents = st.one_of(st.binary(max_size=300), small_alphabet, lines.map(b"\n".join))


@st.composite
def edited(draw):
    """A base, and a target made of slices of it and of new bytes."""
    base = draw(contents)
    pieces = draw(
        st.lists(st.tuples(st.integers(0, 300), st.integers(0, 200), st.binary(max_size=30)), max_size=8)
    )
    return base, b"".join(base[start : start + size] + new for start, size, new in pieces)


@st.composite
def trees(draw):
    """Two trees that share most entries."""
    names = draw(st.lists(st.text(string.ascii_lowercase, min_size=1, max_size=12), max_size=40, unique=True))
    modes = st.sampled_from([b"100644", b"40000", b"100755"])

    def entries() -> bytes:
        kept = [name for name in names if draw(st.integers(0, 9))]
        return b"".join(
            draw(modes) + b" %s\0" % name.encode() + bytes([draw(st.integers(0, 2))]) * 20
            for name in sorted(kept)
        )

    return entries(), entries()


@pytest.mark.parametrize("object_type", TYPES)
@pytest.mark.parametrize("digest_size", [20, 32])
@given(pair=st.one_of(st.tuples(contents, contents), edited(), trees()))
@settings(max_examples=60, deadline=None)
def test_the_delta_of_any_two_contents_gives_the_target(object_type, digest_size, pair):
    base, target = pair
    assert apply_delta(base, make_delta(object_type, base, target, digest_size)) == target


@pytest.mark.parametrize("object_type", TYPES)
@pytest.mark.parametrize("seed", range(8))
def test_the_delta_of_an_edited_text_gives_the_target_and_is_small(object_type, seed):
    rng = random.Random(seed)
    before = make_text(rng, 300)
    base, target = b"".join(before), b"".join(edit(rng, before))
    delta = make_delta(object_type, base, target, 20)
    assert apply_delta(base, delta) == target
    if object_type != ObjectType.TREE:
        assert len(delta) < len(target) / 10


@given(pair=edited())
@settings(max_examples=200, deadline=None)
def test_instructions_stay_within_what_git_reads(pair):
    base, target = pair
    delta = make_delta(ObjectType.BLOB, base, target, 20)
    assert delta_sizes(delta) == (len(base), len(target))
    for instruction in iter_instructions(delta):
        if isinstance(instruction, Copy):
            assert 0 < instruction.size <= 0x10000
            assert instruction.offset + instruction.size <= len(base)
        else:
            assert isinstance(instruction, Insert)
            assert 0 < len(instruction.data) <= 127


@pytest.mark.parametrize("size", [0xFFFF, 0x10000, 0x10001, 0x20000, 0x12345678 % 0x50000])
def test_long_copies_are_cut_at_64_kib(size):
    base = random.Random(size).randbytes(size)
    delta = make_delta(ObjectType.BLOB, base, base + b"tail", 20)
    assert apply_delta(base, delta) == base + b"tail"
    assert len(delta) < 40


@given(pair=edited(), cost_max=st.integers(0, 400))
@settings(max_examples=300, deadline=None)
def test_a_cost_limit_ends_the_search_and_never_changes_its_result(pair, cost_max):
    base, target = pair
    free = find_matches(ObjectType.BLOB, base, target, 10**9, 20)
    limited = find_matches(ObjectType.BLOB, base, target, cost_max, 20)
    assert limited in (None, free)
    if limited is None:
        # The estimate may only fall once the last step has paid off, so giving up early is allowed.
        assert free is not None


def test_commits_are_compared_from_the_author_line_on():
    def commit(tree: bytes, message: bytes) -> bytes:
        return b"tree %s\nauthor A <a@example.com> 1 +0000\ncommitter A <a@example.com> 1 +0000\n\n%s\n" % (
            tree * 40,
            message,
        )

    base, target = commit(b"1", b"the same message here"), commit(b"2", b"the same message here")
    assert commit_text_start(base) == 45
    found = find_matches(ObjectType.COMMIT, base, target, 100, 20)
    assert found is not None
    assert found[1] == [(45, 45, len(base) - 45)]


def test_words_that_stayed_in_a_changed_line_are_copied():
    line = b"    if (memory_limit_is_set && size > limit) return an_error_of_some_kind;\n"
    around = [b"line number %d of the text around it\n" % number for number in range(20)]
    base = b"".join([*around, line, *around])
    target = base.replace(b"size >", b"total_size >").replace(b"if (", b"while (")
    assert len(make_delta(ObjectType.BLOB, base, target, 20)) < 45


def test_one_changed_id_in_a_tree_costs_two_copies_and_the_id():
    entries = [b"100644 file%02d\0" % number + bytes([number + 1]) * 20 for number in range(50)]
    base = b"".join(entries)
    entries[25] = b"100644 file25\0" + b"\xee" * 20
    assert len(make_delta(ObjectType.TREE, base, b"".join(entries), 20)) <= 4 + 21 + 2 * 5


@pytest.mark.parametrize("change", ["taken out", "put in", "renamed"])
def test_a_tree_entry_that_came_or_went_costs_little(change):
    rng = random.Random(3)
    entries = [b"100644 file%02d\0" % number + rng.randbytes(20) for number in range(50)]
    base = b"".join(entries)
    if change == "taken out":
        del entries[20]
    elif change == "put in":
        entries.insert(20, b"100644 file19a\0" + rng.randbytes(20))
    else:
        entries[20] = b"100644 FILE20" + entries[20][13:]
    assert len(make_delta(ObjectType.TREE, base, b"".join(entries), 20)) < 60


SIZE = 300_000
HOSTILE = {
    "one line, all equal bytes": (b"a" * SIZE, b"a" * (SIZE - 1)),
    "one line, minified": (b"var a=1;" * (SIZE // 8), b"var b=2;" + b"var a=1;" * (SIZE // 8)),
    "equal lines": (b"the same line again\n" * (SIZE // 20), b"x" + b"the same line again\n" * (SIZE // 20)),
    "empty lines": (b"\n" * SIZE, b"\n" * (SIZE // 2) + b"x" + b"\n" * (SIZE // 2)),
    "noise": (random.Random(1).randbytes(SIZE), random.Random(2).randbytes(SIZE)),
    "halves swapped": (b"a b c d e f\n" * (SIZE // 12), b"f e d c b a\n" * (SIZE // 12)),
    "two kinds of lines": (
        b"first kind of line\nsecond kind of it\n" * (SIZE // 37),
        b"second kind of it\n" * (SIZE // 18),
    ),
    "lines backwards": (
        b"".join(b"line number %07d\n" % number for number in range(SIZE // 20)),
        b"".join(b"line number %07d\n" % number for number in reversed(range(SIZE // 20))),
    ),
    "nothing and something": (b"", b"word " * (SIZE // 5)),
}


class CountedBytes(bytes):
    """Bytes that count what a search may look at."""

    looked_at = 0

    def find(self, sub, start=0, end=None):
        stop = len(self) if end is None else min(end, len(self))
        found = super().find(sub, start, stop)
        CountedBytes.looked_at += (stop if found < 0 else found) - min(start, stop)
        return found


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("object_type", TYPES)
def test_hostile_contents_are_searched_in_linear_work(name, object_type):
    base, target = map(CountedBytes, HOSTILE[name])
    CountedBytes.looked_at = 0
    delta = make_delta(object_type, base, target, 20)
    assert apply_delta(bytes(base), delta) == bytes(target)
    # Each chunk may look 8 KiB ahead, each difference 2 KiB, four times on either side.
    assert CountedBytes.looked_at < 600 * (len(base) + len(target))


def test_binaries_are_cut_by_content():
    rng = random.Random(5)
    data = rng.randbytes(20_000)
    shifted = data[:5000] + b"put in" + data[5000:]
    before, after = (set(fingerprints(cut(content))) for content in (data, shifted))
    assert len(before & after) > 0.95 * len(before)


def test_chunks_too_short_to_carry_information_are_left_out():
    assert cut(b"}\n\nint main(void)\n{\n") == [b"int main(void)"]


def test_nothing_is_cut_into_nothing():
    # Where bytes were only taken out, what is left to match between two hits is empty.
    assert chunk_starts([], 1, by_lines=False) == []


@given(st.text(alphabet="ab\n", max_size=60).map(str.encode), st.integers(1, 400), st.integers(0, 50))
def test_text_is_recognized_by_the_newlines_in_its_first_bytes(pattern, times, start):
    data = pattern * times + b"-" * 3000
    head = data[start : start + 4096]
    assert has_lines(data, start, len(data)) == (head.count(b"\n") * 200 >= len(head))


def test_make_delta_is_pure():
    rng = random.Random(7)
    before = make_text(rng, 100)
    make = partial(make_delta, ObjectType.BLOB, b"".join(before), b"".join(edit(rng, before)), 20)
    assert make() == make()


def test_a_block_that_was_copied_from_unchanged_text_is_found():
    lines = [b"line %d holds %d\n" % (number, number * 7919) for number in range(400)]
    base = b"".join(lines)
    target = b"".join([*lines[:300], b"new\n", *lines[50:90], *lines[300:]])
    assert len(make_delta(ObjectType.BLOB, base, target, 20)) < 60


def test_a_moved_block_is_found_among_what_differs():
    lines = [b"line %d holds %d\n" % (number, number * 7919) for number in range(400)]
    base = b"".join(lines)
    target = b"".join(lines[:100] + lines[180:260] + lines[100:180] + lines[260:])
    assert len(make_delta(ObjectType.BLOB, base, target, 20)) < 60


@pytest.mark.parametrize("pattern", [b"\0", bytes(range(1, 38)), b"a line of text\n", b"abcabcab\n"])
def test_what_repeats_is_copied_from_where_it_repeats_longest(pattern):
    chance = random.Random(5)
    island = b"(island)" * 2
    runs = [pattern * (chance.randrange(4_000, 20_000) // len(pattern)) for _ in range(8)]
    base, target = island.join(runs), island.join(reversed(runs))
    instructions = list(iter_instructions(make_delta(ObjectType.BLOB, base, target, 20)))
    assert len(instructions) <= 2 * (2 * len(runs) - 1)


def test_what_data_without_lines_repeats_is_found_outside_of_what_differs():
    chance = random.Random(5)
    period = chance.randbytes(2_000).replace(b"\n", b"\0")
    base = period * 5 + chance.randbytes(6_000) + period * 5
    target = period * 13
    assert len(make_delta(ObjectType.BLOB, base, target, 20)) < 60


def test_the_walk_continues_behind_a_new_part():
    def text(seed: int, count: int) -> list[bytes]:
        rng = random.Random(seed)
        return [b"line %d holds %d\n" % (number, rng.randrange(10**9)) for number in range(count)]

    before, after = text(1, 2000), text(2, 2000)
    changed = [text(number, 300) for number in range(3, 7)]
    base = b"".join([*before, *changed[0], *after, *changed[1], *before])
    target = b"".join([*before, *changed[2], *after, *changed[3], *before])
    found = find_matches(ObjectType.BLOB, base, target, 10**9, 20)
    assert found is not None
    assert sum(length > 10_000 for _, _, length in found[1]) == 3
