"""A push to receive-pack, over any transport: one request with commands, a flush and the pack.

The answer is the status report. `transport.listing.advertise_push` lists the target's refs before.

The body can be produced again (for a replay after 401 or 411). Its first block has the commands and the first
bytes of the pack together, so that there is no pause between them at which a proxy could cut the connection.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from packcore.limits import BLOCK_BYTES
from transport.agent import agent
from transport.base import Body
from transport.errors import LocalProtocolError, TransportError, TruncatedAnswer
from transport.truncation import naming_what_is_too_large
from transport.wire.headway import Headway
from transport.wire.pktline import FLUSH, PacketReader, Special, encode_packet, text_of
from transport.wire.receive_pack import PushOptions, RefUpdate, empty_pack, encode_commands
from transport.wire.report import ReportParser, ReportStatus
from transport.wire.sideband import OnMessage, Sideband

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from packcore.ids import ObjectId
    from transport.base import Transport
    from transport.wire.advertisement import Advertisement
    from transport.wire.limits import WireLimits

__all__ = ["push"]

_SERVICE: Literal["git-receive-pack"] = "git-receive-pack"


def push(
    transport: Transport,
    advertisement: Advertisement,
    updates: Sequence[RefUpdate],
    pack: Body | None,
    *,
    atomic: bool = False,
    push_options: Sequence[str] = (),
    quiet: bool = False,
    shallow: Sequence[ObjectId] = (),
    on_message: OnMessage = None,
    limits: WireLimits | None = None,
) -> ReportStatus:
    """Push the updates and return the outcome for each; only an explicit `ok` counts.

    `pack` has the objects that the target lacks. None means an empty pack, or no pack if all updates delete
    (then there must be none). Raises LocalProtocolError and UnsupportedByRemote before the first byte. After
    it, raises RemoteError (with the server's text), RemoteProtocolError, and what the transport raises; refs
    may have moved then. A missing or incomplete report does not raise: see `ReportStatus.complete`.
    """
    options = PushOptions(atomic, tuple(push_options), quiet, tuple(shallow))
    commands = encode_commands(updates, advertisement.capabilities, options, agent=agent())
    if all(update.is_delete for update in updates):
        if pack is not None:
            raise LocalProtocolError("a push that only deletes sends no pack")
    elif pack is None:
        pack = Body.of(empty_pack(advertisement.object_format))
    limits = limits or transport.limits
    answer = _Answer([update.name for update in updates], advertisement, on_message, limits)
    body = _push_body(commands, pack)
    transport.stats.pushes_begun += 1
    with (
        naming_what_is_too_large(transport, "its report on the push"),
        transport.request(_SERVICE, body, version=0, headway=answer.headway) as blocks,
    ):
        report = answer.read(blocks, to_end=transport.stateless)
    transport.stats.pushes_answered += 1
    return report


def _push_body(commands: bytes, pack: Body | None) -> Body:
    if pack is None:
        return Body.of(commands)
    source = pack
    size = None if pack.size is None else len(commands) + pack.size
    return Body(lambda: _joined(commands, source.blocks()), size)


def _joined(head: bytes, blocks: Iterator[bytes]) -> Iterator[bytes]:
    """Yield head and blocks, with the first block joined to the head so that they are sent together."""
    first = next(blocks, b"")
    start = head + first
    for position in range(0, len(start), BLOCK_BYTES):
        yield start[position : position + BLOCK_BYTES]
    yield from blocks


class _Answer:
    """Reads the answer to a push, with or without side-band."""

    def __init__(
        self,
        names: Iterable[str],
        advertisement: Advertisement,
        on_message: OnMessage,
        limits: WireLimits,
    ) -> None:
        capabilities = advertisement.capabilities
        self._multiplexed = capabilities.side_band_64k or capabilities.side_band
        self._has_begun = False
        self._report = ReportParser(names, limits=limits)
        self.headway = Headway()
        self._sideband = Sideband(on_message, limits=limits, headway=self.headway)

    def read(self, blocks: Iterable[bytes], *, to_end: bool) -> ReportStatus:
        """Read the whole answer. An error after the complete report is only a warning."""
        fault = None
        try:
            reader = PacketReader(blocks, headway=self.headway)
            reader.carries_bands = self._multiplexed
            self._read(reader, to_end=to_end)
        except TruncatedAnswer as error:
            fault = str(error)
        except TransportError as error:
            if not self._report.complete:
                raise
            fault = f"after the status report: {error}"
        finally:
            self._sideband.finish()
        result = self._report.result()
        return result if fault is None else replace(result, warnings=(*result.warnings, fault))

    def _read(self, reader: PacketReader, *, to_end: bool) -> None:
        while (packet := reader.read_or_end()) is not Special.FLUSH:
            if packet is None:
                return  # the report shows that it is incomplete
            if isinstance(packet, Special):
                raise reader.error("a section ends inside the answer to a push")
            if packet.startswith(b"ERR "):
                text_of(packet)
            if packet.startswith(b"unpack ") and not self._has_begun:
                # Servers that refuse a push early may forget that side-band was agreed on.
                self._multiplexed = reader.carries_bands = False
            self._has_begun = True
            self._report.feed(self._sideband.feed(packet) if self._multiplexed else encode_packet(packet))
        if not self._multiplexed:
            self._report.feed(FLUSH)
        if to_end:
            reader.expect_end()
