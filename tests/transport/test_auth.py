"""The keyring: which credential goes where, and what its source hears of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from transport.auth import Credential, Keyring
from transport.endpoint import Endpoint
from transport.errors import AuthenticationRequired
from transport.options import TransportOptions

if TYPE_CHECKING:
    from collections.abc import Sequence

HERE = Endpoint.parse("https://me@here.example/x.git")
ELSEWHERE = Endpoint.parse("https://elsewhere.example/x.git")


@dataclass
class Source:
    """A source that knows one password, and notes what it hears."""

    heard: list[str] = field(default_factory=list)

    def fill(self, endpoint: Endpoint, *, challenges: Sequence[str], redirected: bool) -> Credential | None:
        self.heard.append(f"fill {endpoint.user}@{endpoint.host} {','.join(challenges)} {redirected}")
        return Credential(endpoint.user, "hush", "a source")

    def approve(self, endpoint: Endpoint, credential: Credential) -> None:
        self.heard.append(f"approve {endpoint.host}")

    def reject(self, endpoint: Endpoint, credential: Credential) -> None:
        self.heard.append(f"reject {endpoint.host}")


def settle(keyring: Keyring, url: Endpoint, sent: Credential | None = None) -> Credential | None:
    keyring.settle(url.without_user(), sent, challenges=["Basic"], through_proxy=False)
    return keyring.credential(url, through_proxy=False)


def test_a_source_is_asked_for_the_origin_that_answered_and_for_the_user_typed_there() -> None:
    source = Source()
    keyring = Keyring(HERE, TransportOptions(), [source])
    assert keyring.credential(HERE, through_proxy=False) is None
    assert settle(keyring, HERE) == Credential("me", "hush", "a source")
    assert keyring.credential(ELSEWHERE, through_proxy=False) is None
    assert settle(keyring, ELSEWHERE) is not None
    assert source.heard == ["fill me@here.example Basic False", "fill None@elsewhere.example Basic True"]


@pytest.mark.fault(17)
def test_a_source_hears_whether_its_credential_was_taken() -> None:
    source = Source()
    keyring = Keyring(HERE, TransportOptions(), [source])
    sent = settle(keyring, HERE)
    keyring.accepted(HERE, sent)
    with pytest.raises(AuthenticationRequired, match="from a source") as caught:
        settle(keyring, HERE, sent)
    assert "hush" not in str(caught.value)
    assert source.heard[1:] == ["approve here.example", "reject here.example"]


@pytest.mark.fault(17)
def test_a_given_credential_that_is_refused_asks_no_source() -> None:
    source = Source()
    keyring = Keyring(HERE, TransportOptions(token="hush"), [source])
    sent = keyring.credential(HERE, through_proxy=False)
    with pytest.raises(AuthenticationRequired, match="from options"):
        settle(keyring, HERE, sent)
    assert source.heard == []


def test_a_credential_does_not_show_itself() -> None:
    assert "hush" not in repr(Credential("hush", "hush", "options"))
