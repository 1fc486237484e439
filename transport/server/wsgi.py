r"""The same server as a WSGI application (PEP 3333), for gunicorn, waitress, mod_wsgi and others.

    gunicorn --worker-class gthread --threads 16 'transport.server.wsgi:make_application("/srv/git")'
    PACKCORE_ROOT=/srv/git waitress-serve --threads 16 transport.server.wsgi:application

`application` is made when a server looks it up, from these variables, which mean what the options of
`packcore serve` mean:

    PACKCORE_ROOT          the folder; needed
    PACKCORE_ALLOW_PUSH    1 or true
    PACKCORE_EXPORT_ALL    1 or true
    PACKCORE_HTPASSWD      a file
    PACKCORE_MAX_PUSH      bytes

Of a request's own variables, REMOTE_ADDR, REMOTE_USER, GIT_COMMITTER_NAME, GIT_COMMITTER_EMAIL and
GIT_NAMESPACE count, as with git http-backend (`server.requester`): a web server or a middleware sets them,
and no header can.

The WSGI server speaks HTTP, listens, and bounds connections and silences; `server.http_handler` answers, as
under `packcore serve`. Answers go out by PEP 3333's `write` while they are made. A body is read while it
comes, where the server hands it on so. One without a Content-Length is taken where the server says that it
ends `wsgi.input` (`wsgi.input_terminated`); elsewhere it is refused with 411.
"""

from __future__ import annotations

import errno
import os
import re
import time
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_from_bytes

from packcore.limits import Limits
from packcore.logs import log
from transport.errors import InvalidRequest
from transport.server.htpasswd import Passwords
from transport.server.http_connection import HttpFault, HttpRequest
from transport.server.http_handler import Exchange
from transport.server.requester import Requester
from transport.server.served import ServedRepositories
from transport.server.settings import ServerSettings
from transport.server.simulation import Edge

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

__all__ = ["WsgiServer", "application_of", "make_application"]

_READ_BYTES = 64 * 1024
_TRUE, _FALSE = {"1", "true", "yes", "on"}, {"", "0", "false", "no", "off"}
_OF_THE_SERVER = {"server", "connection"}
"""Headers that a WSGI server sets itself."""
_LENGTH = re.compile("[0-9]{1,18}")
_OF_THE_BODY = {"CONTENT_TYPE", "CONTENT_LENGTH"}


class WsgiServer:
    """The application; what it is called with are one request and the way back."""

    def __init__(self, settings: ServerSettings) -> None:
        self.settings = settings
        self._edge = Edge(settings.simulation)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request. Raises ConnectionResetError where an answer broke off: it must have no end."""
        channel = _WsgiChannel(environ, start_response)
        requester = Requester.of(environ, namespace=self.settings.namespace)
        exchange = Exchange(channel, requester, self.settings, self._edge)
        exchange.serve(_request_of(environ))
        if not channel.has_ended:
            raise ConnectionResetError(errno.ECONNRESET, "the answer broke off")
        return []


def make_application(root: str | Path, *, export_all: bool = False, **settings: Any) -> WSGIApplication:
    """Return an application that serves the repositories below `root`.

    `settings` are the fields of ServerSettings, `repositories` aside; those about connections and silences
    are the WSGI server's to bound. Raises RepositoryError where `root` can't be served.
    """
    settings.setdefault("log", _log)
    return WsgiServer(ServerSettings(ServedRepositories(root, export_all=export_all), **settings))


def application_of(environment: Mapping[str, str]) -> WSGIApplication:
    """Return the application that variables describe. Raises InvalidRequest and RepositoryError."""
    root = environment.get("PACKCORE_ROOT")
    if not root:
        raise InvalidRequest("PACKCORE_ROOT is not set", hint="it names the folder with the repositories")
    passwords, max_push = environment.get("PACKCORE_HTPASSWD"), environment.get("PACKCORE_MAX_PUSH")
    if max_push and not (max_push.isascii() and max_push.isdecimal()):
        raise InvalidRequest(f"PACKCORE_MAX_PUSH must be a number of bytes, not {max_push!r}")
    return make_application(
        root,
        export_all=_switch(environment, "PACKCORE_EXPORT_ALL"),
        allow_push=_switch(environment, "PACKCORE_ALLOW_PUSH"),
        passwords=Passwords.read(Path(passwords)) if passwords else None,
        limits=Limits(pack_bytes=int(max_push)) if max_push else Limits(),
    )


def __getattr__(name: str) -> Any:
    """Make `application` when a server asks for it: nothing is read of the environment by an import."""
    if name != "application":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return globals().setdefault(name, application_of(os.environ))


def _switch(environment: Mapping[str, str], name: str) -> bool:
    word = environment.get(name, "").strip().lower()
    if word not in _TRUE | _FALSE:
        raise InvalidRequest(f"{name} must be 1 or 0, not {word!r}")
    return word in _TRUE


def _log(line: str) -> None:
    log("serve", line)


def _request_of(environ: WSGIEnvironment) -> HttpRequest:
    # PEP 3333: bytes, each as the character of that number.
    path = quote_from_bytes(environ.get("PATH_INFO", "").encode("latin-1"), safe="/")
    query = environ.get("QUERY_STRING", "")
    headers = [
        (name.removeprefix("HTTP_").replace("_", "-").lower(), value)
        for name, value in environ.items()
        if (name in _OF_THE_BODY and value) or (name.startswith("HTTP_") and name[5:] not in _OF_THE_BODY)
    ]
    version = environ.get("SERVER_PROTOCOL", "HTTP/1.1").removeprefix("HTTP/")
    return HttpRequest(environ["REQUEST_METHOD"], f"{path}?{query}" if query else path, version, headers)


class _WsgiChannel:
    """One request of a WSGI server."""

    def __init__(self, environ: WSGIEnvironment, start_response: StartResponse) -> None:
        self._input = environ["wsgi.input"]
        self._start_response = start_response
        length = environ.get("CONTENT_LENGTH") or ""
        self._ends_itself = bool(environ.get("wsgi.input_terminated"))
        has_no_length = not length and self._ends_itself and environ["REQUEST_METHOD"] == "POST"
        self._is_chunked = bool(environ.get("HTTP_TRANSFER_ENCODING")) or has_no_length
        self._is_bad = bool(length) and not _LENGTH.fullmatch(length)
        self._left = int(length) if length and not self._is_bad else 0
        self._is_done = False
        self.gives_way = False
        self.deadline = self.idle_seconds = float("inf")
        self.has_ended = False

    def body(self) -> Iterator[bytes]:
        """Yield the body, or what is left of it. Raises HttpFault if it is cut short or can't be read."""
        if self._is_bad:
            raise HttpFault(400, "the Content-Length (CONTENT_LENGTH) is no number of bytes")
        if self._is_chunked and not self._ends_itself:
            raise HttpFault(411, "a Content-Length is needed: this WSGI server hands on no chunked bodies")
        while not self._is_done:
            self._check_time()
            size = _READ_BYTES if self._is_chunked else min(_READ_BYTES, self._left)
            block = self._input.read(size) if size else b""
            if not block:
                self._is_done = True
                if self._left:
                    raise HttpFault(400, "the body was cut short")
                return
            self._left -= 0 if self._is_chunked else len(block)
            yield block

    def read_rest(self) -> None:
        """Take what the client still sends, so that it lives to see its answer."""
        for _ in self.body():
            pass

    def respond(self, status: int, headers: Sequence[tuple[str, str]]) -> None:
        """Begin the answer."""
        reason = HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else "Unknown"
        kept = [(name, value) for name, value in headers if name.lower() not in _OF_THE_SERVER]
        self._write = self._start_response(f"{status} {reason}", kept)

    def write(self, data: bytes) -> None:
        """Send a part of the answer's body."""
        self._check_time()
        self._write(data)

    def end(self) -> None:
        """Note that the answer is whole; its end is sent by the server."""
        self.has_ended = True

    def close_after_this(self) -> None:
        """Do nothing: whether the connection goes on is up to the server."""

    def _check_time(self) -> None:
        if time.monotonic() > self.deadline:
            raise TimeoutError("the request takes too long")
