"""v0's and v1's negotiation: a client's haves, and what is said to each, until the pack may follow.

    have <oid>      ACK <oid> common, if it is here     without multi_ack_detailed: ACK <oid>, once
    0000            ACK <oid> ready, if it is enough;      NAK
    done            ACK <oid>, or NAK; then the pack

A stateless request ends with its flush, and the client asks on in its next one. On a lasting connection the
client goes on after the answer. Specified in gitprotocol-pack.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from transport.safe_text import one_line
from transport.server.budget import BadRequest
from transport.server.requests import read_oid
from transport.wire.pktline import encode_text

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from packcore.ids import ObjectFormat, ObjectId
    from transport.server.budget import Budget
    from transport.server.requests import FetchRequest, KnownIds
    from transport.wire.pktline import PacketReader

__all__ = ["negotiate"]


def negotiate(
    reader: PacketReader,
    request: FetchRequest,
    haves: KnownIds,
    budget: Budget,
    *,
    object_format: ObjectFormat,
    is_enough: Callable[[list[ObjectId]], bool],
    lasting: bool,
) -> Generator[bytes, None, bool]:
    """Answer the haves; return whether the pack follows. Raises BadRequest.

    `haves` keeps what is common. `lasting`: the client asks on over the same connection.
    """
    common, last = haves.found, ""
    while True:
        line = reader.read_or_end()
        budget.line()
        if line is None:
            return False  # a client that wanted the shallow list first, and asks on in its next request
        if not isinstance(line, bytes):
            enough = request.multi_ack_detailed and is_enough(list(common))
            if enough:
                yield encode_text(f"ACK {last} ready")
            if request.multi_ack_detailed or not common:
                yield encode_text("NAK")
            if enough and request.no_done:
                yield encode_text(f"ACK {last}")
                return True
            if lasting:
                continue
            return False
        line = line.removesuffix(b"\n")
        if line == b"done":
            if not common:
                yield encode_text("NAK")
            elif request.multi_ack_detailed:
                yield encode_text(f"ACK {last}")
            return True
        oid = _have(line, object_format)
        if not haves.add(oid):
            continue
        last = oid.hex()
        if request.multi_ack_detailed:
            yield encode_text(f"ACK {last} common")
        elif len(common) == 1:
            yield encode_text(f"ACK {last}")


def _have(line: bytes, object_format: ObjectFormat) -> ObjectId:
    if not line.startswith(b"have "):
        raise BadRequest(f"expected an object id list, got {one_line(line, limit=100)!r}")
    return read_oid(line[5:], object_format)
