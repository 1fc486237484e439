"""Fetching, from git's own upload-pack: every protocol version, both object formats, in any split."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from packcore.ids import FORMATS, SHA1, ObjectId
from packcore.objects import ObjectType
from packcore.store.memory import MemoryStore
from tests.git_transport import GitTransport
from tests.support import fast_import, git, git_bytes, history, init_repository, make_repository
from tests.transport.process_transport import ProcessTransport
from transport.errors import LocalProtocolError, RemoteError, UnsupportedByRemote
from transport.fetch import fetch_pack
from transport.listing import list_refs
from transport.negotiate import CommitNegotiator, TipNegotiator
from transport.wire.capabilities import Capabilities
from transport.wire.upload_pack import FetchOptions

if TYPE_CHECKING:
    from transport.fetch import FetchResponse
    from transport.listing import Protocol

PROTOCOLS: tuple[Protocol, ...] = ("v0", "v1", "v2", "auto")


@pytest.fixture(scope="module", params=["sha1", "sha256"])
def source(request, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("source") / f"{request.param}.git"
    make_repository(path, history(tag="v1"), object_format=request.param, repack=True)
    git("branch", "early", "main~20", cwd=path)
    return Path(path)


@pytest.fixture(scope="module")
def sha1_source(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("source") / "sha1.git"
    make_repository(path, history(tag="v1"), repack=True)
    git("branch", "early", "main~20", cwd=path)
    return Path(path)


def oid_of(repository: Path, revision: str) -> ObjectId:
    return ObjectId(bytes.fromhex(git("rev-parse", revision, cwd=repository)))


def whole(response: FetchResponse) -> bytes:
    assert response.blocks is not None
    return b"".join(response.blocks)


def index_pack(path: Path, pack: bytes, object_format: str) -> set[str]:
    """Let git check the pack in an empty repository, and return the ids in it."""
    repository = init_repository(path, object_format=object_format)
    git_bytes("index-pack", "--stdin", "--strict", cwd=repository, stdin=pack)
    listed = git("cat-file", "--batch-check", "--batch-all-objects", cwd=repository)
    return {line.split()[0] for line in listed.splitlines()}


def objects_of(repository: Path, *revisions: str) -> set[str]:
    return {line.split()[0] for line in git("rev-list", "--objects", *revisions, cwd=repository).splitlines()}


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_refs_are_listed_as_git_lists_them(source, protocol):
    advertisement = list_refs(ProcessTransport(source), protocol=protocol)
    listed = dict(advertisement.refs)
    listed |= {f"{name}^{{}}": oid for name, oid in advertisement.peeled.items()}
    assert advertisement.head is not None
    listed["HEAD"] = advertisement.head
    expected = (line.split("\t") for line in git("ls-remote", source).splitlines())
    assert {name: oid.hex() for name, oid in listed.items()} == {name: oid for oid, name in expected}
    assert advertisement.symrefs == {"HEAD": "refs/heads/main"}
    assert advertisement.object_format is FORMATS[source.stem]
    assert advertisement.version == {"v0": 0, "v1": 1}.get(protocol, 2)
    assert advertisement.warnings == ()


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_only_refs_below_the_prefixes_are_listed(sha1_source, protocol):
    advertisement = list_refs(ProcessTransport(sha1_source), protocol=protocol, prefixes=["refs/tags/"])
    assert list(advertisement.refs) == ["refs/tags/v1"]
    assert list(advertisement.peeled) == ["refs/tags/v1"]
    assert advertisement.symrefs == {"HEAD": "refs/heads/main"}


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_an_empty_repository_has_no_refs(tmp_path, protocol):
    advertisement = list_refs(ProcessTransport(init_repository(tmp_path / "empty.git")), protocol=protocol)
    assert (advertisement.refs, advertisement.head) == ({}, None)
    if advertisement.version == 2:
        assert advertisement.symrefs == {"HEAD": "refs/heads/main"}  # unborn


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("block_bytes", [None, 1])
def test_a_clone_gets_every_object(source, tmp_path, protocol, block_bytes):
    transport = ProcessTransport(source, block_bytes=block_bytes)
    advertisement = list_refs(transport, protocol=protocol)
    with fetch_pack(transport, advertisement, wants=[*advertisement.refs.values()]) as response:
        pack = whole(response)
    assert response.rounds == 1
    assert index_pack(tmp_path / "target.git", pack, source.stem) == objects_of(source, "--all")


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_what_is_below_a_have_is_not_sent(source, tmp_path, protocol):
    transport = ProcessTransport(source)
    advertisement = list_refs(transport, protocol=protocol)
    have = oid_of(source, "main~3")
    wants = [advertisement.refs["refs/heads/main"]]
    with fetch_pack(transport, advertisement, wants=wants, haves=[have]) as response:
        pack = whole(response)
    assert response.common == (have,)
    store = init_repository(tmp_path / "target.git", object_format=source.stem)
    git_bytes("index-pack", "--stdin", cwd=store, stdin=pack)
    listed = git("cat-file", "--batch-check", "--batch-all-objects", cwd=store)
    assert {line.split()[0] for line in listed.splitlines()} == objects_of(source, "main", "^main~3")


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_haves_that_the_server_lacks_cost_rounds_but_no_object(sha1_source, tmp_path, protocol):
    transport = ProcessTransport(sha1_source)
    advertisement = list_refs(transport, protocol=protocol)
    strangers = [ObjectId(bytes([n % 251, n // 251]) * 10) for n in range(1, 100)]
    haves = [*strangers, oid_of(sha1_source, "main~1")]
    wants = [advertisement.refs["refs/heads/main"]]
    with fetch_pack(transport, advertisement, wants=wants, haves=haves) as response:
        pack = whole(response)
    assert response.common == (haves[-1],)
    assert response.rounds > 2
    expected = objects_of(sha1_source, "main", "^main~1")
    assert int.from_bytes(pack[8:12], "big") == len(expected)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_only_unknown_haves_give_a_whole_clone(sha1_source, tmp_path, protocol):
    transport = ProcessTransport(sha1_source)
    advertisement = list_refs(transport, protocol=protocol)
    haves = TipNegotiator(ObjectId(bytes([n]) * 20) for n in range(1, 200))
    wants = [advertisement.refs["refs/heads/main"]]
    with fetch_pack(transport, advertisement, wants=wants, haves=haves) as response:
        pack = whole(response)
    assert response.common == ()
    assert index_pack(tmp_path / "target.git", pack, "sha1") == objects_of(sha1_source, "main")


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_store_is_walked_until_the_server_knows_a_commit(tmp_path, protocol):
    """Two histories with a common start, 60 commits of ours on top: found without offering all."""
    source = make_repository(tmp_path / "source.git", history(commits=10))
    ours = init_repository(tmp_path / "ours.git")
    git("fetch", "-q", source, "main:main", cwd=ours)
    fast_import(ours, history(commits=60, seed=2, start="refs/heads/main^0"))
    store = MemoryStore(FORMATS["sha1"])
    for line in git("rev-list", "main", cwd=ours).splitlines():
        store.add(ObjectType.COMMIT, git_bytes("cat-file", "commit", line, cwd=ours))
    fast_import(source, history(commits=3, seed=3, start="refs/heads/main^0"))
    transport = ProcessTransport(source)
    advertisement = list_refs(transport, protocol=protocol)
    negotiator = CommitNegotiator(store, [oid_of(ours, "main")])
    wants = [advertisement.refs["refs/heads/main"]]
    with fetch_pack(transport, advertisement, wants=wants, haves=negotiator) as response:
        pack = whole(response)
    assert response.common
    expected = objects_of(source, "main", "^main~3")
    assert int.from_bytes(pack[8:12], "big") == len(expected)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("with_have", [False, True])
def test_a_shallow_fetch_reports_where_history_is_cut(sha1_source, protocol, with_have):
    transport = ProcessTransport(sha1_source)
    advertisement = list_refs(transport, protocol=protocol)
    wants = [advertisement.refs["refs/heads/main"]]
    haves = [oid_of(sha1_source, "early")] if with_have else []
    with fetch_pack(transport, advertisement, wants=wants, haves=haves, depth=2) as response:
        pack = whole(response)
    assert response.shallow == (oid_of(sha1_source, "main~1"),)
    assert pack.startswith(b"PACK")


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_filter_leaves_blobs_out(sha1_source, tmp_path, protocol):
    transport = ProcessTransport(sha1_source, configuration={"uploadpack.allowFilter": "true"})
    advertisement = list_refs(transport, protocol=protocol)
    wants = [advertisement.refs["refs/heads/main"]]
    with fetch_pack(transport, advertisement, wants=wants, filter_spec="blob:none") as response:
        pack = whole(response)
    listed = git("rev-list", "--objects", "--filter=blob:none", "main", cwd=sha1_source)
    assert int.from_bytes(pack[8:12], "big") == len(listed.splitlines())


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_filter_that_the_server_lacks_is_refused_before_a_request(sha1_source, protocol):
    transport = ProcessTransport(sha1_source)
    advertisement = list_refs(transport, protocol=protocol)
    requests = len(transport.exchanges)
    with (
        pytest.raises(UnsupportedByRemote, match="filters"),
        fetch_pack(transport, advertisement, wants=[SHA1.zero], filter_spec="blob:none"),
    ):
        pass
    assert len(transport.exchanges) == requests


DROPPED: dict[str, dict[str, Any]] = {
    "side-band": {"side_band_64k": False},
    "no side-band": {"side_band_64k": False, "side_band": False},
    "no no-done": {"no_done": False},
    "no detailed ACKs": {"multi_ack_detailed": False},
    "no ofs-delta": {"ofs_delta": False},
}


@pytest.mark.fault(40)
@pytest.mark.parametrize("dropped", DROPPED)
@pytest.mark.parametrize("with_have", [False, True])
def test_an_old_server_without_a_capability_is_served_by_another_way(
    sha1_source, tmp_path, dropped, with_have
):
    transport = ProcessTransport(sha1_source)
    advertisement = list_refs(transport, protocol="v0")
    fewer = replace(advertisement, capabilities=advertisement.capabilities._replace(**DROPPED[dropped]))
    haves = [oid_of(sha1_source, "main~5")] if with_have else []
    wants = [advertisement.refs["refs/heads/main"]]
    with fetch_pack(transport, fewer, wants=wants, haves=haves) as response:
        pack = whole(response)
    expected = objects_of(sha1_source, "main", *(["^main~5"] if with_have else []))
    assert int.from_bytes(pack[8:12], "big") == len(expected)
    git_bytes("index-pack", "--stdin", cwd=init_repository(tmp_path / "target.git"), stdin=pack)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_progress_comes_line_by_line(sha1_source, protocol):
    transport = ProcessTransport(sha1_source)
    advertisement = list_refs(transport, protocol=protocol)
    lines: list[str] = []
    with fetch_pack(
        transport, advertisement, wants=[*advertisement.refs.values()], on_message=lines.append
    ) as response:
        whole(response)
    assert any(line.startswith("Enumerating objects: ") and line.endswith("done.") for line in lines)
    assert not any("\r" in line or "\n" in line for line in lines)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_no_progress_is_obeyed(sha1_source, protocol):
    transport = ProcessTransport(sha1_source)
    advertisement = list_refs(transport, protocol=protocol)
    lines: list[str] = []
    options = FetchOptions(no_progress=True)
    wants = [*advertisement.refs.values()]
    with fetch_pack(
        transport, advertisement, wants=wants, options=options, on_message=lines.append
    ) as response:
        whole(response)
    assert lines == []


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_tag_comes_with_the_commit_it_names_if_asked_for(sha1_source, tmp_path, protocol):
    transport = ProcessTransport(sha1_source)
    advertisement = list_refs(transport, protocol=protocol)
    wants = [advertisement.refs["refs/heads/main"]]
    options = FetchOptions(include_tag=True)
    with fetch_pack(transport, advertisement, wants=wants, options=options) as response:
        pack = whole(response)
    tag = advertisement.refs["refs/tags/v1"].hex()
    assert tag in index_pack(tmp_path / "target.git", pack, "sha1")


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_want_that_the_server_refuses_is_its_error(sha1_source, protocol):
    transport = ProcessTransport(sha1_source)
    advertisement = list_refs(transport, protocol=protocol)
    stranger = ObjectId(b"\x11" * 20)
    with (
        pytest.raises(RemoteError, match="not our ref 11111"),
        fetch_pack(transport, advertisement, wants=[stranger]),
    ):
        pass


def test_wanting_nothing_asks_nothing(sha1_source):
    transport = ProcessTransport(sha1_source)
    advertisement = list_refs(transport)
    requests = len(transport.exchanges)
    with fetch_pack(transport, advertisement, wants=[]) as response:
        assert response.blocks is None
    assert len(transport.exchanges) == requests


def test_a_thin_pack_is_asked_for_only_on_demand(sha1_source):
    transport = ProcessTransport(sha1_source)
    advertisement = list_refs(transport)
    wants = [advertisement.refs["refs/heads/main"]]
    for options in (FetchOptions(), FetchOptions(thin_pack=True)):
        with fetch_pack(transport, advertisement, wants=wants, options=options) as response:
            whole(response)
    asked = [b"thin-pack" in sent for heading, sent, _ in transport.exchanges if b"want" in sent]
    assert asked == [False, True]


def test_a_depth_of_nothing_is_refused_here(sha1_source):
    transport = ProcessTransport(sha1_source)
    advertisement = list_refs(transport)
    with (
        pytest.raises(LocalProtocolError, match="depth"),
        fetch_pack(transport, advertisement, wants=[SHA1.zero], depth=0),
    ):
        pass


def test_a_v2_server_without_fetch_is_unsupported(sha1_source):
    transport = ProcessTransport(sha1_source)
    advertisement = replace(list_refs(transport), capabilities=Capabilities())
    with (
        pytest.raises(UnsupportedByRemote, match="no fetch"),
        fetch_pack(transport, advertisement, wants=[SHA1.zero]),
    ):
        pass


def test_wants_are_given_raw_as_hex_or_by_the_name_of_a_ref(tmp_path):
    path = make_repository(tmp_path / "x.git", history(commits=3))
    tip = git("rev-parse", "main", cwd=path)
    packs = []
    for want in (ObjectId(bytes.fromhex(tip)), tip, "refs/heads/main"):
        transport = GitTransport(path)
        refs = list_refs(transport)
        with fetch_pack(transport, refs, wants=[want]) as response:
            packs.append(b"".join(response.blocks or ()))
    assert packs[0].startswith(b"PACK")
    assert packs[0][:12] == packs[1][:12] == packs[2][:12]


@pytest.mark.parametrize("wrong", [None, 5, ["main"]])
def test_a_want_of_another_type_is_a_type_error_that_names_it(tmp_path, wrong):
    path = make_repository(tmp_path / "x.git", history(commits=1))
    transport = GitTransport(path)
    refs = list_refs(transport)
    with (
        pytest.raises(TypeError, match="each of wants must be bytes or hex digits"),
        fetch_pack(transport, refs, wants=[wrong]),
    ):
        pass
