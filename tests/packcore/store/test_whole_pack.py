"""A pack that is copied whole: the same bytes as entry by entry, and only where it may be."""

from __future__ import annotations

import random
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from packcore.errors import CorruptPack
from packcore.ids import SHA1, SHA256, ObjectId
from packcore.limits import Limits
from packcore.objects import ObjectType
from packcore.pack.indexer import index_pack_file
from packcore.plan import Candidate
from packcore.select import copy_of_pack, select
from packcore.store.bulk import headers_of, pack_of_just
from packcore.store.memory import MemoryStore
from packcore.store.packed import PackedStore
from packcore.store.packfile import PackFile
from packcore.store.repository import Repository
from packcore.store.spool import SpooledPack
from packcore.walk import list_objects
from packcore.write import BLOCK_BYTES, write_pack
from tests.pack_stores import make_history
from tests.packcore.pack_builder import build_body, build_pack, chain_of, ofs_delta, seal, simple_delta, whole

if TYPE_CHECKING:
    from pathlib import Path

    from packcore.ids import ObjectFormat
    from packcore.plan import PackPlan
    from packcore.store.base import ObjectStore

TEXTS = [random.Random(7).randbytes(200).hex().encode() + b"\n%d\n" % number for number in range(6)]


def spool_of_history(object_format: ObjectFormat = SHA1, *, ofs: bool = True) -> SpooledPack:
    store, tip = make_history(object_format=object_format)
    plan = select(store, list_objects(store, [tip]))
    return SpooledPack.receive(write_pack(plan, ofs_delta=ofs), object_format=object_format)


def install(folder: Path, *packs: bytes) -> PackedStore:
    """Return a store of these packs."""
    folder.mkdir(exist_ok=True)
    for number, data in enumerate(packs):
        path = folder / f"pack-{number}.pack"
        path.write_bytes(data)
        path.with_suffix(".idx").write_bytes(
            b"".join(index_pack_file(path, object_format=SHA1).index_blocks())
        )
    return PackedStore(folder, SHA1)


def candidates_of(store: ObjectStore, oids: list[ObjectId]) -> list[Candidate]:
    headers = zip(oids, headers_of(store, oids), strict=True)
    return [
        Candidate(oid, *(header or store.header(oid)), b"", order)
        for order, (oid, header) in enumerate(headers)
    ]


def bytes_of(plan: PackPlan) -> bytes:
    return b"".join(write_pack(plan))


def by_entries(plan: PackPlan) -> PackPlan:
    """Return the same plan, as one that knows nothing of the pack it copies."""
    return replace(plan, entries=tuple(plan.entries), copied=None)


@pytest.fixture(scope="module")
def spool():
    with spool_of_history() as spool:
        yield spool


@pytest.mark.parametrize("object_format", [SHA1, SHA256], ids=lambda each: each.name)
def test_what_is_all_of_a_pack_is_copied_byte_for_byte(object_format):
    with spool_of_history(object_format) as spool:
        oids = list(spool)
        random.Random(1).shuffle(oids)
        plan = select(spool, candidates_of(spool, oids))
        assert plan.copied is not None
        assert bytes_of(plan) == b"".join(spool.blocks())


def test_a_copy_is_what_would_be_written_entry_by_entry(spool):
    plan = copy_of_pack(spool, list(spool))
    assert plan is not None
    entries = by_entries(plan)
    assert bytes_of(plan) == bytes_of(entries)
    assert b"".join(write_pack(plan, ofs_delta=False)) == b"".join(write_pack(entries, ofs_delta=False))
    assert (plan.object_count, plan.delta_count, plan.reused_count) == (
        entries.object_count,
        entries.delta_count,
        entries.reused_count,
    )
    assert plan == entries
    assert plan.entries[3] == entries.entries[3]
    assert plan.entries[2:5] == entries.entries[2:5]


def test_a_copy_is_made_without_a_look_at_any_object(spool, monkeypatch):
    def refuse(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(PackFile, "listing", refuse)
    monkeypatch.setattr(PackFile, "copy_payload", refuse)
    plan = copy_of_pack(spool, list(spool))
    assert plan is not None
    assert len(bytes_of(plan)) == spool.pack_bytes


@pytest.mark.parametrize("block_bytes", [1, 1000, BLOCK_BYTES])
def test_blocks_are_as_long_as_was_asked_for(spool, block_bytes):
    plan = copy_of_pack(spool, list(spool))
    assert plan is not None
    *blocks, last, trailer = write_pack(plan, block_bytes=block_bytes)
    assert {*map(len, blocks)} <= {block_bytes}
    assert 0 < len(last) <= block_bytes
    assert len(trailer) == 20


@given(st.data())
@settings(max_examples=40)
def test_any_part_of_a_packs_objects_makes_a_pack_of_just_these(spool, data):
    oids = data.draw(st.lists(st.sampled_from(sorted(spool)), unique=True))
    plan = select(spool, candidates_of(spool, oids))
    assert (plan.copied is not None) == (len(oids) == len(spool))
    with SpooledPack.receive(write_pack(plan), object_format=SHA1) as written:
        assert sorted(written) == sorted(oids)
        assert all(written.read(oid) == spool.read(oid) for oid in oids)


@given(st.data())
@settings(max_examples=25)
def test_any_part_of_several_packs_that_overlap_makes_a_pack_of_just_these(tmp_path_factory, data):
    store, tip = make_history(commits=8)
    objects = list_objects(store, [tip])
    part = st.lists(st.sampled_from(objects), unique=True, min_size=1)
    packs = [
        b"".join(write_pack(select(store, data.draw(part)), ofs_delta=data.draw(st.booleans())))
        for _ in range(data.draw(st.integers(1, 3)))
    ]
    with closing(install(tmp_path_factory.mktemp("packs"), *packs)) as packed:
        held = sorted(packed)
        oids = data.draw(st.one_of(st.just(held), st.lists(st.sampled_from(held), unique=True)))
        plan = select(packed, candidates_of(packed, oids))
        with SpooledPack.receive(write_pack(plan), object_format=SHA1) as written:
            assert sorted(written) == sorted(oids)
            assert all(written.read(oid) == store.read(oid) for oid in oids)


def test_a_pack_of_deltas_by_id_is_not_copied_but_placed_entry_by_entry():
    with spool_of_history(ofs=False) as spool:
        oids = list(spool)
        assert copy_of_pack(spool, oids) is None
        plan = select(spool, candidates_of(spool, oids))
        assert plan.reused_count == len(oids)
        assert len(bytes_of(plan)) < spool.pack_bytes


def test_a_pack_whose_chains_are_too_long_is_not_copied(tmp_path):
    with closing(install(tmp_path, build_pack(chain_of(TEXTS)))) as packed:
        oids = list(packed)
        assert copy_of_pack(packed, oids, limits=Limits(depth=5)) is not None
        assert copy_of_pack(packed, oids, limits=Limits(depth=4)) is None
        select(packed, candidates_of(packed, oids), limits=Limits(depth=4))


def test_a_pack_that_nobody_searched_for_deltas_is_not_copied(tmp_path):
    with closing(install(tmp_path, build_pack([whole(text) for text in TEXTS]))) as packed:
        plan = select(packed, candidates_of(packed, list(packed)))
        assert plan.copied is None
        assert plan.delta_count


def test_what_the_caller_forbids_is_not_copied(spool):
    oids = list(spool)
    objects = candidates_of(spool, oids)
    assert select(spool, objects, reuse_deltas=False).copied is None
    assert select(spool, objects, strategy="none").copied is None
    assert copy_of_pack(spool, oids, strategy="none") is None
    outside = MemoryStore(SHA1)
    other = outside.add(ObjectType.BLOB, b"held by the receiver")
    assert select(spool, objects, thin_bases=candidates_of(outside, [other])).copied is None


def test_more_less_or_others_than_a_pack_holds_is_not_the_pack(spool):
    oids = list(spool)
    stranger = ObjectId(b"\x07" * 20)
    for listed in (oids[1:], [*oids, stranger], [stranger, *oids[1:]], [oids[1], *oids[1:]], []):
        assert pack_of_just(spool, listed) is None
    assert pack_of_just(spool, oids) is not None


def test_a_pack_that_holds_an_object_twice_is_not_copied(tmp_path):
    entries = [whole(TEXTS[0]), ofs_delta(0, simple_delta(TEXTS[0], TEXTS[1])), whole(TEXTS[0])]
    with closing(install(tmp_path, build_pack(entries))) as packed:
        held = list(packed)
        assert len(held) == 2
        assert pack_of_just(packed, held) is None
        assert pack_of_just(packed, [held[0], held[0], held[1]]) is None
        assert pack_of_just(packed, [*held, ObjectId(b"\x07" * 20)]) is None


def test_an_index_of_version_1_names_a_pack_too(tmp_path, spool):
    from tests.packcore.pack.test_index import version_1

    path = tmp_path / "pack-1.pack"
    path.write_bytes(b"".join(spool.blocks()))
    path.with_suffix(".idx").write_bytes(version_1(index_pack_file(path, object_format=SHA1).table))
    with closing(PackedStore(tmp_path, SHA1)) as packed:
        plan = copy_of_pack(packed, list(packed))
        assert plan is not None
        assert bytes_of(plan) == path.read_bytes()


def test_a_head_that_is_longer_than_it_need_be_is_written_anew(tmp_path):
    body, offsets = build_body(chain_of(TEXTS))
    pack = seal(body)
    last = offsets[-1]
    assert body[last] < 0x80
    longer = seal(body[:last] + bytes([body[last] | 0x80, 0]) + body[last + 1 :])
    with closing(install(tmp_path, longer)) as packed:
        oids = list(packed)
        assert copy_of_pack(packed, oids) is None
        assert bytes_of(select(packed, candidates_of(packed, oids))) == pack


@pytest.mark.parametrize("position", [40, -60], ids=["in an object", "in a delta"])
def test_damage_is_named_and_the_trailer_is_not_written(tmp_path, position):
    with closing(install(tmp_path, build_pack(chain_of(TEXTS)))) as packed:
        oids = list(packed)
    path = tmp_path / "pack-0.pack"
    damaged = bytearray(path.read_bytes())
    damaged[position] ^= 1
    path.write_bytes(damaged)
    with closing(PackedStore(tmp_path, SHA1)) as packed:
        plan = copy_of_pack(packed, oids)
        assert plan is not None
        blocks: list[bytes] = []
        with pytest.raises(CorruptPack, match=r"zlib stream is broken|CRC-32") as caught:
            blocks.extend(write_pack(plan))
        assert caught.value.offset in packed.packs[0].index.offsets()
        assert b"".join(blocks) == damaged[:-20]


def test_damage_that_no_crc_tells_is_found_by_the_trailer(tmp_path, spool, monkeypatch):
    plan = copy_of_pack(spool, list(spool))
    assert plan is not None
    assert plan.copied is not None
    with pytest.raises(CorruptPack, match="its trailer says"):
        plan.copied.check(bytes(20))


@given(st.binary(min_size=1, max_size=8), st.integers(0, 200))
def test_an_odd_pack_is_copied_or_left_to_the_careful_way(tmp_path_factory, junk, position):
    """Whatever the heads say: no error but the family's own, and what is copied is what is there."""
    folder = tmp_path_factory.mktemp("odd")
    with closing(install(folder, build_pack(chain_of(TEXTS)))) as packed:
        oids = list(packed)
    path = folder / "pack-0.pack"
    data = bytearray(path.read_bytes())
    at = 12 + position % (len(data) - 40)
    data[at : at + len(junk)] = junk
    path.write_bytes(data[: path.stat().st_size])
    with closing(PackedStore(folder, SHA1)) as packed:
        if (pack := pack_of_just(packed, oids)) is None:
            return
        odd = pack.whole()
        assert odd is None or b"".join(odd.blocks(100)) == data[:-20]


def test_a_repository_knows_its_packs_and_those_it_borrows_from(tmp_path, spool):
    oids = list(spool)
    with Repository.init(tmp_path / "lender.git") as lender:
        spool.install(lender.pack_directory)
    with Repository.init(tmp_path / "x.git"):
        alternates = tmp_path / "x.git" / "objects" / "info" / "alternates"
        alternates.write_text(f"{tmp_path}/lender.git/objects\n")
    with Repository.open(tmp_path / "x.git") as borrower:
        plan = copy_of_pack(borrower, oids)
        assert plan is not None
        assert bytes_of(plan) == b"".join(spool.blocks())


class Counted:
    """A progress that takes note of the one phase there is."""

    def __init__(self) -> None:
        self.count = 0
        self.told: list[object] = []

    def phase(self, name: str, *, unit: str, total: int | None = None) -> Counted:
        self.told += [name, unit, total]
        return self

    def __enter__(self) -> Counted:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is to be ended."""

    def advance(self, count: int = 1) -> None:
        self.count += count

    def note(self, **counts: int) -> None:
        self.told.append(counts)


def test_progress_counts_each_object_of_a_copy(spool):
    progress: Any = Counted()
    plan = select(spool, candidates_of(spool, list(spool)), progress=progress)
    assert progress.count == len(spool)
    assert progress.told == ["selecting deltas", "objects", len(spool), {"deltas": plan.delta_count}]
