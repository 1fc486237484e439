"""What goes wrong on connections that last: programs and servers written for the test, not real ones.

`program` writes a small program that stands for ssh (by GIT_SSH) or for a helper; `tcp` a server that says
what the test wrote. What real servers do is in `tests/contracts/test_transport.py`.
"""

from __future__ import annotations

import os
import socket
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from packcore.ids import ObjectId
from tests.support import git_environment
from transport.base import Body, Transport
from transport.errors import (
    AuthenticationRequired,
    InvalidEndpoint,
    NetworkError,
    RemoteError,
    RemoteProtocolError,
    TransportError,
    TruncatedAnswer,
    UnsupportedByRemote,
)
from transport.listing import advertise_push, list_refs
from transport.options import TransportOptions
from transport.schemes import open_transport
from transport.send_pack import push
from transport.wire.pktline import encode_packet
from transport.wire.receive_pack import RefUpdate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

OID = "1" * 40
CAPABILITIES = b"version 2\n", b"ls-refs=unborn\n", b"fetch=shallow\n", b"object-format=sha1\n"
V2 = b"".join(map(encode_packet, CAPABILITIES)) + b"0000"
REFS = encode_packet(f"{OID} refs/heads/main\n".encode()) + b"0000"
PUSH = encode_packet(f"{OID} refs/heads/main\0report-status side-band-64k".encode()) + b"0000"
REPORT = b"\x01" + encode_packet(b"unpack ok\n") + encode_packet(b"ok refs/heads/new\n") + b"0000"
UPDATE = RefUpdate("refs/heads/new", ObjectId(bytes(20)), ObjectId(bytes.fromhex("2" * 40)))

PRELUDE = f"""#!{sys.executable} -SE
import os, sys
def say(data):
    while data: data = data[os.write(1, data):]
def hear(end):
    data = b""
    while not data.endswith(end):
        piece = os.read(0, 65536)
        if not piece: sys.exit(0)
        data += piece
V2, REFS, PUSH, REPORT = {V2!r}, {REFS!r}, {PUSH!r}, {encode_packet(REPORT) + b"0000"!r}
"""


@pytest.fixture
def program(tmp_path) -> Callable[..., dict[str, str]]:
    """Write a program; return an environment in which it is the user's ssh, and on PATH."""

    def write(code: str, name: str = "ssh") -> dict[str, str]:
        path: Path = tmp_path / "programs" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"{PRELUDE}\n{code}\n")
        path.chmod(0o755)
        found = f"{path.parent}{os.pathsep}{os.environ['PATH']}"
        return git_environment({"GIT_SSH": str(path), "PATH": found})

    return write


def opened(url: str, environment: dict[str, str], **options: object) -> Transport:
    settings = TransportOptions(environment=environment, **{"idle_timeout": 20, **options})  # type: ignore[arg-type]
    return open_transport(url, settings)


@contextmanager
def closing(transport: Transport) -> Iterator[Transport]:
    try:
        yield transport
    finally:
        transport.close()


@pytest.mark.parametrize(
    ("code", "kind", "words"),
    [
        ("sys.exit(0)", TruncatedAnswer, "."),
        ("say(V2[:-7])", TruncatedAnswer, "."),
        ("say(V2[:-7]); sys.exit(255)", NetworkError, "could not reach"),
        ("os.write(2, b'Permission denied (publickey).'); sys.exit(255)", AuthenticationRequired, "sign in"),
        (
            "os.write(2, b'\\x1b[31mno\\x07 such\\nrepo'); sys.exit(1)",
            RemoteError,
            r"\^\[\[31mno\^G such; repo",
        ),
        ("os.write(2, b'x' * 9_000_000); sys.exit(1)", RemoteError, "xxx"),
        ("say(b'0016ERR no entry here\\n')", RemoteError, "no entry here"),
        ("say(b'Welcome to this host!\\n')", RemoteProtocolError, "."),
        ("os.kill(os.getpid(), 9)", RemoteError, "exit code -9"),
    ],
)
@pytest.mark.parametrize("service", ["fetch", "push"])
def test_an_ssh_that_fails_is_one_error_of_the_family(program, service, code, kind, words):
    with closing(opened("ssh://h/x", program(code))) as transport:
        with pytest.raises(kind, match=words) as caught:
            list_refs(transport) if service == "fetch" else advertise_push(transport)
    assert "\x1b" not in str(caught.value)
    assert isinstance(caught.value, TransportError)


def test_a_host_that_greets_at_login_is_named_with_the_likely_reason(program):
    with closing(opened("ssh://h/x", program("say(b'Welcome to this host!\\n')"))) as transport:
        with pytest.raises(RemoteProtocolError, match=r"^ssh://h/x: bad pkt-line length 'Welc'") as caught:
            list_refs(transport)
    assert "prints at login" in (caught.value.hint or "")


def test_a_remote_that_refuses_is_named_once(program):
    with closing(opened("ssh://h/x", program("sys.exit(1)"))) as transport:
        with pytest.raises(RemoteError) as caught:
            list_refs(transport)
    assert str(caught.value) == "ssh://h/x refused (exit code 1)"


def test_silence_is_given_up(program):
    code = "hear(b'never')"
    with closing(opened("ssh://h/x", program(code), idle_timeout=0.3)) as transport:
        with pytest.raises(NetworkError, match=r"no byte .* for 0.3 seconds while waiting for the refs"):
            list_refs(transport)


def test_a_program_that_can_not_be_run_is_named(tmp_path):
    with closing(
        opened("ssh://h/x", {"GIT_SSH": str(tmp_path / "none"), "GIT_SSH_VARIANT": "ssh"})
    ) as transport:
        with pytest.raises(NetworkError, match=r"can't run .*: No such file or directory"):
            list_refs(transport)


def test_the_output_of_ssh_goes_to_the_trace_made_safe(program):
    lines: list[str] = []
    environment = program(
        "os.write(2, b'hello\\x1b[2J\\r\\n'); say(V2); hear(b'0000'); say(REFS); hear(b'0000')"
    )
    with closing(opened("ssh://h/x", environment, trace=lines.append)) as transport:
        list_refs(transport)
    assert "ssh 1: stderr: hello^[[2J" in lines


def test_a_program_that_ignores_our_leave_is_ended(program, tmp_path):
    pid = tmp_path / "pid"
    code = f"import pathlib, signal, time\npathlib.Path({str(pid)!r}).write_text(str(os.getpid())); say(V2)\n"
    code += "signal.signal(signal.SIGTERM, signal.SIG_IGN); say(b''); time.sleep(60)"
    transport = opened("ssh://h/x", program(code))
    with transport.advertise("git-upload-pack", version=2) as blocks:
        assert b"".join(blocks) == V2
    transport.close()
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)


def test_a_connection_that_ended_between_two_requests_is_opened_again(program, tmp_path):
    log = tmp_path / "log"
    code = f"open({str(log)!r}, 'a').write('x'); say(V2); hear(b'0000'); say(REFS)"
    with closing(opened("ssh://h/x", program(code))) as transport:
        list_refs(transport)
        for _ in range(2):
            with transport.request("git-upload-pack", Body.of(b"0000"), version=2) as blocks:
                assert b"".join(blocks) == REFS
    assert log.read_text() == "xxx"


def test_a_server_that_writes_a_lot_before_it_reads_causes_no_deadlock(program):
    noise = "encode = lambda data: b'%04x' % (len(data) + 4) + data\n"
    code = (
        noise
        + "say(PUSH); os.read(0, 8)\n"  # as every server, it is silent until it is spoken to
        + "for _ in range(200): say(encode(b'\\x02' + b'x' * 60000))\nhear(b'END'); say(REPORT)"
    )
    with closing(opened("ssh://h/x", program(code))) as transport:
        advertisement = advertise_push(transport)
        heard: list[str] = []
        body = Body(lambda: iter([*[b"y" * 65536] * 100, b"END"]))
        report = push(transport, advertisement, [UPDATE], body, on_message=heard.append)
    assert report.refs["refs/heads/new"].ok
    assert heard


def test_a_report_before_the_pack_was_taken_stops_the_sending(program):
    code = "say(PUSH); os.read(0, 8); say(REPORT); import time; time.sleep(20)"
    with closing(opened("ssh://h/x", program(code), idle_timeout=10)) as transport:
        advertisement = advertise_push(transport)
        sent: list[int] = []

        def endless() -> Iterator[bytes]:
            yield b"PACK0000"
            while True:
                sent.append(1)
                yield bytes(65536)

        with transport.request("git-receive-pack", Body(endless), version=0) as blocks:
            answer = b"".join(blocks)
    assert answer == encode_packet(REPORT) + b"0000"
    assert advertisement.refs
    assert len(sent) < 1000


def test_a_report_that_is_cut_off_does_not_count_as_success(program):
    code = "say(PUSH); hear(b'PACK'); say(REPORT[:30])"
    with closing(opened("ssh://h/x", program(code))) as transport:
        report = push(transport, advertise_push(transport), [UPDATE], Body.of(b"PACK"))
    assert not report.complete


# -- git:// ---------------------------------------------------------------------------------------


@contextmanager
def tcp(*answers: bytes | None) -> Iterator[str]:
    """Serve one connection for each answer, closed after it; None means silence forever."""
    listening = socket.create_server(("127.0.0.1", 0))
    done = threading.Event()
    listening.settimeout(20)

    def run() -> None:
        for answer in answers:
            with listening.accept()[0] as peer:
                peer.recv(4096)
                if answer is None:
                    done.wait(20)
                else:
                    peer.sendall(answer)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield f"git://127.0.0.1:{listening.getsockname()[1]}/x"
    finally:
        done.set()
        thread.join()
        listening.close()


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (b"", NetworkError, "without an answer"),
        (b"0016ERR no entry here\n", RemoteError, "no entry here"),
        (V2[:-3], TruncatedAnswer, "."),
        (b"SSH-2.0-x\r\n", RemoteProtocolError, "."),
        (None, NetworkError, "no byte"),
    ],
)
def test_a_daemon_that_fails_is_one_error_of_the_family(answer, kind, words):
    with tcp(answer) as url, closing(opened(url, {}, idle_timeout=0.5)) as transport:
        with pytest.raises(kind, match=words):
            list_refs(transport)


# -- helpers --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "kind", "words"),
    [
        ("sys.exit(0)", NetworkError, "without an answer"),
        ("os.write(2, b'oops'); sys.exit(3)", RemoteError, "oops"),
        (
            "hear(b'\\n'); say(b'fetch\\npush\\n\\n'); hear(b'\\n')",
            UnsupportedByRemote,
            "can't be fetched through",
        ),
        ("hear(b'\\n'); say(b'*strange\\n\\n')", UnsupportedByRemote, "insists on strange"),
        (
            "hear(b'\\n'); say(b'connect\\n\\n'); hear(b'\\n'); say(b'fallback\\n'); hear(b'\\n')",
            UnsupportedByRemote,
            "neither by",
        ),
        ("hear(b'\\n'); say(b'connect\\n\\n'); hear(b'\\n'); say(b'what?\\n')", RemoteProtocolError, "what"),
        ("hear(b'\\n'); say(b'x' * 9000)", RemoteProtocolError, "an endless line"),
        ("hear(b'\\n'); say(b'x\\n' * 900)", RemoteProtocolError, "more than 100 capabilities"),
    ],
)
def test_a_helper_that_fails_is_one_error_of_the_family(program, code, kind, words):
    environment = program(code, "git-remote-odd")
    with closing(opened("odd://h/x", environment)) as transport:
        with pytest.raises(kind, match=words):
            list_refs(transport)


def test_a_helper_without_connect_can_not_be_pushed_through(program):
    code = "hear(b'\\n'); say(b'stateless-connect\\npush\\n\\n'); hear(b'\\n')"
    with closing(opened("odd://h/x", program(code, "git-remote-odd"))) as transport:
        with pytest.raises(UnsupportedByRemote, match="can't be pushed through"):
            advertise_push(transport)


def test_after_an_answer_without_its_response_end_the_helper_is_not_talked_to_again(program, tmp_path):
    log = tmp_path / "log"
    code = f"open({str(log)!r}, 'a').write('x')\n"
    code += "hear(b'\\n'); say(b'stateless-connect\\n\\n'); hear(b'\\n'); say(b'\\n' + V2)\n"
    code += "while True: hear(b'0000'); say(REFS + b'0003')"
    with closing(opened("odd://h/x", program(code, "git-remote-odd"))) as transport:
        list_refs(transport)
        with transport.request("git-upload-pack", Body.of(b"0000"), version=2) as blocks:
            assert b"".join(blocks) == REFS
    assert log.read_text() == "xx"


def test_a_helper_is_found_by_its_exact_name_in_absolute_folders_only(program, tmp_path, monkeypatch):
    program("sys.exit(0)", "git-remote-odd")
    monkeypatch.chdir(tmp_path / "programs")
    for path in ("", ".", ":", "programs"):
        with pytest.raises(InvalidEndpoint, match="no git-remote-odd on PATH"):
            opened("odd://h/x", {"PATH": path})


@pytest.mark.parametrize("url", ["ext://sh -c true", "fd://7"])
def test_helpers_that_run_commands_from_a_url_are_never_run(url):
    with pytest.raises(InvalidEndpoint, match="never used"):
        opened(url, git_environment())


def test_a_password_in_a_helpers_url_is_refused_since_processes_show_their_arguments(program):
    with pytest.raises(InvalidEndpoint, match="process list") as caught:
        opened("odd://me:hush@h/x", program("", "git-remote-odd"))
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize(
    ("environment", "url"),
    [
        ({"GIT_ALLOW_PROTOCOL": "https:ssh"}, "git://h/x"),
        ({"GIT_ALLOW_PROTOCOL": ""}, "https://h/x"),
        ({"GIT_PROTOCOL_FROM_USER": "0"}, "/x"),
    ],
)
def test_gits_gate_for_protocols_is_heeded(environment, url):
    with pytest.raises(InvalidEndpoint, match="GIT_"):
        opened(url, environment)
