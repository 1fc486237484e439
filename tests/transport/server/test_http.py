"""What our HTTP server does with requests that no git sends: answered or cut off, and never served."""

from __future__ import annotations

import base64
import gzip
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from packcore.errors import RepositoryError
from tests.support import git, history, init_repository, ls_remote, make_repository
from tests.transport.server.serving import ask, serving
from transport.errors import NetworkError
from transport.server.budget import RequestLimits
from transport.server.htpasswd import Passwords
from transport.server.http import GitHttpServer

if TYPE_CHECKING:
    from collections.abc import Iterator

LS_REFS = b"0014command=ls-refs\n00010000"
FETCH = (
    "POST /x.git/git-upload-pack HTTP/1.1\r\nHost: h\r\n"
    "Content-Type: application/x-git-upload-pack-request\r\n"
)
V2 = "Git-Protocol: version=2\r\n"
ZIPPED = gzip.compress(LS_REFS, mtime=0)


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("http")
    make_repository(folder / "outside.git", history(commits=2))
    served = folder / "served"
    served.mkdir()
    make_repository(served / "x.git", history(commits=3))
    (served / "link.git").symlink_to(folder / "outside.git")
    (served / "inner").mkdir()
    make_repository(served / "inner" / "y.git", history(commits=2))
    (served / "file.git").write_text(f"gitdir: {folder / 'outside.git'}\n")
    return Path(served)


@pytest.fixture(scope="module")
def lines() -> list[str]:
    return []


@pytest.fixture(scope="module")
def server(root, lines) -> Iterator[GitHttpServer]:
    with serving(root, head_seconds=2, idle_seconds=2, linger_seconds=1, log=lines.append) as running:
        yield running


def get(server: GitHttpServer, path: str, headers: str = "") -> int:
    answer = ask(server, f"GET {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n{headers}\r\n")
    assert answer.startswith(b"HTTP/1.1 ")
    return int(answer.split()[1])


@pytest.mark.parametrize(
    "name",
    [
        "/../outside.git",
        "/%2e%2e/outside.git",
        "/inner/../../outside.git",
        "/inner/%2e%2e%2f%2e%2e%2foutside.git",
        "/link.git",
        "/link",
        "/file.git",
        "/./x.git",
        "/x.git%00",
        "/x.git/objects",
        "/inner",
        "/" + "a" * 3000,
        "/" + "a/" * 1000,
        "/\xff".encode("latin-1").decode("latin-1"),
        "",
        "/",
    ],
)
def test_what_is_no_repository_below_the_folder_is_not_found(server, name):
    assert get(server, f"{name}/info/refs?service=git-upload-pack") == 404


HIDDEN = ("/tree", "/tree/.git", "/.cache/x.git", "/.cache/x", "/seen.git", "/not-bare.git")


@pytest.fixture(scope="module")
def hidden(tmp_path_factory) -> Path:
    """Return a folder with a work tree, a hidden repository, a link to it, and one that isn't bare."""
    root = Path(tmp_path_factory.mktemp("hidden"))
    init_repository(root / "tree", bare=False)
    init_repository(root / ".cache/x.git")
    (root / "seen.git").symlink_to(root / ".cache/x.git")
    git("config", "core.bare", "false", cwd=init_repository(root / "not-bare.git"))
    outside = init_repository(root.parent / "outside.git")
    half = init_repository(root / "half.git")
    (half / "objects").rename(half / "old")
    (half / "objects").symlink_to(outside / "objects")
    return root


def test_work_trees_and_hidden_repositories_are_not_served(hidden):
    with serving(hidden) as server:
        found = {name: get(server, f"{name}/info/refs?service=git-upload-pack") for name in HIDDEN}
    assert found == dict.fromkeys(HIDDEN, 404)


def test_work_trees_and_hidden_repositories_are_served_if_all_are_exported(hidden):
    with serving(hidden, export_all=True) as server:
        found = {name: get(server, f"{name}/info/refs?service=git-upload-pack") for name in HIDDEN}
    assert found == dict.fromkeys(HIDDEN, 200)


@pytest.mark.parametrize("export_all", [False, True])
def test_what_a_link_reaches_outside_the_folder_is_never_served(root, hidden, export_all):
    for folder, name in ((root, "/link.git"), (hidden, "/half.git")):
        with serving(folder, export_all=export_all) as server:
            assert get(server, f"{name}/info/refs?service=git-upload-pack") == 404


@pytest.mark.parametrize("name", ["/x.git", "/x", "/inner/y.git", "/inner/y", "/%78.git"])
def test_a_repository_is_found_with_and_without_its_ending(server, name):
    assert get(server, f"{name}/info/refs?service=git-upload-pack") == 200


@pytest.mark.parametrize(
    ("request_line", "status"),
    [
        ("GET /x.git/info/refs HTTP/1.1", 403),
        ("GET /x.git/info/refs?service=git-upload-archive HTTP/1.1", 403),
        ("GET /x.git/HEAD HTTP/1.1", 403),
        ("GET /x.git/git-upload-pack HTTP/1.1", 405),
        ("POST /x.git/info/refs?service=git-upload-pack HTTP/1.1", 405),
        ("HEAD /x.git/info/refs?service=git-upload-pack HTTP/1.1", 405),
        ("POST /x.git/git-upload-pack HTTP/1.1", 415),
        ("BREW /x.git HTTP/1.1", 501),
        ("GET /x.git HTTP/7.1", 505),
        ("nonsense", 400),
    ],
)
def test_a_wrong_request_is_refused_by_status(server, request_line, status):
    answer = ask(server, f"{request_line}\r\nHost: h\r\nConnection: close\r\n\r\n")
    assert b" %d " % status in answer.splitlines()[0]


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", b"0000", 400),
        ("Content-Length: 4\r\nContent-Length: 5\r\n", b"00000", 400),
        ("Content-Length: -4\r\n", b"", 400),
        ("Transfer-Encoding: gzip, chunked\r\n", b"0\r\n\r\n", 501),
        ("Transfer-Encoding: chunked\r\n", b"0x4\r\n0000\r\n0\r\n\r\n", 400),
        ("Transfer-Encoding: chunked\r\n", b"4\r\n00140\r\n0\r\n\r\n", 400),
        ("Transfer-Encoding: chunked\r\n", b"4\r\n00", 400),
        ("Content-Length: 40\r\n", b"0014", 400),
        ("Content-Length: 4\r\nContent-Encoding: br\r\n", b"0000", 415),
        ("Content-Length: 4\r\nContent-Encoding: gzip\r\n", b"0000", 400),
    ],
)
def test_a_body_that_can_be_read_in_two_ways_or_not_at_all_is_refused(server, headers, body, status):
    answer = ask(server, f"{FETCH}{V2}{headers}\r\n".encode() + body)
    assert b" %d " % status in answer.splitlines()[0], answer


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (f"Content-Length: {len(LS_REFS)}\r\n", LS_REFS),
        (
            "Transfer-Encoding: chunked\r\n",
            b"4\r\n0014\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(LS_REFS) - 4, LS_REFS[4:]),
        ),
        (
            "Transfer-Encoding: chunked\r\n",
            b"%X;a=b\r\n%b\r\n0\r\nTrailer: x\r\n\r\n" % (len(LS_REFS), LS_REFS),
        ),
        (
            f"Content-Encoding: gzip\r\nContent-Length: {len(ZIPPED)}\r\n",
            ZIPPED,
        ),
    ],
    ids=["length", "chunks", "chunk extension and trailer", "gzip"],
)
def test_bodies_are_understood_in_every_framing_and_the_connection_goes_on(server, headers, body):
    once = f"{FETCH}{V2}{headers}\r\n".encode() + body
    answer = ask(server, once + once)
    assert answer.count(b"HTTP/1.1 200 OK") == 2
    assert answer.count(b"refs/heads/main") == 2


def test_an_old_client_gets_an_answer_without_chunks(server):
    answer = ask(server, "GET /x.git/info/refs?service=git-upload-pack HTTP/1.0\r\n\r\n")
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"chunked" not in head
    assert body.startswith(b"001e# service=git-upload-pack\n0000")
    assert body.endswith(b"0000")


def test_a_name_in_other_letters_is_found_as_git_sends_it(root, server, tmp_path):
    make_repository(root / "dépôt.git", history(commits=2))
    assert ls_remote(f"{server.url}/dépôt.git") == ls_remote(root / "dépôt.git")


def test_a_request_as_proxies_send_it_names_the_server_too(server):
    assert get(server, "http://h/x.git/info/refs?service=git-upload-pack") == 200


def test_continue_is_said_only_once_the_body_is_wanted(server):
    careful = f"Expect: 100-continue\r\nConnection: close\r\nContent-Length: {len(LS_REFS)}\r\n\r\n"
    head = f"{FETCH}{V2}{careful}".encode()
    assert ask(server, head + LS_REFS).startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK")
    refused = ask(server, head.replace(b"/x.git", b"/no.git"), end=False)
    assert refused.startswith(b"HTTP/1.1 404 ")


def test_a_gzip_bomb_is_refused(root):
    bomb = gzip.compress(b"0032want " + b"1" * 20_000_000)
    with serving(root, request_limits=RequestLimits(fetch_bytes=100_000)) as server:
        head = f"{FETCH}{V2}Content-Encoding: gzip\r\nContent-Length: {len(bomb)}\r\n\r\n".encode()
        lines = b"".join(b"0032have %040d\n" % number for number in range(4000))
        assert len(gzip.compress(lines)) < 100_000
        long = gzip.compress(b"0011command=fetch0001" + lines)
        answers = [
            ask(server, head + bomb),
            ask(
                server,
                f"{FETCH}{V2}Content-Encoding: gzip\r\nContent-Length: {len(long)}\r\n\r\n".encode() + long,
            ),
        ]
    assert b" 413 " in answers[1].splitlines()[0]
    assert b"ERR" in answers[0] or b" 413 " in answers[0]


def test_a_silent_client_is_cut_off(server):
    began = time.monotonic()
    assert ask(server, "GET /x.git/info", end=False) == b""
    assert time.monotonic() - began < 15


def test_nobody_comes_in_without_a_password(root, tmp_path):
    file = tmp_path / "users"
    file.write_text("# users\n\nalice:$apr1$xxxxxxxx$dxHfLAsjHkDRmG83UXe8K0\n")

    def basic(words: str) -> str:
        return f"Authorization: Basic {base64.b64encode(words.encode()).decode()}\r\n"

    with serving(root, passwords=Passwords.read(file)) as server:
        refs = "/x.git/info/refs?service=git-upload-pack"
        assert get(server, refs, basic("alice:password")) == 200
        strangers = [
            "",
            basic("alice:other"),
            basic("bob:password"),
            basic("alice"),
            "Authorization: Basic !\r\n",
        ]
        assert [get(server, refs, words) for words in strangers] == [401] * 5
        assert get(server, "/no.git/info/refs?service=git-upload-pack") == 401, (
            "names are no stranger's business"
        )


@pytest.mark.parametrize("line", ["alice", "alice:secret", "alice:$2y$05$abc", "alice:{SHA}xx", ":{SHA}xx"])
def test_a_password_that_cannot_be_checked_is_told_when_the_file_is_read(tmp_path, line):
    file = tmp_path / "users"
    file.write_text(f"{line}\n")
    with pytest.raises(RepositoryError, match="line 1") as caught:
        Passwords.read(file)
    assert "secret" not in str(caught.value)


def test_a_salted_hash_is_checked():
    import hashlib

    salted = base64.b64encode(hashlib.sha1(b"password" + b"salt").digest() + b"salt").decode()
    passwords = Passwords({"carol": "{SSHA}" + salted})
    assert passwords.admits("carol", b"password")
    assert not passwords.admits("carol", b"other")
    assert not passwords.admits("dave", b"password")
    assert not passwords.admits("carol", b"x" * 5000)


@pytest.mark.parametrize(
    ("line", "status"), [(b"GET /red HTTP/1.1", 404), (b"GET /\x1b[31mred HTTP/1.1", 400)]
)
def test_every_request_is_logged_in_one_safe_line(server, lines, line, status):
    lines.clear()
    ask(server, line + b"\r\nHost: h\r\nConnection: close\r\n\r\n")
    (logged,) = lines
    assert logged.isprintable()
    assert logged.startswith('127.0.0.1 - "GET /')
    assert f'" {status} ' in logged


def test_a_folder_that_cannot_be_served_is_told(root, tmp_path):
    with pytest.raises(RepositoryError, match="is a repository"):
        GitHttpServer(root / "x.git")
    with pytest.raises(RepositoryError, match="no folder"):
        GitHttpServer(tmp_path / "nothing")


def test_a_port_in_use_is_told(root, server):
    with pytest.raises(NetworkError, match=f"port {server.port}"):
        GitHttpServer(root, port=server.port)


PIECES = st.lists(
    st.one_of(
        st.binary(max_size=30),
        st.sampled_from(
            [
                *(
                    b"GET /x.git/info/refs?service=git-upload-pack HTTP/1.1\r\n",
                    b"\r\n",
                    b"\r\n\r\n",
                    b"0000",
                ),
                *(b"POST /x.git/git-receive-pack HTTP/1.1\r\n", b"Content-Length: 4\r\n", b"Host: h\r\n"),
                *(
                    b"Content-Type: application/x-git-receive-pack-request\r\n",
                    b"Transfer-Encoding: chunked\r\n",
                ),
                *(b"4\r\n0000\r\n0\r\n\r\n", b"Connection: close\r\n", b"Expect: 100-continue\r\n"),
                *(
                    b"Content-Encoding: gzip\r\n",
                    b"Git-Protocol: version=2:version=x\r\n",
                    b"Authorization: Basic\r\n",
                ),
            ]
        ),
    ),
    max_size=9,
).map(b"".join)


@given(request_=PIECES)
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_bytes_make_it_fall(server, lines, request_):
    before = len(lines)
    ask(server, request_)
    assert not [line for line in lines[before:] if "internal error" in line]
    assert get(server, "/x.git/info/refs?service=git-upload-pack") == 200


def test_a_request_at_work_ends_before_the_server_does(root, tmp_path):
    target = init_repository(root / "stopped.git")
    server = GitHttpServer(root, allow_push=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    git("push", "-q", f"{server.url}/stopped.git", "main", cwd=root / "x.git")
    server.stop()
    thread.join()
    server.stop()
    assert ls_remote(target) == ls_remote(root / "x.git")
