"""Objects of one pack that are copied as they lie: where that may be, and the bytes that come of it."""

from __future__ import annotations

import random
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from packcore.errors import CorruptPack
from packcore.ids import SHA1, SHA256, ObjectId
from packcore.limits import BLOCK_BYTES, Limits
from packcore.objects import ObjectType
from packcore.pack.indexer import index_pack_file
from packcore.plans.copied import CopiedEntries
from packcore.plans.entries import Candidate
from packcore.plans.write import write_pack
from packcore.search.reusable import PACKED_BY_DELTA_MIN
from packcore.search.select import select, select_copies
from packcore.store.bulk import headers_of, part_of_pack
from packcore.store.memory import MemoryStore
from packcore.store.packed import PackedStore
from packcore.store.packfile import PackFile
from packcore.store.repository import Repository
from packcore.store.spool import SpooledPack
from packcore.walk import list_objects
from tests.pack_stores import make_history
from tests.packcore.pack_builder import (
    blob_id,
    build_body,
    build_pack,
    chain_of,
    ofs_delta,
    ref_delta,
    seal,
    simple_delta,
    whole,
)
from tests.packcore.progress_log import ProgressLog

if TYPE_CHECKING:
    from pathlib import Path

    from packcore.ids import ObjectFormat
    from packcore.plans.plan import PackPlan
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
    return replace(plan, entries=tuple(plan.entries))


@pytest.fixture(scope="module")
def spool():
    with spool_of_history() as spool:
        yield spool


@pytest.fixture(scope="module")
def spool_by_id():
    with spool_of_history(ofs=False) as spool:
        yield spool


@pytest.mark.parametrize("object_format", [SHA1, SHA256], ids=lambda each: each.name)
def test_what_is_all_of_a_pack_is_copied_byte_for_byte(object_format):
    with spool_of_history(object_format) as spool:
        oids = list(spool)
        random.Random(1).shuffle(oids)
        plan = select(spool, candidates_of(spool, oids))
        assert isinstance(plan.entries, CopiedEntries)
        assert bytes_of(plan) == b"".join(spool.blocks())


def test_a_copy_is_what_would_be_written_entry_by_entry(spool):
    plan = select_copies(spool, list(spool))
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
    plan = select_copies(spool, list(spool))
    assert plan is not None
    assert len(bytes_of(plan)) == spool.pack_bytes


@pytest.mark.parametrize("block_bytes", [1, 1000, BLOCK_BYTES])
def test_blocks_are_as_long_as_was_asked_for(spool, block_bytes):
    plan = select_copies(spool, list(spool))
    assert plan is not None
    *blocks, last, trailer = write_pack(plan, block_bytes=block_bytes)
    assert {*map(len, blocks)} <= {block_bytes}
    assert 0 < len(last) <= block_bytes
    assert len(trailer) == 20


def with_bases(store: ObjectStore, oids: list[ObjectId]) -> list[ObjectId]:
    """Return these and all that their chains come to."""
    closed = dict.fromkeys(oids)
    stack = list(oids)
    while stack:
        raw = store.raw(stack.pop())
        if raw is not None and raw.base is not None and raw.base not in closed:
            closed[raw.base] = None
            stack.append(raw.base)
    return list(closed)


@pytest.mark.parametrize("kind", ["deltas by distance", "deltas by id"])
@given(data=st.data())
@settings(max_examples=30)
def test_any_part_of_a_packs_objects_makes_a_pack_of_just_these(spool, spool_by_id, kind, data):
    lying = spool if kind == "deltas by distance" else spool_by_id
    oids = data.draw(st.lists(st.sampled_from(sorted(lying)), unique=True, max_size=20))
    if closed := data.draw(st.booleans()):
        oids = with_bases(lying, oids)
    plan = select(lying, candidates_of(lying, oids))
    if isinstance(plan.entries, CopiedEntries):
        assert bytes_of(plan) == bytes_of(by_entries(plan))
        assert plan == by_entries(plan)
    elif closed:
        assert sum(lying.raw(oid).base is not None for oid in oids) <= len(oids) * PACKED_BY_DELTA_MIN
    with SpooledPack.receive(write_pack(plan), object_format=SHA1) as written:
        assert sorted(written) == sorted(oids)
        assert all(written.read(oid) == lying.read(oid) for oid in oids)


def test_all_but_a_few_objects_are_copied_with_heads_made_anew(spool):
    based = {raw.base for oid in spool if (raw := spool.raw(oid)) is not None}
    oids = [oid for oid in spool if oid in based or oid[0] % 8]
    assert len(oids) < len(spool)
    plan = select_copies(spool, oids)
    assert plan is not None
    assert isinstance(plan.entries, CopiedEntries)
    assert not plan.entries.part.is_whole_pack
    written = bytes_of(plan)
    assert written == bytes_of(by_entries(plan))
    with SpooledPack.receive([written], object_format=SHA1) as received:
        assert sorted(received) == sorted(oids)


def test_a_large_entry_goes_out_in_blocks(tmp_path):
    noise = random.Random(1).randbytes(300_000)
    entries = [
        whole(b"left out"),
        whole(noise),
        ofs_delta(1, simple_delta(noise, noise + b"more")),
        ofs_delta(1, simple_delta(noise, random.Random(2).randbytes(200_000) + noise)),
    ]
    with closing(install(tmp_path, build_pack(entries))) as packed:
        oids = [oid for oid in packed if oid != blob_id(b"left out")]
        plan = select_copies(packed, oids)
        assert plan is not None
        assert max(map(len, write_pack(plan))) <= BLOCK_BYTES
        assert bytes_of(plan) == bytes_of(by_entries(plan))


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


def test_deltas_by_id_become_deltas_by_distance(spool_by_id):
    plan = select_copies(spool_by_id, list(spool_by_id))
    assert plan is not None
    assert plan.delta_count
    assert bytes_of(plan) == bytes_of(by_entries(plan))
    assert len(bytes_of(plan)) < spool_by_id.pack_bytes


def test_a_delta_by_id_that_lies_before_its_base_is_left_to_the_careful_way(tmp_path):
    entries = [ref_delta(blob_id(TEXTS[0]), simple_delta(TEXTS[0], TEXTS[1])), whole(TEXTS[0])]
    with closing(install(tmp_path, build_pack(entries))) as packed:
        assert select_copies(packed, list(packed)) is None
        plan = select(packed, candidates_of(packed, list(packed)))
        assert plan.delta_count == 1


def test_a_pack_whose_chains_are_too_long_is_not_copied(tmp_path):
    with closing(install(tmp_path, build_pack(chain_of(TEXTS)))) as packed:
        oids = list(packed)
        assert select_copies(packed, oids, limits=Limits(depth=5)) is not None
        assert select_copies(packed, oids, limits=Limits(depth=4)) is None
        select(packed, candidates_of(packed, oids), limits=Limits(depth=4))


def test_a_pack_that_nobody_searched_for_deltas_is_not_copied(tmp_path):
    with closing(install(tmp_path, build_pack([whole(text) for text in TEXTS]))) as packed:
        plan = select(packed, candidates_of(packed, list(packed)))
        assert not isinstance(plan.entries, CopiedEntries)
        assert plan.delta_count


def test_what_the_caller_forbids_is_not_copied(spool):
    oids = list(spool)
    objects = candidates_of(spool, oids)
    assert not isinstance(select(spool, objects, reuse_deltas=False).entries, CopiedEntries)
    assert not isinstance(select(spool, objects, strategy="none").entries, CopiedEntries)
    assert select_copies(spool, oids, strategy="none") is None
    outside = MemoryStore(SHA1)
    other = outside.add(ObjectType.BLOB, b"held by the receiver")
    assert not isinstance(
        select(spool, objects, thin_bases=candidates_of(outside, [other])).entries, CopiedEntries
    )


def test_what_a_pack_lacks_or_what_is_asked_for_twice_is_no_part_of_it(spool):
    oids = list(spool)
    stranger = ObjectId(b"\x07" * 20)
    for listed in ([*oids[1:], stranger], [stranger, *oids[1:]], [*oids, stranger], [*oids[1:], oids[1]], []):
        assert part_of_pack(spool, listed) is None
    assert part_of_pack(spool, oids) is not None


def test_of_an_object_that_a_pack_holds_twice_one_is_copied(tmp_path):
    entries = [whole(TEXTS[0]), ofs_delta(0, simple_delta(TEXTS[0], TEXTS[1])), whole(TEXTS[0])]
    with closing(install(tmp_path, build_pack(entries))) as packed:
        held = list(packed)
        assert len(held) == 2
        plan = select(packed, candidates_of(packed, held))
        with SpooledPack.receive(write_pack(plan), object_format=SHA1) as written:
            assert written.object_count == 2
            assert sorted(written) == sorted(held)


def test_an_index_of_version_1_names_a_pack_too(tmp_path, spool):
    from tests.packcore.pack.test_index import version_1

    path = tmp_path / "pack-1.pack"
    path.write_bytes(b"".join(spool.blocks()))
    path.with_suffix(".idx").write_bytes(version_1(index_pack_file(path, object_format=SHA1).table))
    with closing(PackedStore(tmp_path, SHA1)) as packed:
        plan = select_copies(packed, list(packed))
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
        assert select_copies(packed, oids) is None
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
        plan = select_copies(packed, oids)
        assert plan is not None
        blocks: list[bytes] = []
        with pytest.raises(CorruptPack, match=r"zlib stream is broken|CRC-32") as caught:
            blocks.extend(write_pack(plan))
        assert caught.value.offset in packed.packs[0].index.offsets()
        assert b"".join(blocks) == damaged[:-20]


def test_damage_that_no_crc_tells_is_found_by_the_trailer(tmp_path, spool, monkeypatch):
    plan = select_copies(spool, list(spool))
    assert plan is not None
    assert isinstance(plan.entries, CopiedEntries)
    with pytest.raises(CorruptPack, match="its trailer says"):
        plan.entries.part.check(bytes(20))


@given(st.binary(min_size=1, max_size=8), st.integers(0, 200))
def test_an_odd_pack_is_copied_or_left_to_the_careful_way(tmp_path_factory, junk, position):
    """Whatever is damaged: no error but the family's own, and no pack with a trailer."""
    folder = tmp_path_factory.mktemp("odd")
    with closing(install(folder, build_pack(chain_of(TEXTS)))) as packed:
        oids = list(packed)
    path = folder / "pack-0.pack"
    whole_data = path.read_bytes()
    data = bytearray(whole_data)
    at = 12 + position % (len(data) - 40)
    data[at : at + len(junk)] = junk
    del data[len(whole_data) :]
    data[-20:] = whole_data[-20:]
    path.write_bytes(data)
    with closing(PackedStore(folder, SHA1)) as packed:
        plan = select_copies(packed, oids)
        if plan is None:
            return
        try:
            written = bytes_of(plan)
        except CorruptPack:
            assert data != whole_data
        else:
            assert written == whole_data


def test_a_repository_knows_its_packs_and_those_it_borrows_from(tmp_path, spool):
    oids = list(spool)
    with Repository.init(tmp_path / "lender.git") as lender:
        spool.install(lender.pack_directory)
    with Repository.init(tmp_path / "x.git"):
        alternates = tmp_path / "x.git" / "objects" / "info" / "alternates"
        alternates.write_text(f"{tmp_path}/lender.git/objects\n")
    with Repository.open(tmp_path / "x.git") as borrower:
        plan = select_copies(borrower, oids)
        assert plan is not None
        assert bytes_of(plan) == b"".join(spool.blocks())


def test_progress_counts_each_object_of_a_copy(spool):
    progress = ProgressLog()
    plan = select(spool, candidates_of(spool, list(spool)), progress=progress)
    assert progress.log == [f"selecting deltas: {len(spool)} of {len(spool)} objects"]
    assert progress.notes == {"deltas": plan.delta_count}
