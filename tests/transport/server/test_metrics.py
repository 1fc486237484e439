"""What a server tells Prometheus: read by a strict reader of its format, after real clients came."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from typing import Any

import pytest

from tests.cli.prometheus import parse
from tests.support import ROOT, git, history, init_repository, make_repository
from tests.transport.server.serving import serving, statuses
from transport.errors import NetworkError
from transport.server.counts import ServerCounts
from transport.server.http import GitHttpServer
from transport.server.pack_cache import PackCache


@pytest.fixture
def root(tmp_path):
    make_repository(tmp_path / "root" / "x.git", history(commits=5))
    return tmp_path / "root"


def page(server: GitHttpServer) -> str:
    assert server.metrics_url is not None
    with urllib.request.urlopen(server.metrics_url, timeout=20) as answer:
        assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        text: str = answer.read().decode()
    return text


def settled_page(server: GitHttpServer) -> str:
    """Return the page once no client is being served: a request is counted when its answer has been sent."""
    end = time.monotonic() + 20
    while server.settings.counts.open_connections and time.monotonic() < end:
        time.sleep(0.01)
    return page(server)


def asked(url: str | None, **options: Any) -> tuple[int, str]:
    """Return the status of a request, and the words of its answer."""
    assert url is not None
    try:
        with urllib.request.urlopen(urllib.request.Request(url, **options), timeout=20) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_fetches_pushes_and_refusals_are_counted_by_service_and_status(root, tmp_path):
    init_repository(root / "new.git")
    with serving(root, metrics_port=0) as server:
        git("clone", "-q", "--bare", f"{server.url}/x.git", tmp_path / "copy.git")
        git("push", "-q", f"{server.url}/new.git", "main", cwd=tmp_path / "copy.git")
        assert asked(f"{server.url}/none.git/info/refs?service=git-upload-pack")[0] == 404
        assert asked(f"{server.url}/robots.txt")[0] == 404
        found = parse(settled_page(server))
    requests = "packcore_serve_requests_total"
    assert found.value(requests, service="upload-pack", status="200") == 3
    assert found.value(requests, service="receive-pack", status="200") == 2
    assert found.value(requests, service="upload-pack", status="404") == 1
    assert found.value(requests, service="none", status="404") == 1


def test_bytes_are_those_of_the_log(root, tmp_path):
    lines: list[str] = []
    with serving(root, metrics_port=0, log=lines.append) as server:
        git("clone", "-q", "--bare", f"{server.url}/x.git", tmp_path / "copy.git")
        found = parse(settled_page(server))
    sent = sum(int(size) for line in lines for size in re.findall(r'" 200 ([0-9]+) ', line))
    assert found.value("packcore_serve_sent_bytes_total", service="upload-pack") == sent > 0
    assert found.value("packcore_serve_received_bytes_total", service="upload-pack") > 0
    assert found.value("packcore_serve_request_seconds_total", service="upload-pack") > 0


def test_a_pack_that_was_made_before_is_counted_as_kept(root, tmp_path):
    with serving(root, metrics_port=0) as server:
        for name in ("one", "two", "three"):
            git("clone", "-q", "--bare", f"{server.url}/x.git", tmp_path / name)
        found = parse(settled_page(server))
    assert found.value("packcore_serve_packs_total", origin="made") == 1
    assert found.value("packcore_serve_packs_total", origin="kept") == 2
    assert found.value("packcore_serve_pack_cache_bytes") > 0


def test_a_pack_that_is_too_large_to_be_kept_is_counted_as_made(root, tmp_path):
    with serving(root, metrics_port=0, packs=PackCache(bytes_max=10)) as server:
        for name in ("one", "two"):
            git("clone", "-q", "--bare", f"{server.url}/x.git", tmp_path / name)
        found = parse(settled_page(server))
    assert found.value("packcore_serve_packs_total", origin="made") == 2
    assert found.value("packcore_serve_packs_total", origin="kept") == 0


@pytest.mark.parametrize(
    ("limits", "limit", "words"),
    [
        ({"connections": 1, "connections_per_client": 5}, "all", "too many connections"),
        ({"connections": 5, "connections_per_client": 1}, "client", "too many connections from your address"),
    ],
)
def test_a_connection_beyond_a_limit_is_told_whose_limit_it_is_and_counted(root, limits, limit, words):
    with serving(root, metrics_port=0, **limits) as server:
        with socket.create_connection(("127.0.0.1", server.port), timeout=20) as pushing:
            # A push that is under way does not make room.
            pushing.sendall(
                b"POST /x.git/git-receive-pack HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n"
                b"Content-Type: application/x-git-receive-pack-request\r\nExpect: 100-continue\r\n\r\n"
            )
            assert b"100 Continue" in pushing.recv(1000)
            with socket.create_connection(("127.0.0.1", server.port), timeout=20) as other:
                answer = other.recv(65536)
            found = parse(page(server))
    assert statuses(answer) == [503]
    assert b"\r\nRetry-After: 5\r\n" in answer
    assert answer.endswith(f"\r\n\r\n{words}\n".encode())
    assert found.value("packcore_serve_refused_connections_total", limit=limit) == 1
    assert found.value("packcore_serve_open_connections") == 1


def test_no_label_names_a_client_a_user_or_a_repository(root, tmp_path):
    with serving(root, metrics_port=0) as server:
        git("clone", "-q", "--bare", f"{server.url}/x.git", tmp_path / "copy.git")
        text = settled_page(server)
    assert set(re.findall(r"(\w+)=", text)) == {"service", "status", "limit", "origin"}
    assert "127.0.0.1" not in text
    assert "x.git" not in text


def test_the_page_is_the_only_one_on_its_port_and_only_to_be_read(root):
    with serving(root, metrics_port=0) as server:
        elsewhere = str(server.metrics_url).removesuffix("/metrics")
        assert asked(f"{elsewhere}/")[0] == 404
        assert asked(f"{elsewhere}/x.git/info/refs?service=git-upload-pack")[0] == 404
        assert asked(server.metrics_url, data=b"x", method="POST")[0] == 405
        assert asked(f"{server.url}/metrics")[0] == 404
        assert asked(server.metrics_url)[0] == 200


def test_who_asks_for_metrics_is_not_counted(root):
    with serving(root, metrics_port=0) as server:
        assert page(server) == page(server)


def test_there_is_no_page_unless_it_is_asked_for(root):
    with serving(root) as server:
        assert server.metrics_url is None


def test_a_port_that_is_taken_leaves_no_server_behind(root):
    with socket.create_server(("127.0.0.1", 0)) as taken, socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
        free.close()
        with pytest.raises(NetworkError, match="can't listen"):
            GitHttpServer(root, port=port, metrics_port=taken.getsockname()[1])
        with GitHttpServer(root, port=port):
            pass


def test_the_page_goes_with_the_server(root):
    with serving(root, metrics_port=0) as server:
        url = server.metrics_url
        assert asked(url)[0] == 200
    with pytest.raises(urllib.error.URLError):
        asked(url)


def test_the_names_are_those_of_the_documentation():
    counts = ServerCounts()
    counts.answered("git-upload-pack", 200, received=1, sent=2, seconds=0.5)
    names = set(parse(counts.text(PackCache())).samples)
    assert names == set(re.findall(r"`(packcore_serve_\w+)`", (ROOT / "docs/serving.md").read_text()))


def test_counts_of_nothing_are_an_exposition_too():
    assert parse(ServerCounts().text()).value("packcore_serve_sent_bytes_total", service="none") == 0


def test_the_command_prints_where_the_page_is(root):
    words = ["serve", str(root), "--port", "0", "--metrics-port", "0"]
    with subprocess.Popen(
        [sys.executable, "-m", "cli", *words], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            lines = [process.stdout.readline() for _ in range(2)]
            found = re.fullmatch(r"metrics at (http://127\.0\.0\.1:[0-9]+/metrics)\n", lines[1])
            assert found is not None
            assert asked(found[1])[0] == 200
        finally:
            process.terminate()
