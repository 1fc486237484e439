"""One connection of our smart-HTTP server: what each request asks for, and the answer as it comes.

    GET  /x.git/info/refs?service=git-upload-pack     the advertisement, in the version of Git-Protocol
    POST /x.git/git-upload-pack                       one round of a fetch
    POST /x.git/git-receive-pack                      a push, where pushing is allowed

Specified in gitprotocol-http. Answers are chunked and are written while they are made; small blocks are
gathered, and a keepalive goes out at once. An answer that comes before the request has ended (401, 413,
a broken pack) is followed by a while of reading, so that the client lives to see it.
"""

from __future__ import annotations

import base64
import binascii
import time
from contextlib import closing, suppress
from http.server import BaseHTTPRequestHandler
from io import BufferedReader, RawIOBase
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qs

from packcore.errors import PackcoreError
from packcore.store.repository import Repository
from transport.agent import agent
from transport.http_rules.content import media_type
from transport.http_rules.framing import LAST_CHUNK, encode_chunk
from transport.safe_text import one_line
from transport.server.http_body import BodyError, RequestBody
from transport.server.simulation import Edge, LameReceivePack, LameUploadPack
from transport.server.words import public_words
from transport.trace import redact_url

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from transport.server.http import ServerSettings

__all__ = ["Handler"]

_SERVICES = ("git-upload-pack", "git-receive-pack")
_GATHER_BYTES = 16 * 1024
_NO_CACHE = {"Cache-Control": "no-cache, max-age=0, must-revalidate"}


class _Refused(Exception):
    """An answer other than 200."""

    def __init__(self, status: int, text: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(text)
        self.status = status
        self.text = text
        self.headers = headers or {}


class _Target(NamedTuple):
    """What a request is about."""

    repository: str
    service: str
    advertises: bool


class _TimedReader(RawIOBase):
    """The socket's reading side: each read within the idle time, all of them before a deadline."""

    def __init__(self, connection: Any, idle_seconds: float) -> None:
        self._connection = connection
        self.idle_seconds = idle_seconds
        self.deadline = float("inf")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        left = min(self.deadline - time.monotonic(), self.idle_seconds)
        if left <= 0:
            raise TimeoutError("the request takes too long")
        self._connection.settimeout(left)
        try:
            count: int = self._connection.recv_into(buffer)
        finally:
            self._connection.settimeout(self.idle_seconds)
        return count


class Handler(BaseHTTPRequestHandler):
    """Serves one connection. The settings are the class's: the server makes a subclass of its own."""

    settings: ServerSettings
    edge: Edge
    protocol_version = "HTTP/1.1"
    server_version = agent()
    sys_version = ""
    disable_nagle_algorithm = True
    # Its name of today (RFC 9110), whichever the Python at hand knows.
    responses = {**BaseHTTPRequestHandler.responses, 413: ("Content Too Large", "")}  # noqa: RUF012

    # The connection

    def setup(self) -> None:
        """Put the reader that knows the time in place of the standard one."""
        super().setup()
        self.rfile.close()
        self._reader = _TimedReader(self.connection, self.settings.idle_seconds)
        self.rfile = BufferedReader(self._reader, 64 * 1024)

    def handle_one_request(self) -> None:
        """Serve one request, within the time that its head may take."""
        self._reader.deadline = time.monotonic() + self.settings.head_seconds
        self._reader.idle_seconds = self.settings.idle_seconds
        self._began = time.monotonic()
        self._status, self._sent_bytes, self._user = 0, 0, "-"
        self._body: RequestBody | None = None
        self._wants_continue = False
        try:
            super().handle_one_request()
        except (ConnectionError, BodyError):
            self.close_connection = True

    def handle_expect_100(self) -> bool:
        """Put `100 Continue` off until the body is wanted: a refused request sends none."""
        self._wants_continue = True
        return True

    def log_message(self, *_: object) -> None:
        """Say nothing here: `_log` writes the one line of each request."""

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:  # noqa: ARG002
        """Answer what the standard handler refuses (a broken head, an unknown method) as the rest."""
        self.close_connection = True
        self.request_version = self.protocol_version  # a broken head has none, and its answer shall have one
        with suppress(OSError):
            self._send_text(int(code), message or "refused", {})
        self._log()

    def do_GET(self) -> None:
        """Answer with an advertisement, or say that there is none."""
        self._serve()

    def do_POST(self) -> None:
        """Answer one request of a service."""
        self._serve()

    def do_HEAD(self) -> None:
        """Refuse: no part of the protocol."""
        self._serve()

    def _serve(self) -> None:
        self._reader.deadline = time.monotonic() + self.settings.request_seconds
        cut_seconds = self.edge.simulation.idle_cut_seconds
        if cut_seconds is not None:
            self._reader.idle_seconds = cut_seconds
        if self.request_version == "HTTP/0.9":
            self.request_version = "HTTP/1.0"  # which is asked for without a head, but answered with one
        try:
            self._body = RequestBody(self.rfile, self.headers.items(), before_reading=self._continue)
            self._answer()
        except _Refused as refusal:
            self._send_text(refusal.status, refusal.text, refusal.headers)
        except BodyError as error:
            self.close_connection = True
            if not self._status:
                self._send_text(error.status, str(error), {})
        except (OSError, PackcoreError) as error:
            # The client went away, or the answer broke off: without its last chunk it is no answer.
            self.close_connection = True
            self.settings.log(f"{self._client()}: {one_line(str(error) or type(error).__name__)}")
            if isinstance(error, OSError):
                self._body = None  # nobody is there to whom reading on would be a kindness
            elif not self._status:
                self._send_text(500, f"the repository can't be served: {public_words(error)}", {})
        finally:
            self._log()
            self._read_the_rest()

    def _continue(self) -> None:
        if self._wants_continue:
            self._wants_continue = False
            self.send_response_only(100)
            self.end_headers()

    def _read_the_rest(self) -> None:
        """Read what the client still sends, for a while: closing at once would take the answer from it."""
        body = self._body
        if body is None or body.complete:
            return
        if self._wants_continue:
            self.close_connection = True
            return
        self._reader.deadline = time.monotonic() + self.settings.linger_seconds
        try:
            for _ in body.raw():
                pass
        except (OSError, BodyError):
            self.close_connection = True

    # The request

    def _answer(self) -> None:
        refusal = self.edge.refusal(self.headers.items())
        if refusal is not None:
            raise _Refused(*refusal)
        self._authenticate()
        target = self._target()
        with Repository.open(self._find(target), self.settings.limits) as repository:
            self._check_allowed(repository, target.service)
            settings = self.settings
            server: LameReceivePack | LameUploadPack
            if target.service == "git-receive-pack":
                server = LameReceivePack(
                    repository, limits=settings.limits, keepalive_seconds=settings.keepalive_seconds
                )
            else:
                server = LameUploadPack(
                    repository,
                    limits=settings.limits,
                    keepalive_seconds=settings.keepalive_seconds,
                    on_unreadable=lambda words: settings.log(
                        f"{self._client()} {target.repository}: {words}"
                    ),
                )
            server.simulation = settings.simulation
            version = self._version()
            if target.advertises:
                self._stream(f"application/x-{target.service}-advertisement", server.advertise(version))
                return
            assert self._body is not None
            bytes_max = settings.fetch_request_bytes if target.service == "git-upload-pack" else None
            with closing(self._body.blocks(bytes_max)) as blocks:
                coming = self.edge.coming(blocks)
                self._stream(f"application/x-{target.service}-result", server.answer(coming, version))

    def _authenticate(self) -> None:
        passwords = self.settings.passwords
        if passwords is None:
            return
        scheme, _, text = self.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "basic":
            with suppress(binascii.Error, ValueError):
                user, _, password = base64.b64decode(text.strip(), validate=True).partition(b":")
                name = user.decode("utf-8", "replace")
                if passwords.admits(name, password):
                    self._user = one_line(name, limit=40)
                    return
        if "sign-in" in self.edge.simulation.names:
            raise _Refused(302, "sign in", {"Location": "/_signin?realm=packcore"})
        raise _Refused(401, "credentials are needed", {"WWW-Authenticate": 'Basic realm="packcore"'})

    def _target(self) -> _Target:
        path, _, query = self.path.partition("?")
        name, slash, last = path.rpartition("/")
        if path.endswith("/info/refs"):
            self._only("GET")
            try:
                asked = parse_qs(query, max_num_fields=16).get("service", [])
            except ValueError:
                asked = []
            if len(asked) != 1 or asked[0] not in _SERVICES:
                raise _Refused(403, "only the smart protocol of git is spoken here")
            return _Target(path.removesuffix("/info/refs"), asked[0], advertises=True)
        if not slash or last not in _SERVICES:
            raise _Refused(404, "not found")
        self._only("POST")
        if media_type(self.headers.get("Content-Type", "")) != f"application/x-{last}-request":
            raise _Refused(415, f"the Content-Type must be application/x-{last}-request")
        return _Target(name, last, advertises=False)

    def _only(self, method: str) -> None:
        if self.command != method:
            raise _Refused(405, f"only {method} is understood here", {"Allow": method})

    def _find(self, target: _Target) -> Path:
        found = self.settings.repositories.find(target.repository)
        if found is None:
            raise _Refused(404, "repository not found")
        return found

    def _check_allowed(self, repository: Repository, service: str) -> None:
        pushes = service == "git-receive-pack"
        if pushes and not self.settings.allow_push:
            raise _Refused(403, "pushing is not allowed on this server")
        key = "http.receivepack" if pushes else "http.uploadpack"
        if not repository.config.get_bool(key, default=True):
            raise _Refused(403, f"{service} is switched off for this repository")

    def _version(self) -> int:
        """Return the highest version that Git-Protocol names, of those that we speak."""
        words = self.headers.get("Git-Protocol", "").split(":")
        numbers = [word.removeprefix("version=") for word in words if word.startswith("version=")]
        asked = max((int(number) for number in numbers if number in ("0", "1", "2")), default=0)
        return min(asked, self.edge.simulation.version_max)

    # The answer

    def _stream(self, content_type: str, blocks: Iterator[bytes]) -> None:
        """Send the blocks as they come; the head waits for the first, so that a fault can still be a 500."""
        blocks = iter(self.edge.going(blocks))
        first = next(blocks, b"")
        chunked = self.request_version != "HTTP/1.0"
        headers = {"Content-Type": content_type, **_NO_CACHE}
        if chunked:
            headers["Transfer-Encoding"] = "chunked"
        else:
            self.close_connection = True
        self._send_head(200, headers)
        waiting = bytearray(first)
        for block in blocks:
            waiting += block
            if waiting and (not block or len(waiting) >= _GATHER_BYTES):
                self._write(bytes(waiting), chunked=chunked)
                waiting.clear()
        if waiting:
            self._write(bytes(waiting), chunked=chunked)
        if chunked:
            self.wfile.write(LAST_CHUNK)

    def _write(self, data: bytes, *, chunked: bool) -> None:
        self.wfile.write(encode_chunk(data) if chunked else data)
        self._sent_bytes += len(data)

    def _send_text(self, status: int, text: str, headers: dict[str, str]) -> None:
        data = f"{text}\n".encode()
        headers = {"Content-Type": "text/plain; charset=utf-8", "Content-Length": str(len(data)), **headers}
        self._send_head(status, {**headers, **_NO_CACHE})
        if self.command != "HEAD":
            self.wfile.write(data)
            self._sent_bytes += len(data)

    def _send_head(self, status: int, headers: dict[str, str]) -> None:
        self._status = status
        self.send_response_only(status)
        self.send_header("Server", self.server_version)
        for name, value in headers.items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()

    # The log

    def _client(self) -> str:
        return str(self.client_address[0])

    def _log(self) -> None:
        # Clients put tokens into URLs, and a proxy hands on what they put there.
        asked = one_line(redact_url(getattr(self, "requestline", "") or "-"), limit=200)
        seconds = time.monotonic() - self._began
        status = self._status or "-"
        self.settings.log(
            f'{self._client()} {self._user} "{asked}" {status} {self._sent_bytes} {seconds:.3f}s'
        )
