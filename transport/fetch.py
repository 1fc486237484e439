"""One conversation with upload-pack, over any transport: list the refs, then fetch a pack.

    list_refs    GET the advertisement; in v2 a second request, ls-refs
    fetch_pack   request(s): wants, haves round by round, then the pack in the last answer

A fetch yields the pack's bytes as they come; whoever takes them checks them (`SpooledPack.receive`).
That the stream ended as the protocol says is checked here: after the last block, not before.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, TypeVar

from transport.agent import agent
from transport.base import Body
from transport.errors import RemoteProtocolError
from transport.negotiate import (
    FIRST_ROUND_SIZE,
    IN_VAIN_MAX,
    SINGLE_ROUND_SIZE,
    Negotiator,
    TipNegotiator,
    next_round_size,
)
from transport.wire.advertisement import Advertisement, parse_advertisement
from transport.wire.fetch_answer import (
    AnswerHead,
    Asked,
    read_head_v2,
    read_round_v0,
    read_shallow_list_v0,
)
from transport.wire.limits import WireLimits
from transport.wire.ls_refs import encode_ls_refs, parse_ls_refs, reduce_prefixes
from transport.wire.pktline import PacketReader
from transport.wire.sideband import OnMessage, demultiplex
from transport.wire.upload_pack import FetchOptions, RoundV0, encode_fetch_v0, encode_fetch_v2

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from packcore.ids import ObjectId
    from transport.base import Transport

__all__ = ["FetchResponse", "Protocol", "fetch_pack", "list_refs"]

_T = TypeVar("_T")

Protocol = Literal["auto", "v0", "v1", "v2"]

_SERVICE: Literal["git-upload-pack"] = "git-upload-pack"
_VERSIONS: dict[str, int] = {"auto": 2, "v0": 0, "v1": 1, "v2": 2}
_COMMON_MAX = 65536
"""Common ids that are repeated each round; more would burst what servers buffer."""
_ROUNDS_MAX = 256


def list_refs(
    transport: Transport,
    *,
    protocol: Protocol = "auto",
    prefixes: Sequence[str] = (),
    on_message: OnMessage = None,  # noqa: ARG001 - refs come without progress; taken for symmetry
    server_options: Sequence[str] = (),
    limits: WireLimits | None = None,
) -> Advertisement:
    """Return the source's refs below `prefixes` (none: all), and HEAD.

    `protocol` is what is asked for ("auto": v2); the server may answer with less. Raises RemoteError,
    RemoteProtocolError, UnsupportedByRemote, and what the transport raises.
    """
    limits = limits or WireLimits()
    to_end = transport.stateless
    with transport.advertise(_SERVICE, version=_VERSIONS[protocol]) as blocks:
        advertisement = parse_advertisement(blocks, _SERVICE, limits=limits, to_end=to_end)
    if advertisement.version < 2:
        return _below(advertisement, prefixes)
    body = encode_ls_refs(
        advertisement.capabilities, prefixes=prefixes, agent=agent(), server_options=server_options
    )
    with transport.request(_SERVICE, Body.of(body), version=2) as blocks:
        listing = parse_ls_refs(
            blocks, advertisement.object_format, prefixes=prefixes, limits=limits, to_end=to_end
        )
    return replace(
        advertisement,
        refs=listing.refs,
        peeled=listing.peeled,
        symrefs=listing.symrefs,
        head=listing.head,
        warnings=(*advertisement.warnings, *listing.warnings),
    )


def _below(advertisement: Advertisement, prefixes: Sequence[str]) -> Advertisement:
    wanted = tuple(reduce_prefixes(prefixes))
    if not wanted:
        return advertisement

    return replace(
        advertisement,
        refs=_kept(advertisement.refs, wanted),
        peeled=_kept(advertisement.peeled, wanted),
        symrefs=_kept(advertisement.symrefs, wanted),
    )


def _kept(refs: dict[str, _T], wanted: tuple[str, ...]) -> dict[str, _T]:
    return {name: value for name, value in refs.items() if name == "HEAD" or name.startswith(wanted)}


@dataclass(frozen=True, slots=True)
class FetchResponse:
    """What the server answered."""

    blocks: Iterator[bytes] | None
    """The pack's bytes as they come, in any block size; None where nothing was wanted."""
    common: tuple[ObjectId, ...] = ()
    """Which of the haves the server has too, in the order it said so."""
    shallow: tuple[ObjectId, ...] = ()
    """Commits at which the server cut history: their parents are in no pack."""
    unshallow: tuple[ObjectId, ...] = ()
    wanted_refs: tuple[tuple[str, ObjectId], ...] = ()
    rounds: int = 0
    """Requests that it took."""


@contextmanager
def fetch_pack(
    transport: Transport,
    advertisement: Advertisement,
    *,
    wants: Sequence[ObjectId],
    haves: Sequence[ObjectId] | Negotiator = (),
    shallow: Sequence[ObjectId] = (),
    depth: int | None = None,
    filter_spec: str | None = None,
    options: FetchOptions | None = None,
    on_message: OnMessage = None,
    limits: WireLimits | None = None,
) -> Iterator[FetchResponse]:
    """Fetch what `wants` reach and `haves` don't. A context manager: leaving it closes the connection.

    `haves` are offered as they are, or come from a Negotiator. `options` holds the rarer choices;
    `shallow`, `depth` and `filter_spec` go before its fields. Without wants nothing is sent and there
    are no blocks. Iterating over the blocks to their end checks the end of the answer.

    Raises RemoteError (the server's words), RemoteProtocolError, UnsupportedByRemote, and what the
    transport raises; some of them only while blocks are read.
    """
    options = _merged(options or FetchOptions(), shallow, depth, filter_spec)
    if not wants and not options.want_refs:
        yield FetchResponse(None)
        return
    negotiator = haves if isinstance(haves, Negotiator) else TipNegotiator(haves)
    conversation = _Conversation(transport, advertisement, wants, options, limits or WireLimits())
    with ExitStack() as stack:
        reader = conversation.negotiate(negotiator, stack)
        head = conversation.head
        yield FetchResponse(
            blocks=conversation.pack_blocks(reader, on_message),
            common=tuple(conversation.common),
            shallow=tuple(head.shallow),
            unshallow=tuple(head.unshallow),
            wanted_refs=tuple(head.wanted_refs.items()),
            rounds=conversation.rounds,
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


class _Conversation:
    """The state of one fetch: what was offered, what is common, and the last answer's head."""

    def __init__(
        self,
        transport: Transport,
        advertisement: Advertisement,
        wants: Sequence[ObjectId],
        options: FetchOptions,
        limits: WireLimits,
    ) -> None:
        self._transport = transport
        self._advertisement = advertisement
        self._wants = wants
        self._options = options
        self._limits = limits
        self._offered: set[ObjectId] = set()
        self.common: dict[ObjectId, None] = {}
        self.head = AnswerHead()
        self.rounds = 0

    def negotiate(self, negotiator: Negotiator, stack: ExitStack) -> PacketReader:
        """Go round by round until an answer holds the pack; return its reader, standing before it.

        The last answer's connection stays open in `stack`.
        """
        size = FIRST_ROUND_SIZE if self._in_rounds else SINGLE_ROUND_SIZE
        in_vain = 0
        while True:
            haves = negotiator.take(size)
            done = self._is_last_round(haves, in_vain, negotiator)
            with ExitStack() as answer:
                reader = self._round(haves, answer, done=done)
                news = self._take_common(negotiator)
                if self.head.pack_follows:
                    stack.push(answer.pop_all())
                    return reader
                self._end_round(reader)
            if done:
                raise RemoteProtocolError("the remote ended the negotiation without a pack")
            in_vain = 0 if news else in_vain + len(haves)
            size = next_round_size(size)

    def pack_blocks(self, reader: PacketReader, on_message: OnMessage) -> Iterator[bytes]:
        """Yield the pack's bytes, then check how the answer ends."""
        capabilities = self._advertisement.capabilities
        multiplexed = capabilities.side_band_64k or capabilities.side_band
        if self._advertisement.version < 2 and not multiplexed:
            yield from reader.rest()
            return
        yield from demultiplex(reader, on_message, limits=self._limits)
        if self._transport.stateless:
            reader.expect_end()

    @property
    def _in_rounds(self) -> bool:
        """Whether the server can tell what is common in rounds; else all goes in one request."""
        return self._advertisement.version == 2 or self._advertisement.capabilities.multi_ack_detailed

    def _is_last_round(self, haves: Sequence[ObjectId], in_vain: int, negotiator: Negotiator) -> bool:
        if not self._in_rounds or self.head.ready or not haves or self.rounds >= _ROUNDS_MAX - 1:
            return True
        return negotiator.gives_up and in_vain >= IN_VAIN_MAX and bool(self.common)

    def _round(self, haves: Sequence[ObjectId], answer: ExitStack, *, done: bool) -> PacketReader:
        self._offered.update(haves)
        body = Body.of(self._encode(haves, done=done))
        self.rounds += 1
        version = self._advertisement.version
        blocks = answer.enter_context(self._transport.request(_SERVICE, body, version=version))
        reader = PacketReader(blocks)
        asked = Asked(
            self._advertisement.object_format,
            haves=self._offered,
            shallow=self._options.shallow,
            want_refs=self._options.want_refs,
            done=done,
            no_done=self._transport.stateless and self._advertisement.capabilities.no_done,
        )
        if version == 2:
            self.head = read_head_v2(reader, asked, self._limits)
        else:
            self._read_v0(reader, asked)
        return reader

    def _read_v0(self, reader: PacketReader, asked: Asked) -> None:
        earlier = self.head
        self.head = AnswerHead()
        if self._options.deepens and (self._transport.stateless or self.rounds == 1):
            read_shallow_list_v0(reader, asked, self.head, self._limits)
        else:
            self.head.shallow, self.head.unshallow = earlier.shallow, earlier.unshallow
        read_round_v0(reader, asked, self.head, self._limits)

    def _encode(self, haves: Sequence[ObjectId], *, done: bool) -> bytes:
        common = tuple(self.common)[:_COMMON_MAX]
        capabilities = self._advertisement.capabilities
        if self._advertisement.version == 2:
            return encode_fetch_v2(
                capabilities,
                self._options,
                wants=self._wants,
                common=common,
                haves=haves,
                done=done,
                agent=agent(),
            )
        stateless = self._transport.stateless
        round_ = RoundV0(
            common=common if stateless else (),
            haves=tuple(haves),
            done=done,
            continued=not stateless and self.rounds > 0,
        )
        return encode_fetch_v0(
            capabilities,
            self._options,
            wants=self._wants,
            round_=round_,
            agent=agent(),
            stateless=stateless,
        )

    def _take_common(self, negotiator: Negotiator) -> bool:
        news = False
        for oid in self.head.common:
            if oid not in self.common:
                news = True
                self.common[oid] = None
                negotiator.mark_common(oid)
        return news

    def _end_round(self, reader: PacketReader) -> None:
        if self._transport.stateless:
            reader.expect_end()
