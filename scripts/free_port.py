"""A port for a server that is told where to listen, and starts a moment later."""

from __future__ import annotations

import random
import socket

__all__ = ["free_port"]

_PORTS = range(15_000, 32_000)
"""Below those that systems hand out by themselves (from 32,768 on Linux, from 49,152 by RFC 6335), so that no
outgoing connection takes the port before the server does."""


def free_port() -> int:
    """Return a loopback port that nobody uses, and that no call returned before.

    Raises OSError if none is found.
    """
    # Tests seed the shared generator, and processes with the same seed would meet at the same ports.
    for port in random.SystemRandom().sample(_PORTS, min(100, len(_PORTS))):
        mark = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            mark.bind(("127.0.0.1", port))
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", port))
        except OSError:
            mark.close()
            continue
        # A UDP socket doesn't hinder the TCP server. It stays open while this process lives, and tells every
        # other call, in any process, that the port is promised.
        mark.detach()
        return port
    raise OSError("each of the ports that were tried is in use")
