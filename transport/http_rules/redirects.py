"""Which redirects of `info/refs` are followed, and the base URL that they yield for the POSTs.

The rules are those of git's http.followRedirects=initial, but stricter: https never becomes http.

    GET  <base>/info/refs?service=X  -> 301 302 303 307 308 -> <new base>/info/refs?service=X    at most 20
    POST                             -> never

The last URL must end exactly in what was requested; the part before that is the new base. So a server can't
send us to an arbitrary URL, and credentials stay with the origin that they were given for.
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
    """Return the repository's path in one of our request targets, for messages.

    >>> repository_path("/x.git/info/refs?service=git-upload-pack"), repository_path("/x/git-receive-pack")
    ('/x.git', '/x')
    """
    return re.sub(r"/(info/refs[?&]service=)?git-(upload|receive)-pack\Z", "", target)


def is_login_page(location: str) -> bool:
    """Return whether a redirect leads to a sign-in page, which is how Azure DevOps says 401."""
    try:
        return "/_signin" in urlsplit(location).path
    except ValueError:
        return False


def redirected(current: Endpoint, location: str) -> Endpoint:
    """Return the endpoint that a Location header leads to from `current` (whose path is the request target).

    Drops user and password. Raises RemoteProtocolError for targets that are not followed.
    """
    if not location:
        raise RemoteProtocolError(f"{current} redirects, but names no Location")
    plain = f"{current.scheme}://{current.url_authority}{current.path}"
    try:
        target = Endpoint.parse(urljoin(plain, location)).without_user()
    except (ValueError, InvalidEndpoint):
        raise RemoteProtocolError(f"{current} redirects to an invalid URL") from None
    if not target.is_http:
        raise RemoteProtocolError(f"{current} redirects to {target.scheme}:, which is not followed")
    if current.scheme == "https" and target.scheme != "https":
        raise RemoteProtocolError(f"{current} redirects from https to http, which is not followed")
    return target


def rebase(final: Endpoint, asked: Endpoint, service: Service) -> Endpoint:
    """Return the endpoint of the repository after redirects, from the URL that answered in the end.

    Raises RemoteProtocolError if that doesn't end in the request that was sent to `asked`, the first
    endpoint.
    """
    tail = _tail(service, asked.path)
    if not final.path.endswith(tail):
        raise RemoteProtocolError(
            f"{asked} redirects to {final}, which is not the same request elsewhere",
            hint="use the repository's own URL",
        )
    return final.with_path(final.path[: -len(tail)])
