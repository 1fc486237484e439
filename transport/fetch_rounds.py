"""The rounds of one fetch: send haves, receive acknowledgments, until an answer has the pack.

    round 1        wants, haves           ACK some, NAK, or ready
    round 2 ...    wants, common, haves   the same
    last           wants, common, done    the pack (or already in a round that says ready)

Over HTTP, each round is a separate request that repeats what is known. On a persistent connection, v0 sends
wants and common ids only once. A server without multi_ack_detailed gets everything in one request.

    common alone   wait-for-done, haves   ACK some, or NAK: no wants, no pack, as many rounds as are needed
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Literal

from transport.agent import agent
from transport.base import Body
from transport.errors import RemoteProtocolError
from transport.negotiate import FIRST_ROUND_SIZE, IN_VAIN_MAX, SINGLE_ROUND_SIZE, Negotiator, next_round_size
from transport.wire.fetch_answer import (
    AnswerHead,
    Asked,
    read_head_v2,
    read_round_v0,
    read_shallow_list_v0,
)
from transport.wire.headway import Headway
from transport.wire.pktline import PacketReader
from transport.wire.sideband import OnMessage, demultiplex
from transport.wire.upload_pack import (
    FetchOptions,
    RoundV0,
    asks_no_done,
    encode_fetch_v0,
    encode_fetch_v2,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from packcore.ids import ObjectId
    from transport.base import Transport
    from transport.wire.advertisement import Advertisement
    from transport.wire.limits import WireLimits

__all__ = ["Negotiation"]

_SERVICE: Literal["git-upload-pack"] = "git-upload-pack"
_COMMON_MAX = 65536
"""The most common ids to repeat in each round; more would exceed the buffers of servers."""
_ROUNDS_MAX = 256
_SEARCH_ROUNDS_MAX = 10
"""The most rounds of a search for common commits: some 16,000 haves."""


class Negotiation:
    """The state of one fetch: what was offered, what is common, and the head of the last answer."""

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
        self._headway = Headway()
        """The head of the last answer."""
        self._offered: dict[ObjectId, None] = {}
        self.common: dict[ObjectId, None] = {}
        self.head = AnswerHead()
        self.rounds = 0

    def negotiate(self, negotiator: Negotiator, stack: ExitStack) -> PacketReader:
        """Run rounds until an answer has the pack; return its reader, positioned before the pack.

        The connection of the last answer stays open in `stack`.
        """
        size = FIRST_ROUND_SIZE if self._in_rounds else SINGLE_ROUND_SIZE
        in_vain = 0
        while True:
            haves = negotiator.take(size)
            done = self._is_last_round(haves, size, in_vain, negotiator)
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

    def find_common(self, negotiator: Negotiator) -> None:
        """Find out which of the negotiator's ids are common, without any wants (v2, `wait-for-done`)."""
        size = FIRST_ROUND_SIZE
        while self.rounds < _SEARCH_ROUNDS_MAX and (haves := negotiator.take(size)):
            with ExitStack() as answer:
                reader = self._round(haves, answer, done=False)
                self._take_common(negotiator)
                if self.head.ready:
                    return  # it was told to wait; what follows was not requested
                if self.head.pack_follows:
                    raise RemoteProtocolError(
                        "the remote sent a pack where only common commits were asked for"
                    )
                self._end_round(reader)
            size = next_round_size(size)

    @property
    def offered_count(self) -> int:
        """The number of ids offered."""
        return len(self._offered)

    @property
    def unknown(self) -> tuple[ObjectId, ...]:
        """The ids that were offered but not acknowledged, in the order of the offers."""
        if not self._in_rounds and self.common:
            return ()  # it acknowledges only one
        return tuple(oid for oid in self._offered if oid not in self.common)

    def pack_blocks(self, reader: PacketReader, on_message: OnMessage) -> Iterator[bytes]:
        """Yield the bytes of the pack, then check how the answer ends."""
        capabilities = self._advertisement.capabilities
        multiplexed = capabilities.side_band_64k or capabilities.side_band
        if self._advertisement.version < 2 and not multiplexed:
            yield from reader.rest()
            return
        yield from demultiplex(reader, on_message, limits=self._limits, headway=self._headway)
        if self._transport.stateless:
            reader.expect_end()

    @property
    def _in_rounds(self) -> bool:
        """Return whether the server can negotiate in rounds; otherwise everything goes in one request."""
        return self._advertisement.version == 2 or self._advertisement.capabilities.multi_ack_detailed

    def _is_last_round(
        self, haves: Sequence[ObjectId], size: int, in_vain: int, negotiator: Negotiator
    ) -> bool:
        if not self._in_rounds or self.head.ready or not haves or self.rounds >= _ROUNDS_MAX - 1:
            return True
        # A list that is short ends here. v0 acknowledges its ids all the same; v2 would not.
        if self._advertisement.version < 2 and not negotiator.gives_up and len(haves) < size:
            return True
        return negotiator.gives_up and in_vain >= IN_VAIN_MAX and bool(self.common)

    def _round(self, haves: Sequence[ObjectId], answer: ExitStack, *, done: bool) -> PacketReader:
        self._offered.update(dict.fromkeys(haves))
        body = Body.of(self._encode(haves, done=done))
        self.rounds += 1
        version = self._advertisement.version
        self._headway = Headway()
        blocks = answer.enter_context(
            self._transport.request(_SERVICE, body, version=version, headway=self._headway)
        )
        reader = PacketReader(blocks, headway=self._headway)
        asked = Asked(
            self._advertisement.object_format,
            haves=self._offered.keys(),
            shallow=self._options.shallow,
            want_refs=self._options.want_refs,
            done=done,
            no_done=asks_no_done(self._advertisement.capabilities, stateless=self._transport.stateless),
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
        # Without wants, earlier common ids don't matter, so they are not sent again.
        common = tuple(self.common)[:_COMMON_MAX] if self._wants or self._options.want_refs else ()
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
