"""One conversation with upload-pack, over any transport, after its refs were listed.

    fetch_pack   request(s): wants, haves round by round, then the pack in the last answer
    find_common  request(s): haves round by round and nothing else; finds which ones the server has
    find_damage  request: after a failed fetch, asks one of our own servers which wants it can't send

A fetch yields the bytes of the pack as they arrive; the caller checks them (`SpooledPack.receive`). The
correct end of the stream is checked here, after the last block.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from packcore.ids import as_id
from transport.agent import agent
from transport.base import Body
from transport.errors import TransportError, UnsupportedByRemote
from transport.fetch_rounds import Negotiation
from transport.negotiate import Negotiator, TipNegotiator
from transport.truncation import naming_blocks, naming_the_answer
from transport.wire.advertisement import Advertisement, parse_advertisement
from transport.wire.find_damage import encode_find_damage, parse_damage
from transport.wire.headway import Headway
from transport.wire.upload_pack import FetchOptions

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from packcore.ids import AnyId, ObjectId
    from transport.base import Transport
    from transport.wire.limits import WireLimits
    from transport.wire.sideband import OnMessage

__all__ = ["Common", "FetchResponse", "fetch_pack", "find_common", "find_damage"]

_SERVICE: Literal["git-upload-pack"] = "git-upload-pack"


@dataclass(frozen=True, slots=True)
class FetchResponse:
    """The answer of the server."""

    blocks: Iterator[bytes] | None
    """The bytes of the pack as they arrive, in blocks of any size; None if there were no wants."""
    common: tuple[ObjectId, ...] = ()
    """The haves that the server has too, in the order of its acknowledgments."""
    unknown: tuple[ObjectId, ...] = ()
    """The haves that it did not acknowledge. It may have them anyway: newer git (2.47, not 2.39) does not
    acknowledge the parent of a commit that it has acknowledged."""
    shallow: tuple[ObjectId, ...] = ()
    """Commits at which the server cut history: their parents are in no pack."""
    unshallow: tuple[ObjectId, ...] = ()
    wanted_refs: tuple[tuple[str, ObjectId], ...] = ()
    rounds: int = 0
    """The number of requests that it took."""


@contextmanager
def fetch_pack(
    transport: Transport,
    advertisement: Advertisement,
    *,
    wants: Sequence[AnyId],
    haves: Sequence[AnyId] | Negotiator = (),
    shallow: Sequence[ObjectId] = (),
    depth: int | None = None,
    filter_spec: str | None = None,
    options: FetchOptions | None = None,
    on_message: OnMessage = None,
    limits: WireLimits | None = None,
) -> Iterator[FetchResponse]:
    """Fetch what `wants` reach and `haves` don't. A context manager: leaving it closes the connection.

    `wants` and `haves` are ids, raw or as hex, or full names of refs that the remote advertises. Haves are
    offered as they are, or come from a Negotiator. `options` has the rarer settings; `shallow`, `depth` and
    `filter_spec` override its fields. Without wants, nothing is sent and there are no blocks. Iterating over
    the blocks to their end checks the end of the answer.

    Raises RemoteError (with the server's text), RemoteProtocolError, UnsupportedByRemote, and what the
    transport raises; some of them only while reading blocks.
    """
    options = _merged(options or FetchOptions(), shallow, depth, filter_spec)
    if not wants and not options.want_refs:
        yield FetchResponse(None)
        return
    if isinstance(haves, Negotiator):
        negotiator: Negotiator = haves
    else:
        negotiator = TipNegotiator([_id(advertisement, have, "each of haves") for have in haves])
    wanted = [_id(advertisement, want, "each of wants") for want in wants]
    negotiation = Negotiation(transport, advertisement, wanted, options, limits or transport.limits)
    with ExitStack() as stack:
        with naming_the_answer(transport, "its answer to what is wanted"):
            reader = negotiation.negotiate(negotiator, stack)
        head = negotiation.head
        yield FetchResponse(
            blocks=naming_blocks(transport, "its pack", negotiation.pack_blocks(reader, on_message)),
            common=tuple(negotiation.common),
            unknown=negotiation.unknown,
            shallow=tuple(head.shallow),
            unshallow=tuple(head.unshallow),
            wanted_refs=tuple(head.wanted_refs.items()),
            rounds=negotiation.rounds,
        )


@dataclass(frozen=True, slots=True)
class Common:
    """The result of a search for our commits on a server."""

    found: tuple[ObjectId, ...] = ()
    """The offered ids that it has, in the order of its acknowledgments."""
    offered_count: int = 0
    failure: TransportError | None = None
    """Why the search ended early, if it did; what was found by then stays valid."""


def find_damage(
    transport: Transport,
    advertisement: Advertisement,
    *,
    wants: Sequence[ObjectId],
    haves: Sequence[ObjectId] = (),
) -> dict[ObjectId, str]:
    """Ask one of our own servers, after a failed fetch, which wants it can't send; return reasons by want.

    Other servers are not asked. Raises TransportError.
    """
    capabilities = advertisement.capabilities
    if not wants or not (capabilities.find_damage or (capabilities.fetch and capabilities.fetch.find_damage)):
        return {}
    body = Body.of(encode_find_damage(capabilities, wants=wants, haves=haves, agent=agent()))
    with (
        naming_the_answer(transport, "its list of damage"),
        transport.request(_SERVICE, body, version=2, headway=(headway := Headway())) as blocks,
    ):
        return parse_damage(blocks, advertisement.object_format, wants, headway=headway)


def find_common(
    transport: Transport,
    negotiator: Negotiator,
    *,
    advertisement: Advertisement | None = None,
    limits: WireLimits | None = None,
) -> Common:
    """Ask a server which of our commits it has, as git's `push.negotiate` does before a push.

    There are no wants, so no pack is sent. `advertisement` is that of the server, if it is already known.
    This needs a server with protocol v2 and `wait-for-done`. If the server lacks them or fails in any other
    way, the result says so, and nothing is raised.
    """
    limits = limits or transport.limits
    negotiation = None
    try:
        advertisement = advertisement or _capabilities(transport, limits)
        if advertisement.version < 2:
            raise UnsupportedByRemote("the remote does not speak protocol v2")
        options = FetchOptions(wait_for_done=True)
        negotiation = Negotiation(transport, advertisement, (), options, limits)
        with naming_the_answer(transport, "its answer to what is offered"):
            negotiation.find_common(negotiator)
    except TransportError as error:
        if negotiation is None:
            return Common(failure=error)
        return Common(tuple(negotiation.common), negotiation.offered_count, error)
    return Common(tuple(negotiation.common), negotiation.offered_count)


def _id(advertisement: Advertisement, given: AnyId, what: str) -> ObjectId:
    """Return an id that a caller gave, or that of the ref which it names. Raises as `as_id`."""
    named = advertisement.refs.get(given) if isinstance(given, str) else None
    return named or as_id(advertisement.object_format, given, what)


def _capabilities(transport: Transport, limits: WireLimits) -> Advertisement:
    headway = Headway()
    with (
        naming_the_answer(transport, "its capabilities"),
        transport.advertise(_SERVICE, version=2, headway=headway) as blocks,
    ):
        return parse_advertisement(
            blocks, _SERVICE, limits=limits, to_end=transport.stateless, headway=headway
        )


def _merged(
    options: FetchOptions, shallow: Sequence[ObjectId], depth: int | None, filter_spec: str | None
) -> FetchOptions:
    return replace(
        options,
        shallow=tuple(shallow) or options.shallow,
        depth=options.depth if depth is None else depth,
        filter_spec=options.filter_spec if filter_spec is None else filter_spec,
    )
