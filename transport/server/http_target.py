"""What an HTTP request is about: a service of a repository, or one of its files; and how it is refused.

    GET  /x.git/info/refs?service=git-upload-pack     the advertisement
    POST /x.git/git-upload-pack                       a request of the service
    GET  /x.git/info/refs, /x.git/HEAD, …             files, for the dumb protocol (`server.static_files`)

Specified in gitprotocol-http.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import parse_qs

from transport.http_rules.content import media_type
from transport.server.static_files import split_static_path

if TYPE_CHECKING:
    from transport.server.http_connection import HttpRequest

__all__ = ["Refused", "Target", "target_of"]

_SERVICES = ("git-upload-pack", "git-receive-pack")


class Refused(Exception):
    """An answer other than 200."""

    def __init__(self, status: int, text: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(text)
        self.status = status
        self.text = text
        self.headers = headers or {}


class Target(NamedTuple):
    """What a request is about."""

    repository: str
    service: str = ""
    """Empty where a file is asked for."""
    advertises: bool = False
    file: str = ""


def target_of(request: HttpRequest) -> Target:
    """Return what a request is about. Raises Refused."""
    if request.method not in ("GET", "HEAD", "POST"):
        raise Refused(501, "only GET and POST are understood here")
    path, _, query = _without_origin(request.target).partition("?")
    name, slash, last = path.rpartition("/")
    if path.endswith("/info/refs"):
        asked = _asked_services(query)
        if asked:
            _only(request, "GET")
            if len(asked) != 1 or asked[0] not in _SERVICES:
                raise Refused(403, "only the smart protocol of git is spoken here")
            return Target(path.removesuffix("/info/refs"), asked[0], advertises=True)
    if (parts := split_static_path(path)) is not None:
        _only(request, "GET", "HEAD")
        return Target(parts[0], file=parts[1])
    if not slash or last not in _SERVICES:
        raise Refused(404, "not found")
    _only(request, "POST")
    if media_type(request.header("content-type")) != f"application/x-{last}-request":
        raise Refused(415, f"the Content-Type must be application/x-{last}-request")
    return Target(name, last)


def _asked_services(query: str) -> list[str]:
    try:
        return parse_qs(query, keep_blank_values=True, max_num_fields=16).get("service", [])
    except ValueError:
        return ["?"]


def _only(request: HttpRequest, *methods: str) -> None:
    if request.method not in methods:
        allowed = ", ".join(methods)
        raise Refused(405, f"only {methods[0]} is understood here", {"Allow": allowed})


def _without_origin(target: str) -> str:
    """Return the path and query of a request's target, which names the server too where proxies sent it."""
    if not target.startswith("http://"):
        return target
    _, slash, path = target.removeprefix("http://").partition("/")
    return slash + path
