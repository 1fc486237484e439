r"""The format of `git credential`: encode the question, parse the answer; starts no process.

    protocol=https\n host=h:8443\n path=team/x.git\n username=me\n wwwauth[]=Basic realm="x"\n \n     asked
    username=me\n password=secret\n                                                            answered

git decides whether the path counts (credential.useHttpPath). A value with a line break or NUL is never
written, and a question without protocol and host is never asked: either could get the password of another
host (CVE-2020-5260, CVE-2020-11008, CVE-2024-52006). See git-credential(1).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import unquote

from transport.auth import Credential
from transport.errors import AuthenticationRequired

if TYPE_CHECKING:
    from collections.abc import Sequence

    from transport.endpoint import Endpoint

__all__ = ["Filled", "encode_question", "encode_verdict", "parse_answer"]

_LINE_BREAKERS = re.compile(r"[\r\n\0]")
_ROUND_TRIP = ("password_expiry_utc", "oauth_refresh_token")
"""What a helper may add to an answer, and wants back with approve or reject."""


@dataclass(frozen=True, slots=True)
class Filled:
    """An answer: the credential, and the fields to send back with it."""

    credential: Credential
    extra: tuple[tuple[str, str], ...] = field(default=(), repr=False)


def encode_question(endpoint: Endpoint, challenges: Sequence[str] = ()) -> bytes:
    """Return the input of `git credential fill`. Raises AuthenticationRequired if it must not be asked."""
    lines = _place(endpoint)
    if endpoint.user:
        lines.append(("username", endpoint.user))
    # Headers come from the server; like git, we skip one with a line break.
    lines += [("wwwauth[]", value) for value in challenges if not _LINE_BREAKERS.search(value)]
    return _encode(lines)


def encode_verdict(endpoint: Endpoint, filled: Filled) -> bytes:
    """Return the input of `git credential approve` and `reject`."""
    credential = filled.credential
    return _encode(
        [
            *_place(endpoint),
            ("username", credential.username or ""),
            ("password", credential.secret),
            *filled.extra,
        ]
    )


def parse_answer(answer: bytes, endpoint: Endpoint) -> Filled | None:
    """Parse the output of `git credential fill`; None if it has no password for this endpoint.

    Raises AuthenticationRequired for a value that contains a line break.
    """
    values: dict[str, str] = {}
    for line in answer.decode("utf-8", "surrogateescape").split("\n"):
        name, equals, value = line.partition("=")
        if equals:
            values[name] = value
    username, password = values.get("username", endpoint.user or ""), values.get("password", "")
    if not password or values.get("host", _host(endpoint)) != _host(endpoint):
        return None
    if any(_LINE_BREAKERS.search(value) for value in (username, password)):
        raise AuthenticationRequired(
            f"git credential gave a user or password with a line break for {endpoint}"
        )
    if endpoint.user and username != endpoint.user:
        return None
    extra = tuple((name, values[name]) for name in _ROUND_TRIP if name in values)
    return Filled(Credential(username, password, "git credential"), extra)


def _place(endpoint: Endpoint) -> list[tuple[str, str]]:
    if not endpoint.scheme or not endpoint.host:
        raise AuthenticationRequired(f"{endpoint} names no host to ask credentials for")
    path = unquote(endpoint.path.partition("?")[0], errors="surrogateescape").strip("/")
    place = [("protocol", endpoint.scheme), ("host", _host(endpoint))]
    return [*place, ("path", path)] if path else place


def _host(endpoint: Endpoint) -> str:
    """Return host and port as git names them: decoded, with the zone id if there is one."""
    return unquote(endpoint.url_authority)


def _encode(lines: Sequence[tuple[str, str]]) -> bytes:
    for name, value in lines:
        if _LINE_BREAKERS.search(value):
            raise AuthenticationRequired(f"a {name} with a line break can't be given to git credential")
    text = "".join(f"{name}={value}\n" for name, value in lines)
    return f"{text}\n".encode("utf-8", "surrogateescape")
