"""A tree's base is the prescribed version; if that leaves more than one id, ids vote."""

import hashlib

from packcore.objects import ObjectType
from packcore.search.chunk_search.trees import TreeChooser
from packcore.search.strategy import Choice
from tests.packcore.search.chunk_search.searching import Searching


def tree(names: list[int], prefix: str = "") -> bytes:
    ids = [hashlib.sha1(f"{prefix}{name}".encode()).digest() for name in names]
    return b"".join(b"100644 %s\0%s" % (f"file{n}".encode(), id_) for n, id_ in zip(names, ids, strict=True))


def test_one_changed_id_hangs_on_the_prescribed_version():
    names = list(range(10, 40))
    search = Searching(
        ObjectType.TREE, [(b"", tree(names)), (b"", tree(names[:9]) + tree([19], "x") + tree(names[10:]))]
    )
    chooser = TreeChooser(search.state)
    search.place(chooser.choose(0, None, 50))
    choice = search.place(chooser.choose(1, 0, 49))
    assert choice.base == 0
    assert choice.delta_size < 40


def test_a_folder_that_moved_is_found_by_its_ids():
    names = list(range(10, 40))
    objects = [(b"old", tree(names)), (b"other", tree(names, "y")), (b"new", tree(names[:-2]))]
    search = Searching(ObjectType.TREE, objects)
    chooser = TreeChooser(search.state)
    search.place(chooser.choose(0, None, 50))
    search.place(chooser.choose(1, None, 50))
    assert search.place(chooser.choose(2, 1, 49)).base == 0


def test_no_depth_left_means_whole():
    search = Searching(ObjectType.TREE, [(b"", tree([1, 2])), (b"", tree([1, 2, 3]))])
    search.place(Choice(0, None))
    assert TreeChooser(search.state).choose(1, 0, 0).base is None
