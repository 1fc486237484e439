"""How endpoints and credentials are written: what C git and its curl make of a text, and what we make of it.

ssh is a script that writes down its words, http a server that writes down what it was asked; both ask for the
same text. Where we differ on purpose the row says so, in `tests/transport/test_endpoint.py`.
"""

from __future__ import annotations

import base64
import contextlib
import os
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from packcore.errors import PackcoreError
from packcore.store.repository import Repository
from tests.support import git, git_environment, init_repository, run_git
from transport.listing import list_refs
from transport.options import TransportOptions
from transport.schemes import open_transport

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.e2e


def ask_ours(text: str, environment: dict[str, str]) -> None:
    """Ask for the refs; what comes of it doesn't matter."""
    options = TransportOptions(environment=environment, connect_timeout=5)
    with contextlib.suppress(PackcoreError), contextlib.closing(open_transport(text, options)) as transport:
        list_refs(transport, protocol="v0")


def ask_git(text: str, environment: dict[str, str]) -> None:
    run_git("-c", "protocol.version=0", "ls-remote", "--", text, environment=environment)


# -- ssh ---------------------------------------------------------------------------------------------


@pytest.fixture
def ssh(tmp_path: Path) -> dict[str, str]:
    """Return an environment whose ssh writes down its words, without the options that only we give."""
    program = tmp_path / "ssh"
    program.write_text(
        "#!/bin/sh\n"
        'while [ $# -gt 0 ]; do [ "$1" = -o ] && shift || printf "%s\\n" "$1"; shift; done > "$LOG"\n'
        "exit 255\n"
    )
    program.chmod(0o755)
    return {"GIT_SSH": str(program), "GIT_SSH_VARIANT": "ssh", "LOG": str(tmp_path / "words")}


@pytest.mark.parametrize(
    "text",
    [
        "[me@host:2222]:path",
        "[host:2222]:path",
        "me@[host:2222]:path",
        "[host]:path",
        "[me@host]:path",
        "[me@::1]:path",
        "me@[::1]:path",
        "[::1]:path",
        "me@[::1]:2222:path",
        "[me@::1]:2222:path",
        "me@[fe80::1%eth0]:x",
        "me@host:2222:path",
        "me@you@host:x",
        "host:/abs",
        "host:~/x",
        "host:~user/x",
        "host:/~user/x",
        "host:a:b",
        "host:a%20b",
        "ho%73t:x",
        "host:/-x",
        "h:x",
        "c:/x",
        "C:\\x",
        "file:/x",
        "http:/host/x",
        "ssh://host/~/x",
        "ssh://host/~user/x",
        "ssh://me@host/x",
        "ssh://user%40dom@host/x",
        "ssh://me@you@host/x",
        "ssh://host:/x",
        "ssh://host:22/x",
        "ssh://host:0/x",
        "ssh://[::1]/x",
        "ssh://me@[::1]:22/x",
        "ssh://[me@::1]:22/x",
        "ssh://[me@host:22]/x",
        "ssh://[host:22]/x",
        "ssh://::1/x",
        "ssh://me@[fe80::1%25eth0]/x",
        "ssh://h%6fst/x",
        "ssh://host/a%20b",
        "ssh://host/a?b#c",
        "ssh://host/a/../b",
        "ssh://host//a/./b/",
        "ssh://host/-x",
        "git+ssh://host/x",
        "ssh+git://host/x",
    ],
)
def test_ssh_is_called_with_the_words_of_git(ssh: dict[str, str], text: str) -> None:
    said = []
    for ask in (ask_git, ask_ours):
        ask(text, ssh)
        with open(ssh["LOG"], encoding="utf-8") as log:
            said.append(log.read())
        os.unlink(ssh["LOG"])
    assert said[1] == said[0]
    assert said[0].endswith("'\n")


@pytest.mark.parametrize(
    "text",
    [
        "-host:x",
        "-me@host:x",
        "[-host]:x",
        "[-me@host]:x",
        "host:-x",
        "ssh://-host/x",
        "ssh://-me@host/x",
        "ssh://host",
        "[host:2222]path",
        "[host:2222]",
        "./a:b",
        "a/b:c",
        "m/e@host:x",
    ],
)
def test_ssh_is_called_by_neither(ssh: dict[str, str], text: str) -> None:
    for ask in (ask_git, ask_ours):
        ask(text, ssh)
        assert not os.path.exists(ssh["LOG"])


# -- http --------------------------------------------------------------------------------------------


class Server(ThreadingHTTPServer):
    """Wants credentials, takes none, and writes down what it is asked."""

    address_family = socket.AF_INET6
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("::", 0), Handler)
        self.asked: list[tuple[str, str, str | None]] = []
        self.status_with_credentials = 404


class Handler(BaseHTTPRequestHandler):
    """Answers one request."""

    server: Server

    def do_GET(self) -> None:
        given = self.headers.get("Authorization")
        words = base64.b64decode(given.removeprefix("Basic ")).decode("latin-1") if given else None
        self.server.asked.append((self.path, self.headers["Host"], words))
        self.send_response(404 if given or "open" in self.path else 401)
        self.send_header("WWW-Authenticate", 'Basic realm="x"')
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Write nothing."""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield running
        running.shutdown()
        thread.join()


PATHS_AS_CURL_7_ASKS = {"/a/%2e%2e/open": "/a/%2e%2e/open", "/a%20b%2fc/open": "/a%20b%2fc/open"}
USERS_AS_CURL_7_SENDS = {":token": ":token", ":": ":", "": ":"}
NETRC_AS_CURL_7_READS = {
    "machine H login me password #b": "me:",
    "machine H login me password # c\n  pw": "me:pw",
    "machine H login me password pw\vq": "me:pw",
    "machine H login me\ndefault login d password dp": "d:dp",
    "machine H login a\nmachine H login b password bp": "b:bp",
    "machine H login a password p password q": "a:p",
    'machine H login a password "" password q': "a:",
    'machine "H" "login" me password pw': "me:pw",
    "machine H login me password pü": "me:pü",
}
"""What curl 7.88, 8.14 and the newest disagree on. We stay with the first, whose answer is here."""


def last_asked(server: Server, text: str, home: Path) -> list[tuple[str, str, str | None]]:
    """Return the last request of git, and ours."""
    environment = {**git_environment(), "HOME": str(home), "GIT_TERMINAL_PROMPT": "0", "GIT_ASKPASS": ""}
    found = []
    for ask in (ask_git, ask_ours):
        server.asked.clear()
        ask(text, environment)
        found.append(server.asked[-1])
    return found


@pytest.mark.parametrize(
    "place",
    ["127.0.0.1", "[::1]", "[::1%25lo]", "[::1%lo]", "localhost", "loc%61lhost"],
)
def test_the_host_is_asked_for_as_curl_asks(server: Server, tmp_path: Path, place: str) -> None:
    theirs, ours = last_asked(server, f"http://{place}:{server.server_port}/open.git", tmp_path)
    assert ours == theirs


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "/open",
        "/open/",
        "/open//",
        "/a/../open",
        "/a/./open",
        "/../open",
        "/open/..",
        "/open/b/.",
        "/a/%2e%2e/open",
        "/a//open",
        "/a%20b%2fc/open",
        "/open;p=1",
        "/~me/open",
        "/open?a=b",
        "/open?a=b&c=/d",
        "/open?a=../d/..",
        "/open?",
        "?open",
    ],
)
def test_the_path_is_asked_for_as_curl_asks(server: Server, tmp_path: Path, path: str) -> None:
    theirs, ours = last_asked(server, f"http://127.0.0.1:{server.server_port}{path}", tmp_path)
    if path in PATHS_AS_CURL_7_ASKS:
        theirs = (f"{PATHS_AS_CURL_7_ASKS[path]}/info/refs?service=git-upload-pack", *theirs[1:])
    assert ours == theirs


@pytest.mark.parametrize(
    "userinfo",
    [
        ":token",
        "token",
        "me:",
        ":",
        "",
        "me:p:w",
        "m%65:p%40%3a%2f",
        "me:p%w",
        "me:p+w",
        "me:pü",
        "me:p%C3%BC",
        "me:p%FC",
        "me%3Ax:pw",
    ],
)
def test_user_and_password_of_a_url_are_sent_as_git_sends_them(
    server: Server, tmp_path: Path, userinfo: str
) -> None:
    theirs, ours = last_asked(server, f"http://{userinfo}@127.0.0.1:{server.server_port}/x.git", tmp_path)
    assert ours == (*theirs[:2], USERS_AS_CURL_7_SENDS.get(userinfo, theirs[2]))
    assert ours[2] is not None


@pytest.mark.parametrize(
    "text",
    [
        r"machine H login me password a\b",
        r'machine H login me password "a\b"',
        r'machine H login me password "a\\b"',
        r'machine H login me password "a\"b"',
        r'machine H login me password "a\tb\n"',
        'machine H login me password "a b"',
        'machine H login me password a"b c"',
        'machine H login me password "ab"cd',
        "machine H login me password 'a b'",
        "machine H login me password a#b",
        "machine H login me password #b",
        "machine H login me password # c\n  pw",
        "machine H # c\nlogin me # d\npassword pw # e",
        "machine H\r\nlogin me\r\npassword pw\r\n",
        "machine H login me password pw\vq",
        "MACHINE H LOGIN me PASSWORD pw",
        "default login d password dp\nmachine H login me password pw",
        "machine H login me password pw\ndefault login d password dp",
        "machine other login o password op\ndefault login d password dp",
        "machine other login o password op",
        "machine H login me\ndefault login d password dp",
        "machine H login me",
        'machine H login me password ""',
        "machine H password pw",
        'machine H login "" password pw',
        "machine H password pw login me",
        "machine H login a password ap\nmachine H login b password bp",
        "machine H login a\nmachine H login b password bp",
        "machine H login a login b password bp",
        "machine H login a password p password q",
        'machine H login a password "" password q',
        "machine H account x login a password ap",
        "machine H foo login a bar password ap",
        "machine H login password password machine",
        "macdef init\nmachine H login x password y\n\nmachine H login me password pw",
        "machine other macdef m\nmachine H login x password y\n\nmachine H login me password pw",
        "macdef init\nmachine H login x password y\n",
        "login x password y machine H login me password pw",
        "machine H login me:x password pw",
        "machine H login me password pü",
        'machine "H" "login" me password pw',
        "\ufeffmachine H login me password pw",
        "machine H:80 login me password pw",
        "nonsense",
        "",
    ],
)
def test_netrc_is_read_as_curl_reads_it(server: Server, tmp_path: Path, text: str) -> None:
    (tmp_path / ".netrc").write_text(text.replace(" H", " 127.0.0.1").replace('"H"', '"127.0.0.1"'))
    theirs, ours = last_asked(server, f"http://127.0.0.1:{server.server_port}/x.git", tmp_path)
    if text in NETRC_AS_CURL_7_READS:
        theirs = (*theirs[:2], NETRC_AS_CURL_7_READS[text].encode().decode("latin-1"))
    assert ours == theirs


@pytest.mark.parametrize("user", ["a", "b"])
def test_of_several_logins_in_netrc_the_users_of_the_url_is_sent(
    server: Server, tmp_path: Path, user: str
) -> None:
    (tmp_path / ".netrc").write_text(
        "machine 127.0.0.1 login a password ap\nmachine 127.0.0.1 login b password bp\n"
    )
    theirs, ours = last_asked(server, f"http://{user}@127.0.0.1:{server.server_port}/x.git", tmp_path)
    assert ours == theirs
    assert ours[2] == f"{user}:{user}p"


# -- this disk ---------------------------------------------------------------------------------------


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    """Return a folder of repositories, each with one branch of its own name."""
    for name in ("bare.git", "both", "both.git", "both/.git", "work.git/.git", "a:b", "twice.git.git"):
        path = init_repository(tmp_path / name)
        tree = git("mktree", cwd=path, stdin=b"")
        commit = git("commit-tree", "-m", "x", tree, cwd=path)
        git("update-ref", f"refs/heads/{name.replace('/.', '-').replace(':', '-')}", commit, cwd=path)
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked/.git").write_text(f"gitdir: {tmp_path}/bare.git\n")
    (tmp_path / "file").write_text(f"gitdir: {tmp_path}/bare.git\n")
    (tmp_path / "leads-nowhere").write_text("gitdir: nowhere\n")
    (tmp_path / "empty").mkdir()
    (tmp_path / "short").symlink_to("bare.git")
    return tmp_path


@pytest.mark.parametrize(
    "text",
    [
        "DISK/bare",
        "DISK/bare.git",
        "DISK/bare//",
        "DISK/both",
        "DISK/work",
        "DISK/a:b",
        "DISK/twice.git",
        "DISK/linked",
        "DISK/file",
        "DISK/short",
        "file://DISK/bare",
        "file://DISK/bare/",
        "file://DISK/bare%2egit",
        "file://localhostDISK/bare",
        "~/bare",
        "~/both.git",
    ],
)
def test_a_path_names_the_repository_that_git_finds(disk: Path, text: str) -> None:
    text = text.replace("DISK", str(disk))
    environment = {"HOME": str(disk)}
    theirs = {line.split("\t")[1] for line in git("ls-remote", text, environment=environment).splitlines()}
    with contextlib.closing(open_transport(text, TransportOptions(environment=environment))) as transport:
        assert set(list_refs(transport).refs) == theirs - {"HEAD"}


@pytest.mark.parametrize("name", ["twice", "empty", "leads-nowhere", "bare%2egit", "bare.git?x"])
def test_a_path_names_no_repository_for_either(disk: Path, name: str) -> None:
    assert run_git("ls-remote", f"{disk}/{name}").returncode != 0
    with pytest.raises(PackcoreError):
        Repository.open(disk / name)
