"""A server that sends back every credential it is sent, in many forms, at one place of the protocol each.

    unauthorized    401, also to what was right        status line, headers, text, set cookies
    broken          500                                the same, and a request id
    elsewhere       a redirect into nowhere            Location
    redirected      a redirect to the same server      Location, then as `refs`
    a page          200, but no git                    text
    no http         what is no answer at all           its first bytes
    ERR             200, and a line of an error        ERR
    refs            an advertisement, then a pack      names of refs, symrefs, agent, side-band 2 and 3
    refused         takes a push and refuses it        side-band 2, unpack and ng lines
    torn            an advertisement that breaks off   a pkt-line that is none

It asks for credentials first, so that netrc and helpers are asked too, and serves as a proxy.
"""

from __future__ import annotations

import base64
import html
import json
import re
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["PLACES", "EchoServer", "echo_server"]

PLACES = (
    "unauthorized",
    "broken",
    "elsewhere",
    "redirected",
    "a page",
    "no http",
    "ERR",
    "refs",
    "refused",
    "torn",
)

_OID = "8ab686eafeb1f44702738c8b0f24f2567c36da6d"
_SENT = ("Authorization", "Proxy-Authorization", "Cookie", "X-Secret")


def _pkt(data: bytes) -> bytes:
    return b"%04x%s" % (len(data) + 4, data)


class EchoServer(ThreadingHTTPServer):
    """Knows where it is to say what it heard."""

    daemon_threads = True

    def __init__(self, place: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.place = place
        self.heard: set[str] = set()
        """Each value of a header that could hold a credential."""
        self.options: set[str] = set()
        """Each push option."""

    @property
    def authority(self) -> str:
        """Where it listens."""
        return f"127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is none of its business."""


@contextmanager
def echo_server(place: str) -> Iterator[EchoServer]:
    """Serve until the block is left."""
    with EchoServer(place) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield server
        finally:
            server.shutdown()


class _Handler(BaseHTTPRequestHandler):
    server: EchoServer

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Stay silent."""

    def do_GET(self) -> None:
        place = self.server.place
        echo = self._echo()
        if "Authorization" not in self.headers and "Proxy-Authorization" not in self.headers:
            return self._send(401, "sign in", echo, [("WWW-Authenticate", 'Basic realm="x"')])
        if place == "no http":
            self.wfile.write(echo[-40:].encode("utf-8", "replace") + b" hello " + echo.encode() + b"\r\n\r\n")
        elif place == "a page":
            self._send(200, "OK", echo)
        elif place == "elsewhere":
            self._send(
                302, "go on", echo, [("Location", f"//nowhere.invalid:1/{quote(echo)}?t={quote(echo)}")]
            )
        elif place == "redirected" and "/moved/" not in self.path:
            told = quote(self._words()[0], safe="")
            rest = f"{told}/moved/x.git/info/refs?{self.path.partition('?')[2]}"
            self._send(301, "go on", echo, [("Location", f"/{rest}")])
        elif place in ("refs", "refused", "redirected"):
            self._advertise("refs" if place == "redirected" else place)
        elif place in ("ERR", "torn"):
            line = _pkt(b"ERR access denied for " + echo.encode())
            self._git(line if place == "ERR" else b"zz" + echo.encode())
        else:
            self._send(401 if place == "unauthorized" else 500, self._echo(200), echo)
        return None

    def do_POST(self) -> None:
        self.server.options |= _push_options(self._read_body())
        lines = [_pkt(b"\x02" + part.encode() + b"\n") for part in self._words()]
        if self.server.place == "refused":
            words = self._echo(900).encode()
            report = _pkt(b"unpack " + words + b"\n") + _pkt(b"ng refs/heads/main " + words + b"\n") + b"0000"
            return self._git(b"".join(lines) + _pkt(b"\x01" + report) + b"0000", "result")
        lines.append(_pkt(b"\x03" + self._echo(900).encode()))
        return self._git(_pkt(b"NAK\n") + b"".join(lines) + b"0000", "result")

    # -- what it sends ----------------------------------------------------------------------------

    def _words(self) -> list[str]:
        """Return what came with the request, decoded and coded again in every way."""
        found = [self.path]
        for name in _SENT:
            if value := self.headers.get(name):
                self.server.heard.add(value)
                scheme, _, text = value.partition(" ")
                found += [f"{name}: {value}", value, text]
                if scheme == "Basic":
                    pair = base64.b64decode(text).decode("utf-8", "replace")
                    found += [pair, pair.partition(":")[2], pair.partition(":")[0]]
                elif name == "Cookie":
                    found.append(value.partition("=")[2])
        for option in sorted(self.server.options):
            found += [option, option.rpartition("=")[2]]
        for secret in dict.fromkeys(word for word in found[1:] if len(word) > 3):
            data = secret.encode()
            found += [
                quote(secret, safe=""),
                re.sub("%..", lambda code: code[0].lower(), quote(secret)),
                quote_plus(secret),
                quote(quote(secret, safe=""), safe=""),
                json.dumps(secret),
                html.escape(secret),
                base64.b64encode(data).decode(),
                base64.urlsafe_b64encode(data).decode(),
                base64.b64encode(b"u:" + data).decode(),
                data.hex(),
                data.hex().upper(),
            ]
        return [word for word in found[::-1] if word.strip()]

    def _echo(self, limit: int = 60_000) -> str:
        words = self._words()
        while len(" | ".join(words).encode()) > limit:
            words.pop()
        return " | ".join(words)

    def _send(
        self, status: int, reason: str, text: str, headers: list[tuple[str, str]] | None = None
    ) -> None:
        body = text.encode()
        told = self._words()[0]
        lines = [
            ("Content-Type", "text/plain"),
            ("Content-Length", str(len(body))),
            ("X-Echo", text),
            ("Server", told),
            ("X-Request-Id", told),
            ("Set-Cookie", f"sid={told}; Path=/"),
            *(headers or []),
        ]
        head = f"HTTP/1.1 {status} {reason}\r\n" + "".join(f"{name}: {value}\r\n" for name, value in lines)
        self.wfile.write(head.encode() + b"Connection: close\r\n\r\n" + body)
        self.close_connection = True

    def _git(self, body: bytes, kind: str = "advertisement") -> None:
        service = "git-receive-pack" if "receive-pack" in self.path else "git-upload-pack"
        head = (
            f"HTTP/1.1 200 OK\r\nContent-Type: application/x-{service}-{kind}\r\nX-Echo: {self._echo()}\r\n"
        )
        self.wfile.write(
            head.encode() + b"Content-Length: %d\r\nConnection: close\r\n\r\n" % len(body) + body
        )
        self.close_connection = True

    def _advertise(self, place: str) -> None:
        told = quote(self._words()[0], safe="")[:150]
        agent = f"agent={told} symref=HEAD:refs/heads/{told}"
        if place == "refused":
            service = "git-receive-pack"
            tokens = "report-status push-options side-band-64k ofs-delta"
            refs = _pkt(f"{'0' * 40} capabilities^{{}}\0{tokens} {agent}\n".encode())
        else:
            service = "git-upload-pack"
            names = [
                "HEAD",
                *sorted(f"refs/heads/{quote(word, safe='')[:150]}" for word in set(self._words())),
            ]
            first, *others = [f"{_OID} {name}" for name in names]
            refs = _pkt(f"{first}\0side-band-64k ofs-delta {agent}\n".encode())
            refs += b"".join(_pkt(f"{line}\n".encode()) for line in others)
        self._git(_pkt(f"# service={service}\n".encode()) + b"0000" + refs + b"0000")

    def _read_body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size + 2)[:size]
        self.rfile.readline()
        return body


def _push_options(body: bytes) -> set[str]:
    """Return the options of a push: the lines between its first flush and its second."""
    sections: list[list[bytes]] = [[]]
    while len(sections) < 3 and body[:4].strip(b"0123456789abcdef") == b"" and len(body) >= 4:
        size = int(body[:4], 16)
        if size < 4:
            sections.append([])
        else:
            sections[-1].append(body[4:size])
        body = body[max(size, 4) :]
    return {line.decode().removesuffix("\n") for line in sections[1]} if len(sections) == 3 else set()
