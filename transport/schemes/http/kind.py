"""Decide whether a 200 is the answer of a git server, or a page of something else at this URL.

    GET info/refs    the Content-Type decides, as in git: only x-git-…-advertisement is smart HTTP
    POST             the right Content-Type, or a body that begins like a pkt-line

git never checks the type of the answer to a POST: some servers send that of an advertisement, and some
proxies change it to application/octet-stream or text/plain. The first four bytes still rule out a sign-in
page.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from transport.errors import RemoteProtocolError
from transport.http_rules.content import media_type
from transport.http_rules.statuses import header
from transport.safe_text import one_line

if TYPE_CHECKING:
    from transport.base import Service
    from transport.schemes.http.exchange import Exchange

__all__ = ["check_advertisement", "check_result"]

_LENGTH = re.compile(rb"[0-9a-fA-F]{4}")
_LENGTH_BYTES = 4


def check_advertisement(exchange: Exchange, service: Service) -> None:
    """Raise RemoteProtocolError for a 200 that is not an advertisement of the service."""
    if _type(exchange) != f"application/x-{service}-advertisement":
        raise _not_git(exchange)


def check_result(exchange: Exchange, service: Service) -> None:
    """Raise RemoteProtocolError for a 200 that is not a result of the service."""
    if _type(exchange) == f"application/x-{service}-result":
        return
    if not _LENGTH.match(exchange.first_bytes(_LENGTH_BYTES)):
        raise _not_git(exchange)
    exchange.note(f"the answer has type {_shown(exchange)}, but is read anyway")


def _type(exchange: Exchange) -> str:
    return media_type(header(exchange.head.headers, "content-type"))


def _shown(exchange: Exchange) -> str:
    return one_line(_type(exchange), limit=80) or "none"


def _not_git(exchange: Exchange) -> RemoteProtocolError:
    text = one_line(exchange.error_text()) if _type(exchange) == "text/plain" else ""
    said = f"; remote: {text}" if text else ""
    return RemoteProtocolError(
        f"{exchange.request.url} not valid: not a git repository over smart HTTP "
        f"(content type {_shown(exchange)}){said}",
        hint="is the URL right? A sign-in page or a server of the old dumb protocol answers like this",
    )
