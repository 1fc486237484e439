"""Resolving deltas: any order, any depth, bounded memory, and every kind of damage."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packcore.delta.codec import Insert, encode_delta
from packcore.errors import CorruptPack, LimitExceeded, MissingObject, PackcoreError
from packcore.ids import SHA1, SHA256, ObjectFormat, ObjectId
from packcore.limits import KIB, Limits
from packcore.pack.indexer import index_pack_file
from packcore.store.spool import SpooledPack
from tests.packcore.pack_builder import (
    Entry,
    blob_id,
    build_body,
    build_pack,
    chain_of,
    cut,
    ofs_delta,
    ref_delta,
    simple_delta,
    whole,
    write_pack_file,
)
from tests.support import run_git

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

LIMITS = Limits()


def texts(count: int, size: int = 400, seed: int = 1) -> list[bytes]:
    """Return versions of a text, each with a small change to the one before."""
    chance = random.Random(seed)
    versions = [chance.randbytes(size)]
    while len(versions) < count:
        last = versions[-1]
        at = chance.randrange(len(last))
        versions.append(last[:at] + b"<%d>" % len(versions) + last[at + 3 :])
    return versions


def receive(pack: bytes, limits: Limits = LIMITS, object_format: ObjectFormat = SHA1) -> SpooledPack:
    return SpooledPack.receive(cut(pack, 4096), object_format=object_format, limits=limits)


def check_blobs(pack: bytes, blobs: Sequence[bytes], limits: Limits = LIMITS) -> None:
    """Receive the pack and check that it has exactly these blobs, with every way of reading."""
    with receive(pack, limits) as spool:
        assert sorted(spool) == sorted(map(blob_id, blobs))
        for blob in blobs:
            oid = blob_id(blob)
            assert spool.header(oid).size == len(blob)
            assert spool.read(oid).data == blob
            assert b"".join(spool.stream(oid)) == blob


@pytest.mark.parametrize("by_ref", [False, True], ids=["ofs", "ref"])
def test_a_chain_is_resolved(by_ref: bool):
    versions = texts(60)
    check_blobs(build_pack(chain_of(versions, by_ref=by_ref)), versions)


def test_a_ref_delta_whose_base_comes_later_is_resolved():
    base, target = texts(2)
    check_blobs(
        build_pack([ref_delta(blob_id(base), simple_delta(base, target)), whole(base)]), [base, target]
    )


def test_a_chain_in_reverse_order_is_resolved():
    versions = texts(50)
    check_blobs(build_pack(chain_of(versions, by_ref=True)[::-1]), versions)


def test_an_ofs_delta_may_hang_on_a_ref_delta_whose_base_comes_later():
    a, b, c = texts(3)
    entries = [ref_delta(blob_id(a), simple_delta(a, b)), ofs_delta(0, simple_delta(b, c)), whole(a)]
    check_blobs(build_pack(entries), [a, b, c])


def test_a_base_may_have_children_of_both_kinds():
    base, *others = texts(7)
    entries = [whole(base)]
    for number, other in enumerate(others):
        delta = simple_delta(base, other)
        entries.append(ref_delta(blob_id(base), delta) if number % 2 else ofs_delta(0, delta))
    check_blobs(build_pack(entries), [base, *others])


@given(st.data())
def test_any_forest_in_any_order_is_resolved_within_any_memory(data: st.DataObject):
    count = data.draw(st.integers(2, 20))
    versions = texts(count, 60, seed=data.draw(st.integers(0, 50)))
    parents = [data.draw(st.integers(-1, n - 1)) for n in range(count)]
    placed = data.draw(st.permutations(range(count)))
    entries: list[Entry] = []
    where = {number: place for place, number in enumerate(placed)}
    for place, number in enumerate(placed):
        parent = parents[number]
        if parent < 0:
            entries.append(whole(versions[number]))
            continue
        delta = simple_delta(versions[parent], versions[number])
        if where[parent] < place and data.draw(st.booleans()):
            entries.append(ofs_delta(where[parent], delta))
        else:
            entries.append(ref_delta(blob_id(versions[parent]), delta))
    memory = data.draw(st.sampled_from([0, 100, 300, 1 << 20]))
    big = data.draw(st.sampled_from([1, 61, 1 << 20]))
    check_blobs(build_pack(entries), versions, replace(LIMITS, resolve_memory=memory, big_object=big))


@pytest.mark.parametrize("memory", [0, 3 * KIB, 1 << 20])
def test_what_does_not_fit_into_memory_is_made_again(memory: int):
    # A comb: a long chain where every link has another child, which has a child too.
    spine = texts(40, 1000)
    entries = chain_of(spine)
    blobs = list(spine)
    for number, text in enumerate(spine):
        tooth, tip = text + b"tooth", text + b"tooth and tip"
        entries.append(ofs_delta(number, simple_delta(text, tooth)))
        entries.append(ofs_delta(len(entries) - 1, simple_delta(tooth, tip)))
        blobs += [tooth, tip]
    check_blobs(build_pack(entries), blobs, replace(LIMITS, resolve_memory=memory, base_cache=memory))


@pytest.mark.parametrize("big", [1, 300, 500])
def test_large_bases_deltas_and_targets_go_through_files(big: int):
    small, large = b"small" * 10, random.Random(2).randbytes(600)
    grown = large + b"!" * 100
    inserted = encode_delta(len(small), len(large), [Insert(large)])
    entries = [
        whole(small),
        ofs_delta(0, inserted),
        ofs_delta(1, simple_delta(large, grown)),
        ofs_delta(2, simple_delta(grown, small + b"1")),
        ref_delta(blob_id(grown), simple_delta(grown, large + b"2")),
    ]
    blobs = [small, large, grown, small + b"1", large + b"2"]
    check_blobs(build_pack(entries), blobs, replace(LIMITS, big_object=big))


@pytest.mark.parametrize("big", [1, 1 << 24])
def test_the_type_comes_from_the_root_of_the_chain(big: int):
    tree = b"100644 a\0" + bytes(20)
    other = b"100644 b\0" + bytes(20)
    pack = build_pack([whole(tree, type_code=2), ofs_delta(0, simple_delta(tree, other))])
    with receive(pack, replace(LIMITS, big_object=big)) as spool:
        oid = SHA1.hash_object(b"tree", other)
        assert spool.header(oid).type.label == b"tree"
        assert spool.read(oid).type.label == b"tree"


def test_sha256_packs_are_resolved():
    base, target = texts(2)
    entries = [whole(base), ref_delta(blob_id(base, SHA256), simple_delta(base, target))]
    with receive(build_pack(entries, object_format=SHA256), object_format=SHA256) as spool:
        assert spool.read(blob_id(target, SHA256)).data == target


@pytest.mark.fault(36)
def test_a_missing_base_is_named():
    base, target = texts(2)
    pack = build_pack([whole(b"x"), ref_delta(blob_id(base), simple_delta(base, target))])
    with pytest.raises(MissingObject, match="the base of the delta at offset 22") as caught:
        receive(pack)
    assert caught.value.oid == blob_id(base).hex()


@pytest.mark.fault(36)
def test_a_cycle_is_reported_as_missing_bases():
    a, b, c = texts(3)
    entries = [
        ref_delta(blob_id(b), simple_delta(b, a)),
        ref_delta(blob_id(a), simple_delta(a, b)),
        ofs_delta(1, simple_delta(b, c)),
    ]
    with pytest.raises(MissingObject, match="3 deltas of the pack can't be resolved") as caught:
        receive(build_pack(entries))
    assert caught.value.oid == blob_id(b).hex()
    assert caught.value.hint is not None
    assert "cycle" in caught.value.hint


@pytest.mark.fault(36)
def test_a_delta_of_itself_is_reported():
    text = texts(1)[0]
    with pytest.raises(MissingObject):
        receive(build_pack([ref_delta(blob_id(text), simple_delta(text, text))]))


@pytest.mark.fault(36)
def test_a_base_offset_between_entries_is_corrupt():
    body, offsets = build_body([whole(b"some text"), ofs_delta(0, simple_delta(b"some text", b"text"))])
    at = offsets[1] + 1
    damaged = body[:at] + bytes([body[at] - 1]) + body[at + 1 :]
    with pytest.raises(CorruptPack, match="not the start of an entry") as caught:
        receive(damaged + SHA1.new_hash(damaged).digest())
    assert caught.value.offset == offsets[1]


@pytest.mark.fault(36)
@pytest.mark.parametrize("big", [1, 1 << 24])
@pytest.mark.parametrize(
    "delta",
    [b"", b"\x05", b"\x06\x01\x01a", b"\x05\x01\x00", b"\x05\x09\x90\x09", b"\x05\xff\xff\xff\x7f\x80"],
)
def test_a_delta_that_does_not_fit_its_base_is_corrupt_at_its_offset(delta: bytes, big: int):
    with pytest.raises(CorruptPack) as caught:
        receive(build_pack([whole(b"hello"), ofs_delta(0, delta)]), replace(LIMITS, big_object=big))
    assert caught.value.offset == 26


def test_a_target_beyond_the_limit_is_not_made():
    delta = encode_delta(5, 1 << 50, [])
    with pytest.raises(LimitExceeded) as caught:
        receive(build_pack([whole(b"hello"), ofs_delta(0, delta)]))
    assert caught.value.limit == "object_bytes"


def test_a_chain_beyond_the_limit_is_refused_and_one_at_the_limit_is_not():
    versions = texts(11)
    check_blobs(build_pack(chain_of(versions)), versions, replace(LIMITS, chain_depth=10))
    with pytest.raises(LimitExceeded) as caught:
        receive(build_pack(chain_of(versions)), replace(LIMITS, chain_depth=9))
    assert caught.value.limit == "chain_depth"


def test_a_chain_as_long_as_git_allows_needs_no_recursion():
    versions = texts(4096, 20)
    with receive(build_pack(chain_of(versions))) as spool:
        assert spool.read(blob_id(versions[-1])).data == versions[-1]


def test_an_object_that_occurs_twice_is_one_object():
    base, target = texts(2)
    delta = simple_delta(base, target)
    entries = [whole(base), ofs_delta(0, delta), whole(target), whole(base), ref_delta(blob_id(base), delta)]
    with receive(build_pack(entries)) as spool:
        assert spool.object_count == 5
        assert sorted(spool) == sorted([blob_id(base), blob_id(target)])
        assert spool.read(blob_id(target)).data == target


PACK = build_pack(
    [*chain_of(texts(5, 80)), ref_delta(blob_id(texts(5, 80)[2]), simple_delta(texts(5, 80)[2], b"z"))]
)


@given(st.data())
def test_any_damage_behind_a_right_trailer_is_an_error_of_ours_or_harmless(data: st.DataObject):
    body = bytearray(PACK[:-20])
    for _ in range(data.draw(st.integers(1, 3))):
        body[data.draw(st.integers(0, len(body) - 1))] ^= data.draw(st.integers(1, 255))
    limits = replace(LIMITS, big_object=data.draw(st.sampled_from([1, 50, 1 << 24])))
    try:
        with receive(bytes(body) + SHA1.new_hash(bytes(body)).digest(), limits) as spool:
            for oid in spool:
                stored = spool.read(ObjectId(oid))
                assert SHA1.hash_object(stored.type.label, stored.data) == oid
    except PackcoreError:
        pass


def test_git_accepts_and_refuses_the_same_damaged_packs(tmp_path: Path):
    chance = random.Random(1)
    accepted = 0
    for _ in range(60):
        body = bytearray(PACK[:-20])
        for _ in range(chance.randint(0, 2)):  # no flipped bit need be harmless: that depends on zlib
            body[chance.randrange(len(body))] ^= 1 << chance.randrange(8)
        path = write_pack_file(tmp_path, [bytes(body), SHA1.new_hash(bytes(body)).digest()])
        done = run_git("index-pack", "-o", tmp_path / "git.idx", path, cwd=tmp_path)
        if done.returncode:
            with pytest.raises(PackcoreError):
                index_pack_file(path, object_format=SHA1)
        else:
            indexed = index_pack_file(path, object_format=SHA1)
            assert b"".join(indexed.index_blocks()) == (tmp_path / "git.idx").read_bytes()
            (tmp_path / "git.idx").unlink()
            accepted += 1
    assert 0 < accepted < 60
