"""The index and the reverse index: the same bytes as git's, and correct look-ups."""

from __future__ import annotations

import random
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packcore.errors import CorruptIndex, PackcoreError
from packcore.ids import SHA1, SHA256, ObjectFormat, ObjectId
from packcore.pack.index import PackIndex, open_index
from packcore.pack.index_write import write_index
from packcore.pack.indexer import index_pack_file
from packcore.pack.reverse_index import pack_order_positions, read_reverse_index, write_reverse_index
from packcore.pack.table import PackTable
from tests.packcore.pack_builder import blob_id, build_pack, chain_of, whole, write_pack_file
from tests.support import git, git_bytes, history, make_repository, require_path

EXAMPLES = Path("/usr/share/doc/libgit2-fixtures/examples")


def forged_table(offsets: list[int], object_format: ObjectFormat = SHA1) -> PackTable:
    """Return a table of made-up entries at these offsets."""
    table = PackTable(object_format)
    for number, offset in enumerate(offsets):
        entry_index = table.append(offset, number * 7 & 0xFFFFFFFF, 1)
        table.set_object(entry_index, 3, object_format.hash_object(b"blob", b"%d" % number))
    table.checksum = object_format.new_hash(b"a pack").digest()
    return table


def index_of(table: PackTable) -> bytes:
    return b"".join(write_index(table, table.sorted_by_id()))


def version_1(table: PackTable) -> bytes:
    """Return the older index, which is only read."""
    order = table.sorted_by_id()
    firsts = [table.oid(i)[0] for i in order]
    body = b"".join(struct.pack(">L", sum(f <= first for f in firsts)) for first in range(256))
    body += b"".join(struct.pack(">L", table.offsets[i]) + table.oid(i) for i in order) + table.checksum
    return body + table.object_format.new_hash(body).digest()


FAR = [12, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0x100000000, 1 << 40, (1 << 40) + 50]


@pytest.mark.parametrize("crowded", [b"", b"\x12", b"\x12\x00\x00\x00", b"\x12\xff\xff\xff", b"\xff" * 8])
@pytest.mark.parametrize("make", ["version 1", "version 2"])
def test_ids_that_are_not_evenly_spread_are_found_all_the_same(crowded: bytes, make: str):
    random_bytes = random.Random(7).randbytes
    present = {crowded + random_bytes(20 - len(crowded)) for _ in range(2000)} | {bytes(20), b"\xff" * 20}
    table = PackTable(SHA1)
    for number, oid in enumerate(present):
        table.set_object(table.append(12 + 9 * number, number, 1), 3, ObjectId(oid))
    table.checksum = bytes(20)
    index = PackIndex(version_1(table) if make == "version 1" else index_of(table), SHA1, "x.idx")
    for position, oid in enumerate(sorted(present)):
        assert index.find(oid) == position
        assert index.find_offset(oid) == index.offset(position)
    absent = [crowded + random_bytes(20 - len(crowded)) for _ in range(500)]
    assert [index.find(oid) for oid in absent] == [-1] * 500
    assert index.find_offset(absent[0]) == -1


def test_of_an_id_that_occurs_often_the_first_is_found():
    table = PackTable(SHA1)
    for number in range(400):
        oid = SHA1.hash_object(b"blob", b"%d" % max(number, 300))
        table.set_object(table.append(12 + 9 * number, number, 1), 3, oid)
    table.checksum = bytes(20)
    index = PackIndex(index_of(table), SHA1, "x.idx")
    often = SHA1.hash_object(b"blob", b"300")
    assert index.find(often) == list(index).index(often)


@pytest.mark.parametrize("object_format", [SHA1, SHA256])
def test_every_entry_is_found_and_no_other(object_format: ObjectFormat):
    table = forged_table([12 + 10 * n for n in range(3000)], object_format)
    index = PackIndex(index_of(table), object_format, "x.idx")
    index.verify()
    assert len(index) == 3000
    assert list(index) == sorted(table.oid(i) for i in range(3000))
    for entry_index in range(0, 3000, 7):
        position = index.find(table.oid(entry_index))
        assert index.oid(position) == table.oid(entry_index)
        assert index.offset(position) == table.offsets[entry_index]
        assert index.crc32(position) == table.crcs[entry_index]
    for absent in (object_format.zero, b"\xff" * object_format.digest_size, b"", b"\x12", b"x" * 19):
        assert index.find(absent) == -1


@pytest.mark.parametrize("object_format", [SHA1, SHA256])
def test_offsets_from_two_gibibytes_on_are_in_the_far_table(object_format: ObjectFormat):
    table = forged_table(FAR, object_format)
    data = index_of(table)
    far = sorted((i for i in range(7) if FAR[i] >= 0x80000000), key=table.oid)
    assert data[-2 * object_format.digest_size - 40 : -2 * object_format.digest_size] == b"".join(
        struct.pack(">Q", FAR[i]) for i in far
    )
    index = PackIndex(data, object_format, "x.idx")
    index.verify()
    assert [index.offset(index.find(table.oid(i))) for i in range(7)] == FAR
    assert sorted(index.offsets()) == FAR
    positions, offsets = index.pack_order()
    assert list(offsets) == FAR
    assert positions == pack_order_positions(table.sorted_by_id())


def test_git_reads_far_offsets_from_our_index():
    table = forged_table(FAR)
    shown = git("show-index", stdin=index_of(table)).splitlines()
    assert shown == [
        f"{table.offsets[i]} {table.oid(i).hex()} ({table.crcs[i]:08x})" for i in table.sorted_by_id()
    ]


def test_a_version_1_index_is_read():
    table = forged_table([12 + 10 * n for n in range(300)])
    assert git("show-index", stdin=version_1(table)).splitlines() == [
        f"{table.offsets[i]} {table.oid(i).hex()}" for i in table.sorted_by_id()
    ]
    index = PackIndex(version_1(table), SHA1, "x.idx")
    index.verify()
    position = index.find(table.oid(17))
    assert (index.version, index.offset(position), index.crc32(position)) == (1, 182, None)
    assert sorted(index.offsets()) == list(table.offsets)


def test_ids_between_two_prefixes_are_found():
    table = forged_table([12 + n for n in range(2000)])
    index = PackIndex(index_of(table), SHA1, "x.idx")
    found = [index.oid(position) for position in index.find_range(b"\x3a\x00", b"\x3a\x7f")]
    assert found == [oid for oid in index if oid[0] == 0x3A and oid[1] <= 0x7F]
    assert found
    assert not index.find_range(b"\x3a\x01\x02\x03\x04", b"\x3a\x01\x02\x03\x04")


def test_an_object_that_is_in_the_pack_twice_is_listed_twice_as_in_git(tmp_path: Path):
    pack = build_pack([whole(b"twin"), whole(b"other"), whole(b"twin"), whole(b"twin")])
    path = write_pack_file(tmp_path, [pack])
    indexed = index_pack_file(path, object_format=SHA1)
    git("index-pack", "--rev-index", "-o", tmp_path / "git.idx", path)
    assert b"".join(indexed.index_blocks()) == (tmp_path / "git.idx").read_bytes()
    assert b"".join(indexed.reverse_index_blocks()) == (tmp_path / "git.rev").read_bytes()
    assert list(indexed.table.duplicates(indexed.order)) == [(0, 2), (2, 3)]


def same_as_git(path: Path, object_format: ObjectFormat, directory: Path) -> None:
    indexed = index_pack_file(path, object_format=object_format)
    theirs = directory / "git.idx"
    git("index-pack", f"--object-format={object_format.name}", "--rev-index", "-o", theirs, path)
    assert b"".join(indexed.index_blocks()) == theirs.read_bytes()
    assert b"".join(indexed.reverse_index_blocks()) == theirs.with_suffix(".rev").read_bytes()
    index = open_index(theirs, object_format)
    index.verify()
    index.close()


FIXTURES = sorted({path.name: path for path in EXAMPLES.rglob(f"pack-{'?' * 40}.pack")}.values())
"""Those of SHA-1, by the length of their names; Debian 13 has some of SHA-256 too."""


@pytest.mark.parametrize("path", FIXTURES, ids=[path.name[:13] for path in FIXTURES])
def test_the_index_of_a_fixture_pack_is_gits_to_the_byte(path: Path, tmp_path: Path):
    same_as_git(path, SHA1, tmp_path)


def test_there_are_fixture_packs():
    require_path(EXAMPLES, package="libgit2-fixtures")
    assert len(FIXTURES) == 17  # each of the package's packs, once


@pytest.mark.parametrize("object_format", [SHA1, SHA256])
@pytest.mark.parametrize("flags", [["--delta-base-offset"], []], ids=["ofs", "ref"])
def test_the_index_of_a_repository_is_gits_to_the_byte(
    flags: list[str], object_format: ObjectFormat, tmp_path: Path
):
    repository = make_repository(tmp_path / "r.git", history(commits=60), object_format=object_format.name)
    data = git_bytes("pack-objects", "--all", "--stdout", "-q", "--revs", *flags, cwd=repository)
    same_as_git(write_pack_file(tmp_path, [data]), object_format, tmp_path)


def test_an_empty_pack_has_an_empty_index(tmp_path: Path):
    same_as_git(write_pack_file(tmp_path, [build_pack([])]), SHA1, tmp_path)


GOLDEN_PACK = (
    "5041434b0000000200000001"  # PACK, version 2, one entry
    "36789ccb48cdc9c9e70200084b021f"  # blob of 6 bytes: "hello\n"
)


def test_a_pack_made_by_hand_has_the_index_that_the_format_says(tmp_path: Path):
    body = bytes.fromhex(GOLDEN_PACK)
    pack = body + SHA1.new_hash(body).digest()
    indexed = index_pack_file(write_pack_file(tmp_path, [pack]), object_format=SHA1)
    oid = bytes.fromhex("ce013625030ba8dba906f756967f9e9ca394464a")
    index = b"".join(indexed.index_blocks())
    assert index[:8].hex() == "ff744f6300000002"
    assert index[8 : 8 + 0xCE * 4] == bytes(0xCE * 4)
    assert index[8 + 0xCE * 4 : 8 + 1024] == b"\0\0\0\1" * (256 - 0xCE)
    assert index[1032:1052] == oid
    assert index[1056:1060] == b"\0\0\0\x0c"
    assert index[1060:1080] == pack[-20:]
    reverse = b"".join(indexed.reverse_index_blocks())
    assert reverse[:16].hex() == "524944580000000100000001" + "00000000"


TABLE = forged_table([12, 50, 1 << 33, 100])
GOOD = index_of(TABLE)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "too short"),
        (GOOD[:1000], "too short"),
        (GOOD[:7] + b"\3" + GOOD[8:], "version 3"),
        (GOOD[:-1], "does not fit"),
        (GOOD + bytes(8 * 4), "does not fit"),
        (GOOD[:8] + b"\xff" * 4 + GOOD[12:], "does not rise"),
        (GOOD[:1028] + b"\xff" * 4 + GOOD[1032:], "does not fit"),
        (b"\0" * 5000, "does not fit"),
    ],
)
def test_an_index_whose_frame_is_wrong_is_corrupt(data: bytes, words: str):
    with pytest.raises(CorruptIndex, match=words) as caught:
        PackIndex(data, SHA1, "some.idx")
    assert caught.value.path == "some.idx"


def test_a_far_offset_that_is_not_there_is_corrupt():
    near = 1032 + 4 * 24
    damaged = bytearray(GOOD)
    for start in range(near, near + 16, 4):
        damaged[start : start + 4] = b"\xff\xff\xff\xff"
    index = PackIndex(bytes(damaged), SHA1, "some.idx")
    with pytest.raises(CorruptIndex, match="far offset 2147483647"):
        index.offset(0)
    with pytest.raises(CorruptIndex, match="far offset"):
        index.offsets()


@given(st.integers(0, len(GOOD) - 1), st.integers(1, 255))
def test_any_damage_to_an_index_is_found_by_verify(position: int, flip: int):
    damaged = bytearray(GOOD)
    damaged[position] ^= flip
    with pytest.raises(CorruptIndex):
        PackIndex(bytes(damaged), SHA1, "x.idx").verify()


@given(st.integers(0, len(GOOD) - 1), st.integers(1, 255))
def test_no_damage_to_an_index_makes_a_look_up_raise_anything_else(position: int, flip: int):
    damaged = bytearray(GOOD)
    damaged[position] ^= flip
    try:
        index = PackIndex(bytes(damaged), SHA1, "x.idx")
        for oid in [*(TABLE.oid(i) for i in range(4)), ObjectId(bytes(20))]:
            if (found := index.find(oid)) >= 0:
                index.offset(found)
                index.crc32(found)
        index.pack_order()
    except PackcoreError:
        pass


def test_a_reverse_index_is_read_back_and_each_fault_found():
    positions = list(range(100))
    random.Random(3).shuffle(positions)
    data = b"".join(write_reverse_index(positions, bytes(32), SHA256))
    assert list(read_reverse_index(data, 100, SHA256, "x.rev")) == positions
    twice = b"".join(write_reverse_index([1, 1], bytes(20), SHA1))
    wrong = [
        (data, 99, SHA256, "does not fit"),
        (b"RIDY" + data[4:], 100, SHA256, "no reverse index"),
        (data[:-1] + b"?", 100, SHA256, "digest"),
        (twice, 2, SHA1, "each object once"),
    ]
    for damaged, count, object_format, words in wrong:
        with pytest.raises(CorruptIndex, match=words):
            read_reverse_index(damaged, count, object_format, "x.rev")


def test_ids_beginning_alike_are_in_order(tmp_path: Path):
    texts = [b"%d" % n for n in range(500)]
    path = write_pack_file(tmp_path, [build_pack(chain_of(texts))])
    indexed = index_pack_file(path, object_format=SHA1)
    assert [indexed.table.oid(i) for i in indexed.order] == sorted(map(blob_id, texts))


@pytest.mark.parametrize("offset", [1 << 63, (1 << 64) - 1])
def test_an_offset_that_no_file_can_have_is_corrupt(offset: int):
    table = forged_table([12, 1 << 40, offset])
    index = PackIndex(index_of(table), SHA1, "some.idx")
    oids = [table.oid(i) for i in range(3)]
    for ask in (index.offsets, index.pack_order, index.verify, lambda: index.find_offsets(oids)):
        with pytest.raises(CorruptIndex, match=f"at offset {offset}"):
            ask()
    assert index.find_offset(oids[1]) == 1 << 40


def signed(body: bytes) -> bytes:
    """Return an index with a digest that fits, whatever else is wrong."""
    return body + SHA1.new_hash(body).digest()


def test_verify_finds_ids_out_of_order_though_the_digest_fits():
    table = PackTable(SHA1)
    for number in range(4):
        table.set_object(table.append(12 + 9 * number, 0, 1), 3, ObjectId(bytes([7, number]) * 10))
    table.checksum = bytes(20)
    body = bytearray(index_of(table)[:-20])
    ids = 8 + 256 * 4
    body[ids + 20 : ids + 60] = body[ids + 40 : ids + 60] + body[ids + 20 : ids + 40]
    with pytest.raises(CorruptIndex, match="ids are out of order at position 2"):
        PackIndex(signed(bytes(body)), SHA1, "x.idx").verify()


@pytest.mark.parametrize("shift", [-1, 1])
def test_verify_finds_a_fan_out_that_does_not_fit_though_the_digest_does(shift: int):
    table = PackTable(SHA1)
    for number in range(6):
        table.set_object(
            table.append(12 + 9 * number, 0, 1), 3, ObjectId(bytes([number // 2]) * 19 + bytes([number]))
        )
    table.checksum = bytes(20)
    body = bytearray(index_of(table)[:-20])
    assert struct.unpack_from(">3L", body, 8) == (2, 4, 6)
    struct.pack_into(">L", body, 8 + 4, 4 + shift)
    with pytest.raises(CorruptIndex, match="fan-out table does not fit id"):
        PackIndex(signed(bytes(body)), SHA1, "x.idx").verify()


@pytest.mark.parametrize("make", [version_1, index_of], ids=["version 1", "version 2"])
def test_many_ids_are_found_as_each_is_found_alone(make):
    table = forged_table([12 + 9 * number for number in range(40)])
    twice = table.oid(3)
    table.set_object(table.append(2000, 99, 1), 3, twice)
    index = PackIndex(make(table), SHA1, "x.idx")
    asked = [*(table.oid(number) for number in range(41)), ObjectId(b"\x07" * 20), ObjectId(bytes(20))]
    expected = [index.find_offset(oid) for oid in asked]
    assert expected[-2:] == [-1, -1]
    assert list(index.find_offsets(asked)) == expected
    assert list(index.find_offsets(asked)) == expected  # the answer is kept
    assert list(index.find_offsets(asked[:1])) == expected[:1]
    assert list(index.find_offsets([])) == []


def test_all_crcs_are_told_by_position_and_version_1_has_none():
    table = forged_table([12, 21, 30])
    order = table.sorted_by_id()
    crcs = PackIndex(index_of(table), SHA1, "x.idx").crcs()
    assert crcs is not None
    assert list(crcs) == [entry * 7 for entry in order]
    assert PackIndex(version_1(table), SHA1, "x.idx").crcs() is None
