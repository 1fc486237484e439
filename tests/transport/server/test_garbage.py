"""What a request held is freed when it ends, not when the garbage collector comes by."""

from __future__ import annotations

import gc
import weakref
from typing import TYPE_CHECKING

import pytest

from packcore.errors import PackcoreError
from packcore.store.repository import Repository
from tests.support import git, history, make_repository
from transport.server.background import heard
from transport.server.pack_cache import PackCache
from transport.server.receive_pack import ReceivePack
from transport.server.upload_pack import UploadPack
from transport.wire.pktline import DELIM, FLUSH, encode_packet, encode_text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return make_repository(tmp_path / "x.git", history(commits=3), repack=True)


@pytest.fixture
def no_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


class Large:
    """Stands for what a push holds."""


@pytest.mark.usefixtures("no_collector")
@pytest.mark.parametrize("seconds", [None, 5])
def test_what_work_held_that_failed_is_freed(seconds):
    held: list[weakref.ref[Large]] = []

    def work(_: object) -> None:
        large = Large()
        held.append(weakref.ref(large))
        raise PackcoreError("no")

    with pytest.raises(PackcoreError) as raised:
        list(heard(work, seconds=seconds, line=lambda _: b"", keepalive=b""))
    del raised
    assert held[0]() is None


def answered(path: Path, asked: str) -> weakref.ref[object]:
    """Answer one request, and return what its repository's packs were."""
    main = git("rev-parse", "main", cwd=path)
    fetch = encode_text("command=fetch") + DELIM + encode_text(f"want {main}") + encode_text("done") + FLUSH
    push = encode_packet(f"{'0' * 40} {main} refs/heads/x\0 report-status".encode()) + FLUSH + b"PACKnone"
    with Repository.open(path) as repository:
        packs: weakref.ref[object] = weakref.ref(repository._packs[0])
        if asked == "fetch":
            assert b"PACK" in b"".join(UploadPack(repository).answer([fetch], 2))
        elif asked == "fetch that is kept":
            cache = PackCache(path.parent / "packs")
            assert b"PACK" in b"".join(UploadPack(repository, packs=cache).answer([fetch], 2))
            cache.close()
        else:
            assert b"ng refs/heads/x" in b"".join(ReceivePack(repository).answer([push], 0))
    return packs


@pytest.mark.usefixtures("no_collector")
@pytest.mark.parametrize("asked", ["fetch", "fetch that is kept", "push"])
def test_a_repository_is_freed_when_it_is_closed(path, asked):
    assert answered(path, asked)() is None


@pytest.mark.usefixtures("no_collector")
def test_what_a_maker_held_that_failed_is_freed(path, monkeypatch):
    held: list[weakref.ref[Large]] = []

    def plan(*_: object, **__: object) -> None:
        large = Large()
        held.append(weakref.ref(large))
        raise PackcoreError("no")

    monkeypatch.setattr("transport.server.packing.plan_pack", plan)
    cache = PackCache(path.parent / "packs")
    main = git("rev-parse", "main", cwd=path)
    fetch = encode_text("command=fetch") + DELIM + encode_text(f"want {main}") + encode_text("done") + FLUSH
    with Repository.open(path) as repository:
        assert b"fatal: no" in b"".join(UploadPack(repository, packs=cache).answer([fetch], 2))
    assert [each() for each in held] == [None]
    cache.close()
