"""A fetched pack: checked whole, completed if thin, installed as a unit, and gone without a trace."""

from __future__ import annotations

import errno
import io
import os
import random
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from packcore.errors import CorruptObject, CorruptPack, MissingObject, RepositoryError
from packcore.ids import SHA1, SHA256, ObjectFormat
from packcore.limits import Limits
from packcore.objects import ObjectType
from packcore.store.base import ObjectStore
from packcore.store.memory import MemoryStore
from packcore.store.packed import PackedStore
from packcore.store.spool import SpooledPack
from tests.packcore.pack_builder import (
    blob_id,
    build_pack,
    chain_of,
    cut,
    ofs_delta,
    ref_delta,
    simple_delta,
    whole,
)
from tests.packcore.progress_log import ProgressLog
from tests.support import fsck, git, git_bytes, history, init_repository, make_repository

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LIMITS = Limits()
TEXTS = [b"some text that is long enough", b"some text that is long", b"text that is long"]
PACK = build_pack(chain_of(TEXTS))


def receive(data: bytes = PACK, **more) -> SpooledPack:
    return SpooledPack.receive(cut(data, 1000), object_format=more.pop("object_format", SHA1), **more)


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def test_a_received_pack_is_a_store():
    with receive() as spool:
        assert isinstance(spool, ObjectStore)
        assert (spool.object_count, spool.pack_bytes, spool.checksum) == (3, len(PACK), PACK[-20:])
        assert b"".join(spool.blocks()) == PACK
        assert {spool.read(oid).data for oid in spool} == set(TEXTS)
        assert [spool.header(blob_id(text)).size for text in TEXTS] == [len(text) for text in TEXTS]
        assert spool.storage_order(sorted(spool)) == [blob_id(text) for text in TEXTS]
        raw = spool.raw(blob_id(TEXTS[1]))
        assert raw is not None
        assert raw.base == blob_id(TEXTS[0])
        assert b"".join(raw.pack.copy_payload(raw)) == PACK[raw.payload_offset : raw.end_offset]


def test_an_id_that_is_not_in_the_pack_is_missing():
    with receive() as spool:
        stranger = blob_id(b"stranger")
        assert stranger not in spool
        assert spool.raw(stranger) is None
        for ask in (spool.header, spool.read, lambda oid: list(spool.stream(oid))):
            with pytest.raises(MissingObject):
                ask(stranger)


def test_an_empty_pack_is_legal(tmp_path: Path):
    with receive(build_pack([])) as spool:
        assert spool.object_count == 0
        assert list(spool) == []
        git("verify-pack", spool.install(tmp_path))


@pytest.mark.parametrize("object_format", [SHA1, SHA256])
@pytest.mark.parametrize("named", [False, True])
def test_an_installed_pack_is_what_git_makes_of_it(named: bool, object_format: ObjectFormat, tmp_path: Path):
    source = make_repository(tmp_path / "s.git", history(commits=40), object_format=object_format.name)
    data = git_bytes("pack-objects", "--all", "--stdout", "-q", "--delta-base-offset", cwd=source)
    target = init_repository(tmp_path / "t.git", object_format=object_format.name)
    packs = target / "objects/pack"
    with receive(data, object_format=object_format, directory=packs if named else None) as spool:
        path = spool.install(packs)
        assert spool.path is None
        assert path == packs / f"pack-{data[-object_format.digest_size :].hex()}.pack"
        assert all(oid == object_format.hash_object(*_label_and_data(spool, oid)) for oid in spool)
    stem = path.stem
    assert names(packs) == [f"{stem}.idx", f"{stem}.pack", f"{stem}.rev"]
    assert {file.stat().st_mode & 0o777 for file in packs.iterdir()} == {0o444}
    git("index-pack", f"--object-format={object_format.name}", "--rev-index", "-o", tmp_path / "g.idx", path)
    assert path.with_suffix(".idx").read_bytes() == (tmp_path / "g.idx").read_bytes()
    assert path.with_suffix(".rev").read_bytes() == (tmp_path / "g.rev").read_bytes()
    tip = git("rev-parse", "main", cwd=source)
    git("update-ref", "refs/heads/main", tip, cwd=target)
    assert fsck(target) == []


def _label_and_data(store: ObjectStore, oid) -> tuple[bytes, bytes]:
    stored = store.read(oid)
    return stored.type.label, stored.data


def test_installing_twice_and_keeping_are_harmless(tmp_path: Path):
    with receive() as spool:
        spool.install(tmp_path)
        path = spool.install(tmp_path, marks={".keep": b""})
    assert names(tmp_path) == [path.stem + suffix for suffix in (".idx", ".keep", ".pack", ".rev")]


def test_a_damaged_pack_of_its_name_is_replaced(tmp_path: Path):
    with receive() as spool:
        path = spool.install(tmp_path)
        for left in (b"", PACK[:-30], PACK[:40] + b"?" + PACK[41:], PACK + b"more"):
            path.chmod(0o644)
            path.write_bytes(left)
            assert spool.install(tmp_path) == path
            assert path.read_bytes() == PACK


def test_a_thin_pack_is_completed_and_git_agrees(tmp_path: Path):
    repository = make_repository(tmp_path / "s.git", history(commits=40), repack=True)
    wanted = b"main\n^main~15\n"
    thin = git_bytes("pack-objects", "--revs", "--thin", "--stdout", "-q", cwd=repository, stdin=wanted)
    git("index-pack", "--fix-thin", "--stdin", cwd=repository, stdin=thin)
    base_store = PackedStore(repository / "objects/pack", SHA1)
    with pytest.raises(MissingObject):
        receive(thin)
    with receive(thin, bases=base_store) as spool:
        theirs = next(p for p in base_store.directory.glob("*.idx") if len(_ids(p)) == spool.object_count)
        assert sorted(oid.hex() for oid in spool) == _ids(theirs)
        assert spool.object_count > int.from_bytes(thin[8:12], "big")
        path = spool.install(tmp_path / "out")
        assert all(SHA1.hash_object(*_label_and_data(spool, oid)) == oid for oid in spool)
    git("verify-pack", path)
    base_store.close()


def _ids(index: Path) -> list[str]:
    return sorted(line.split()[1] for line in git("show-index", stdin=index.read_bytes()).splitlines())


@pytest.mark.parametrize("big", [1, 1 << 24])
@pytest.mark.parametrize("named", [False, True])
def test_only_the_bases_that_are_needed_are_added(big: int, named: bool, tmp_path: Path):
    a, b, c = TEXTS
    bases = MemoryStore(SHA1)
    for text in (a, b, b"unrelated"):
        bases.add(ObjectType.BLOB, text)
    # c hangs on b, b on a: once a is added, b is in the pack.
    entries = [
        ref_delta(blob_id(a), simple_delta(a, b)),
        ref_delta(blob_id(b), simple_delta(b, c)),
        ofs_delta(1, simple_delta(c, b"end")),
    ]
    limits = replace(LIMITS, big_object=big)
    with receive(
        build_pack(entries), bases=bases, limits=limits, directory=tmp_path if named else None
    ) as spool:
        assert sorted(spool) == sorted(map(blob_id, [a, b, c, b"end"]))
        assert spool.object_count == 4
        git("verify-pack", spool.install(tmp_path / "packs"))


def test_a_base_whose_bytes_are_not_its_ids_is_refused():
    class Lying(MemoryStore):
        def stream(self, oid) -> Iterator[bytes]:
            yield b"another " + b"x" * (len(TEXTS[0]) - 8)

    bases = Lying(SHA1)
    bases.add(ObjectType.BLOB, TEXTS[0])
    with pytest.raises(CorruptObject):
        receive(build_pack([ref_delta(blob_id(TEXTS[0]), simple_delta(*TEXTS[:2]))]), bases=bases)


def test_a_base_that_nobody_has_is_missing():
    thin = build_pack([ref_delta(blob_id(TEXTS[0]), simple_delta(*TEXTS[:2]))])
    with pytest.raises(MissingObject) as caught:
        receive(thin, bases=MemoryStore(SHA1))
    assert caught.value.oid == blob_id(TEXTS[0]).hex()


@pytest.mark.fault(36)
@pytest.mark.parametrize("damage", [PACK[:-1], PACK + b"x", PACK[:30], b"", b"PACK", PACK[:-1] + b"?"])
def test_after_an_error_no_file_is_left(damage: bytes, tmp_path: Path):
    with pytest.raises(CorruptPack):
        receive(damage, directory=tmp_path)
    assert names(tmp_path) == []


@pytest.mark.parametrize("error", [KeyboardInterrupt, ConnectionResetError, MemoryError])
def test_an_interruption_while_receiving_leaves_no_file(error: type[BaseException], tmp_path: Path):
    def blocks() -> Iterator[bytes]:
        yield PACK[:20]
        assert len(names(tmp_path)) == 1
        raise error

    with pytest.raises(error):
        SpooledPack.receive(blocks(), object_format=SHA1, directory=tmp_path)
    assert names(tmp_path) == []


def test_closing_removes_a_pack_that_was_not_installed(tmp_path: Path):
    spool = receive(directory=tmp_path)
    assert spool.path is not None
    assert names(tmp_path) == [spool.path.name]
    assert not spool.path.name.startswith("tmp_"), "git prune would remove it"
    spool.close()
    spool.close()
    assert names(tmp_path) == []


def test_a_full_disk_is_a_clear_error_and_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def fdopen(handle: int, mode: str) -> io.RawIOBase:
        os.close(handle)
        return _FullDisk()

    monkeypatch.setattr(os, "fdopen", fdopen)
    with pytest.raises(RepositoryError, match="No space left on device") as caught:
        receive(directory=tmp_path)
    assert caught.value.hint is not None
    assert names(tmp_path) == []


class _FullDisk(io.RawIOBase):
    def write(self, data) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_directory_that_cannot_be_made_is_a_clear_error(tmp_path: Path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(RepositoryError):
        receive(directory=tmp_path / "file/x")
    with receive() as spool, pytest.raises(RepositoryError):
        spool.install(tmp_path / "file/x")


def test_progress_counts_bytes_then_objects():
    events = ProgressLog()
    with receive(progress=events, receiving="receiving pack"):
        assert events.log == [f"receiving pack: {len(PACK)} of None bytes", "indexing: 3 of 3 objects"]


def test_progress_tells_of_no_success_after_an_error():
    events = ProgressLog()
    with pytest.raises(MissingObject):
        receive(build_pack([ref_delta(blob_id(b"x"), simple_delta(b"x", b"xy"))]), progress=events)
    assert events.log == ["indexing: 0 of 1 objects failed"]


def test_a_large_pack_is_read_back_through_small_limits():
    chance = random.Random(9)
    versions = [chance.randbytes(20_000)]
    for number in range(60):
        versions.append(versions[-1][:5000] + b"%d" % number + versions[-1][5000:])
    limits = replace(LIMITS, resolve_memory=50_000, base_cache=50_000)
    with receive(build_pack(chain_of(versions)), limits=limits) as spool:
        for text in versions:
            assert spool.read(blob_id(text)).data == text


def test_whole_objects_without_deltas_need_no_resolving():
    with receive(build_pack([whole(b"a"), whole(b"b", type_code=1)])) as spool:
        assert spool.read(SHA1.hash_object(b"commit", b"b")).type.name == "COMMIT"


def test_marks_are_taken_back_if_the_pack_cannot_be_installed_but_not_those_of_others(tmp_path, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("packcore.store.spool.install_pack", full)
    with SpooledPack.receive([build_pack([whole(b"x")])], object_format=SHA1) as spool:
        promisor = (tmp_path / spool.file_name).with_suffix(".promisor")
        promisor.write_bytes(b"another's\n")
        with pytest.raises(RepositoryError, match="No space left"):
            spool.install(tmp_path, marks={".keep": b"", ".promisor": b"mine\n"})
        assert [(file, file.read_bytes()) for file in tmp_path.iterdir()] == [(promisor, b"another's\n")]


def test_a_mark_that_is_there_stays_as_it_is(tmp_path):
    with SpooledPack.receive([build_pack([whole(b"x")])], object_format=SHA1) as spool:
        keep = (tmp_path / spool.file_name).with_suffix(".keep")
        keep.write_bytes(b"another's\n")
        spool.install(tmp_path, marks={".keep": b"mine\n"}, reverse_index=False)
        assert keep.read_bytes() == b"another's\n"
        assert {file.suffix for file in tmp_path.iterdir()} == {".keep", ".pack", ".idx"}
