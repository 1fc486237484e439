"""The head of a bundle: what git writes is read, and anything else is one clean error."""

from __future__ import annotations

import io
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packcore.errors import CorruptData, PackcoreError
from packcore.ids import SHA1, SHA256, ObjectId
from transport.bundle.header import BundleHeader, encode_header, read_header
from transport.errors import UnsupportedByRemote

A, B = ObjectId(b"\xaa" * 20), ObjectId(b"\xbb" * 20)
V2, V3 = b"# v2 git bundle\n", b"# v3 git bundle\n"
REF = b"%b refs/heads/main\n" % (b"aa" * 20)


def read(data: bytes) -> BundleHeader:
    return read_header(io.BytesIO(data), "x.bundle")


@pytest.mark.parametrize("signature", [V2, V3])
def test_refs_and_prerequisites_are_read_up_to_the_pack(signature: bytes):
    head = signature + b"-%b a comment\n-%b\n" % (b"bb" * 20, b"aa" * 20) + REF + b"\n"
    found = read(head + b"PACK")
    assert (found.object_format, found.refs) == (SHA1, {"refs/heads/main": A})
    assert found.prerequisites == {B: "a comment", A: ""}
    assert found.pack_offset == len(head)


def test_version_3_states_the_object_format():
    found = read(V3 + b"@object-format=sha256\n" + b"%b HEAD\n\n" % (b"aa" * 32))
    assert (found.object_format, found.refs) == (SHA256, {"HEAD": b"\xaa" * 32})


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "not a bundle"),
        (b"# v4 git bundle\n\n", "unknown version"),
        (V2, "ends within its header"),
        (V2 + REF, "ends within its header"),
        (V2 + REF[:-1], "its header has an invalid line"),
        (V2 + b"@object-format=sha1\n\n", "its header has an invalid line"),
        (V2 + b"aa refs/heads/main\n\n", "its header has an invalid line"),
        (V2 + b"aa" * 20 + b"\n\n", "its header has an invalid line"),
        (V2 + b"aa" * 32 + b" refs/heads/main\n\n", "its header has an invalid line"),
        (V2 + b"x" * 100_000 + b"\n\n", "its header has an invalid line"),
        (V2 + REF + REF.replace(b"a", b"b", 2) + b"\n", "gives refs/heads/main a second id"),
    ],
)
def test_an_invalid_header_is_an_error(data: bytes, words: str):
    with pytest.raises(CorruptData, match=words):
        read(data)


@pytest.mark.parametrize("capability", [b"filter=blob:none", b"object-format=md5", b"other"])
def test_what_version_3_asks_for_and_is_unknown_here_is_refused(capability: bytes):
    with pytest.raises(UnsupportedByRemote):
        read(V3 + b"@%b\n\n" % capability)


@given(st.binary(max_size=300), st.sampled_from([b"", V2, V3, V2 + REF]))
def test_any_bytes_are_read_or_are_an_error_of_the_family(data: bytes, before: bytes):
    with suppress(PackcoreError):
        read(before + data)


@pytest.mark.parametrize("object_format", [SHA1, SHA256])
def test_what_is_written_is_read_back(object_format):
    oid = ObjectId(b"\xaa" * object_format.digest_size)
    header = BundleHeader(object_format, {"HEAD": oid, "refs/heads/main": oid}, {oid: ""})
    encoded = encode_header(header)
    found = read(encoded)
    assert (found.refs, found.object_format, found.pack_offset) == (header.refs, object_format, len(encoded))
