"""Answers `GET /metrics`, on a port of its own, with the counts of a server."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from transport.server.http_connection import HttpFault

if TYPE_CHECKING:
    from transport.server.http_connection import HttpConnection, HttpRequest
    from transport.server.settings import ServerSettings

__all__ = ["serve_metrics"]

_PATH = "/metrics"
_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_IDLE_SECONDS = 30


def serve_metrics(connection: HttpConnection, settings: ServerSettings) -> None:
    """Answer requests until the connection ends. Raises OSError where it breaks."""
    while True:
        connection.begin_request(settings.head_seconds, _IDLE_SECONDS)
        try:
            request = connection.next_request()
            if request is None:
                return
            connection.read_rest()
        except HttpFault as fault:
            connection.close_after_this()
            with suppress(OSError):
                _send(connection, fault.status, str(fault))
            return
        _answer(connection, request, settings)
        if not connection.goes_on:
            return


def _answer(connection: HttpConnection, request: HttpRequest, settings: ServerSettings) -> None:
    if request.target.partition("?")[0] != _PATH:
        _send(connection, 404, f"not found: there is {_PATH}\n")
    elif request.method != "GET":
        _send(connection, 405, "only GET is understood here\n", ("Allow", "GET"))
    else:
        _send(connection, 200, settings.counts.text(settings.packs))


def _send(connection: HttpConnection, status: int, text: str, *headers: tuple[str, str]) -> None:
    data = text.encode()
    content = [("Content-Type", _TYPE), ("Content-Length", str(len(data)))]
    connection.respond(status, [*content, *headers])
    connection.write(data)
    connection.end()
