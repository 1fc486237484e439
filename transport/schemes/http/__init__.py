"""Smart HTTP on raw `http.client`: the one package that touches sockets and TLS.

    client.py     HttpTransport: redirects, authentication, the probe, the replay; calls an exchange each time
    exchange.py   one request and its answer on one connection: the send loop that watches both ways
    body.py       a request's body: pulled ahead up to the post buffer, spooled where a length is demanded
    answer.py     bytes of an answer in, head and body blocks out
    connect.py    addresses, proxies, TLS: from an endpoint to an open stream
    stream.py     a non-blocking socket below TLS through memory BIOs
    git_credential.py  `git credential`, asked after a 401
    heads.py      request heads written and response heads read by http.client

What needs no socket is in `transport.http_rules`. Each request opens a socket of its own and closes it
once the answer was read; none is reused, so none can have been closed by an impatient server meanwhile.
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
