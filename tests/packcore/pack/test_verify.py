"""verify-pack: git's own listing, and what it finds."""

from __future__ import annotations

from pathlib import Path

import pytest

from packcore.errors import CorruptData, CorruptIndex
from packcore.ids import SHA1, SHA256
from packcore.pack.index_write import write_index
from packcore.pack.indexer import index_pack_file
from packcore.pack.reverse_index import pack_order_positions, write_reverse_index
from packcore.pack.verify import verify_pack
from tests.packcore.pack_builder import build_pack, chain_of, whole, write_pack_file
from tests.support import git, history, make_repository

EXAMPLES = Path("/usr/share/doc/libgit2-fixtures/examples")
FIXTURES = sorted({path.name: path for path in EXAMPLES.rglob(f"pack-{'?' * 40}.pack")}.values())
"""Those of SHA-1, by the length of their names; Debian 13 has some of SHA-256 too."""


@pytest.mark.parametrize("path", FIXTURES, ids=[path.name[:13] for path in FIXTURES])
def test_the_listing_of_a_fixture_pack_is_gits(path: Path):
    assert list(verify_pack(path, SHA1).lines()) == git("verify-pack", "-v", path).splitlines()


@pytest.mark.parametrize("object_format", [SHA1, SHA256])
def test_the_listing_of_a_repository_is_gits(object_format, tmp_path: Path):
    repository = make_repository(
        tmp_path / "r.git", history(commits=50), object_format=object_format.name, repack=True
    )
    path = next((repository / "objects/pack").glob("*.pack"))
    report = verify_pack(path, object_format)
    assert list(report.lines()) == git("verify-pack", "-v", path, cwd=repository).splitlines()
    assert sum(report.chain_lengths.values()) == len(report.rows)


def pack_with_files(directory: Path) -> Path:
    texts = [b"text %d of several that are alike" % n for n in range(5)]
    path = write_pack_file(directory, [build_pack([*chain_of(texts), whole(b"x")])])
    indexed = index_pack_file(path, object_format=SHA1)
    path.with_suffix(".idx").write_bytes(b"".join(indexed.index_blocks()))
    path.with_suffix(".rev").write_bytes(b"".join(indexed.reverse_index_blocks()))
    return path


def test_a_chain_is_counted_in_the_histogram(tmp_path: Path):
    report = verify_pack(pack_with_files(tmp_path), SHA1)
    assert list(report.histogram()) == [
        "non delta: 2 objects",
        *(f"chain length = {depth}: 1 object" for depth in range(1, 5)),
    ]


@pytest.mark.parametrize("suffix", [".pack", ".idx", ".rev"])
def test_any_byte_that_was_damaged_is_found(suffix: str, tmp_path: Path):
    path = pack_with_files(tmp_path)
    victim = path.with_suffix(suffix)
    good = victim.read_bytes()
    for position in range(0, len(good), 7):
        victim.write_bytes(good[:position] + bytes([good[position] ^ 0x41]) + good[position + 1 :])
        with pytest.raises(CorruptData):
            verify_pack(path, SHA1)


@pytest.mark.parametrize(
    ("field", "words"), [("offsets", "it is at"), ("crcs", "CRC-32"), ("oids", "where its pack has")]
)
def test_an_index_that_is_right_in_itself_but_not_for_its_pack_is_found(
    field: str, words: str, tmp_path: Path
):
    path = pack_with_files(tmp_path)
    indexed = index_pack_file(path, object_format=SHA1)
    getattr(indexed.table, field)[5] ^= 1
    order = indexed.table.sorted_by_id()
    path.with_suffix(".idx").write_bytes(b"".join(write_index(indexed.table, order)))
    with pytest.raises(CorruptData, match=words):
        verify_pack(path, SHA1)


def test_a_reverse_index_of_another_order_is_found(tmp_path: Path):
    path = pack_with_files(tmp_path)
    checksum = path.read_bytes()[-20:]
    path.with_suffix(".rev").write_bytes(b"".join(write_reverse_index(range(6), checksum, SHA1)))
    with pytest.raises(CorruptIndex, match="order of its pack"):
        verify_pack(path, SHA1)


def test_an_index_of_another_pack_is_told_by_the_trailers(tmp_path: Path):
    path = write_pack_file(tmp_path, [build_pack([whole(b"one"), whole(b"two")])])
    other = index_pack_file(
        write_pack_file(tmp_path, [build_pack([whole(b"one"), whole(b"ten")])], "other.pack"),
        object_format=SHA1,
    )
    path.with_suffix(".idx").write_bytes(b"".join(other.index_blocks()))
    with pytest.raises(CorruptIndex, match="it is for another pack: the trailers differ"):
        verify_pack(path, SHA1)


def test_an_index_with_fewer_objects_than_its_pack_is_told_by_their_number(tmp_path: Path):
    path = write_pack_file(tmp_path, [build_pack([whole(b"one"), whole(b"two")])])
    fewer = index_pack_file(
        write_pack_file(tmp_path, [build_pack([whole(b"one")])], "fewer.pack"), object_format=SHA1
    )
    fewer.table.checksum = index_pack_file(path, object_format=SHA1).table.checksum
    path.with_suffix(".idx").write_bytes(b"".join(fewer.index_blocks()))
    with pytest.raises(CorruptIndex, match="it has 1 objects, its pack 2"):
        verify_pack(path, SHA1)


def test_a_reverse_index_of_another_pack_is_told_by_the_trailers_and_named(tmp_path: Path):
    path = pack_with_files(tmp_path)
    positions = pack_order_positions(index_pack_file(path, object_format=SHA1).order)
    path.with_suffix(".rev").write_bytes(b"".join(write_reverse_index(positions, bytes(20), SHA1)))
    with pytest.raises(CorruptIndex, match=r"test\.rev: it is for another pack: the trailers differ"):
        verify_pack(path, SHA1)
