"""What goes wrong in a first hour, as a newcomer reads it: the side, the host, what was tried, what to do."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import pytest

from cli.files import AtomicFiles
from tests.support import (
    ROOT,
    git,
    git_environment,
    history,
    init_repository,
    make_repository,
    write_hook,
)

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def answering(status: str, content: str = "text/html") -> Iterator[int]:
    """Answer every request with a page, on a port of this machine; yield the port."""
    page = b"<html>no</html>"
    fields = [f"Content-Type: {content}", f"Content-Length: {len(page)}", "Connection: close"]
    head = "\r\n".join([f"HTTP/1.1 {status}", *fields, "", ""])

    def serve() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(10)
                seen = b""
                while b"\r\n\r\n" not in seen and (block := connection.recv(4096)):
                    seen += block
                connection.sendall(head.encode() + page)

    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        listening.settimeout(60)
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)
        thread.join(5)


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.mark.parametrize("status", ["403 Forbidden", "407 Proxy Authentication Required", "502 Bad Gateway"])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_refuses_is_named_as_a_proxy(packcore, scheme, status):
    with answering(status) as port:
        proxy, variable = f"http://127.0.0.1:{port}", f"{scheme}_proxy"
        result = packcore("ls-refs", f"{scheme}://example.com/x.git", env={variable: proxy})
    error, hint = result.stderr.splitlines()
    assert f"the proxy {proxy}" in error
    assert status[:3] in error
    assert variable in hint or "NO_PROXY" in hint
    assert result.exit_code == (5 if status.startswith("407") else 4)


@pytest.mark.parametrize("proxy", ["http://127.0.0.1:1", "http://no-such-proxy.invalid:3128"])
def test_a_proxy_that_is_not_there_is_named_as_a_proxy(packcore, proxy):
    result = packcore("ls-refs", "https://example.com/x.git", env={"https_proxy": proxy})
    error, hint = result.stderr.splitlines()
    assert error.startswith(f"packcore: error: the proxy {proxy} for example.com: can't ")
    assert hint == "hint: the proxy is set by https_proxy; NO_PROXY=example.com goes around it"


def test_a_host_that_can_not_be_resolved_is_named_as_it_was_given(packcore):
    result = packcore("ls-refs", "https://no-such-host.invalid/x.git")
    assert "can't resolve the name no-such-host.invalid: " in result.stderr
    assert result.exit_code == 4


@pytest.mark.parametrize("word", ["github.com/foo/bar", "localhost/foo.git", "git.example.co.uk/a/b"])
def test_a_url_without_its_scheme_is_asked_about(packcore, word):
    result = packcore("ls-refs", word)
    assert result.stderr.splitlines() == [
        f"packcore: error: {word}: no git repository here",
        f"hint: missing https://? The URL would be https://{word}",
    ]


@pytest.mark.parametrize("word", ["./github.com/foo", "nosuch.git", "a/b.git", "/srv/x.git"])
def test_a_path_is_not_taken_for_one(packcore, word):
    assert "https://" not in packcore("ls-refs", word).stderr


@pytest.mark.parametrize("side", ["source", "target"])
def test_who_lacks_credentials_reads_the_option_and_the_variable(packcore, tmp_path, side):
    other = make_repository(tmp_path / "x.git", history(commits=1))
    with answering("401 Unauthorized") as port:
        url = f"https://127.0.0.1:{port}/x.git".replace("https", "http")
        sides = [url, other] if side == "source" else [other, url]
        result = packcore("sync", *sides)
    assert result.exit_code == 5
    assert f"--{side}-token or PACKCORE_{side.upper()}_TOKEN" in result.stderr


def test_a_page_to_sign_in_that_calls_itself_203_is_one(packcore):
    with answering("203 Non-Authoritative Information") as port:
        result = packcore("ls-refs", f"http://127.0.0.1:{port}/x.git")
    assert result.exit_code == 5
    assert "hint: a page to sign in, it seems: give credentials by --source-token" in result.stderr


def test_a_407_without_a_proxy_of_ours_says_what_it_means(packcore):
    with answering("407 Proxy Authentication Required") as port:
        result = packcore("ls-refs", f"http://127.0.0.1:{port}/x.git")
    assert result.exit_code == 5
    assert "hint: a proxy on the way wants credentials" in result.stderr


def test_a_path_is_nothing_remote(packcore, tmp_path):
    made = make_repository(tmp_path / "torn.git", history(commits=1))
    (made / "packed-refs").write_text("# pack-refs with: peeled fully-peeled sorted \n0123")
    result = packcore("ls-refs", made)
    assert "remote error" not in result.stderr
    assert result.stderr.startswith(f"packcore: error: {made}")


@pytest.mark.parametrize("command", ["report", "sync"])
def test_a_file_that_can_not_be_written_is_named_as_the_user_named_it(packcore, tmp_path, command):
    made = make_repository(tmp_path / "x.git", history(commits=1), repack=True)
    file = tmp_path / "nowhere" / "out"
    target = init_repository(tmp_path / "y.git")
    words = ["-o", file, made] if command == "report" else ["--receipt", file, made, target]
    result = packcore(command, *words)
    assert result.stderr == f"packcore: error: {file}: there is no folder {file.parent}\n"
    assert result.exit_code == 1


def test_an_error_while_a_file_is_put_in_place_names_the_users_file(tmp_path):
    path = tmp_path / "out"

    def write() -> None:
        with AtomicFiles() as files:
            files.open(path).write(b"x")
            path.mkdir()
            (path / "in-the-way").touch()

    with pytest.raises(OSError, match="directory") as caught:
        write()
    assert caught.value.filename == str(path)


def test_a_blocked_ref_is_told_once(packcore, tmp_path):
    source = make_repository(tmp_path / "source.git", history(commits=2))
    target = make_repository(tmp_path / "target.git", history(commits=2, seed=9))
    result = packcore("sync", source, target)
    assert (result.stdout + result.stderr).count("refs/heads/main") == 1
    assert result.exit_code == 1
    told = packcore("sync", "--json", source, target).stderr
    assert told.count("refs/heads/main") == 1, "with --json the reason stands on stderr, too"


def interrupted(*words: object, hook: str, target: object, when: str) -> str:
    """Start a sync over a pretended ssh, interrupt it when the file `when` is there, return stderr."""
    environment = git_environment({"GIT_SSH": hook, "GIT_SSH_VARIANT": "simple"})
    process = subprocess.Popen(
        [sys.executable, "-m", "cli", "sync", *map(str, words), f"host:{target}"],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=environment,
    )
    ends = time.monotonic() + 60
    while not os.path.exists(when) and time.monotonic() < ends:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    return process.communicate(timeout=60)[1].decode()


@pytest.mark.posix
def test_an_interrupted_run_says_that_nothing_was_sent(tmp_path):
    source = make_repository(tmp_path / "source.git", history(commits=2))
    target = init_repository(tmp_path / "target.git")
    server = tmp_path / "ssh"
    server.write_text(f"#!/bin/sh\ntouch {tmp_path}/asked\nexec sleep 20\n")
    server.chmod(0o755)
    told = interrupted(source, hook=str(server), target=target, when=f"{tmp_path}/asked")
    assert told.splitlines()[-1] == "packcore: error: interrupted: nothing was sent to the target"


@pytest.mark.posix
def test_an_interrupted_push_says_that_the_target_may_have_it(tmp_path):
    source = make_repository(tmp_path / "source.git", history(commits=2))
    target = init_repository(tmp_path / "target.git")
    write_hook(target, "pre-receive", f"touch {tmp_path}/begun; sleep 5")
    server = tmp_path / "ssh"
    server.write_text('#!/bin/sh\nfor word; do command=$word; done\nexec sh -c "$command"\n')
    server.chmod(0o755)
    told = interrupted(source, hook=str(server), target=target, when=f"{tmp_path}/begun")
    assert "interrupted: a push was under way, and the target may have taken it" in told
    assert git("for-each-ref", cwd=target) == ""
