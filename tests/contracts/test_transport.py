"""What every way to a repository must keep: the same refs, objects and reports, whatever carries them."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING
from zlib import crc32

import pytest

from packcore.errors import PackcoreError
from packcore.ids import FORMATS, ObjectId
from tests.contracts.ways import WAYS, Way
from tests.e2e.places import noise
from tests.support import fast_import, fsck, git, git_bytes, history, init_repository, ls_remote
from transport.base import Body
from transport.errors import NetworkError
from transport.fetch import fetch_pack
from transport.listing import advertise_push, list_refs
from transport.send_pack import push
from transport.wire.receive_pack import RefUpdate

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from transport.base import Transport
    from transport.listing import Protocol
    from transport.wire.report import ReportStatus

PROTOCOLS: tuple[Protocol, ...] = ("v0", "v1", "v2")
ZERO = ObjectId(bytes(20))


@pytest.fixture(scope="module", params=WAYS)
def way(request, tmp_path_factory) -> Iterator[Way]:
    with request.param(tmp_path_factory.mktemp("way")) as running:
        source = running.make("source.git")
        fast_import(source, history(tag="v1"))
        git("branch", "early", "main~20", cwd=source)
        yield running


@pytest.fixture
def source(way) -> Iterator[Transport]:
    transport = way.open("source.git")
    yield transport
    transport.close()


@pytest.fixture
def target(way, request) -> Iterator[Transport]:
    """A transport to an empty repository of the test's own."""
    transport = way.open(target_name(way, request))
    yield transport
    transport.close()


def target_name(way: Way, request: pytest.FixtureRequest) -> str:
    name = f"target-{crc32(request.node.name.encode())}.git"
    if not (way.root / name).exists():
        way.make(name)
    return name


@pytest.fixture
def target_path(way, request) -> Path:
    path: Path = way.root / target_name(way, request)
    return path


def oid_of(repository: Path, revision: str) -> ObjectId:
    return ObjectId(bytes.fromhex(git("rev-parse", revision, cwd=repository)))


def objects_of(repository: Path, *revisions: str) -> set[str]:
    return {line.split()[0] for line in git("rev-list", "--objects", *revisions, cwd=repository).splitlines()}


def objects_in(pack: bytes, folder: Path, object_format: str = "sha1") -> set[str]:
    """Let git check a pack in an empty repository, and return the ids in it."""
    repository = init_repository(folder, object_format=object_format)
    git_bytes("index-pack", "--stdin", cwd=repository, stdin=pack)
    lines = git("cat-file", "--batch-check", "--batch-all-objects", cwd=repository)
    return {line.split()[0] for line in lines.splitlines()}


def pack_of(repository: Path, *revisions: str) -> bytes:
    return git_bytes(
        "pack-objects", "--revs", "--stdout", "-q", cwd=repository, stdin="\n".join(revisions).encode()
    )


def refused(report: ReportStatus) -> list[str]:
    return [name for name, ref in report.refs.items() if not ref.ok]


def in_blocks(data: bytes, size: int = 65536) -> Body:
    return Body(lambda: (data[start : start + size] for start in range(0, len(data), size)))


# -- fetching -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_it_lists_the_refs_that_git_lists(way, source, protocol):
    advertisement = list_refs(source, protocol=protocol)
    listed = ls_remote(way.root / "source.git")
    expected = {name: oid for name, oid in listed.items() if not name.endswith("^{}")}
    assert {name: oid.hex() for name, oid in advertisement.refs.items()} == expected
    assert advertisement.object_format is FORMATS["sha1"]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_an_empty_repository_has_no_refs(way, tmp_path, protocol):
    way.make(f"empty-{protocol}.git")
    transport = way.open(f"empty-{protocol}.git")
    assert list_refs(transport, protocol=protocol).refs == {}
    transport.close()


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_clone_gets_every_object(way, source, tmp_path, protocol):
    advertisement = list_refs(source, protocol=protocol)
    with fetch_pack(source, advertisement, wants=[*advertisement.refs.values()]) as response:
        pack = b"".join(response.blocks or ())
    assert objects_in(pack, tmp_path / "got.git") == objects_of(way.root / "source.git", "--all")


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_what_is_below_a_have_is_not_sent(way, source, tmp_path, protocol):
    advertisement = list_refs(source, protocol=protocol)
    strangers = [ObjectId(bytes([number]) * 20) for number in range(1, 60)]
    haves = [*strangers, oid_of(way.root / "source.git", "main~3")]
    wants = [advertisement.refs["refs/heads/main"]]
    with fetch_pack(source, advertisement, wants=wants, haves=haves) as response:
        assert response.common == (haves[-1],)
        pack = b"".join(response.blocks or ())
    assert objects_in(pack, tmp_path / "got.git") == objects_of(way.root / "source.git", "main", "^main~3")


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_one_transport_fetches_several_times(way, source, tmp_path, protocol):
    advertisement = list_refs(source, protocol=protocol)
    for name in ("early", "main"):
        wants = [advertisement.refs[f"refs/heads/{name}"]]
        with fetch_pack(source, advertisement, wants=wants, depth=2) as response:
            assert len(response.shallow) == 1
            assert b"".join(response.blocks or ()).startswith(b"PACK")


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_after_a_fetch_that_was_left_halfway_another_one_succeeds(way, source, tmp_path, protocol):
    advertisement = list_refs(source, protocol=protocol)
    wants = [*advertisement.refs.values()]
    with fetch_pack(source, advertisement, wants=wants) as response:
        assert response.blocks is not None
        next(response.blocks)
    with fetch_pack(source, advertisement, wants=wants) as response:
        pack = b"".join(response.blocks or ())
    assert objects_in(pack, tmp_path / "got.git") == objects_of(way.root / "source.git", "--all")


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_want_that_is_not_there_is_refused_in_the_servers_words(way, source, protocol):
    advertisement = list_refs(source, protocol=protocol)
    stranger = ObjectId(b"\x11" * 20)
    with pytest.raises(PackcoreError, match="not our ref 1111"):
        with fetch_pack(source, advertisement, wants=[stranger]) as response:
            list(response.blocks or ())


@pytest.mark.parametrize("service", ["fetch", "push"])
def test_a_repository_that_is_not_there_is_an_error(way, service):
    transport = way.open("nowhere.git")
    with pytest.raises(PackcoreError) as caught:
        list_refs(transport) if service == "fetch" else advertise_push(transport)
    assert caught.value.exit_code in (1, 4)
    transport.close()


def test_sha256_repositories_are_fetched(way, tmp_path):
    path = way.make("sha256.git", object_format="sha256")
    fast_import(path, history(commits=3))
    transport = way.open("sha256.git")
    advertisement = list_refs(transport)
    with fetch_pack(transport, advertisement, wants=[*advertisement.refs.values()]) as response:
        pack = b"".join(response.blocks or ())
    transport.close()
    assert objects_in(pack, tmp_path / "got.git", "sha256") == objects_of(path, "--all")


# -- pushing ------------------------------------------------------------------------------------------


def test_a_push_creates_moves_and_deletes(way, target, target_path):
    source = way.root / "source.git"
    early, main = oid_of(source, "early"), oid_of(source, "main")
    steps = [
        ([RefUpdate("refs/heads/a", ZERO, early)], pack_of(source, "early")),
        ([RefUpdate("refs/heads/a", early, main)], pack_of(source, "main", "^early")),
        ([RefUpdate("refs/heads/b", ZERO, main)], None),
        ([RefUpdate("refs/heads/a", main, ZERO)], None),
    ]
    for updates, pack in steps:
        report = push(target, advertise_push(target), updates, None if pack is None else in_blocks(pack))
        assert report.complete
        assert refused(report) == []
    assert ls_remote(target_path) == {"refs/heads/b": main.hex()}
    assert fsck(target_path) == []


def test_a_ref_that_moved_meanwhile_is_not_overwritten(way, target, target_path):
    source = way.root / "source.git"
    early, main = oid_of(source, "early"), oid_of(source, "main")
    advertisement = advertise_push(target)
    git("fetch", "-q", str(source), "early:refs/heads/a", cwd=target_path)
    report = push(
        target, advertisement, [RefUpdate("refs/heads/a", ZERO, main)], in_blocks(pack_of(source, "main"))
    )
    assert refused(report) == ["refs/heads/a"]
    assert ls_remote(target_path) == {"refs/heads/a": early.hex()}


def test_a_push_larger_than_every_buffer_arrives(way, target, target_path, tmp_path):
    big = init_repository(tmp_path / "big.git")
    fast_import(big, noise(6_000_000))
    tip = oid_of(big, "main")
    update = RefUpdate("refs/heads/main", ZERO, tip)
    report = push(target, advertise_push(target), [update], in_blocks(pack_of(big, "main")))
    assert report.complete
    assert ls_remote(target_path) == {"refs/heads/main": tip.hex()}
    assert target.stats.bytes_sent > (0 if way.name == "http" else 6_000_000)
    assert target.stats.longest_gap_seconds is not None or way.name == "local"


def test_a_refusal_early_in_a_large_push_is_heard(way, target, target_path):
    junk = b"PACK\0\0\0\2\0\0\0\1\x9f" + random.Random(1).randbytes(12_000_000)
    update = RefUpdate("refs/heads/main", ZERO, oid_of(way.root / "source.git", "main"))
    try:
        report = push(target, advertise_push(target), [update], in_blocks(junk))
        assert refused(report) == ["refs/heads/main"]
    except NetworkError:
        # A daemon that exits with input unread resets the connection, and its report may be lost with it.
        assert way.name == "git"
    assert ls_remote(target_path) == {}


def test_a_push_whose_pack_fails_to_be_written_changes_nothing(way, target, target_path):
    source = way.root / "source.git"
    pack = pack_of(source, "main")

    def torn() -> Iterator[bytes]:
        yield pack[: len(pack) // 2]
        raise RuntimeError("torn")

    update = RefUpdate("refs/heads/main", ZERO, oid_of(source, "main"))
    with pytest.raises(RuntimeError, match="torn"):
        push(target, advertise_push(target), [update], Body(torn))
    assert ls_remote(target_path) == {}
    report = push(target, advertise_push(target), [update], in_blocks(pack))
    assert refused(report) == []


def test_closing_twice_is_closing_once(source):
    list_refs(source)
    source.close()
    source.close()
