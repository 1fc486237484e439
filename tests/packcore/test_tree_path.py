"""Paths of a walk: a parent and a name."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packcore.tree_path import PATH_END_BYTES, TreePath, file_name, inside, path_end

_NAMES = st.lists(st.binary(min_size=1, max_size=9).filter(lambda name: b"/" not in name), min_size=1)


def path_of(*names: bytes) -> TreePath:
    path = TreePath.of(names)
    assert path is not None
    return path


@given(_NAMES)
def test_a_path_is_its_names_with_slashes_between(names: list[bytes]):
    path = path_of(*names)
    assert bytes(path) == path_end(path) == b"/".join(names)
    assert file_name(path) == file_name(bytes(path)) == names[-1]


@given(_NAMES, _NAMES)
def test_paths_are_equal_if_their_names_are(one: list[bytes], other: list[bytes]):
    assert (path_of(*one) == path_of(*other)) == (one == other)
    assert hash(path_of(*one)) == hash(path_of(*one))


def test_a_path_is_not_bytes():
    assert path_of(b"a") != b"a"


def test_an_entry_of_the_root_has_no_folder():
    assert inside(b"", b"a") == path_of(b"a")
    assert inside(path_of(b"a"), b"b") == path_of(b"a", b"b")
    assert bytes(inside(b"a/b", b"c")) == b"a/b/c"


@pytest.mark.parametrize("depth", [1, 2_000, 50_000])
def test_no_depth_recurses(depth: int):
    path = path_of(*[b"n"] * depth)
    assert pickle.loads(pickle.dumps(path)) == path
    assert len(bytes(path)) == 2 * depth - 1
    assert path_end(path) == bytes(path)[-PATH_END_BYTES:]


def test_the_end_of_a_long_path_is_bounded():
    path = path_of(*[b"n" * 500] * 2_000)
    assert path_end(path) == bytes(path)[-PATH_END_BYTES:]
    assert path_end(bytes(path)) == path_end(path)


def test_pickled_paths_share_their_names():
    folder = path_of(*[b"n" * 500] * 100)
    paths = [TreePath(folder, b"%d" % number) for number in range(100)]
    assert len(pickle.dumps(paths)) < 100 * 500 + 100 * 100 * 6
