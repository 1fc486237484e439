"""ls-refs: the request byte for byte, and answers in every shape."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packcore.ids import SHA1
from tests.transport.process_transport import cut
from transport.errors import (
    AnswerTooLarge,
    RemoteError,
    RemoteProtocolError,
    TransportError,
    UnsupportedByRemote,
)
from transport.wire.capabilities import Capabilities, LsRefsFeatures, parse_capabilities_v2
from transport.wire.limits import WireLimits
from transport.wire.ls_refs import RefListing, encode_ls_refs, parse_ls_refs, reduce_prefixes
from transport.wire.pktline import FLUSH, encode_packet, encode_text

A, B, C = (letter * 40 for letter in "abc")
GIT = parse_capabilities_v2([b"agent=git/2", b"ls-refs=unborn", b"fetch", b"object-format=sha1"])


def parse(*lines: str, prefixes=(), end: bytes = FLUSH) -> RefListing:
    data = b"".join(encode_packet(line.encode() + b"\n") for line in lines) + end
    return parse_ls_refs([data], SHA1, prefixes=prefixes)


def test_the_request_in_full():
    request = encode_ls_refs(GIT, prefixes=["refs/tags/", "refs/heads/"], agent="packcore/1")
    assert request == (
        b"0014command=ls-refs\n0015agent=packcore/1\n0017object-format=sha1\n0001"
        b"0009peel\n000csymrefs\n000bunborn\n0014ref-prefix HEAD\n"
        b"001bref-prefix refs/heads/\n001aref-prefix refs/tags/\n0000"
    )


def test_only_what_the_server_advertised_is_sent():
    request = encode_ls_refs(Capabilities(ls_refs=LsRefsFeatures()), agent="packcore/1")
    assert request == b"0014command=ls-refs\n00010009peel\n000csymrefs\n0000"


def test_a_server_without_ls_refs_or_server_options_is_an_error():
    with pytest.raises(UnsupportedByRemote, match="no ls-refs"):
        encode_ls_refs(Capabilities(), agent="x")
    with pytest.raises(UnsupportedByRemote, match="server options"):
        encode_ls_refs(GIT, agent="x", server_options=["a"])


def test_too_many_prefixes_are_left_to_our_own_filter():
    prefixes = [f"refs/heads/{n}" for n in range(10_000, 12_000)]
    assert b"ref-prefix" not in encode_ls_refs(GIT, prefixes=prefixes, agent="x")


@pytest.mark.parametrize(
    ("prefixes", "reduced"),
    [
        ([], []),
        (["refs/", "refs/heads/"], ["refs/"]),
        (["b", "a", "b"], ["a", "b"]),
        (["", "refs/"], []),
    ],
)
def test_prefixes_are_reduced(prefixes, reduced):
    assert reduce_prefixes(prefixes) == reduced


def test_an_answer_in_full():
    listing = parse(
        f"{A} HEAD symref-target:refs/heads/main",
        f"{A} refs/heads/main",
        f"{B} refs/tags/v1 peeled:{C}",
        f"{B} refs/tags/v2 unknown:attribute peeled:{C} more",
    )
    assert listing.head == bytes.fromhex(A)
    assert list(listing.refs) == ["refs/heads/main", "refs/tags/v1", "refs/tags/v2"]
    assert listing.peeled == dict.fromkeys(["refs/tags/v1", "refs/tags/v2"], bytes.fromhex(C))
    assert listing.symrefs == {"HEAD": "refs/heads/main"}


def test_an_unborn_head():
    listing = parse("unborn HEAD symref-target:refs/heads/trunk")
    assert (listing.head, listing.refs, listing.symrefs) == (None, {}, {"HEAD": "refs/heads/trunk"})


def test_refs_outside_the_prefixes_are_left_out_without_a_word():
    listing = parse(
        f"{A} HEAD symref-target:refs/heads/main",
        f"{A} refs/heads/main",
        f"{A} refs/pull/1/head peeled:{B}",
        prefixes=["refs/heads/"],
    )
    assert list(listing.refs) == ["refs/heads/main"]
    assert (listing.peeled, listing.warnings) == ({}, ())
    assert listing.head == bytes.fromhex(A)


def test_symbolic_refs_besides_head_are_kept():
    listing = parse(f"{A} refs/remotes/o/HEAD symref-target:refs/remotes/o/main")
    assert listing.symrefs == {"refs/remotes/o/HEAD": "refs/remotes/o/main"}


@pytest.mark.fault(32)
@pytest.mark.parametrize("line", [f"{A} heads/x", f"{A} refs/heads/x symref-target:refs/../x"])
def test_untrusted_names_are_left_out_with_a_warning(line):
    assert len(parse(line).warnings) == 1


@pytest.mark.parametrize(
    "line", [f"{A} refs/heads/x.lock", f"{A} refs/heads/x@{{1}}", f"{'0' * 40} refs/heads/x"]
)
def test_a_ref_that_can_not_be_fetched_is_listed_as_unreadable(line):
    found = parse(line)
    assert found.refs == {}
    assert list(found.unreadable) == [line.split(" ")[1]]
    assert found.may_lack_names == line.startswith("0")


@pytest.mark.parametrize("oid", [A, "0" * 40])
def test_our_own_server_says_why_and_leaves_no_name_out(oid):
    found = parse(f"{oid} refs/heads/x unreadable:its%20file%20is%20empty")
    assert found.refs == {}
    assert found.unreadable == {"refs/heads/x": "its file is empty"}
    assert not found.may_lack_names


def test_a_name_with_blanks_is_unreadable_under_its_whole_name():
    zero = "0" * 40
    found = parse(
        f"{A} refs/heads/main peeled:{B} later:new",
        f"{zero} refs/heads/main (conflicted copy)",
        f"{zero} refs/heads/to pic unreadable:no%20name",
        f"{zero} refs/heads/end ",
    )
    assert list(found.refs) == ["refs/heads/main"]
    assert list(found.unreadable) == [
        "refs/heads/main (conflicted copy)",
        "refs/heads/to pic",
        "refs/heads/end ",
    ]


def test_a_folder_that_can_not_be_listed_counts_for_the_refs_below_it():
    answer = encode_text(f"{'0' * 40} refs/heads unreadable:no") + encode_text(f"{'0' * 40} refs/x") + FLUSH
    found = parse_ls_refs([answer], SHA1, prefixes=["refs/heads/"])
    assert list(found.unreadable) == ["refs/heads"]


def test_reasons_are_asked_for_where_the_server_gives_them():
    capabilities = parse_capabilities_v2([b"ls-refs=unborn unreadable", b"fetch"])
    assert b"unreadable\n" in encode_ls_refs(capabilities, agent="x")
    assert b"unreadable" not in encode_ls_refs(parse_capabilities_v2([b"ls-refs=unborn"]), agent="x")


@pytest.mark.fault(31, 33)
@pytest.mark.parametrize(
    "lines",
    [
        [f"{A} refs/heads/a", f"{B} refs/heads/a"],
        [f"{A.upper()} refs/heads/a"],
        [f"{A}0 refs/heads/a"],
        [f"{A} refs/heads/a peeled:xyz"],
        [f"{A} refs/heads/a peeled:{B} peeled:{B}"],
        [A],
        [f"{A} "],
        [""],
        ["unborn"],
    ],
)
def test_a_broken_line_is_the_remotes_fault(lines):
    with pytest.raises(RemoteProtocolError):
        parse(*lines)


@pytest.mark.parametrize("end", [b"", b"0001", b"00", b"0000x", b"00000000"])
def test_a_broken_end_is_the_remotes_fault(end):
    with pytest.raises(RemoteProtocolError):
        parse(f"{A} refs/heads/a", end=end)


@pytest.mark.fault(29)
def test_an_err_line_is_the_remotes_error():
    with pytest.raises(RemoteError, match="no such repository"):
        parse("ERR no such repository")


@given(st.lists(st.binary(max_size=70), max_size=6), st.integers(1, 9))
def test_anything_is_a_list_or_an_error_of_the_remote_in_any_split(lines, block_bytes):
    data = b"".join(encode_packet(A.encode() + b" refs/" + line) for line in lines) + FLUSH

    def outcome(size: int | None) -> object:
        try:
            return parse_ls_refs(cut(data, size), SHA1)
        except TransportError as error:
            return str(error)

    assert outcome(block_bytes) == outcome(None)


def test_lines_outside_the_prefixes_count_against_the_limit_too():
    data = b"".join(encode_packet(f"{A} refs/pull/{n}".encode()) for n in range(20)) + FLUSH
    with pytest.raises(AnswerTooLarge, match="more than 10 refs"):
        parse_ls_refs([data], SHA1, prefixes=["refs/heads/"], limits=WireLimits(refs=10))
