"""Peers of ssh, git:// and helpers that keep talking and say nothing: the stall timeout ends them.

The client's clock is ours: each time it waits for the connection, a minute passes.
"""

from __future__ import annotations

import itertools
import socket
import threading
from contextlib import contextmanager, suppress
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from tests.transport.schemes.test_lasting_faults import UPDATE, closing, opened, program
from transport.errors import AnswerTooLarge, RemoteStalled
from transport.fetch import fetch_pack
from transport.listing import advertise_push, list_refs
from transport.schemes.http import stream
from transport.send_pack import push
from transport.wire.limits import WireLimits

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["program"]

FOREVER = "import time\ndef forever(data):\n    while True: say(data); time.sleep(0.001)\n"
LIMITS = WireLimits(packets_without_data=5000)


@pytest.fixture
def minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = itertools.count(0.0, 60.0)
    monkeypatch.setattr(stream, "time", SimpleNamespace(monotonic=lambda: next(clock)))


@pytest.mark.usefixtures("minutes")
@pytest.mark.parametrize("advertised", ["b'1'", "b'0009extra'"])
def test_an_ssh_that_lists_no_ref_is_given_up(program, advertised):
    code = FOREVER + f"say(b'fff0'); forever({advertised})"
    with closing(opened("ssh://h/x", program(code), idle_timeout=10_000, side="source")) as transport:
        with pytest.raises(RemoteStalled, match=r"^source ssh://h/x .* while waiting for the refs"):
            list_refs(transport)


@pytest.mark.usefixtures("minutes")
def test_a_fetch_that_brings_keep_alives_alone_is_given_up(program):
    code = (
        FOREVER
        + "say(V2); hear(b'0000'); say(REFS); hear(b'0000'); say(b'000cpackfile'); forever(b'0005\\1')"
    )
    with closing(opened("ssh://h/x", program(FOREVER + code), idle_timeout=10_000)) as transport:
        listed = list_refs(transport)
        wants = list(listed.refs.values())
        with pytest.raises(RemoteStalled, match="while waiting for the answer"):
            with fetch_pack(transport, listed, wants=wants) as answer:
                list(answer.blocks or ())


@pytest.mark.usefixtures("minutes")
def test_a_push_that_is_answered_by_keep_alives_alone_is_given_up(program):
    code = FOREVER + "say(PUSH); os.read(0, 65536); forever(b'0005\\1')"
    with closing(opened("ssh://h/x", program(code), idle_timeout=10_000)) as transport:
        advertisement = advertise_push(transport)
        with pytest.raises(RemoteStalled, match="while waiting for the answer"):
            push(transport, advertisement, [UPDATE], None)


@pytest.mark.usefixtures("minutes")
def test_a_helper_that_greets_without_end_is_given_up(program):
    environment = program(FOREVER + "hear(b'\\n'); forever(b'x')", "git-remote-odd")
    with closing(opened("odd://h/x", environment, idle_timeout=10_000)) as transport:
        with pytest.raises((RemoteStalled, AnswerTooLarge)):
            list_refs(transport)


@contextmanager
def daemon(first: bytes, piece: bytes) -> Iterator[str]:
    """A git:// server that sends `first`, then `piece` repeatedly until the client has left."""
    listening = socket.create_server(("127.0.0.1", 0))
    done = threading.Event()

    def run() -> None:
        with listening.accept()[0] as peer, suppress(OSError):
            peer.recv(4096)
            peer.sendall(first)
            while not done.wait(0.001):
                peer.sendall(piece)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield f"git://127.0.0.1:{listening.getsockname()[1]}/x"
    finally:
        done.set()
        thread.join()
        listening.close()


@pytest.mark.usefixtures("minutes")
def test_a_daemon_that_lists_no_ref_is_given_up():
    with daemon(b"fff0", b"x") as url, closing(opened(url, {}, idle_timeout=10_000)) as transport:
        with pytest.raises(RemoteStalled, match="while waiting for the refs"):
            list_refs(transport)


def test_a_flood_of_keep_alives_is_ended_by_a_budget(program):
    code = "say(PUSH); os.read(0, 65536)\nwhile True: say(b'0005\\1' * 1000)"
    with closing(opened("ssh://h/x", program(code))) as transport:
        advertisement = advertise_push(transport)
        with pytest.raises(AnswerTooLarge, match="ssh://h/x: its report on the push holds more than 5,000"):
            push(transport, advertisement, [UPDATE], None, limits=LIMITS)
