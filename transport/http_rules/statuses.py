"""Explain an answer that is not a success: the status, the server's own text, and what to do next.

The server's text is shown only if it is text/plain (git's rule: pages of HTML don't help), made safe and
shortened. After an upload, each error says how much was sent, since that often explains it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from transport.errors import AuthenticationRequired, HttpStatusError, TransportError
from transport.http_rules.content import media_type
from transport.safe_text import one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["credential_words", "header", "size_text", "status_error"]

_TOO_LONG = "the server gave up waiting: push less at once (target_max_pack_bytes); look at the refs first"
_HINTS = {
    203: "something between here and the server changed the answer: is the URL right?",
    407: "a proxy on the way wants credentials; name it in HTTPS_PROXY or http_proxy, with user and password",
    408: _TOO_LONG,
    411: "the server takes no chunked bodies",
    413: "the server or a proxy limits the size of a push: push less at once (target_max_pack_bytes)",
    415: "the server is not a git server, or an old one",
    504: _TOO_LONG,
    524: _TOO_LONG,
}
_WITHOUT_CREDENTIALS = {
    403: "no credentials were sent: give some by {}",
    404: "is the URL right? A private repository wants credentials: {}",
}
_ABOUT_CREDENTIALS = {
    403: "the credentials from {} may lack the right to do this",
    404: "is the URL right, and do the credentials from {} give access to the repository?",
}
_REQUEST_IDS = ("x-github-request-id", "cf-ray", "x-request-id", "x-amzn-requestid")


def header(headers: Sequence[tuple[str, str]], name: str) -> str:
    """Return the first value of a header, or ""."""
    return next((value for key, value in headers if key.lower() == name), "")


def size_text(size: int) -> str:
    """Return a number of bytes as text for a message."""
    return f"{size} bytes" if size < 10_000 else f"{size / 1024 / 1024:.1f} MiB ({size} bytes)"


def credential_words(side: str) -> str:
    """Return how credentials are given: the option, and for a side of a run the command line's variable."""
    return f"{side}_token or PACKCORE_{side.upper()}_TOKEN" if side else "token"


def status_error(
    *,
    method: str,
    url: str,
    status: int,
    reason: str,
    headers: Sequence[tuple[str, str]],
    text: bytes,
    body_bytes_sent: int | None = None,
    credentials_from: str | None = None,
    side: str = "",
    credentials_by: str = "",
    proxy: str | None = None,
) -> TransportError:
    """Return the error for an answer.

    `side` is "source" or "target", or empty. `credentials_by` says how the user gives credentials; empty for
    the options of the command line. `proxy` is the proxy that the request went through, which may be
    what answered. `credentials_from` says where the credentials in the request came from; None means that
    there were none. `body_bytes_sent` is None if the request had no body, or one too small to matter.
    """
    through = f" through the proxy {proxy}" if proxy else ""
    message = f"{method} {url}{through}: HTTP {status}"
    if reason:
        message += f" {one_line(reason, limit=80)}"
    if body_bytes_sent is not None:
        message += f" after {size_text(body_bytes_sent)} of the body were sent"
    if 300 <= status < 400:
        message += " (a redirect on a request that is not the first is not followed)"
    retry_after = header(headers, "retry-after")
    if status in (429, 503) and retry_after:
        message += f"; retry after {one_line(retry_after, limit=40)}"
    if text and media_type(header(headers, "content-type")) == "text/plain":
        message += f"; remote: {one_line(text)}"
    identity = next((f"{key}: {value}" for key, value in headers if key.lower() in _REQUEST_IDS), "")
    if identity and status >= 500:
        message += f" [{one_line(identity, limit=120)}]"
    option = f"{side}_token" if side else "token"
    by = credentials_by or credential_words(side)
    if status in (401, 407):
        return AuthenticationRequired(message, hint=_HINTS.get(status))
    if status == 203 and media_type(header(headers, "content-type")) == "text/html":
        signing_in = f"a page to sign in, it seems: give credentials by {by}"
        return AuthenticationRequired(
            f"{message}: a page, and not git's answer", hint=signing_in, option=option
        )
    hint: str | None = _HINTS.get(status)
    if credentials_from and status in _ABOUT_CREDENTIALS:
        hint = _ABOUT_CREDENTIALS[status].format(credentials_from)
    elif status == 404 and side == "target":
        hint = f"has the repository been made there? If so, {_WITHOUT_CREDENTIALS[404].format(by)}"
    elif status in _WITHOUT_CREDENTIALS:
        hint = _WITHOUT_CREDENTIALS[status].format(by)
    if proxy and status in (403, 502, 503, 504):
        hint = f"it may be the proxy's answer: NO_PROXY goes around it{f'; or {hint}' if hint else ''}"
    named = f"target_max_pack_bytes {option}"
    return HttpStatusError(message, status=status, url=url, hint=hint, option=named)
