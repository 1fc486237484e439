"""Fetching from a repository on this disk through our own upload-pack, compared with git."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from packcore.errors import RepositoryError
from packcore.ids import FORMATS, ObjectId
from tests.support import (
    fast_import,
    git,
    git_bytes,
    history,
    init_repository,
    make_repository,
)
from tests.transport.process_transport import ProcessTransport
from transport.base import Body
from transport.errors import AnswerTooLarge, RemoteError
from transport.fetch import fetch_pack
from transport.listing import list_refs
from transport.options import TransportOptions
from transport.schemes import open_transport
from transport.schemes.file import LocalTransport
from transport.wire.upload_pack import FetchOptions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from transport.fetch import FetchResponse
    from transport.listing import Protocol

PROTOCOLS: tuple[Protocol, ...] = ("v0", "v1", "v2")


@pytest.fixture(scope="module", params=["sha1", "sha256"])
def source(request, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("source") / f"{request.param}.git"
    make_repository(path, history(tag="v1"), object_format=request.param, repack=True)
    git("branch", "early", "main~20", cwd=path)
    git("tag", "-a", "-m", "x", "nested", "v1", cwd=path)
    return Path(path)


@pytest.fixture
def local(source) -> Iterator[LocalTransport]:
    transport = LocalTransport(str(source))
    yield transport
    transport.close()


def test_a_repository_of_this_disk_lists_no_more_refs_than_the_options_allow(source: Path):
    count = len(list_refs(LocalTransport(str(source)), protocol="v2").refs)
    for limit, fits in ((4 * count, True), (count - 1, False)):
        transport = open_transport(str(source), TransportOptions(max_refs=limit))
        try:
            if fits:
                assert len(list_refs(transport).refs) == count
            else:
                with pytest.raises(AnswerTooLarge, match=f"more than {count - 1} refs"):
                    list_refs(transport)
        finally:
            transport.close()


def oid_of(repository: Path, revision: str) -> ObjectId:
    return ObjectId(bytes.fromhex(git("rev-parse", revision, cwd=repository)))


def listed(repository: Path, *revisions: str) -> set[str]:
    return {line.split()[0] for line in git("rev-list", "--objects", *revisions, cwd=repository).splitlines()}


def received(response: FetchResponse, path: Path, object_format: str) -> set[str]:
    """Let git check the pack in an empty repository, and return the ids in it."""
    assert response.blocks is not None
    repository = init_repository(path, object_format=object_format)
    git_bytes("index-pack", "--stdin", cwd=repository, stdin=b"".join(response.blocks))
    lines = git("cat-file", "--batch-check", "--batch-all-objects", cwd=repository)
    return {line.split()[0] for line in lines.splitlines()}


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_it_lists_the_refs_that_git_lists(source, local, protocol):
    ours = list_refs(local, protocol=protocol)
    theirs = list_refs(ProcessTransport(source), protocol=protocol)
    assert (ours.refs, ours.peeled, ours.head) == (theirs.refs, theirs.peeled, theirs.head)
    assert (ours.symrefs, ours.version) == (theirs.symrefs, theirs.version)
    assert ours.object_format is FORMATS[source.stem]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_it_lists_only_what_is_below_the_prefixes(local, protocol):
    assert list(list_refs(local, protocol=protocol, prefixes=["refs/heads/e"]).refs) == ["refs/heads/early"]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_an_empty_repository_has_no_refs(tmp_path, protocol):
    local = LocalTransport(str(init_repository(tmp_path / "empty.git")))
    advertisement = list_refs(local, protocol=protocol)
    local.close()
    assert (advertisement.refs, advertisement.head) == ({}, None)
    assert advertisement.symrefs == ({"HEAD": "refs/heads/main"} if protocol == "v2" else {})


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_clone_gets_every_object(source, local, tmp_path, protocol):
    advertisement = list_refs(local, protocol=protocol)
    with fetch_pack(local, advertisement, wants=[*advertisement.refs.values()]) as response:
        assert received(response, tmp_path / "target.git", source.stem) == listed(source, "--all")


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_what_is_below_a_have_is_not_sent(source, local, tmp_path, protocol):
    advertisement = list_refs(local, protocol=protocol)
    strangers = [ObjectId(bytes([n]) * advertisement.object_format.digest_size) for n in range(1, 60)]
    haves = [*strangers, oid_of(source, "main~3")]
    wants = [advertisement.refs["refs/heads/main"]]
    with fetch_pack(local, advertisement, wants=wants, haves=haves) as response:
        assert response.common == (haves[-1],)
        got = received(response, tmp_path / "target.git", source.stem)
    assert got == listed(source, "main", "^main~3")


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("depth", [1, 3, 1000])
def test_a_depth_cuts_where_git_cuts(source, local, tmp_path, protocol, depth):
    answers = []
    for name, transport in (("ours", local), ("theirs", ProcessTransport(source))):
        advertisement = list_refs(transport, protocol=protocol)
        wants = [advertisement.refs["refs/heads/main"], advertisement.refs["refs/heads/early"]]
        with fetch_pack(transport, advertisement, wants=wants, depth=depth) as response:
            answers.append((set(response.shallow), received(response, tmp_path / name, source.stem)))
    assert answers[0] == answers[1]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_tag_travels_with_what_it_names_if_asked_for(source, local, tmp_path, protocol):
    advertisement = list_refs(local, protocol=protocol)
    wants = [advertisement.refs["refs/heads/main"]]
    options = FetchOptions(include_tag=True)
    with fetch_pack(local, advertisement, wants=wants, options=options) as response:
        got = received(response, tmp_path / "target.git", source.stem)
    assert advertisement.refs["refs/tags/nested"].hex() in got
    assert got == listed(source, "main", "v1", "nested")


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_want_that_is_no_tip_or_not_there_is_refused(local, protocol):
    advertisement = list_refs(local, protocol=protocol)
    stranger = ObjectId(b"\x11" * advertisement.object_format.digest_size)
    with (
        pytest.raises(RemoteError, match="not our ref 1111"),
        fetch_pack(local, advertisement, wants=[stranger]),
    ):
        pass


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_missing_object_ends_the_pack_with_the_servers_words(tmp_path, protocol):
    path = make_repository(tmp_path / "source.git", history(commits=3))
    blob = oid_of(path, "main:src/part0/file0.txt").hex()
    (path / "objects" / blob[:2] / blob[2:]).unlink()
    local = LocalTransport(str(path))
    advertisement = list_refs(local, protocol=protocol)
    wants = [advertisement.refs["refs/heads/main"]]
    with (
        pytest.raises(RemoteError, match=f"fatal: object {blob} is missing"),
        fetch_pack(local, advertisement, wants=wants) as response,
    ):
        list(response.blocks or ())
    local.close()


@pytest.mark.parametrize("body", [b"", b"0000", b"garbage", b"0011command=nope0000", b"0009want 0000"])
@pytest.mark.parametrize("version", [0, 2])
def test_a_strange_request_gets_an_error_line_or_nothing(local, body, version):
    with local.request("git-upload-pack", Body.of(body), version=version) as blocks:
        answer = b"".join(blocks)
    assert answer == b"" or answer[4:8] == b"ERR "


def test_a_shallow_source_says_where_it_is_cut(tmp_path):
    whole = make_repository(tmp_path / "whole.git", history(commits=5))
    shallow = tmp_path / "shallow.git"
    git("clone", "-q", "--bare", "--depth=2", f"file://{whole}", shallow)
    local = LocalTransport(str(shallow))
    advertisement = list_refs(local)
    with fetch_pack(local, advertisement, wants=[*advertisement.refs.values()]) as response:
        assert response.shallow == (oid_of(whole, "main~1"),)
        assert b"".join(response.blocks or ()).startswith(b"PACK")
    local.close()


def test_a_path_opens_the_local_transport_and_a_missing_repository_is_reported(tmp_path):
    transport = open_transport(str(tmp_path))
    with pytest.raises(RepositoryError, match=str(tmp_path)):
        list_refs(transport)


def test_commits_added_after_opening_are_seen(tmp_path):
    path = make_repository(tmp_path / "source.git", history(commits=3))
    local = LocalTransport(str(path))
    before = list_refs(local)
    fast_import(path, history(commits=2, seed=5, start="refs/heads/main^0"))
    after = list_refs(local)
    assert before.refs != after.refs
    with fetch_pack(local, after, wants=[*after.refs.values()]) as response:
        assert received(response, tmp_path / "target.git", "sha1") == listed(path, "main")
    local.close()


def test_a_path_may_leave_out_the_ending_and_begin_at_home(source, tmp_path) -> None:
    (tmp_path / "link.git").symlink_to(source)
    options = TransportOptions(environment={"HOME": str(tmp_path)})
    for text in ("~/link", "~/link.git/", str(tmp_path / "link"), f"file://localhost{tmp_path}/link"):
        transport = open_transport(text, options)
        assert list_refs(transport).refs
        transport.close()


def test_a_home_that_is_not_known_is_named() -> None:
    with pytest.raises(RepositoryError, match="no user nobody-of-that-name"):
        open_transport("~nobody-of-that-name/x")
