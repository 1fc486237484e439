"""git's configuration as options, with git itself as the judge of which URL a setting is for."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest

from tests.support import git_bytes, run_git
from transport.errors import InvalidOption
from transport.remote_helper.git_config import parse_config, settings_for

if TYPE_CHECKING:
    from collections.abc import Sequence

URL = "https://me@git.example.com/team/x.git"

PATTERNS = [
    "https://git.example.com", "https://git.example.com/", "https://git.example.com/team",
    "https://git.example.com/team/x.git", "https://git.example.com/tea", "https://git.example.com/Team",
    "https://git.example.com:443/", "https://git.example.com:8443/", "http://git.example.com/",
    "https://*.example.com/", "https://*.com/", "https://git.*.com/team", "https://example.com/",
    "https://me@git.example.com/", "https://you@git.example.com/", "https://GIT.example.com/",
    "https://git.example.com/a/../team", "https://git.example.com/%74eam", "https://*/",
]  # fmt: skip


def settings(config: Sequence[tuple[str, str | None]], url: str = URL, remote: str = "o", **environment: str):
    return settings_for(config, url, remote, environment)


@pytest.mark.parametrize("patterns", [*[(p,) for p in PATTERNS], *itertools.permutations(PATTERNS[:4], 2),
                                      ("https://*.example.com/team", "https://git.example.com/"),
                                      ("https://me@git.example.com/", "https://git.example.com/team")],
                         ids=" ".join)  # fmt: skip
def test_the_setting_that_counts_is_the_one_that_git_takes(tmp_path, patterns):
    file = tmp_path / "config"
    file.write_text(
        "".join(f'[http "{pattern}"]\n\tproxy = p{number}\n' for number, pattern in enumerate(patterns))
    )
    told = run_git("config", "--file", file, "--get-urlmatch", "http.proxy", URL)
    expected = told.stdout.decode().strip() or None
    listed = git_bytes("config", "--file", file, "-z", "--list")
    assert settings(parse_config(listed)).environment.get("https_proxy") == expected


def test_headers_add_up_and_an_empty_one_takes_them_back():
    config = [
        ("http.extraheader", "X-Lost: 1"),
        ("http.extraheader", ""),
        ("http.extraheader", "X-One: 1"),
        ("http.https://git.example.com/.extraheader", "Authorization: basic abc"),
        ("http.https://elsewhere.example.com/.extraheader", "X-Not: here"),
    ]
    assert settings(config).headers == (("X-One", "1"), ("Authorization", "basic abc"))


@pytest.mark.parametrize(
    ("value", "environment", "verified"),
    [("false", {}, False), ("0", {}, False), ("true", {}, True), (None, {}, True),
     ("true", {"GIT_SSL_NO_VERIFY": "1"}, False)],
)  # fmt: skip
def test_certificates_are_checked_unless_git_is_told_not_to(value, environment, verified):
    assert settings([("http.sslverify", value)], **environment).ssl_verify is verified


def test_variables_of_git_come_before_its_configuration():
    found = settings([("http.sslcainfo", "a.pem")], GIT_SSL_CAINFO="b.pem")
    assert found.ca_info == "b.pem"


def test_the_proxy_of_a_remote_comes_before_that_of_http():
    config = [("http.proxy", "http://one"), ("remote.o.proxy", "http://two")]
    assert settings(config).environment["https_proxy"] == "http://two"
    assert settings(config, remote="other").environment["https_proxy"] == "http://one"


def test_ssh_is_run_as_git_runs_it():
    config = [("core.sshcommand", "ssh -i key"), ("ssh.variant", "ssh")]
    assert settings(config).environment == {"GIT_SSH_COMMAND": "ssh -i key", "GIT_SSH_VARIANT": "ssh"}
    assert "GIT_SSH_COMMAND" not in settings(config, GIT_SSH_COMMAND="ssh -v").environment


def test_settings_of_our_own():
    found = settings(
        [("packcore.strategy", "git-like"), ("packcore.maxpackbytes", "100m"), ("packcore.jobs", "2"),
         ("packcore.selectbudget", "2.5"), ("packcore.maxrefupdates", "500"), ("packcore.retries", "3"),
         ("packcore.idletimeout", "30")]
    )  # fmt: skip
    assert (found.strategy, found.pack_bytes_max, found.jobs) == ("git-like", 100 << 20, 2)
    assert (found.select_budget_seconds, found.ref_updates_max) == (2.5, 500)
    assert (found.retries, found.idle_timeout_seconds) == (3, 30.0)


@pytest.mark.parametrize(
    ("key", "value"),
    [("http.sslverify", "perhaps"), ("http.extraheader", "no colon"), ("packcore.maxpackbytes", "much"),
     ("packcore.idletimeout", "-1"), ("packcore.idletimeout", "nan"), ("packcore.selectbudget", "soon")],
)  # fmt: skip
def test_a_value_that_makes_no_sense_is_named(key, value):
    with pytest.raises(InvalidOption) as raised:
        settings([(key, value)])
    assert key in str(raised.value).lower()


def test_a_client_certificate_is_named_as_what_cannot_be_heeded():
    assert settings([("http.sslcert", "me.pem")]).unspoken == ("http.sslcert",)
