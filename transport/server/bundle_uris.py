"""v2's bundle-uri: where a client finds bundles to begin its clone with, as the repository's settings say.

    uploadpack.advertiseBundleURIs    true: the command is offered; default: false
    bundle.*                          what it answers: each setting as `key=value`

The bundles are served by something else. Specified in gitprotocol-v2 and git-config.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from transport.safe_text import one_line
from transport.server.budget import BadRequest
from transport.wire.pktline import FLUSH, encode_packet

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packcore.store.config import GitConfig

__all__ = ["answer_bundle_uri"]


def answer_bundle_uri(config: GitConfig, arguments: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the answer. Raises BadRequest for an argument: there are none."""
    for argument in arguments:
        raise BadRequest(f"bundle-uri: unexpected argument: {one_line(argument, limit=100)!r}")
    for key, value in config.entries(*config.keys("bundle.")):
        yield encode_packet(f"{key}={value}".encode("utf-8", "surrogateescape"))
    yield FLUSH
