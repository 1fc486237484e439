"""Objects that arrive with an id that is here: they must have the same bytes, however they arrive."""

from __future__ import annotations

import zlib
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from packcore.errors import CorruptObject
from packcore.ids import SHA1
from packcore.limits import Limits
from packcore.objects import ObjectType
from packcore.store.collisions import refuse_collisions
from packcore.store.copies import LooseCopy, PackCopy
from packcore.store.repository import Repository
from packcore.store.spool import SpooledPack
from tests.packcore.pack_builder import blob_id, build_pack, indexed_pack, ref_delta, simple_delta, whole
from tests.support import init_repository

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from packcore.ids import ObjectId

TEXT = b"the true bytes"


def forge_loose(path: Path, oid: ObjectId, content: bytes) -> Path:
    """Write a loose file under this id, whatever its content."""
    file = path / "objects" / oid.hex()[:2] / oid.hex()[2:]
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(content)
    return file


def received(*texts: bytes) -> SpooledPack:
    return SpooledPack.receive([build_pack([whole(text) for text in texts])], object_format=SHA1)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return init_repository(tmp_path / "r.git")


FORGED = {
    "of the same size": b"blob 14\0THE TRUE BYTES",
    "longer": b"blob 20\0the true bytes, more",
    "of another type": b"tag 14\0the true bytes",
    "a commit": b"commit 14\0the true bytes",
}


@pytest.mark.parametrize("content", FORGED.values(), ids=FORGED)
def test_a_pack_is_refused_if_a_forged_loose_object_has_an_id_of_it(path: Path, content: bytes):
    file = forge_loose(path, blob_id(TEXT), zlib.compress(content))
    with Repository.open(path) as repository, received(b"other", TEXT) as spool:
        with pytest.raises(CorruptObject, match="COLLISION FOUND") as caught:
            repository.add_pack(spool)
        assert caught.value.oid == blob_id(TEXT).hex()
        assert str(file) in str(caught.value)
        assert list(repository.pack_directory.iterdir()) == []


def test_a_pack_is_refused_if_a_forged_object_in_a_pack_has_an_id_of_it(path: Path):
    pack = indexed_pack(path / "objects" / "pack", build_pack([whole(b"forged bytes")]))
    index = pack.with_suffix(".idx")
    forged = index.read_bytes().replace(blob_id(b"forged bytes"), blob_id(TEXT))
    # The fan-out table, and the digest at the end, as if the index were right.
    fan_out = b"".join((first >= blob_id(TEXT)[0]).to_bytes(4, "big") for first in range(256))
    body = forged[:8] + fan_out + forged[8 + 1024 : -20]
    index.write_bytes(body + SHA1.new_hash(body).digest())
    with Repository.open(path) as repository, received(TEXT) as spool:
        with pytest.raises(CorruptObject, match="COLLISION FOUND"):
            repository.add_pack(spool)
        assert [file.name for file in repository.pack_directory.glob("*.pack")] == [pack.name]


DAMAGED = {
    "empty": b"",
    "no zlib stream": b"rubbish",
    "cut off": zlib.compress(b"blob 14\0the true bytes")[:-6],
    "with a wrong checksum": zlib.compress(b"blob 14\0the true bytes")[:-1] + b"\0",
    "shorter than it says": zlib.compress(b"blob 14\0the true byt"),
}


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_object_is_no_collision_and_the_pack_repairs_it(path: Path, content: bytes):
    forge_loose(path, blob_id(TEXT), content)
    with Repository.open(path) as repository, received(TEXT) as spool:
        repository.add_pack(spool)
        assert repository.read(blob_id(TEXT)).data == TEXT


def test_a_damaged_pack_is_no_collision(path: Path):
    text = b"text" * 20
    pack = indexed_pack(path / "objects" / "pack", build_pack([whole(text)]))
    data = bytearray(pack.read_bytes())
    data[20] ^= 0xFF
    pack.write_bytes(data)
    with Repository.open(path) as repository, received(text) as spool:
        assert repository.add_pack(spool) is not None


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Counter[bytes]:
    """Count how often each object that is here, or arrives, is read."""
    counted: Counter[bytes] = Counter()

    def counting(kind: type, method: str) -> None:
        before = getattr(kind, method)

        def call(self: object, *arguments: object, **settings: object) -> Iterator[bytes]:
            counted[getattr(self, "oid", None) or arguments[0]] += 1  # type: ignore[index]
            return before(self, *arguments, **settings)  # type: ignore[no-any-return]

        monkeypatch.setattr(kind, method, call)

    for kind in (PackCopy, LooseCopy):
        counting(kind, "blocks")
    for method in ("read", "stream"):
        counting(SpooledPack, method)
    return counted


def test_only_objects_that_are_here_are_read_each_once_on_either_side(path: Path, reads: Counter[bytes]):
    texts = [b"text %d" % number for number in range(50)]
    indexed_pack(path / "objects" / "pack", build_pack([whole(text) for text in texts[:3]]), "pack-a.pack")
    indexed_pack(path / "objects" / "pack", build_pack([whole(text) for text in texts[:2]]), "pack-b.pack")
    with Repository.open(path) as repository:
        forge_loose(path, blob_id(texts[2]), zlib.compress(b"blob 6\0" + texts[2]))
        repository.write_loose(ObjectType.BLOB, texts[3])
        reads.clear()
        with received(*texts) as spool:
            here = refuse_collisions(repository.copies, spool)
    assert here == {blob_id(text) for text in texts[:4]}
    assert reads == dict.fromkeys(here, 2)


def test_the_bases_that_completed_a_thin_pack_are_not_read_again(path: Path, reads: Counter[bytes]):
    base, target = b"a base of some length", b"a base of some length, and more"
    with Repository.open(path) as repository:
        oid = repository.write_loose(ObjectType.BLOB, base)
        thin = build_pack([ref_delta(oid, simple_delta(base, target))])
        with SpooledPack.receive([thin], object_format=SHA1, bases=repository) as spool:
            assert spool.added == {oid}
            repository.add_pack(spool)
    assert reads == {}


def test_a_large_object_is_compared_in_blocks(path: Path, monkeypatch: pytest.MonkeyPatch):
    limits = Limits(big_object=100_000)
    text = bytes(range(256)) * 4000
    forge_loose(path, blob_id(text), zlib.compress(b"blob %d\0" % len(text) + text[:-1] + b"!"))
    arriving = build_pack([whole(text)])
    with (
        Repository.open(path, limits) as repository,
        SpooledPack.receive([arriving], object_format=SHA1, limits=limits) as spool,
    ):
        for kind in (SpooledPack, Repository):
            monkeypatch.setattr(kind, "read", None)
        with pytest.raises(CorruptObject, match="COLLISION FOUND"):
            repository.add_pack(spool)
