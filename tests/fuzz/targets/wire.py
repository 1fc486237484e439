"""Readers of git's protocols, on both sides. Each reads its bytes at once and one by one, with one result."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from packcore.ids import SHA1, ObjectId
from tests.fuzz import samples
from tests.fuzz.shapes import PACKETS
from tests.fuzz.target import agree, any_of, pieces, target
from transport.safe_text import sanitise
from transport.server.budget import Budget
from transport.server.push_request import read_push
from transport.server.requests import read_command, read_fetch_v2, read_wants_v0
from transport.server.view import RepositoryView
from transport.server.words import public_words
from transport.wire.advertisement import parse_advertisement
from transport.wire.capabilities import parse_capabilities, parse_capabilities_v2
from transport.wire.fetch_answer import AnswerHead, Asked, read_head_v2, read_round_v0, read_shallow_list_v0
from transport.wire.limits import WireLimits
from transport.wire.ls_refs import parse_ls_refs
from transport.wire.pktline import PacketDecoder, PacketReader, Special, encode_packet
from transport.wire.report import ReportParser
from transport.wire.sideband import demultiplex

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_ID = b"1b" * 20
_HAVE = ObjectId(bytes.fromhex("1b" * 20))
_LIMITS = WireLimits(
    advertisement_bytes=1 << 16, refs=200, acknowledgments=50, progress_bytes=1 << 12, report_bytes=1 << 16
)
_SPECIAL = {Special.FLUSH: b"0000", Special.DELIM: b"0001", Special.RESPONSE_END: b"0002"}
_WORDS = (
    _ID, b"0" * 40, b"refs/heads/", b"HEAD", b"\0", b"ERR ", b"version 1", b"version 2", b"shallow ",
    b"unshallow ", b"ACK ", b"NAK", b"ready", b"# service=git-upload-pack", b"symref=HEAD:refs/heads/main",
    b"object-format=sha1", b" peeled:" + _ID, b" symref-target:", b"^{}", b"unborn", b"capabilities^{}",
    b"packfile", b"wanted-refs", b"acknowledgments", b"shallow-info", b"\1", b"\2", b"\3", b"ok ", b"ng ",
    b"unpack ok", b"option ", b"want ", b"have ", b"deepen 1", b"deepen-since ", b"deepen-not ",
    b"filter blob:limit=", b"done", b"command=fetch", b"session-id=", b"push-options", b"agent=",
)  # fmt: skip


def _both(data: bytes, read: Callable[[Iterable[bytes]], object]) -> None:
    agree(lambda: read([data]), lambda: read(pieces(data)))


def _heard(name: str, title: str) -> Iterator[bytes]:
    return (heard for said_to, _, heard in samples.conversation(name) if said_to.startswith(title))


def _said(name: str, title: str) -> Iterator[bytes]:
    return (said for said_to, said, _ in samples.conversation(name) if said_to.startswith(title))


def _some(*names: str, title: str, nth: int, heard: bool = True) -> Callable[[], list[bytes]]:
    """Return what makes seeds of the nth exchange with this title in some transcripts."""
    pick = _heard if heard else _said
    return lambda: [_short(found[nth]) for name in names if len(found := list(pick(name, title))) > nth]


def _short(data: bytes) -> bytes:
    """Return the first and the last packets of a part, without most of its pack."""
    if not data.endswith(b"0000"):
        return data[:1500]
    packets = PACKETS.split(data)
    return PACKETS.join(packets if len(packets) < 16 else [*packets[:12], packets[-1]])


# --- frames -------------------------------------------------------------------------------------------


@target(seeds=_some("clone-v2", "clone-v0", title="advertise", nth=0), shape=PACKETS)
def pkt_line(data: bytes) -> None:
    """Take a stream apart; put together again its packets are the same bytes, hex digits in lower case."""

    def read(blocks: Iterable[bytes]) -> bytes:
        decoder, made = PacketDecoder(allow_response_end=True), b""
        for block in blocks:
            decoder.feed(block)
            while (packet := decoder.next_packet()) is not None:
                made += encode_packet(packet) if isinstance(packet, bytes) else _SPECIAL[packet]
        decoder.finish()
        assert len(made) == len(data)
        return made

    _both(data, read)


@target(seeds=lambda: [b"0009\1PACK0010\2half a line0007\2\r\n0006\1x0000"], shape=PACKETS, words=_WORDS)
def sideband(data: bytes) -> None:
    """Part a multiplexed answer into data and progress; what is shown of it has no control characters."""

    def read(blocks: Iterable[bytes]) -> object:
        lines: list[str] = []
        pack = b"".join(demultiplex(PacketReader(blocks), lines.append, limits=_LIMITS))
        assert all(sanitise(line) == line for line in lines)
        return pack, lines

    _both(data, read)


# --- refs and capabilities ----------------------------------------------------------------------------


@target(
    seeds=_some("clone-v0", "clone-v1", "clone-v2", "empty-v0", "shallow-v0", title="advertise", nth=0),
    shape=PACKETS,
    words=_WORDS,
)
def advertisement(data: bytes) -> None:
    """Read the first answer of a server, of any version."""
    _both(data, lambda blocks: parse_advertisement(blocks, "git-upload-pack", limits=_LIMITS))


@target(
    seeds=lambda: [
        b"multi_ack side-band-64k symref=HEAD:refs/heads/main object-format=sha1 agent=git/2.39",
        b"ls-refs=unborn\nfetch=shallow wait-for-done\nobject-format=sha256",
    ],
    words=_WORDS,
)
def capabilities(data: bytes) -> None:
    """Read both forms of a list of capabilities."""
    any_of(lambda: parse_capabilities(data), lambda: parse_capabilities_v2(data.split(b"\n")))


@target(seeds=_some("clone-v2", "empty-v2", title="request", nth=0), shape=PACKETS, words=_WORDS)
def ls_refs(data: bytes) -> None:
    """Read the answer to ls-refs."""
    _both(data, lambda blocks: parse_ls_refs(blocks, SHA1, prefixes=["refs/heads/"], limits=_LIMITS))


# --- fetch and push: what a client reads --------------------------------------------------------------


def _asked(*, done: bool) -> Asked:
    return Asked(
        SHA1, haves={_HAVE}, shallow=[_HAVE], want_refs=["refs/heads/main"], done=done, no_done=not done
    )


@target(
    seeds=lambda: [
        *_some("clone-v2", "update-v2", "shallow-v2", title="request", nth=1)(),
        b"0014acknowledgments\n0031ACK " + _ID + b"\n000aready\n0001000dpackfile\n0009\1PACK0000",
        PACKETS.join(
            [b"wanted-refs\n", _ID + b" refs/heads/main\n", b"0001", b"packfile\n", b"\1PACK", b"0000"]
        ),
    ],
    shape=PACKETS,
    words=_WORDS,
)
def fetch_answer_v2(data: bytes) -> None:
    """Read a v2 answer up to the end of its pack, after done and before."""

    def read(blocks: Iterable[bytes], *, done: bool) -> object:
        reader = PacketReader(blocks)
        head = read_head_v2(reader, _asked(done=done), _LIMITS)
        return head, b"".join(demultiplex(reader, limits=_LIMITS)) if head.pack_follows else None

    any_of(
        lambda: _both(data, lambda blocks: read(blocks, done=True)),
        lambda: _both(data, lambda blocks: read(blocks, done=False)),
    )


@target(
    seeds=lambda: [
        *_some("clone-v0", "shallow-v0", title="request", nth=0)(),
        b"0034shallow " + _ID + b"00000008NAK\n",
        b"0038ACK " + _ID + b" common\n0008NAK\nPACK",
    ],
    shape=PACKETS,
    words=_WORDS,
)
def fetch_answer_v0(data: bytes) -> None:
    """Read a v0 answer, with and without the list that comes first when history is cut."""

    def read(blocks: Iterable[bytes], *, deepens: bool) -> object:
        reader, head = PacketReader(blocks), AnswerHead()
        if deepens:
            read_shallow_list_v0(reader, _asked(done=True), head, _LIMITS)
        read_round_v0(reader, _asked(done=True), head, _LIMITS)
        return head, b"".join(reader.rest())

    any_of(
        lambda: _both(data, lambda blocks: read(blocks, deepens=False)),
        lambda: _both(data, lambda blocks: read(blocks, deepens=True)),
    )


@target(
    seeds=lambda: [
        b"000eunpack ok\n0017ok refs/heads/main\n0015option refname x\n001eng refs/heads/a no reason\n0000"
    ],
    shape=PACKETS,
    words=_WORDS,
)
def report_status(data: bytes) -> None:
    """Read the report on a push."""

    def read(blocks: Iterable[bytes]) -> object:
        parser = ReportParser(["refs/heads/main", "refs/heads/a"], limits=_LIMITS)
        for block in blocks:
            parser.feed(block)
        return parser.result()

    _both(data, read)


# --- what a server reads ------------------------------------------------------------------------------


@target(
    seeds=lambda: [
        *_some("push", title="request", nth=0, heard=False)(),
        PACKETS.join(
            [
                b"0" * 40 + b" " + _ID + b" refs/heads/main\0 report-status push-options atomic\n",
                b"0000",
                b"a=option",
                b"0000",
            ]
        ),
    ],
    shape=PACKETS,
    words=_WORDS,
)
def push_request(data: bytes) -> None:
    """Read what a client asks of receive-pack."""
    _both(data, lambda blocks: read_push(PacketReader(blocks), SHA1))


def _wanting() -> Iterator[bytes]:
    """Yield requests of git's clients, which want what our sample repository has."""
    tip = samples.repository().refs().known["refs/heads/main"].oid.hex().encode()
    for seeds in (
        _some("clone-v0", "shallow-v0", title="request", nth=0, heard=False)(),
        _some("clone-v2", "shallow-v2", title="request", nth=1, heard=False)(),
        _some("clone-v2", title="request", nth=0, heard=False)(),
    ):
        for seed in seeds:
            yield re.sub(rb"want [0-9a-f]{40}", b"want " + tip, seed)


@target(seeds=_wanting, shape=PACKETS, words=_WORDS)
def fetch_request(data: bytes) -> None:
    """Read what a client asks of upload-pack, as v0 and as v2."""
    view = RepositoryView(samples.repository(), public_words)

    def read_v2(blocks: Iterable[bytes]) -> object:
        budget = Budget(clock=lambda: 0.0)
        command = read_command(PacketReader(blocks), SHA1, budget)
        if command is None:
            return None
        if command.name != "fetch":
            return command.name, list(command.arguments)
        return command.name, read_fetch_v2(command.arguments, view, budget)

    def read_v0(blocks: Iterable[bytes]) -> object:
        return read_wants_v0(PacketReader(blocks), view, Budget(clock=lambda: 0.0))

    any_of(lambda: _both(data, read_v2), lambda: _both(data, read_v0))
