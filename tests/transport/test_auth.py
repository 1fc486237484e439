"""The keyring: which credential goes where, and what its source hears of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from transport.auth import Credential, Keyring
from transport.endpoint import Endpoint
from transport.errors import AuthenticationRequired, InvalidOption
from transport.options import TransportOptions

if TYPE_CHECKING:
    from collections.abc import Sequence

HERE = Endpoint.parse("https://me@here.example/x.git")
ELSEWHERE = Endpoint.parse("https://elsewhere.example/x.git")


@dataclass
class Source:
    """A source that knows one password, and notes what it hears."""

    heard: list[str] = field(default_factory=list)
    knows: bool = True

    def fill(self, endpoint: Endpoint, *, challenges: Sequence[str], redirected: bool) -> Credential | None:
        self.heard.append(f"fill {endpoint.user}@{endpoint.host} {','.join(challenges)} {redirected}")
        if not self.knows:
            return None
        return Credential(endpoint.user, "hush", "a source")

    def approve(self, endpoint: Endpoint, credential: Credential) -> None:
        self.heard.append(f"approve {endpoint.host}")

    def reject(self, endpoint: Endpoint, credential: Credential) -> None:
        self.heard.append(f"reject {endpoint.host}")


def renew(keyring: Keyring, url: Endpoint, sent: Credential | None = None) -> Credential | None:
    keyring.renew(url.without_user(), sent, challenges=["Basic"], through_proxy=False)
    return keyring.credential(url, through_proxy=False)


def test_a_source_is_asked_for_the_origin_that_answered_and_for_the_user_typed_there() -> None:
    source = Source()
    keyring = Keyring(HERE, TransportOptions(), [source])
    assert keyring.credential(HERE, through_proxy=False) is None
    assert renew(keyring, HERE) == Credential("me", "hush", "a source")
    assert keyring.credential(ELSEWHERE, through_proxy=False) is None
    assert renew(keyring, ELSEWHERE) is not None
    assert source.heard == ["fill me@here.example Basic False", "fill None@elsewhere.example Basic True"]


@pytest.mark.fault(17)
def test_a_source_is_told_whether_its_credential_was_accepted() -> None:
    source = Source()
    keyring = Keyring(HERE, TransportOptions(), [source])
    sent = renew(keyring, HERE)
    keyring.accepted(HERE, sent)
    with pytest.raises(AuthenticationRequired, match="from a source") as caught:
        renew(keyring, HERE, sent)
    assert "hush" not in str(caught.value)
    assert source.heard[1:] == ["approve here.example", "reject here.example"]


@pytest.mark.fault(17)
def test_a_given_credential_that_is_refused_asks_no_source() -> None:
    source = Source()
    keyring = Keyring(HERE, TransportOptions(token="hush"), [source])
    sent = keyring.credential(HERE, through_proxy=False)
    with pytest.raises(AuthenticationRequired, match="from the token given"):
        renew(keyring, HERE, sent)
    assert source.heard == []


@pytest.mark.parametrize(
    ("url", "options", "words"),
    [
        ("https://h/x", {"token": "hush", "given_by": {"token": "BACKUP_TOKEN"}}, "from BACKUP_TOKEN"),
        ("https://h/x", {"bearer_token": "hush", "given_by": {"bearer_token": "--b"}}, "from --b"),
        ("https://me:hush@h/x", {"side": "target"}, "target https://h/x: it refused .* from the URL"),
        ("https://:hush@h/x", {}, "from the URL"),
        (
            "https://h/x",
            {"headers": (("Authorization", "Basic hush"),), "given_by": {"headers": "--source-header"}},
            "Authorization header of --source-header",
        ),
    ],
)
def test_a_refusal_names_where_the_credential_came_from(url, options, words) -> None:
    endpoint = Endpoint.parse(url)
    keyring = Keyring(endpoint, TransportOptions(**options), [])
    with pytest.raises(AuthenticationRequired, match=words) as caught:
        renew(keyring, endpoint, keyring.credential(endpoint, through_proxy=False))
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"token": "hu\nsh", "given_by": {"token": "--target-token"}}, "--target-token"),
        ({"bearer_token": "hush\u00fc", "given_by": {"bearer_token": "BACKUP"}}, "BACKUP"),
        ({"username": "hush:"}, "the username given"),
    ],
)
def test_a_value_that_cannot_be_sent_is_named_and_not_shown(options, words) -> None:
    with pytest.raises(InvalidOption, match=words) as caught:
        TransportOptions(**options)
    assert "sh" not in str(caught.value)


def test_a_user_alone_is_sent_with_an_empty_password_after_all_sources() -> None:
    asked = Source(knows=False)
    keyring = Keyring(HERE, TransportOptions(), [asked])
    sent = renew(keyring, HERE)
    assert sent is not None
    assert sent.header_value() == "Basic bWU6"
    assert asked.heard == ["fill me@here.example Basic False"]
    with pytest.raises(AuthenticationRequired, match="the URL, which names a user and no password"):
        renew(keyring, HERE, sent)


def test_a_user_alone_is_not_sent_elsewhere() -> None:
    keyring = Keyring(HERE, TransportOptions(), [])
    with pytest.raises(AuthenticationRequired, match="wants credentials"):
        renew(keyring, ELSEWHERE)


def test_bytes_that_are_not_utf8_are_sent_as_they_were_typed() -> None:
    endpoint = Endpoint.parse("https://me:%FC@h/x")
    sent = Keyring(endpoint, TransportOptions(), []).credential(endpoint, through_proxy=False)
    assert sent is not None
    assert sent.header_value() == "Basic bWU6/A=="


def test_a_credential_does_not_show_itself() -> None:
    assert "hush" not in repr(Credential("hush", "hush", "options"))
