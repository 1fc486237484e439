"""Smart HTTP on raw `http.client`: the one package that touches sockets and TLS.

    client.py     HttpTransport: redirects, authentication, probe, replay; runs one exchange each time
    exchange.py   one request and its answer on one connection: the send loop that watches both directions
    body.py       the body of a request: pulled ahead up to the post buffer, spooled if a length is required
    answer.py     parses the bytes of an answer into its head and body blocks
    connect.py    addresses, proxies, TLS: from an endpoint to an open stream
    stream.py     a non-blocking socket below TLS through memory BIOs
    git_credential.py  `git credential`, which is asked after a 401
    heads.py      writes request heads and parses response heads with http.client

Rules that need no socket are in `transport.http_rules`. Each request opens a new socket and closes it after
the answer. Sockets are never reused, so no impatient server can have closed one in the meantime.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from transport.schemes.http.client import HttpTransport

if TYPE_CHECKING:
    from transport.base import Transport
    from transport.endpoint import Endpoint
    from transport.options import TransportOptions

__all__ = ["SCHEMES", "HttpTransport", "open_scheme"]

SCHEMES = ("http", "https")


def open_scheme(endpoint: Endpoint, options: TransportOptions) -> Transport:
    """Return a transport for an http or https endpoint."""
    return HttpTransport(endpoint, options)
