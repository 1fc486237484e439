"""Which words of a command line and an environment are secrets, before anything is parsed."""

from __future__ import annotations

import pytest

from cli.given_secrets import given_secrets


@pytest.mark.parametrize(
    ("arguments", "environment"),
    [
        (["sync", "--source-token", "hunter2", "a", "b"], {}),
        (["--target-bearer-token=hunter2"], {}),
        (["--source-header", "Authorization: Bearer hunter2"], {}),
        (["--source-header=Authorization: Basic bWU6aHVudGVyMg=="], {}),
        (["https://me:hunter2@h/x"], {}),
        (["--source-url=https://me:hunter%32@h/x"], {}),
        ([], {"GITSYNC_TARGET_TOKEN": "hunter2"}),
        ([], {"PACKCORE_SOURCE_BEARER_TOKEN": "hunter2"}),
        ([], {"PACKCORE_SOURCE_HEADER": "A: 1\nCookie: s=hunter2"}),
        ([], {"PACKCORE_SOURCE_URL": "https://me:hunter2@h/x"}),
        ([], {"https_proxy": "http://me:hunter2@proxy"}),
        ([], {"ALL_PROXY": "me:hunter2@proxy:3128"}),
    ],
)
def test_it_is_a_secret(arguments, environment):
    assert given_secrets(arguments, environment).mask("say hunter2!") == "say ***!"


@pytest.mark.parametrize(
    ("arguments", "environment"),
    [
        (["--source-username", "hunter2"], {}),
        (["https://hunter2@h/x"], {}),
        (["--source-tokens", "hunter2"], {}),
        ([], {"PACKCORE_SOURCE_USERNAME": "hunter2", "HOME": "hunter2", "OTHER": "hunter2"}),
    ],
)
def test_it_is_none(arguments, environment):
    assert given_secrets(arguments, environment).mask("say hunter2!") == "say hunter2!"
