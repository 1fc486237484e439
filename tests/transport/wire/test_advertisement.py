"""The advertisement in its three versions: what real servers send, and what no server may."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packcore.ids import SHA1, SHA256
from tests.transport.process_transport import cut
from transport.errors import AnswerTooLarge, RemoteError, RemoteProtocolError, UnsupportedByRemote
from transport.wire.advertisement import Advertisement, parse_advertisement
from transport.wire.limits import REF_BYTES, REFS_MAX, WireLimits
from transport.wire.pktline import FLUSH, encode_packet

if TYPE_CHECKING:
    from collections.abc import Iterator

UPLOAD = "git-upload-pack"
RECEIVE = "git-receive-pack"
A, B, C = (letter * 40 for letter in "abc")
SERVICE = encode_packet(b"# service=git-upload-pack\n") + FLUSH


def oid(text: str) -> bytes:
    return bytes.fromhex(text)


def lines(*texts: str | bytes) -> bytes:
    encoded = [text.encode() if isinstance(text, str) else text for text in texts]
    return b"".join(encode_packet(text + b"\n") for text in encoded)


def parse(data: bytes, service: str = UPLOAD, **settings) -> Advertisement:
    return parse_advertisement([data], service, **settings)


def test_v0_over_http():
    data = SERVICE + lines(
        f"{A} HEAD\0ofs-delta symref=HEAD:refs/heads/main agent=git/2.39.5",
        f"{A} refs/heads/main",
        f"{B} refs/tags/v1",
        f"{C} refs/tags/v1^{{}}",
    )
    advertisement = parse(data + FLUSH)
    assert advertisement.version == 0
    assert advertisement.head == oid(A)
    assert advertisement.refs == {"refs/heads/main": oid(A), "refs/tags/v1": oid(B)}
    assert advertisement.peeled == {"refs/tags/v1": oid(C)}
    assert advertisement.symrefs == {"HEAD": "refs/heads/main"}
    assert advertisement.object_format is SHA1
    assert advertisement.capabilities.ofs_delta
    assert advertisement.warnings == ()


BODY = lines(f"{A} refs/heads/main\0agent=x") + FLUSH


@pytest.mark.fault(29)
@pytest.mark.parametrize(
    ("data", "version"),
    [
        (SERVICE + BODY, 0),
        (BODY, 0),  # over ssh, and what http-backend answers to version=2 for receive-pack
        (SERVICE + lines("version 1") + BODY, 1),
        (lines("version 1") + BODY, 1),
        (lines("# service=git-upload-pack", "some metadata", "more of it") + FLUSH + BODY, 0),
        (encode_packet(b"# service=git-upload-pack") + FLUSH + BODY, 0),
    ],
)
@pytest.mark.parametrize("block_bytes", [None, 1, 7])
def test_what_comes_before_the_refs(data, version, block_bytes):
    advertisement = parse_advertisement(cut(data, block_bytes), UPLOAD)
    assert (advertisement.version, list(advertisement.refs)) == (version, ["refs/heads/main"])


V2 = lines("version 2", "agent=git/2.39.5", "ls-refs=unborn", "fetch=shallow wait-for-done") + lines(
    "server-option", "object-format=sha256", "object-info"
)


@pytest.mark.fault(29)
@pytest.mark.parametrize("prefix", [b"", SERVICE], ids=["as git sends it", "as GitHub sends it"])
def test_v2(prefix):
    advertisement = parse(prefix + V2 + FLUSH)
    assert advertisement.version == 2
    assert advertisement.object_format is SHA256
    assert advertisement.refs == {}
    assert advertisement.capabilities.fetch is not None
    assert advertisement.capabilities.fetch.shallow


@pytest.mark.parametrize(
    "body",
    [FLUSH, lines(f"{'0' * 40} capabilities^{{}}\0report-status ofs-delta") + FLUSH],
    ids=["before 2.41", "since"],
)
def test_an_empty_repository(body):
    advertisement = parse(SERVICE + body)
    assert (advertisement.refs, advertisement.head, advertisement.version) == ({}, None, 0)
    assert advertisement.capabilities.ofs_delta == (len(body) > 4)


def test_an_empty_sha256_repository():
    body = lines(f"{'0' * 64} capabilities^{{}}\0object-format=sha256") + FLUSH
    assert parse(body).object_format is SHA256


def test_tips_of_alternates_are_haves_for_a_push():
    data = lines(f"{A} .have\0report-status", f"{B} .have", f"{A} .have", f"{C} refs/heads/main") + FLUSH
    advertisement = parse(data, RECEIVE)
    assert advertisement.haves == (oid(A), oid(B))
    assert advertisement.refs == {"refs/heads/main": oid(C)}


def test_shallow_lines_follow_the_refs():
    data = lines(f"{A} refs/heads/main\0x", f"shallow {B}", f"shallow {C}") + FLUSH
    assert parse(data).shallow == (oid(B), oid(C))
    dummy = lines(f"{'0' * 40} capabilities^{{}}\0x", f"shallow {B}") + FLUSH
    assert parse(dummy).shallow == (oid(B),)


@pytest.mark.fault(32)
@pytest.mark.parametrize(
    "name",
    [
        b"refs/heads/a..b",
        b"refs/heads/x.lock",
        b"refs/../../x",
        b"refs/heads/\x1b[2J",
        b"refs/heads/a b",
        b"refs/heads/" + b"x" * 5000,
    ],
)
def test_a_ref_with_a_bad_name_is_there_and_can_not_be_fetched(name):
    ref = A.encode() + b" " + name
    data = lines(f"{A} refs/heads/main\0x", ref, ref + b"^{}") + FLUSH
    advertisement = parse(data)
    assert list(advertisement.refs) == ["refs/heads/main"]
    assert advertisement.peeled == {}
    assert advertisement.unreadable == {name.decode(): "not a valid ref name"}
    assert not advertisement.may_lack_names


@pytest.mark.fault(32)
@pytest.mark.parametrize("name", [b"ORIG_HEAD", b"heads/main", b"\x1b[2J"])
def test_a_name_beside_refs_is_left_out_with_a_warning(name):
    advertisement = parse(lines(f"{A} refs/heads/main\0x", A.encode() + b" " + name) + FLUSH)
    assert list(advertisement.refs) == ["refs/heads/main"]
    assert advertisement.unreadable == {}
    (warning,) = advertisement.warnings
    assert "\x1b" not in warning
    assert len(warning) < 300


def test_a_ref_with_the_zero_id_is_one_that_the_server_can_not_read_and_may_have_more_of():
    # git upload-pack of 2.39 lists a loose ref that it can't parse so, in v0 and v2 alike.
    advertisement = parse(lines(f"{A} refs/heads/main\0x", "0" * 40 + " refs/heads/dev") + FLUSH)
    assert list(advertisement.unreadable) == ["refs/heads/dev"]
    assert advertisement.may_lack_names
    assert advertisement.tips["refs/heads/dev"] == bytes(20)


@pytest.mark.fault(32)
def test_a_name_that_is_not_utf8_is_kept():
    advertisement = parse(lines(f"{A} refs/heads/".encode() + b"caf\xe9\0x") + FLUSH)
    assert list(advertisement.refs) == ["refs/heads/caf\udce9"]


@pytest.mark.fault(33)
@pytest.mark.parametrize(
    "symref", ["HEAD:refs/../x", "HEAD:", "HEAD", "x:refs/heads/main", "HEAD:HEAD", "HEAD:refs/heads/a..b"]
)
def test_a_symbolic_ref_to_nowhere_is_left_out(symref):
    advertisement = parse(lines(f"{A} refs/heads/main\0symref={symref}") + FLUSH)
    assert advertisement.symrefs == {}
    assert len(advertisement.warnings) == 1


def test_capabilities_after_a_later_ref_are_ignored_with_a_warning():
    advertisement = parse(lines(f"{A} refs/heads/a\0x", f"{A} refs/heads/b\0ofs-delta") + FLUSH)
    assert list(advertisement.refs) == ["refs/heads/a", "refs/heads/b"]
    assert not advertisement.capabilities.ofs_delta
    assert advertisement.warnings


MAIN = f"{A} refs/heads/main\0x"
BROKEN = {
    "twice": (MAIN, f"{B} refs/heads/main"),
    "peeled without its tag": (MAIN, f"{B} refs/tags/v1^{{}}"),
    "peeled twice": (MAIN, f"{B} refs/heads/main^{{}}", f"{B} refs/heads/main^{{}}"),
    "HEAD twice": (f"{A} HEAD\0x", f"{A} HEAD"),
    "misplaced capabilities^{}": (MAIN, f"{'0' * 40} capabilities^{{}}"),
    "capabilities^{} with an id": (f"{A} capabilities^{{}}\0x",),
    "a ref after capabilities^{}": (f"{'0' * 40} capabilities^{{}}\0x", f"{A} refs/heads/main"),
    "a ref after shallow": (MAIN, f"shallow {B}", f"{A} refs/heads/x"),
    "a short id": (f"{A[:-1]} refs/heads/main\0x",),
    "an upper-case id": (f"{A.upper()} refs/heads/main\0x",),
    "an id that isn't hex": (f"{'g' * 40} refs/heads/main\0x",),
    "an id of another format": (f"{A} refs/heads/main\0object-format=sha256",),
    "a shallow line that isn't": (MAIN, "shallow refs/heads/main"),
    "no name": (MAIN, A),
    "an empty name": (MAIN, f"{A} "),
    "an empty line": (MAIN, ""),
    "version twice": ("version 1", "version 1"),
    "a have for a fetch": (f"{A} refs/heads/main\0x", "nonsense .have"),
}


@pytest.mark.fault(31, 33)
@pytest.mark.parametrize("broken", BROKEN)
@pytest.mark.parametrize("prefix", [b"", SERVICE])
def test_a_broken_list_is_the_remotes_fault(broken, prefix):
    with pytest.raises(RemoteProtocolError):
        parse(prefix + lines(*BROKEN[broken]) + FLUSH)


@pytest.mark.fault(29)
@pytest.mark.parametrize(
    "data",
    [
        b"",
        SERVICE,
        SERVICE[:-4],
        SERVICE[:10],
        BODY[:-4],
        BODY[:-6],
        BODY + b"0000",
        BODY + b"x",
        SERVICE[:-4] + BODY,
        lines("# service=git-receive-pack") + FLUSH + BODY,
        lines("# service=git-upload-packx") + FLUSH + BODY,
        lines("# service=git-upload-pack") + b"0001" + BODY,
        lines("# service=git-upload-pack", *["x"] * 100) + FLUSH + BODY,
        lines("version 2", "a b") + FLUSH,
        lines("version 2", "agent=x"),
        lines("version 2", "agent=x") + b"0001",
        lines("version 2", *["x"] * 100) + FLUSH,
        lines(MAIN) + b"0001",
        b"<html>login</html>",
    ],
)
def test_a_broken_frame_is_the_remotes_fault(data):
    with pytest.raises(RemoteProtocolError):
        parse(data)


@pytest.mark.fault(29)
@pytest.mark.parametrize("version", ["0", "3", "1x"])
def test_an_unknown_version_is_unsupported(version):
    with pytest.raises(UnsupportedByRemote, match=f"version {version}"):
        parse(lines(f"version {version}") + FLUSH)


@pytest.mark.fault(29)
@pytest.mark.parametrize("prefix", [b"", SERVICE, lines("# service=git-upload-pack"), lines("version 2")])
def test_an_err_line_anywhere_is_the_remotes_error(prefix):
    with pytest.raises(RemoteError, match="access denied"):
        parse(prefix + lines("ERR access denied"))


def test_on_a_lasting_connection_nothing_is_read_beyond_the_flush():
    def blocks() -> Iterator[bytes]:
        yield BODY
        raise AssertionError("pulled too far")

    assert parse_advertisement(blocks(), UPLOAD, to_end=False).refs


@pytest.mark.fault(31)
def test_volume_is_bounded():
    many = lines(MAIN, *[f"{A} refs/heads/{n}" for n in range(20)]) + FLUSH
    assert len(parse(many).refs) == 21
    with pytest.raises(RemoteProtocolError, match="more than 10 refs"):
        parse(many, limits=WireLimits(refs=10))
    with pytest.raises(RemoteProtocolError, match="more than 100 bytes"):
        parse(many, limits=WireLimits(advertisement_bytes=100))
    bad = lines(MAIN, *[f"{A} heads/{n}" for n in range(20)]) + FLUSH
    assert len(parse(bad, limits=WireLimits(warnings=5)).warnings) == 6


@pytest.mark.fault(31)
@pytest.mark.parametrize(
    ("name", "held"),
    [
        ("refs/heads/" + "n" * 989, REF_BYTES + 1000),
        ("refs/heads/\N{SNAKE}" + "n" * 988, REF_BYTES + 4 * 1000),
        ("other/" + "n" * 94, 2 * (REF_BYTES + 100)),
    ],
    ids=["plain", "wide characters", "left out"],
)
def test_the_memory_of_a_listing_is_bounded_by_a_reckoning_of_its_names(name, held):
    many = lines(MAIN, *[f"{A} {name}{n}" for n in range(5)]) + FLUSH
    taken = WireLimits(listing_bytes=(len("refs/heads/main") + REF_BYTES) + 5 * (held + 4))
    parse(many, limits=taken)
    with pytest.raises(AnswerTooLarge, match=r"refs that take more than [0-9,]+ bytes of memory"):
        parse(many, limits=replace(taken, listing_bytes=taken.listing_bytes - 25))


@pytest.mark.parametrize("count", [1, 1000, REFS_MAX, 10**6])
def test_the_bounds_of_a_listing_follow_from_the_number_of_refs(count):
    limits = WireLimits.of_refs(count)
    assert limits.refs == count
    assert limits.listing_bytes >= count * (REF_BYTES + 70)
    assert limits.advertisement_bytes >= count * 250
    # The longest line there is always fits.
    assert len(parse(lines(f"{A} refs/heads/{'n' * 4000}\0ofs-delta") + FLUSH, limits=limits).refs) == 1


def test_the_default_bounds_are_those_of_the_default_number():
    assert WireLimits.of_refs(REFS_MAX) == WireLimits()
    assert REFS_MAX * (REF_BYTES + 72) < 64 * 2**20


PIECES = st.lists(
    st.one_of(
        st.binary(max_size=60).map(encode_packet),
        st.sampled_from([SERVICE, FLUSH, b"0001", V2, BODY[:-4], lines(f"shallow {B}"), lines(f"{B} .have")]),
        st.builds(
            lambda name, tail: lines(A.encode() + b" refs/heads/" + name + tail),
            st.binary(max_size=8),
            st.sampled_from([b"", b"^{}", b"\0symref=HEAD:refs/heads/x"]),
        ),
    ),
    max_size=8,
)


@given(PIECES, st.integers(1, 9), st.sampled_from([UPLOAD, RECEIVE]))
def test_anything_is_an_advertisement_or_an_error_of_the_remote_in_any_split(pieces, block_bytes, service):
    data = b"".join(pieces)

    def outcome(size: int | None) -> object:
        try:
            return parse_advertisement(cut(data, size), service)
        except (RemoteProtocolError, RemoteError, UnsupportedByRemote) as error:
            return str(error)

    assert outcome(block_bytes) == outcome(None)
