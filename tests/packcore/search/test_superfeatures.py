"""Similar objects share a super-feature, unrelated ones don't; and the index that finds them."""

import random

import pytest

from packcore.objects import ObjectType
from packcore.search.superfeatures import ResemblanceIndex, super_features
from tests.pack_stores import edit, make_text


def features_of(data: bytes) -> set[int]:
    return set(super_features(ObjectType.BLOB, data, 20))


def make_binary(rng: random.Random, size: int) -> bytes:
    return rng.randbytes(size)


@pytest.mark.parametrize("seed", range(20))
def test_two_versions_of_a_text_share_one(seed):
    rng = random.Random(seed)
    lines = make_text(rng, 80)
    assert features_of(b"".join(lines)) & features_of(b"".join(edit(rng, lines)))


@pytest.mark.parametrize("seed", range(20))
def test_unrelated_objects_share_none(seed):
    rng = random.Random(seed)
    assert not features_of(b"".join(make_text(rng, 80))) & features_of(b"".join(make_text(rng, 80)))


def test_bytes_put_in_at_the_front_of_a_binary_change_little():
    data = make_binary(random.Random(1), 20_000)
    assert features_of(data) & features_of(b"\x01\x02\x03" + data)


def test_lines_in_another_order_are_the_same_to_it():
    lines = make_text(random.Random(1), 60)
    assert features_of(b"".join(lines)) == features_of(b"".join(reversed(lines)))


def test_a_commit_counts_from_its_author_on():
    head = b"tree %s\nparent %s\n"
    text = b"author A <a@example.com> 1 +0000\ncommitter C <c@example.com> 2 +0000\n\nA subject\n\nA body\n"
    one, other = (head % (digit * 40, digit * 40) + text for digit in (b"1", b"2"))
    assert super_features(ObjectType.COMMIT, one, 20) == super_features(ObjectType.COMMIT, other, 20)


def test_trees_that_share_entries_share_one_and_blobs_of_these_bytes_do_not():
    rng = random.Random(1)
    entries = [b"100644 file%d\0" % number + rng.randbytes(20) for number in range(30)]
    one, other = (
        b"".join(entries),
        b"".join([*entries[:7], b"100644 new\0" + rng.randbytes(20), *entries[8:]]),
    )
    tree_features = set(super_features(ObjectType.TREE, one, 20))
    assert tree_features & set(super_features(ObjectType.TREE, other, 20))
    assert not tree_features & features_of(one)


@pytest.mark.parametrize("data", [b"", b"short\n", b"one line of some length\nand another one\n"])
def test_what_is_too_small_resembles_nothing(data):
    assert features_of(data) == set()


def test_the_index_gives_those_that_share_most_and_then_the_newest():
    index = ResemblanceIndex(1 << 20)
    index.add([1, 2, 3], 10)
    index.add([1, 2, 9], 11)
    index.add([1, 8, 9], 12)
    index.add([1, 7, 9], 13)
    assert index.matches([1, 2, 3], 3) == [10, 11, 13]
    assert index.matches([4, 5, 6], 3) == []


def test_the_index_remembers_a_few_of_each_and_forgets_what_is_old():
    index = ResemblanceIndex(0)
    for number in range(10_000):
        index.add([number, 1 << 40], number)
    assert len(index) <= 2 * 1025
    assert index.matches([5], 9) == []
    assert index.matches([1 << 40], 99) == [9999, 9998, 9997, 9996]
