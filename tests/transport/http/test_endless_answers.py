"""Answers that never come to an end, over a real socket: each is ended by a budget or by the stall timeout.

`floods` sends as fast as it is read, so a budget must end it. `trickles` sends little by little; there the
client's clock is ours: each time it waits for the socket, a minute passes.
"""

from __future__ import annotations

import gzip
import itertools
from contextlib import contextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from packcore.ids import ObjectId
from tests.transport.http.faults import ADVERT_TYPE, MIB, RESULT_TYPE, body_of, probed, sent
from tests.transport.http.scripted import scripted
from transport.errors import AnswerTooLarge, RemoteStalled, TransportError
from transport.fetch import fetch_pack
from transport.listing import advertise_push, list_refs
from transport.options import TransportOptions
from transport.schemes import open_transport
from transport.schemes.http import stream
from transport.send_pack import push
from transport.wire.advertisement import Advertisement
from transport.wire.capabilities import Capabilities
from transport.wire.limits import WireLimits
from transport.wire.pktline import FLUSH, encode_packet, encode_text
from transport.wire.receive_pack import RefUpdate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.transport.http.scripted import Peer, Script
    from transport.base import Transport

OID = "1" * 40
TIP = ObjectId(bytes.fromhex(OID))
V0 = Advertisement(0, Capabilities(side_band_64k=True, multi_ack_detailed=True, no_done=True))
PUSH = Advertisement(0, Capabilities(side_band_64k=True, report_status=True))
UPDATE = RefUpdate("refs/heads/new", ObjectId(bytes(20)), TIP)
UPLOAD_TYPE = b"Content-Type: application/x-git-upload-pack-result\r\n"
LIMITS = WireLimits(
    refs=2000,
    advertisement_bytes=1 << 20,
    packets_without_data=5000,
    progress_bytes_read=1 << 20,
    acknowledgments=2000,
    report_bytes=1 << 20,
)


def listing(transport: Transport) -> object:
    return list_refs(transport, protocol="v0", limits=LIMITS)


def fetching(transport: Transport) -> object:
    with fetch_pack(transport, V0, wants=[TIP], limits=LIMITS) as answer:
        assert answer.blocks is not None
        return sum(map(len, answer.blocks))


def negotiating(transport: Transport) -> object:
    others = [ObjectId(number.to_bytes(20, "big")) for number in range(1, 100)]  # for more than one round
    with fetch_pack(transport, V0, wants=[TIP], haves=[TIP, *others], limits=LIMITS):
        return None


def pushing(transport: Transport) -> object:
    return push(transport, PUSH, [UPDATE], None, limits=LIMITS)


def refs(count: int, service: str = "upload") -> Iterator[bytes]:
    yield encode_text(f"# service=git-{service}-pack") + b"0000"
    for number in range(count):
        yield encode_text(f"{OID} refs/heads/b{number:07}" + ("\0ofs-delta" if not number else ""))


def ended(head: bytes) -> bytes:
    """A head whose body ends with the connection."""
    return b"HTTP/1.1 200 OK\r\n" + head + b"\r\n"


def floods(first: bytes, pieces: Callable[[], Iterator[bytes]]) -> Script:
    def script(peer: Peer) -> None:
        peer.read_request()
        peer.send(first)
        source = pieces()
        while group := b"".join(itertools.islice(source, 500)):
            peer.send(group)

    return script


def trickles(first: bytes, pieces: Iterator[bytes]) -> Script:
    def script(peer: Peer) -> None:
        peer.read_request()
        peer.send(first)
        for piece in pieces:
            peer.send(piece)
            if peer.stop.wait(0.001):
                return

    return script


@contextmanager
def asked(script: Script, **options: float) -> Iterator[Transport]:
    with scripted(script) as server:
        transport = open_transport(f"{server.url}/x.git", TransportOptions(side="source", **options))  # type: ignore[arg-type]
        try:
            yield transport
        finally:
            transport.close()


CHUNKED = b"Transfer-Encoding: chunked\r\n"
GZIP = b"Content-Encoding: gzip\r\n"
EMPTY_MEMBER = gzip.compress(b"", mtime=0)


def forever(piece: bytes) -> Callable[[], Iterator[bytes]]:
    return lambda: itertools.repeat(piece)


def stored_blocks_without_content() -> Iterator[bytes]:
    yield gzip.compress(b"", mtime=0)[:10]
    yield from itertools.repeat(b"\0\0\0\xff\xff")


def name_without_end() -> Iterator[bytes]:
    yield b"\x1f\x8b\x08\x08" + bytes(6)
    yield from itertools.repeat(b"name")


def long_refs() -> Iterator[bytes]:
    yield encode_text("# service=git-upload-pack") + b"0000"
    for number in itertools.count():
        yield encode_packet(f"{OID} refs/{number}/".encode() + b"n" * 4000)


FLOODS = [
    ("refs", listing, ADVERT_TYPE, lambda: refs(1 << 30), "more than 2,000 refs", "WireLimits.refs"),
    (
        "long lines that are refs",
        listing,
        ADVERT_TYPE,
        long_refs,
        "its list of refs holds more than 1,048,576 bytes",
        "WireLimits.advertisement_bytes",
    ),
    (
        "lines before the list",
        listing,
        ADVERT_TYPE,
        lambda: itertools.chain([encode_text("# service=git-upload-pack")], itertools.repeat(b"0009extra")),
        "more than 64 lines before the list",
        "WireLimits.metadata_lines",
    ),
    (
        "capabilities",
        lambda transport: list_refs(transport, limits=LIMITS),
        ADVERT_TYPE,
        lambda: itertools.chain([encode_text("version 2")], itertools.repeat(encode_text("odd=1"))),
        "more than 64 lines of capabilities",
        "WireLimits.metadata_lines",
    ),
    (
        "progress",
        fetching,
        UPLOAD_TYPE,
        lambda: itertools.chain([b"0008NAK\n"], itertools.repeat(encode_packet(b"\2" + b"x" * 4000))),
        "more than 1,048,576 bytes of progress",
        "WireLimits.progress_bytes_read",
    ),
    (
        "keep-alives",
        fetching,
        UPLOAD_TYPE,
        lambda: itertools.chain([b"0008NAK\n"], itertools.repeat(b"0005\1")),
        "more than 5,000 packets of progress and keep-alives in a row",
        "WireLimits.packets_without_data",
    ),
    (
        "keep-alives to a push",
        pushing,
        RESULT_TYPE,
        forever(b"0005\1"),
        "its report on the push holds more than 5,000 packets",
        "WireLimits.packets_without_data",
    ),
    (
        "a report",
        pushing,
        RESULT_TYPE,
        lambda: itertools.chain(
            [encode_packet(b"\1" + encode_text("unpack ok"))],
            itertools.repeat(encode_packet(b"\1" + encode_text("ok refs/heads/new") * 100)),
        ),
        "its report on the push holds more than 1,048,576 bytes",
        "WireLimits.report_bytes",
    ),
    (
        "acknowledgments",
        negotiating,
        UPLOAD_TYPE,
        forever(encode_text(f"ACK {OID} common")),
        "more than 2,000 acknowledgments",
        "WireLimits.acknowledgments",
    ),
    (
        "NAK after ready",
        negotiating,
        UPLOAD_TYPE,
        lambda: itertools.chain([encode_text(f"ACK {OID} ready")], itertools.repeat(b"0008NAK\n")),
        "more than 2,000 NAK lines",
        "WireLimits.acknowledgments",
    ),
    (
        "gzip members without content",
        listing,
        ADVERT_TYPE + GZIP,
        forever(EMPTY_MEMBER),
        "gzip-encoded answer has almost no content",
        "16 bytes of gzip for one of content",
    ),
    (
        "gzip blocks without content",
        listing,
        ADVERT_TYPE + GZIP,
        stored_blocks_without_content,
        "gzip-encoded answer has almost no content",
        "16 bytes of gzip for one of content",
    ),
    (
        "a gzip name",
        listing,
        ADVERT_TYPE + GZIP,
        name_without_end,
        "gzip-encoded answer has almost no content",
        "16 bytes of gzip for one of content",
    ),
    (
        "chunk extensions",
        listing,
        ADVERT_TYPE + CHUNKED,
        lambda: (b"1;%b\r\n%c\r\n" % (b"e" * 2000, byte) for byte in b"".join(refs(100))),
        "chunks have almost no content",
        "16 bytes of framing for one of content",
    ),
    (
        "a chunk extension",
        listing,
        ADVERT_TYPE + CHUNKED,
        lambda: itertools.chain([b"5;"], itertools.repeat(b"e")),
        "size line or trailer that is too long",
        "4096 bytes a line",
    ),
    (
        "trailers",
        listing,
        ADVERT_TYPE + CHUNKED,
        lambda: itertools.chain([b"0\r\n"], itertools.repeat(b"x: y\r\n")),
        "trailers are too long",
        "65536 bytes of trailers",
    ),
]


@pytest.mark.parametrize(
    ("asks", "head", "pieces", "words", "limit"),
    [pytest.param(*flood[1:], id=flood[0]) for flood in FLOODS],
)
@pytest.mark.fault(34)
def test_a_flood_is_ended_by_a_budget(asks, head, pieces, words, limit) -> None:
    with asked(floods(ended(head), pieces)) as transport:
        with pytest.raises(AnswerTooLarge, match=words) as caught:
            asks(transport)
    assert limit in f"{caught.value.limit}, {caught.value.hint}"
    assert str(caught.value).count("http://127.0.0.1:") == 1
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("service", ["upload", "receive"])
def test_a_list_has_as_many_refs_as_the_options_of_its_side_allow(service) -> None:
    def pieces() -> Iterator[bytes]:
        yield from refs(25, service)
        yield FLUSH

    asks = advertise_push if service == "receive" else list_refs
    head = ended(ADVERT_TYPE.replace(b"upload", service.encode()))
    with asked(floods(head, pieces), max_refs=25) as transport:
        assert len(asks(transport).refs) == 25
    with asked(floods(head, pieces), max_refs=24) as transport:
        with pytest.raises(AnswerTooLarge, match="holds more than 24 refs, the bound set by max_refs"):
            asks(transport)


@pytest.fixture
def minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a minute pass on the client's clock each time it is read."""
    clock = itertools.count(0.0, 60.0)
    monkeypatch.setattr(stream, "time", SimpleNamespace(monotonic=lambda: next(clock)))


def by_bytes(data: bytes) -> Iterator[bytes]:
    return (bytes([byte]) for byte in data)


def same_progress() -> Iterator[bytes]:
    return itertools.repeat(encode_packet(b"\2Compressing objects:  12% (123/1000)\r"))


TRICKLES = [
    ("a head by bytes", listing, b"", lambda: by_bytes(ended(ADVERT_TYPE + b"X: " + b"x" * 9000))),
    ("interim answers", listing, b"", lambda: by_bytes(b"HTTP/1.1 102 Processing\r\n\r\n" * 90)),
    ("refs by bytes", listing, ended(ADVERT_TYPE), lambda: by_bytes(b"".join(long_refs_of(3)))),
    ("chunk framing", listing, ended(ADVERT_TYPE + CHUNKED), lambda: by_bytes(b"1;%b\r\n" % (b"e" * 4000))),
    ("gzip members", listing, ended(ADVERT_TYPE + GZIP), forever(EMPTY_MEMBER)),
    ("keep-alives", fetching, ended(UPLOAD_TYPE) + b"0008NAK\n", forever(b"0005\1")),
    ("repeated progress", fetching, ended(UPLOAD_TYPE) + b"0008NAK\n", same_progress),
    ("a pack by bytes", fetching, ended(UPLOAD_TYPE) + b"0008NAK\n", forever(encode_packet(b"\1x"))),
    ("keep-alives to a push", pushing, ended(RESULT_TYPE), forever(b"0005\1")),
    ("a report by bytes", pushing, ended(RESULT_TYPE) + b"1000\1", forever(b"x")),
]


def long_refs_of(count: int) -> Iterator[bytes]:
    return itertools.islice(long_refs(), count)


@pytest.mark.usefixtures("minutes")
@pytest.mark.parametrize(
    ("asks", "first", "pieces"), [pytest.param(*trickle[1:], id=trickle[0]) for trickle in TRICKLES]
)
@pytest.mark.fault(3)
def test_a_trickle_is_ended_by_the_stall_timeout(asks, first, pieces) -> None:
    with asked(trickles(first, pieces()), idle_timeout=10_000) as transport:
        with pytest.raises(RemoteStalled, match=r"source 127\.0\.0\.1:\d+ .* for 1800 seconds") as caught:
            asks(transport)
    assert caught.value.hint == "stall_timeout sets how long to wait"


@pytest.mark.usefixtures("minutes")
def test_a_remote_that_stalls_is_not_asked_again() -> None:
    asked_for = []

    def script(peer: Peer) -> None:
        asked_for.append(1)
        trickles(b"", by_bytes(ended(b"X: " + b"x" * 9000)))(peer)

    with asked(script, idle_timeout=10_000, retries=3) as transport:
        with pytest.raises(RemoteStalled):
            list_refs(transport)
    assert asked_for == [1]


@pytest.mark.usefixtures("minutes")
@pytest.mark.parametrize(
    "wait",
    [
        pytest.param(
            [encode_packet(b"\2Compressing objects: %d%% (%d/100)\r" % (n, n)) for n in range(100)],
            id="progress",
        ),
        pytest.param([b"0005\1"] * 20, id="keep-alives"),
    ],
)
def test_a_server_that_prepares_its_pack_for_long_is_waited_for(wait) -> None:
    pack = [encode_packet(b"\1" + b"P" * 1000), b"0000"]
    script = trickles(ended(UPLOAD_TYPE) + b"0008NAK\n", iter([*wait, *pack]))
    with asked(script, idle_timeout=10_000) as transport:
        assert fetching(transport) == 1000


@pytest.mark.usefixtures("minutes")
def test_a_slow_line_that_brings_a_pack_is_waited_for() -> None:
    packet = encode_packet(b"\1" + b"P" * 60_000)
    pieces = (packet[start : start + 600] for start in range(0, len(packet), 600))
    script = trickles(ended(UPLOAD_TYPE) + b"0008NAK\n", itertools.chain(pieces, [b"0000"]))
    with asked(script, idle_timeout=10_000) as transport:
        assert fetching(transport) == 60_000


@pytest.mark.usefixtures("minutes")
def test_a_push_to_a_server_that_is_silent_while_it_reads_does_not_stall() -> None:
    report = encode_packet(b"\1" + encode_text("unpack ok") + encode_text("ok refs/heads/new") + b"0000")

    def script(peer: Peer) -> None:
        peer.read_request()
        peer.send(ended(RESULT_TYPE) + report + b"0000")

    with asked(script, idle_timeout=10_000) as transport:
        assert push(transport, PUSH, [UPDATE], None).ok


@pytest.mark.usefixtures("minutes")
@pytest.mark.fault(27)
def test_a_server_that_takes_nothing_of_a_body_but_keeps_talking_is_given_up() -> None:
    def script(peer: Peer) -> None:
        peer.read_head()
        for byte in by_bytes(b"HTTP/1.1 102 Processing\r\nX: " + b"x" * 9000):
            peer.send(byte)
            if peer.stop.wait(0.001):
                return

    with scripted(probed, script) as server:
        with pytest.raises(RemoteStalled, match="while the request was being sent"):
            sent(server, body_of(64 * MIB), TransportOptions(idle_timeout=10_000))


def test_a_silent_server_is_given_up_by_the_shorter_of_both_timeouts() -> None:
    with asked(lambda peer: peer.linger(), stall_timeout=0.1) as transport:
        with pytest.raises(RemoteStalled, match=r"for 0\.1 seconds while waiting for the answer"):
            listing(transport)


def test_the_stall_timeout_must_be_above_zero() -> None:
    with pytest.raises(TransportError, match="stall timeout"):
        TransportOptions(stall_timeout=0)
