r"""`git://host[:port]/path`: plain TCP to a `git daemon`, without encryption or authentication.

The first packet names the service and repository; the daemon answers with the advertisement:

    0033git-upload-pack /project.git\0host=myserver.com\0             protocol v0
    003egit-upload-pack /project.git\0host=myserver.com\0\0version=2\0  protocol v2

See gitprotocol-pack(5), "Git Transport". A push needs a daemon with `--enable=receive-pack`.

>>> daemon_request("git-upload-pack", "/x.git", "h:1", 2)
b'002fgit-upload-pack /x.git\x00host=h:1\x00\x00version=2\x00'
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from transport.schemes.http.connect import connect_socket
from transport.schemes.http.stream import Stream
from transport.schemes.lasting import LastingTransport
from transport.schemes.links import SocketLink
from transport.schemes.patience import Patience
from transport.wire.pktline import encode_packet

if TYPE_CHECKING:
    from transport.base import Service
    from transport.endpoint import Endpoint
    from transport.options import TransportOptions
    from transport.schemes.links import Link
    from transport.trace import RequestTrace

__all__ = ["SCHEMES", "daemon_request", "open_scheme"]

SCHEMES = ("git",)


def open_scheme(endpoint: Endpoint, options: TransportOptions) -> LastingTransport:
    """Return the transport for a git:// endpoint; options for credentials and TLS don't apply."""
    path = endpoint.path[1:] if endpoint.path.startswith("/~") else endpoint.path
    url = str(endpoint)

    def connect(service: Service, version: int, trace: RequestTrace) -> Link:
        sock = connect_socket(endpoint, options, trace)
        stream = Stream(
            sock,
            host=endpoint.authority,
            idle_timeout=options.idle_timeout,
            patience=Patience(options.stall_timeout, side=options.side),
        )
        stream.write(daemon_request(service, path, endpoint.authority, version))
        return SocketLink(stream, url)

    return LastingTransport(url, options, connect, scheme="git")


def daemon_request(service: Service, path: str, host: str, version: int) -> bytes:
    """Return the packet that opens a conversation with a daemon."""
    line = f"{service} {path}\0host={host}\0" + (f"\0version={version}\0" if version else "")
    return encode_packet(line.encode("utf-8", "surrogateescape"))
