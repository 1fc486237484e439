"""What is recovered of damaged packs: every object whose bytes, and those of its bases, are still there."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from packcore.errors import CorruptPack, LimitExceeded
from packcore.ids import SHA1
from packcore.limits import Limits
from packcore.objects import ObjectType
from packcore.pack.indexer import index_pack_file
from packcore.store.repository import Repository
from packcore.store.salvage import Salvaged, salvage_pack
from tests.packcore.pack_builder import (
    blob_id,
    build_pack,
    chain_of,
    ref_delta,
    simple_delta,
    whole,
    write_pack_file,
)
from tests.support import fsck, git_bytes, history, init_repository, make_repository

if TYPE_CHECKING:
    from pathlib import Path

    from packcore.ids import ObjectId

RANDOM = random.Random(5)
TEXTS = [b"text %d, " % number + RANDOM.randbytes(300) for number in range(8)]


@pytest.fixture
def repository(tmp_path: Path):
    with Repository.open(init_repository(tmp_path / "r.git")) as opened:
        yield opened


def salvaged(repository: Repository, data: bytes, *, dry_run: bool = False) -> Salvaged:
    blocks = (data[start : start + 100] for start in range(0, len(data), 100))
    return salvage_pack(blocks, repository, limits=repository.limits, dry_run=dry_run)


def offsets(data: bytes, tmp_path: Path) -> list[int]:
    indexed = index_pack_file(write_pack_file(tmp_path, [data]), object_format=SHA1)
    return [*indexed.table.offsets, indexed.table.pack_bytes - 20]


def ids(*numbers: int) -> set[ObjectId]:
    return {blob_id(TEXTS[number]) for number in numbers}


def test_an_intact_pack_is_unpacked_without_faults(repository):
    found = salvaged(repository, build_pack([whole(text) for text in TEXTS]))
    assert (found.recovered, found.announced, found.faults) == (8, 8, [])
    assert set(repository) == ids(*range(8))


def test_whatever_byte_of_an_entry_is_damaged_the_others_are_recovered(repository, tmp_path):
    data = build_pack([whole(text) for text in TEXTS[:3]])
    _, start, end, _ = offsets(data, tmp_path)
    damaged = bytearray(data)
    for position in range(start, end):
        damaged[position] ^= 0x55
        found = salvaged(repository, bytes(damaged), dry_run=True)
        assert found.recovered >= 2, position
        assert found.faults, position
        damaged[position] ^= 0x55
    damaged[end - 1] ^= 0x55
    salvaged(repository, bytes(damaged))
    assert set(repository) == ids(0, 2)


def test_after_bytes_were_lost_or_added_the_next_entry_is_found(repository, tmp_path):
    data = build_pack([whole(text) for text in TEXTS])
    at = offsets(data, tmp_path)
    lost = data[: at[2] + 10] + data[at[3] + 5 : at[5]] + RANDOM.randbytes(5000) + data[at[5] :]
    found = salvaged(repository, lost)
    assert set(repository) == ids(0, 1, 4, 5, 6, 7)
    assert found.recovered == 6
    assert "6 intact entries, where its header announces 8" in str(found.faults[-1])


def test_of_a_pack_that_is_cut_off_every_whole_entry_is_recovered(repository, tmp_path):
    data = build_pack([whole(text) for text in TEXTS])
    found = salvaged(repository, data[: offsets(data, tmp_path)[4]])
    assert set(repository) == ids(0, 1, 2, 3)
    assert [str(fault) for fault in found.faults] == [
        "received pack: its trailer does not match its bytes",
        "received pack: 4 intact entries, where its header announces 8",
    ]


def test_only_the_trailer_is_wrong(repository):
    data = build_pack([whole(text) for text in TEXTS])
    found = salvaged(repository, data[:-1] + bytes([data[-1] ^ 1]))
    assert found.recovered == 8
    assert [str(fault) for fault in found.faults] == ["received pack: its trailer does not match its bytes"]


@pytest.mark.parametrize("by_ref", [False, True])
def test_deltas_are_applied_if_their_bases_are_there_however_they_are_named(repository, tmp_path, by_ref):
    texts = [b"a common beginning " * 10 + b"%d" % number for number in range(4)]
    data = build_pack(chain_of(texts, by_ref=by_ref))
    at = offsets(data, tmp_path)
    damaged = bytearray(data)
    damaged[at[3] - 2] ^= 0xFF  # the checksum of the third's stream, on which the fourth depends
    found = salvaged(repository, bytes(damaged))
    assert set(repository) == {blob_id(text) for text in texts[:2]}
    assert any("the base of this delta is missing" in str(fault) for fault in found.faults)


def test_a_base_may_be_in_the_repository_or_come_later(repository):
    base, target, last = (
        b"a base of some length",
        b"a base of some length, and more",
        b"a base of some length!",
    )
    oid = repository.write_loose(ObjectType.BLOB, base)
    data = build_pack(
        [
            ref_delta(blob_id(target), simple_delta(target, last)),
            ref_delta(oid, simple_delta(base, target)),
        ]
    )
    found = salvaged(repository, data)
    assert (found.recovered, found.faults) == (2, [])
    assert repository.read(blob_id(last)).data == last


def test_a_delta_that_does_not_fit_its_base_is_told(repository):
    data = build_pack(
        [whole(b"short"), ref_delta(blob_id(b"short"), simple_delta(b"another base", b"x" * 9))]
    )
    found = salvaged(repository, data)
    assert set(repository) == {blob_id(b"short")}
    assert len(found.faults) == 1


def test_a_dry_run_writes_nothing(repository):
    found = salvaged(repository, build_pack([whole(text) for text in TEXTS])[:-30], dry_run=True)
    assert (found.recovered, set(repository)) == (7, set())


@pytest.mark.parametrize("data", [b"", b"PACK", b"JUNK" + bytes(100), b"PACK\0\0\0\7\0\0\0\1" + bytes(30)])
def test_what_does_not_begin_as_a_pack_is_refused(repository, data):
    with pytest.raises(CorruptPack):
        salvaged(repository, data)


def test_a_pack_over_the_limit_is_refused(repository):
    data = build_pack([whole(text) for text in TEXTS])
    with pytest.raises(LimitExceeded):
        salvage_pack([data], repository, limits=Limits(pack_bytes=len(data) - 1))


def test_large_objects_are_recovered_and_so_are_deltas_of_them(tmp_path):
    limits = Limits(big_object=10_000)
    base = RANDOM.randbytes(30_000)
    target = base[:20_000] + b"!" + base[20_000:]
    data = build_pack([whole(base), ref_delta(blob_id(base), simple_delta(base, target)), whole(b"x")])
    with Repository.open(init_repository(tmp_path / "r.git"), limits) as repository:
        found = salvage_pack([data], repository, limits=limits)
        assert found.faults == []
        assert b"".join(repository.stream(blob_id(target))) == target


def test_the_search_for_the_next_entry_ends(repository, monkeypatch):
    # At each place there is a header, and a stream of stored bytes that goes on for 64 KiB, and then is none.
    hostile = b"\xbf\xff\x7f\x78\x01\x00\xff\xff\x00\x00" * 20_000
    fed = []
    real = salvage_pack.__globals__["new_inflater"]

    class Counting:
        def __init__(self) -> None:
            self._real = real()

        def decompress(self, piece: bytes, size: int) -> bytes:
            fed.append(len(piece))
            return self._real.decompress(piece, size)  # type: ignore[no-any-return]

        def __getattr__(self, name: str) -> object:
            return getattr(self._real, name)

    monkeypatch.setitem(salvage_pack.__globals__, "new_inflater", Counting)
    data = b"PACK\0\0\0\2\0\0\0\2" + hostile
    found = salvaged(repository, data)
    assert 16 << 20 < sum(fed) < 5 * len(data) + (17 << 20)
    assert any("the search was ended" in str(fault) for fault in found.faults)


def test_gits_pack_of_a_history_loses_only_what_depends_on_the_damage(tmp_path):
    source = make_repository(tmp_path / "s.git", history(commits=30), repack=True)
    data = bytearray(git_bytes("pack-objects", "--all", "--stdout", "-q", "--revs", cwd=source))
    with Repository.open(init_repository(tmp_path / "r.git")) as repository:
        for position in (len(data) // 3, len(data) // 2):
            data[position] ^= 0xFF
        found = salvaged(repository, bytes(data))
        assert found.announced - 20 < found.recovered < found.announced
        assert len(set(repository)) == found.recovered
    assert all(line.startswith(("missing", "broken", "dangling", "  ")) for line in fsck(tmp_path / "r.git"))
