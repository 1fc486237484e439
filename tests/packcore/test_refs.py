"""Ref names: git-check-ref-format's rules, with git as the oracle."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from packcore.errors import InvalidRefName
from packcore.refs import (
    REF_NAME_BYTES_MAX,
    check_ref_name,
    decode_ref_name,
    encode_ref_name,
    is_remote_ref_name,
    is_valid_ref_name,
    ref_sort_key,
)
from tests.support import require, run_git


@pytest.mark.parametrize(
    "name", ["refs/heads/a", "refs/heads/-x", "a/b", "refs/heads/é", "refs/heads/a.b", "refs/@/@", "refs/a{b"]
)
def test_a_good_name_passes(name: str):
    check_ref_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "@",
        "a",
        "HEAD",
        "/a/b",
        "a/b/",
        "a//b",
        "a/.b",
        "a/b.lock",
        "a/b.lock/c",
        "a/b..c",
        "a/b.",
        "a/b@{c",
        "a/b c",
        "a/b\x7f",
        "a/b\x00",
        "a/b\n",
        "a/~",
        "a/^",
        "a/:",
        "a/?",
        "a/*",
        "a/[",
        "a/\\",
        "a/\ud800",
        "refs/" + "x" * 5000,
    ],
)
def test_a_bad_name_is_refused_with_a_reason(name: str):
    with pytest.raises(InvalidRefName, match="not a ref name"):
        check_ref_name(name)


def test_one_level_names_pass_where_asked_for():
    assert is_valid_ref_name("HEAD", one_level=True)
    assert not is_valid_ref_name("@", one_level=True)


@pytest.mark.parametrize(
    ("name", "allowed"),
    [("HEAD", True), ("refs/heads/x", True), ("FETCH_HEAD", False), ("heads/x", False), ("refs/../x", False)],
)
def test_a_remote_may_name_head_and_what_is_below_refs(name: str, allowed: bool):
    assert is_remote_ref_name(name) is allowed


@given(st.binary())
def test_any_bytes_survive_decoding(name: bytes):
    assert encode_ref_name(decode_ref_name(name)) == name


@given(st.lists(st.binary(max_size=6)))
def test_names_sort_as_their_bytes(names: list[bytes]):
    texts = sorted(map(decode_ref_name, names), key=ref_sort_key)
    assert list(map(encode_ref_name, texts)) == sorted(names)


_pieces = st.sampled_from(
    [
        "a",
        "b",
        ".",
        "..",
        "/",
        "//",
        ".lock",
        "@",
        "{",
        "@{",
        "~",
        " ",
        "-",
        "\\",
        "*",
        "é",
        "\x01",
        "\x7f",
        "refs",
    ]
)


@settings(max_examples=60, deadline=None)
@given(st.lists(_pieces, min_size=1, max_size=6).map("".join))
def test_git_agrees_about_any_name(name: str):
    require("git")
    if name.startswith("-"):
        name = f"x{name}"  # git would take it for an option
    assert is_valid_ref_name(name) is (run_git("check-ref-format", name).returncode == 0)
    assert is_valid_ref_name(name, one_level=True) is (
        run_git("check-ref-format", "--allow-onelevel", name).returncode == 0
    )


@given(st.lists(_pieces, max_size=8).map(lambda parts: "refs/" + "".join(parts)))
def test_below_refs_a_remote_may_use_any_valid_name(name: str):
    assert is_remote_ref_name(name) == is_valid_ref_name(name)


def test_the_longest_name_that_a_remote_may_use_is_the_longest_that_a_disk_holds():
    longest = "refs/" + "x" * (REF_NAME_BYTES_MAX - 5)
    assert is_remote_ref_name(longest)
    assert not is_remote_ref_name(longest + "x")
