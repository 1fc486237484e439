"""Capabilities: whole tokens only, first of a repeated one, and what is unknown is passed over."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packcore.ids import SHA1, SHA256
from transport.errors import RemoteProtocolError, UnsupportedByRemote
from transport.wire.capabilities import (
    Capabilities,
    FetchFeatures,
    LsRefsFeatures,
    parse_capabilities,
    parse_capabilities_v2,
)

GIT_UPLOAD_PACK = (
    b"multi_ack thin-pack side-band side-band-64k ofs-delta shallow deepen-since deepen-not deepen-relative"
    b" no-progress include-tag multi_ack_detailed no-done symref=HEAD:refs/heads/main object-format=sha1"
    b" agent=git/2.39.5"
)
GIT_RECEIVE_PACK = (
    b"report-status report-status-v2 delete-refs side-band-64k quiet atomic ofs-delta push-options"
    b" object-format=sha256 agent=git/2.39.5"
)


def test_git_upload_pack():
    assert parse_capabilities(GIT_UPLOAD_PACK) == Capabilities(
        agent="git/2.39.5",
        symrefs=(("HEAD", "refs/heads/main"),),
        announces_object_format=True,
        multi_ack=True,
        multi_ack_detailed=True,
        no_done=True,
        thin_pack=True,
        side_band=True,
        side_band_64k=True,
        ofs_delta=True,
        shallow=True,
        deepen_since=True,
        deepen_not=True,
        deepen_relative=True,
        no_progress=True,
        include_tag=True,
    )


def test_git_receive_pack():
    assert parse_capabilities(GIT_RECEIVE_PACK) == Capabilities(
        object_format=SHA256,
        agent="git/2.39.5",
        announces_object_format=True,
        report_status=True,
        report_status_v2=True,
        delete_refs=True,
        side_band_64k=True,
        quiet=True,
        atomic=True,
        ofs_delta=True,
        push_options=True,
    )


@pytest.mark.parametrize(
    ("token", "field"),
    [
        (b"allow-tip-sha1-in-want", "allow_tip_sha1_in_want"),
        (b"allow-reachable-sha1-in-want", "allow_reachable_sha1_in_want"),
        (b"no-thin", "no_thin"),
        (b"filter", "filter"),
    ],
)
def test_flags_that_git_sends_only_when_configured(token, field):
    assert getattr(parse_capabilities(token), field) is True
    assert getattr(parse_capabilities(token + b"x"), field) is False


def test_tokens_are_compared_whole():
    capabilities = parse_capabilities(b"report-status-v2 side-band-64k multi_ack_detailed multi-ack")
    assert not capabilities.report_status
    assert not capabilities.side_band
    assert not capabilities.multi_ack


def test_v2_tokens_mean_nothing_in_v0_and_the_other_way_round():
    assert parse_capabilities(b"server-option fetch ls-refs") == Capabilities()
    assert parse_capabilities_v2([b"ofs-delta", b"atomic", b"symref=HEAD:refs/heads/x"]) == Capabilities()


def test_of_a_repeated_object_format_the_first_counts():
    assert parse_capabilities(b"object-format=sha256 object-format=sha1").object_format is SHA256


def test_without_an_object_format_it_is_sha1():
    capabilities = parse_capabilities(b"")
    assert (capabilities.object_format, capabilities.announces_object_format) == (SHA1, False)


@pytest.mark.fault(33)
@pytest.mark.parametrize("parse", [parse_capabilities, lambda token: parse_capabilities_v2([token])])
def test_an_unknown_object_format_is_unsupported(parse):
    with pytest.raises(UnsupportedByRemote, match="sha3"):
        parse(b"object-format=sha3")


def test_v2_features_are_words_after_the_equals_sign():
    lines = [
        b"agent=git/github-abc",
        b"ls-refs=unborn",
        b"fetch=shallow wait-for-done filter",
        b"server-option",
        b"object-format=sha1",
        b"object-info",
        b"something=new",
    ]
    capabilities = parse_capabilities_v2(lines)
    assert capabilities.ls_refs == LsRefsFeatures(unborn=True)
    assert capabilities.fetch == FetchFeatures(shallow=True, wait_for_done=True, filter=True)
    assert (capabilities.server_option, capabilities.object_info) == (True, True)
    assert capabilities.agent == "git/github-abc"


def test_a_bare_v2_command_has_no_features():
    capabilities = parse_capabilities_v2([b"ls-refs", b"fetch"])
    assert (capabilities.ls_refs, capabilities.fetch) == (LsRefsFeatures(), FetchFeatures())
    assert parse_capabilities_v2([]).fetch is None


@pytest.mark.parametrize("line", [b"", b"=x", b"two words", b"\x1b[2J", b"caf\xe9"])
def test_a_v2_line_that_is_no_capability_is_an_error(line):
    with pytest.raises(RemoteProtocolError):
        parse_capabilities_v2([line])


def test_a_name_without_a_value_is_ignored():
    assert parse_capabilities(b"object-format agent symref") == Capabilities()
    assert parse_capabilities_v2([b"object-format", b"agent"]) == Capabilities()


def test_an_agent_is_made_safe():
    assert parse_capabilities(b"agent=x\x1b[2J").agent == "x^[[2J"


@given(st.binary(max_size=80))
def test_any_bytes_are_capabilities_or_an_unknown_format(text):
    try:
        parse_capabilities(text)
    except UnsupportedByRemote:
        assert b"object-format=" in text
