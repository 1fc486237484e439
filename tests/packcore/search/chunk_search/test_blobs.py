"""A blob's base is the prescribed version, or else a blob with a similar size or shared chunks."""

import random

import pytest

from packcore.objects import ObjectType
from packcore.search.chunk_search.blobs import BlobChooser
from packcore.search.chunk_search.paths import EarlyStep
from packcore.search.strategy import Choice
from tests.pack_stores import make_text
from tests.packcore.search.chunk_search.searching import DEFAULT_LIMITS, Searching


def text(seed: int, lines: int = 60) -> list[bytes]:
    return make_text(random.Random(seed), lines)


def last_base(objects: list[tuple[bytes, bytes]], prescribed: int | None, **parameters: int) -> int | None:
    """Choose for each object in turn, the last with a prescribed base; return its base."""
    search = Searching(ObjectType.BLOB, objects, DEFAULT_LIMITS, **parameters)
    paths = list(dict.fromkeys(path for path, _ in objects))
    path_of = {number: paths.index(path) for number, (path, _) in enumerate(objects)}
    chooser = BlobChooser(search.state, path_of)
    for number in range(len(objects) - 1):
        search.place(chooser.choose(number, None, 0))
        chooser.passed(number, path_of[number])
    return chooser.choose(len(objects) - 1, prescribed, 50).base


def test_the_prescribed_version_is_taken_where_little_changed():
    lines = text(1)
    objects = [(b"a", b"".join(lines)), (b"a", b"".join(lines[:-1])), (b"a", b"".join(lines[:-2]))]
    assert last_base(objects, prescribed=0) == 0


def test_the_version_nearest_in_size_is_tried_where_much_changed():
    lines = text(1, 200)
    objects = [
        (b"a", b"".join(lines[:100])),
        (b"a", b"".join([*lines[:195], *text(2, 20)])),
        (b"a", b"".join([*lines[:198], *text(3, 20)])),
    ]
    assert last_base(objects, prescribed=0, voted=0) == 1
    assert last_base(objects, prescribed=0, voted=0, near=0) == 0


def test_a_file_that_moved_is_found_by_its_chunks():
    objects = [(b"a", b"".join(text(1))), (b"b", b"".join(text(2))), (b"c", b"".join(text(1)[:-5]))]
    assert last_base(objects, prescribed=None) == 0
    assert last_base(objects, prescribed=None, voted=0) is None


def test_what_a_delta_of_a_file_without_lines_brought_in_is_found_too():
    first, second = (b"".join(text(seed, 200)).replace(b"\n", b";") for seed in (1, 2))
    mixed = b"".join(first[at : at + 150] + second[at : at + 150] for at in range(0, 4500, 150))
    objects = [(b"a", first), (b"b", mixed), (b"c", second[:4500])]
    search = Searching(ObjectType.BLOB, objects)
    chooser = BlobChooser(search.state, {0: 0, 1: 1, 2: 2})
    bases = []
    for number in range(3):
        bases.append(search.place(chooser.choose(number, None, 50)).base)
        chooser.passed(number, number)
    assert bases == [None, 0, 1]


def test_the_latest_version_of_a_path_that_was_voted_for_is_tried_too():
    lines = text(1, 100)
    objects = [
        (b"a", b"".join(lines[:90])),
        (b"a", b"".join(lines[2:])),
        (b"b", b"".join(lines[3:])),
    ]
    search = Searching(ObjectType.BLOB, objects)
    chooser = BlobChooser(search.state, {0: 0, 1: 0, 2: 1})
    for number, prescribed in enumerate((None, 0)):
        search.place(chooser.choose(number, prescribed, 50))
        chooser.passed(number, 0)
    assert chooser.choose(2, None, 50).base == 1


@pytest.mark.parametrize(("share", "base"), [(0.0, 1), (0.9, 0)])
def test_an_early_step_may_cost_more_the_nearer_the_planned_one_comes(share, base):
    lines = text(1, 100)
    objects = [
        (b"a", b"".join(lines)),
        (b"a", b"".join(lines[:90] + text(2, 10))),
        (b"a", b"".join(lines[:70] + text(3, 20) + text(2, 10))),
    ]
    search = Searching(ObjectType.BLOB, objects, near=0, voted=0)
    chooser = BlobChooser(search.state, {0: 0, 1: 0, 2: 0})
    for number, prescribed in enumerate((None, 0)):
        search.place(chooser.choose(number, prescribed, 50))
        chooser.passed(number, 0)
    assert chooser.choose(2, 1, 50, EarlyStep(0, share)).base == base


def test_a_tiny_blob_is_searched_for_only_where_it_is_a_version():
    objects = [(b"a", b"0123456789" * 4), (b"b", b"0123456789" * 4)]
    assert last_base(objects, prescribed=0) == 0
    assert last_base(objects, prescribed=None, vote_bytes=1, literal_bytes=1) is None


def test_no_depth_left_means_whole():
    data = b"".join(text(1))
    search = Searching(ObjectType.BLOB, [(b"a", data), (b"a", data[:-100])])
    search.place(Choice(0, None))
    assert BlobChooser(search.state, {0: 0, 1: 0}).choose(1, 0, 0).base is None


def test_the_next_nearest_in_size_is_tried_where_the_nearest_was_prescribed():
    lines = text(1, 200)
    objects = [
        (b"a", b"".join([*lines[:100], *text(2, 95)])),
        (b"a", b"".join(text(4, 198))),
        (b"a", b"".join([*lines[:100], *text(5, 90)])),
    ]
    sizes = [len(data) for _, data in objects]
    prescribed = min((1, 0), key=lambda number: abs(sizes[number] - sizes[2]))
    assert last_base(objects, prescribed=prescribed, voted=0) == 0


def test_two_alternating_texts_each_use_their_own_latest_version():
    chance = random.Random(1)
    sides = [[chance.randbytes(16).hex().encode() for _ in range(100)] for _ in range(2)]
    objects = []
    for turn in range(8):
        side = sides[turn % 2]
        side += [chance.randbytes(16).hex().encode() for _ in range(12)]
        objects.append((b"a", b"\n".join(side)))
    search = Searching(ObjectType.BLOB, objects, DEFAULT_LIMITS, near=0)
    chooser = BlobChooser(search.state, dict.fromkeys(range(len(objects)), 0))
    bases = []
    for number in range(len(objects)):
        choice = chooser.choose(number, number - 1 if number else None, 50)
        search.place(choice)
        chooser.passed(number, 0)
        bases.append(choice.base)
    assert bases[3:] == [1, 2, 3, 4, 5]
