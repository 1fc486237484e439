"""The transport against `git http-backend`: what a real server takes and gives."""

from __future__ import annotations

import os
from base64 import b64encode
from typing import TYPE_CHECKING

import pytest

from tests.support import git, git_bytes, init_repository
from tests.transport.http.git_server import GitServer, serve_git
from transport.base import Body
from transport.errors import AuthenticationRequired, HttpStatusError
from transport.options import TransportOptions
from transport.schemes import open_transport

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def pkt(text: str) -> bytes:
    return b"%04x%b" % (len(text) + 4, text.encode())


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A repository with one commit whose pack is larger than the post buffer."""
    work = init_repository(tmp_path / "work", bare=False)
    (work / "noise").write_bytes(os.urandom(3_000_000))
    git("add", ".", cwd=work)
    git("commit", "-q", "-m", "noise", cwd=work)
    git("clone", "-q", "--bare", work, tmp_path / "source.git")
    return tmp_path / "source.git"


@pytest.fixture
def server(tmp_path: Path, source: Path) -> Iterator[GitServer]:
    target = init_repository(tmp_path / "target.git")
    git("config", "http.receivepack", "true", cwd=target)
    with serve_git(tmp_path) as server:
        yield server


def push_body(source: Path, block_size: int = 60_000) -> Body:
    tip = git("rev-parse", "HEAD", cwd=source)
    pack = git_bytes("pack-objects", "--stdout", "--all", "--revs", "-q", cwd=source)
    commands = pkt(f"{'0' * 40} {tip} refs/heads/main\0 report-status side-band-64k") + b"0000"

    def blocks() -> Iterator[bytes]:
        yield commands
        for start in range(0, len(pack), block_size):
            yield pack[start : start + block_size]

    return Body(blocks)


def push(url: str, source: Path, options: TransportOptions | None = None) -> bytes:
    transport = open_transport(url, options)
    with transport.advertise("git-receive-pack", version=2) as blocks:
        assert b"# service=git-receive-pack" in b"".join(blocks)
    with transport.request("git-receive-pack", push_body(source), version=0) as blocks:
        return b"".join(blocks)


def test_an_advertisement_is_read_in_each_protocol_version(server: GitServer) -> None:
    transport = open_transport(f"{server.url}/source.git")
    found = []
    for version in (0, 1, 2):
        with transport.advertise("git-upload-pack", version=version) as blocks:
            found.append(b"".join(blocks))
    assert found[0].startswith(b"001e# service=git-upload-pack\n0000")
    assert b"version 1" in found[1]
    assert found[2].startswith(b"000eversion 2\n")


def test_git_protocol_is_not_sent_to_receive_pack(server: GitServer) -> None:
    with open_transport(f"{server.url}/target.git").advertise("git-receive-pack", version=2) as blocks:
        list(blocks)
    assert "Git-Protocol" not in server.requests[0][2]


def test_a_large_push_is_chunked_after_a_probe_and_taken(server: GitServer, source: Path) -> None:
    answer = push(f"{server.url}/target.git", source)
    assert b"unpack ok" in answer
    posts = [headers for method, _, headers in server.requests if method == "POST"]
    assert [headers.get("Content-Length") for headers in posts] == ["4", None]
    assert posts[1]["Transfer-Encoding"] == "chunked"


def test_a_small_push_travels_with_content_length(server: GitServer, source: Path) -> None:
    answer = push(f"{server.url}/target.git", source, TransportOptions(post_buffer=10_000_000))
    assert b"unpack ok" in answer
    posts = [headers for method, _, headers in server.requests if method == "POST"]
    assert len(posts) == 1
    assert int(posts[0]["Content-Length"]) > 3_000_000


def test_a_large_fetch_request_is_compressed_and_understood(server: GitServer) -> None:
    transport = open_transport(f"{server.url}/source.git")
    prefixes = b"".join(pkt(f"ref-prefix refs/nothing/{number}\n") for number in range(100))
    request = pkt("command=ls-refs\n") + b"0001" + prefixes + pkt("ref-prefix refs/heads/\n") + b"0000"
    with transport.request("git-upload-pack", Body.of(request), version=2) as blocks:
        assert b"refs/heads/main" in b"".join(blocks)
    assert server.requests[0][2]["Content-Encoding"] == "gzip"


def test_a_repository_that_is_not_there_is_a_404(server: GitServer) -> None:
    transport = open_transport(f"{server.url}/nothing.git")
    with pytest.raises(HttpStatusError, match="HTTP 404"), transport.advertise("git-upload-pack", version=2):
        pass


@pytest.mark.parametrize("way", ["options", "url", "netrc"])
def test_credentials_reach_the_server(tmp_path: Path, source: Path, way: str) -> None:
    target = init_repository(tmp_path / "target.git")
    git("config", "http.receivepack", "true", cwd=target)
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password se%cret\n")
    wanted = "Basic " + b64encode(b"me:se%cret").decode()
    with serve_git(tmp_path, authorization=wanted) as server:
        url = f"{server.url}/target.git"
        options = TransportOptions()
        if way == "options":
            options = TransportOptions(username="me", token="se%cret")
        elif way == "url":
            url = url.replace("//", "//me:se%25cret@")
        else:
            options = TransportOptions(environment={"NETRC": str(tmp_path / "netrc")})
        assert b"unpack ok" in push(url, source, options)
        refused = sum("Authorization" not in headers for _, _, headers in server.requests)
    assert refused == (1 if way == "netrc" else 0)


def test_wrong_credentials_end_in_one_error_that_does_not_show_them(tmp_path: Path) -> None:
    init_repository(tmp_path / "x.git")
    with serve_git(tmp_path, authorization="Basic other") as server:
        transport = open_transport(f"{server.url}/x.git", TransportOptions(token="hush"))
        with (
            pytest.raises(AuthenticationRequired) as caught,
            transport.advertise("git-upload-pack", version=0),
        ):
            pass
    assert "hush" not in str(caught.value)
    assert len(server.requests) == 1
