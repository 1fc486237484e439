"""Ports for servers that start a moment later."""

from __future__ import annotations

import socket
import subprocess
import sys

import pytest

from scripts import free_port as module
from scripts.free_port import free_port


@pytest.fixture
def two_ports(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Two ports that nobody uses, which are all there are to choose from."""
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        ports = [server.getsockname()[1] for server in (one, other)]
    monkeypatch.setattr(module, "_PORTS", ports)
    return ports


def test_no_port_is_returned_twice(two_ports: list[int]) -> None:
    assert {free_port(), free_port()} == set(two_ports)
    with pytest.raises(OSError, match="is in use"):
        free_port()


def test_a_port_promised_to_another_process_is_not_returned(two_ports: list[int]) -> None:
    promised = free_port()
    program = (
        f"from scripts import free_port as module; module._PORTS = {two_ports}; print(module.free_port())"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert {promised, int(answer.stdout)} == set(two_ports)


def test_a_port_on_which_a_server_listens_is_not_returned(two_ports: list[int]) -> None:
    with socket.create_server(("127.0.0.1", two_ports[0])):
        assert free_port() == two_ports[1]


def test_a_server_can_listen_on_the_port() -> None:
    port = free_port()
    with socket.create_server(("127.0.0.1", port)) as server:
        assert server.getsockname()[1] == port
