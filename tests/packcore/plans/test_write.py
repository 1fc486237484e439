"""Phase 2: what `write_pack` makes of a plan."""

import hashlib
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from packcore.errors import CorruptObject, InvalidPlan, MissingObject, PackcoreError
from packcore.ids import SHA1, SHA256
from packcore.limits import BLOCK_BYTES, Limits
from packcore.objects import ObjectType
from packcore.plans.copied import CopiedEntries
from packcore.plans.write import write_pack
from packcore.search.select import select
from packcore.store.base import RawEntry
from packcore.store.memory import MemoryStore
from packcore.store.repository import Repository
from packcore.walk import list_objects
from tests.pack_stores import LyingInPack, Unreadable, candidates_of, make_history
from tests.support import git, git_environment, make_repository, require
from tests.support import history as history_of


@pytest.fixture(scope="module")
def history():
    store, tip = make_history(commits=60)
    return store, list_objects(store, [tip])


def ids_in(pack: bytes, directory: Path, *options: str) -> set[bytes]:
    """Index the pack with git, and return the ids that it found."""
    require("git")
    path = directory / "x.pack"
    path.write_bytes(pack)
    env = git_environment()
    subprocess.run(
        ["git", "index-pack", "--strict", *options, path], check=True, capture_output=True, env=env
    )
    with path.with_suffix(".idx").open("rb") as index:
        option = options or ["--object-format=sha1"]
        command = ["git", "show-index", *option]
        shown = subprocess.run(command, check=True, stdin=index, capture_output=True, env=env).stdout
    return {bytes.fromhex(line.split()[1].decode()) for line in shown.splitlines()}


@pytest.mark.parametrize("ofs_delta", [True, False])
@pytest.mark.parametrize("strategy", ["chunk-window", "none"])
def test_git_finds_exactly_the_planned_objects_in_the_pack(history, tmp_path, strategy, ofs_delta):
    store, objects = history
    pack = b"".join(write_pack(select(store, objects, strategy=strategy), ofs_delta=ofs_delta))
    assert ids_in(pack, tmp_path) == {candidate.oid for candidate in objects}


def test_git_accepts_a_sha256_pack(tmp_path):
    store, tip = make_history(object_format=SHA256)
    objects = list_objects(store, [tip])
    pack = b"".join(write_pack(select(store, objects)))
    assert ids_in(pack, tmp_path, "--object-format=sha256") == {candidate.oid for candidate in objects}


def test_git_accepts_a_pack_of_reused_entries(history, tmp_path):
    store, objects = history
    plan = select(LyingInPack(select(store, objects)), objects)
    assert plan.reused_count > 0
    assert ids_in(b"".join(write_pack(plan)), tmp_path) == {candidate.oid for candidate in objects}


@pytest.mark.parametrize("copied", [False, True], ids=["made", "copied"])
@pytest.mark.parametrize("block_bytes", [1000, BLOCK_BYTES])
def test_small_entries_are_gathered_to_whole_blocks(copied, block_bytes):
    store, chance = MemoryStore(SHA1), random.Random(1)
    for _ in range(200):
        store.add(ObjectType.BLOB, chance.randbytes(2000))
    plan = select(store, candidates_of(store), strategy="none")
    if copied:
        plan = select(LyingInPack(plan), candidates_of(store), strategy="reuse")
        assert plan.reused_count == 200
    *blocks, last, trailer = map(len, write_pack(plan, block_bytes=block_bytes))
    assert set(blocks) == {block_bytes}
    assert len(blocks) == (sum(blocks) + last) // block_bytes >= 6
    assert 0 < last <= block_bytes
    assert trailer == 20


def test_a_block_is_sent_early_if_making_it_took_much_work():
    store = MemoryStore(SHA1)
    for number in range(20):
        store.add(ObjectType.BLOB, b"%d" % number * 300_000)
    blocks = list(
        write_pack(select(store, candidates_of(store), strategy="none", limits=Limits(delta_cache=0)))
    )
    assert len(blocks) >= 10


def test_no_block_is_longer_than_64_kib_whatever_the_object():
    store = MemoryStore(SHA1)
    store.add(ObjectType.BLOB, random.Random(1).randbytes(1_000_000))
    assert max(map(len, write_pack(select(store, candidates_of(store))))) == BLOCK_BYTES


@pytest.mark.parametrize("copied", [False, True], ids=["made", "copied"])
@pytest.mark.parametrize("ofs_delta", [True, False])
def test_the_objects_that_are_written_are_counted_as_their_blocks_leave(copied, ofs_delta):
    store, tip = make_history(commits=60)
    objects = list_objects(store, [tip])
    plan = select(store, objects)
    if copied:
        plan = select(LyingInPack(plan), objects)
    counts: list[int] = []
    left = [
        sum(counts) for _ in write_pack(plan, ofs_delta=ofs_delta, block_bytes=500, on_objects=counts.append)
    ]
    assert left == sorted(left)
    assert left[0] < len(objects) == sum(counts)


def test_the_objects_of_a_pack_that_is_copied_whole_are_counted_by_its_bytes(tmp_path):
    made = make_repository(tmp_path / "x.git", history_of(commits=30, files=5))
    git("repack", "-adq", cwd=made)
    with Repository(made) as repository:
        objects = list_objects(repository, [ref.oid for ref in repository.refs().known.values()])
        plan = select(repository, objects)
        assert isinstance(plan.entries, CopiedEntries)
        counts: list[int] = []
        left = [sum(counts) for _ in write_pack(plan, block_bytes=1000, on_objects=counts.append)]
    assert left == sorted(left)
    assert left[0] < len(objects) // 2 < len(objects) == sum(counts)


def test_the_same_plan_can_be_written_again(history):
    plan = select(*history)
    writing = write_pack(plan)
    next(writing)
    first, second = b"".join(write_pack(plan)), b"".join(write_pack(plan))
    assert first == second


def test_the_trailer_is_the_hash_of_all_before_it(history):
    pack = b"".join(write_pack(select(*history)))
    assert pack[-20:] == hashlib.sha1(pack[:-20]).digest()


def test_an_empty_plan_makes_the_empty_pack():
    pack = b"".join(write_pack(select(MemoryStore(SHA1), [])))
    assert pack.hex() == "5041434b0000000200000000029d08823bd8a8eab510ad6ac75c823cfd3ed31e"


def test_big_objects_are_streamed_and_never_read(tmp_path):
    store = MemoryStore(SHA1)
    noise = store.add(ObjectType.BLOB, random.Random(1).randbytes(3_000_000))
    text = store.add(ObjectType.BLOB, b"a line of text\n" * 300_000)
    plan = select(Unreadable(store), candidates_of(store), limits=Limits(big_object=1_000_000))
    assert ids_in(b"".join(write_pack(plan)), tmp_path) == {noise, text}


def test_a_thin_pack_is_completed_by_git(tmp_path):
    require("git")
    store = MemoryStore(SHA1)
    base = store.add(ObjectType.BLOB, b"".join(b"line %d\n" % number for number in range(200)))
    new = store.add(ObjectType.BLOB, b"".join(b"line %d\n" % number for number in range(201)))
    of = {candidate.oid: candidate for candidate in candidates_of(store)}
    pack = b"".join(write_pack(select(store, [of[new]], thin_bases=[of[base]])))
    assert len(pack) < 100
    env = git_environment()
    subprocess.run(["git", "init", "-q", tmp_path], check=True, env=env)
    write_object = ["git", "-C", tmp_path, "hash-object", "-w", "--stdin"]
    subprocess.run(write_object, input=store.read(base).data, check=True, capture_output=True, env=env)
    fix_thin = ["git", "-C", tmp_path, "index-pack", "--fix-thin", "--stdin"]
    subprocess.run(fix_thin, input=pack, check=True, capture_output=True, env=env)
    shown = subprocess.run(
        ["git", "-C", tmp_path, "cat-file", "blob", new.hex()], check=True, capture_output=True, env=env
    )
    assert shown.stdout == store.read(new).data


def test_an_object_that_is_gone_in_phase_2_ends_the_pack_without_a_trailer():
    store, tip = make_history()
    objects = list_objects(store, [tip])
    plan = select(store, objects, limits=Limits(delta_cache=0))
    store.discard(objects[-1].oid)
    blocks: list[bytes] = []
    with pytest.raises(MissingObject):
        blocks.extend(write_pack(plan))
    written = b"".join(blocks)
    assert written[-20:] != hashlib.sha1(written[:-20]).digest()


def test_an_object_that_changed_in_phase_2_is_an_error():
    store = MemoryStore(SHA1)
    oid = store.add(ObjectType.BLOB, b"as it was")
    plan = select(store, candidates_of(store), limits=Limits(delta_cache=0))
    store._objects[oid] = store._objects[oid]._replace(data=b"as it is now")
    with pytest.raises(CorruptObject, match="planned"):
        list(write_pack(plan))


@pytest.mark.parametrize("sizes", [(2_000_000, 1_999_999), (2_000_000, 2_000_001)])
def test_a_streamed_object_of_another_size_is_an_error(sizes):
    planned, found = sizes
    store = MemoryStore(SHA1)
    oid = store.add(ObjectType.BLOB, bytes(planned))
    plan = select(store, candidates_of(store))
    store._objects[oid] = store._objects[oid]._replace(data=bytes(found))
    with pytest.raises(CorruptObject, match="planned"):
        list(write_pack(plan))


def test_a_delta_that_comes_out_otherwise_is_an_error(history):
    store, objects = history
    plan = select(store, objects, limits=Limits(delta_cache=0))
    object.__setattr__(plan, "make_delta", lambda *_: b"other")
    with pytest.raises(InvalidPlan, match="came out"):
        list(write_pack(plan))


def test_an_error_of_a_reused_pack_is_raised_unchanged(history):
    store, objects = history
    packed = LyingInPack(select(store, objects))

    class Damaged:
        name = "pack-damaged"

        def copy_payload(self, entry: RawEntry) -> Iterator[bytes]:
            raise PackcoreError("CRC")

    packed.raws = {oid: raw._replace(pack=Damaged()) for oid, raw in packed.raws.items()}
    plan = select(packed, objects)
    with pytest.raises(PackcoreError, match="CRC"):
        list(write_pack(plan))
