"""Options of git, and the answer to each."""

from __future__ import annotations

import pytest

from transport.remote_helper.fetch_rpc import fetch_pack_words
from transport.remote_helper.options import HelperOptions

OID = "1b" * 20


@pytest.mark.parametrize(
    ("name", "value", "answer"),
    [
        ("verbosity", "2", "ok"),
        ("verbosity", "loud", "error the value must be a number"),
        ("progress", "true", "ok"),
        ("progress", "maybe", "error the value must be true or false"),
        ("from-promisor", "1", "ok"),
        ("dry-run", "true", "ok"),
        ("atomic", "true", "ok"),
        ("force-if-includes", "true", "ok"),
        ("cas", f"refs/heads/main:{OID}", "ok"),
        ("cas", "refs/heads/main:12", "error the value must be a ref, a colon and an id"),
        ("push-option", "ci.skip", "ok"),
        ("push-option", "a\nb", "error a push option can't hold a line break or a NUL"),
        ("depth", "3", "ok"),
        ("deepen-since", "1112911993", "ok"),
        ("deepen-not", "topic", "ok"),
        ("filter", "blob:none", "ok"),
        ("object-format", "true", "ok"),
        ("object-format", "sha256", "ok"),
        ("object-format", "md5", "error unknown object format"),
        ("pushcert", "true", "unsupported"),
        ("servpath", "/bin/x", "unsupported"),
        ("family", "ipv4", "unsupported"),
        ("no-such-option", "1", "unsupported"),
    ],
)
def test_each_option_has_its_answer(name, value, answer):
    assert HelperOptions().set(name, value) == answer


def test_a_flag_can_be_taken_back():
    options = HelperOptions()
    options.set("progress", "true")
    assert options.progress
    options.set("progress", "false")
    assert not options.progress


def test_leases_and_push_options_hold_for_one_batch():
    options = HelperOptions()
    options.set("cas", f"refs/heads/main:{OID}")
    options.set("push-option", "one")
    options.set("push-option", "two")
    assert options.leases == {"refs/heads/main": OID}
    assert options.push_options == ["one", "two"]
    options.end_batch()
    assert (options.leases, options.push_options) == ({}, [])


def test_fetch_pack_is_told_what_git_asked_of_us():
    options = HelperOptions()
    for name, value in (
        ("progress", "true"), ("depth", "2"), ("deepen-relative", "true"), ("deepen-not", "a"),
        ("deepen-not", "b"), ("deepen-since", "17"), ("filter", "blob:none"), ("from-promisor", "1"),
        ("cloning", "true"), ("followtags", "true"), ("check-connectivity", "true"),
        ("update-shallow", "true"), ("verbosity", "3"),
    ):  # fmt: skip
        assert options.set(name, value) == "ok"
    assert set(fetch_pack_words(options)) == {
        "--stdin", "--lock-pack", "--thin", "--depth=2", "--deepen-relative", "--shallow-exclude=a",
        "--shallow-exclude=b", "--shallow-since=17", "--filter=blob:none", "--from-promisor", "--cloning",
        "--include-tag", "--check-self-contained-and-connected", "--update-shallow", "-v",
    }  # fmt: skip
