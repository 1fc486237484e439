"""Which redirects of `info/refs` are followed, and what base URL they leave for the POSTs.

The rules are git's http.followRedirects=initial, made a little stricter (https never falls to http):

    GET  <base>/info/refs?service=X  -> 301 302 303 307 308 -> <new base>/info/refs?service=X    at most 20
    POST                             -> never

The last URL must end in exactly what was asked; what stands before that is the new base. A server can't
thus send us to a URL of its own making, and credentials stay with the origin that they were given for.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from transport.endpoint import Endpoint
from transport.errors import InvalidEndpoint, RemoteProtocolError

if TYPE_CHECKING:
    from transport.base import Service

__all__ = [
    "REDIRECTS_MAX",
    "REDIRECT_STATUSES",
    "info_refs_path",
    "is_login_page",
    "rebase",
    "redirected",
    "repository_path",
    "rpc_path",
]

REDIRECTS_MAX = 20
REDIRECT_STATUSES = frozenset({301, 302, 303, 307, 308})


def _tail(service: Service, base_path: str) -> str:
    return f"/info/refs{'&' if '?' in base_path else '?'}service={service}"


def info_refs_path(base_path: str, service: Service) -> str:
    """Return the request target of the advertisement, below a repository's path without its last slash."""
    return base_path + _tail(service, base_path)


def rpc_path(base_path: str, service: Service) -> str:
    """Return the request target of a service, below a repository's path without its last slash."""
    return f"{base_path}/{service}"


def repository_path(target: str) -> str:
    """Return a request target of ours without what it asks of the repository: for messages.

    >>> repository_path("/x.git/info/refs?service=git-upload-pack"), repository_path("/x/git-receive-pack")
    ('/x.git', '/x')
    """
    return re.sub(r"/(info/refs[?&]service=)?git-(upload|receive)-pack\Z", "", target)


def is_login_page(location: str) -> bool:
    """Tell whether a redirect leads to a sign-in page: Azure DevOps' way of saying 401."""
    try:
        return "/_signin" in urlsplit(location).path
    except ValueError:
        return False


def redirected(current: Endpoint, location: str) -> Endpoint:
    """Return where a Location header leads from `current` (whose path is the request target).

    User and password in it are dropped. Raises RemoteProtocolError for targets that are not followed.
    """
    if not location:
        raise RemoteProtocolError(f"{current} redirects, but names no Location")
    plain = f"{current.scheme}://{current.url_authority}{current.path}"
    try:
        target = Endpoint.parse(urljoin(plain, location)).without_user()
    except (ValueError, InvalidEndpoint):
        raise RemoteProtocolError(f"{current} redirects to something that is no URL") from None
    if not target.is_http:
        raise RemoteProtocolError(f"{current} redirects to {target.scheme}:, which is not followed")
    if current.scheme == "https" and target.scheme != "https":
        raise RemoteProtocolError(f"{current} redirects from https to http, which is not followed")
    return target


def rebase(final: Endpoint, asked: Endpoint, service: Service) -> Endpoint:
    """Return the repository's endpoint after redirects, from the URL that answered at last.

    Raises RemoteProtocolError if it doesn't end in what was asked of `asked`, the endpoint before.
    """
    tail = _tail(service, asked.path)
    if not final.path.endswith(tail):
        raise RemoteProtocolError(
            f"{asked} redirects to {final}, which is not the same request elsewhere",
            hint="use the repository's own URL",
        )
    return final.with_path(final.path[: -len(tail)])
