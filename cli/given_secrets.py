"""The secrets that stand on the command line and in the environment, known before a word of it is parsed.

    --source-token T, --target-header 'Name: value', …      options, and the variables that stand for them
    --push-option ci.variable=TOKEN=T                       by its name, or what it looks like
    https://user:password@host/…                            URLs in any argument, or variable of ours
    http_proxy, HTTPS_PROXY, …                              user and password of proxies

What is found later (netrc, `git credential`, a manifest) the transport and the manifest add themselves.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from transport.secrets import Secrets

__all__ = ["add_given", "given_secrets"]

_OPTION = re.compile(r"--(?:source|target)-(token|bearer-token|header|username)\Z")
_VARIABLE = re.compile(r"(?:PACKCORE|GITSYNC)_(?:SOURCE|TARGET)_(TOKEN|BEARER_TOKEN|HEADER|USERNAME)\Z")
_PUSH_OPTIONS = re.compile(r"(?:PACKCORE|GITSYNC)_PUSH_OPTIONS?\Z")
_PROXY = re.compile(r"(?:https?|all)_proxy\Z", re.IGNORECASE)
_USERINFO = re.compile(r"//([^/?#\s'\"]*)@")


def given_secrets(arguments: Sequence[str], environment: Mapping[str, str]) -> Secrets:
    """Return what a run knows from its start."""
    from transport.agent import OWN_VARIABLES
    from transport.secrets import Secrets

    secrets = Secrets()
    for index, word in enumerate(arguments):
        name, equals, value = word.partition("=")
        if found := _OPTION.match(name):
            add_given(secrets, found[1], value if equals else "".join(arguments[index + 1 : index + 2]))
        if name == "--push-option":
            secrets.add_push_option(value if equals else "".join(arguments[index + 1 : index + 2]))
        _add_urls(secrets, word)
    for name, value in environment.items():
        if found := _VARIABLE.match(name):
            for line in value.splitlines():
                add_given(secrets, found[1].lower().replace("_", "-"), line)
        if _PUSH_OPTIONS.match(name):
            for line in value.splitlines():
                secrets.add_push_option(line)
        if _PROXY.match(name):
            _add_urls(secrets, value if "://" in value else f"http://{value}")
        elif name.startswith(OWN_VARIABLES):
            _add_urls(secrets, value)
    return secrets


def add_given(secrets: Secrets, kind: str, value: str) -> None:
    """Add the value of an option of a side: `kind` is its name behind `--source-`."""
    if kind == "header":
        name, _, value = value.partition(":")
        secrets.add_header(name.strip(), value)
    elif kind == "username":
        secrets.add_user(value)
    else:
        secrets.add(value)


def _add_urls(secrets: Secrets, text: str) -> None:
    for found in _USERINFO.finditer(text):
        user, colon, password = found[1].partition(":")
        secrets.add_url(unquote(user), unquote(password) if colon else None)
