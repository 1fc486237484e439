"""Name hashes follow the formula that git documents, and sorting by them groups files."""

import pytest

from packcore.search.name_hash import name_hash_v1, name_hash_v2

GOLDEN_V1 = {
    b"": 0,
    b"a": 0x61000000,
    b"ab": 0x7A400000,  # 0x61000000 >> 2, and 0x62000000
    b"a/b": 0x73D00000,  # 0x2f000000 + 0x18400000 = 0x47400000; >> 2, and 0x62000000
    b"a b\tc\n": 0x81900000,
    b"\xff\xff\xff": 0x0EB00000,  # 0xff000000, 0x3ec00000: wraps at 32 bits
}
GOLDEN_V2 = {
    b"": 0,
    b"a": 0x86000000,  # 0x61 with its bits reversed
    b"ab": 0x67800000,  # 0x86000000 >> 2, and 0x46000000
    b"a/a": 0x84180000,  # 0x86000000 >> 6, exclusive or 0x86000000
    b"a/b/": 0x01106000,  # (0x86000000 >> 6 ^ 0x46000000) >> 6
    b"a b": 0x67800000,
}


@pytest.mark.parametrize("path", GOLDEN_V1)
def test_version_1_is_what_the_formula_gives(path):
    assert name_hash_v1(path) == GOLDEN_V1[path]


@pytest.mark.parametrize("path", GOLDEN_V2)
def test_version_2_is_what_the_formula_gives(path):
    assert name_hash_v2(path) == GOLDEN_V2[path]


def test_version_1_sees_sixteen_characters_and_so_no_folders():
    assert name_hash_v1(b"one/folder/test_delta_apply.py") == name_hash_v1(b"another/test_delta_apply.py")


def test_version_2_tells_folders_apart_and_keeps_a_name_together():
    paths = [
        b"crates/%s/src/%s" % (crate, name) for crate in (b"core", b"net") for name in (b"lib.rs", b"a.py")
    ]
    hashes = {path: name_hash_v2(path) for path in paths}
    assert len(set(hashes.values())) == len(paths)
    assert {path.rpartition(b"/")[2] for path in sorted(paths, key=hashes.__getitem__)[:2]} in (
        {b"lib.rs"},
        {b"a.py"},
    )


def test_white_space_counts_in_neither():
    assert name_hash_v1(b"a\r\n b") == name_hash_v1(b"ab")
    assert name_hash_v2(b"a\r\n b") == name_hash_v2(b"ab")
