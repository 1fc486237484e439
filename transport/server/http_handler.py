"""What each request of smart HTTP asks for, and the answer as it comes, over any `HttpChannel`.

    GET  /x.git/info/refs?service=git-upload-pack     the advertisement, in the version of Git-Protocol
    POST /x.git/git-upload-pack                       one round of a fetch
    POST /x.git/git-receive-pack                      a push, where pushing is allowed
    GET  /x.git/HEAD, /x.git/objects/…                files, where they may be read: `server.static_files`

Specified in gitprotocol-http. Answers are chunked and are written while they are made; small blocks are
gathered, and a keepalive goes out at once. An answer that comes before the request has ended (401, 413,
a broken pack) is followed by a while of reading, so that the client lives to see it.
"""

from __future__ import annotations

import base64
import binascii
import time
from contextlib import closing, suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from packcore.errors import PackcoreError
from transport.agent import agent
from transport.identity import signature_now
from transport.safe_text import one_line
from transport.server.http_body import content_of, not_empty
from transport.server.http_connection import HttpFault
from transport.server.http_target import Refused, Target, target_of
from transport.server.offers import advertises_session_ids
from transport.server.pipes import named_version
from transport.server.requester import Requester
from transport.server.session import Session
from transport.server.simulation import Edge, LameReceivePack, LameUploadPack
from transport.server.static_files import allows_static_files, static_file
from transport.server.view import RepositoryView
from transport.server.words import words_about
from transport.trace import redact_url

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence
    from pathlib import Path

    from packcore.store.repository import Repository
    from transport.server.hooks import HookSettings
    from transport.server.http_channel import HttpChannel
    from transport.server.http_connection import HttpConnection, HttpRequest
    from transport.server.settings import ServerSettings

__all__ = ["Exchange", "Handler"]

_GATHER_BYTES = 16 * 1024
_NO_CACHE = (
    ("Pragma", "no-cache"),
    ("Cache-Control", "no-cache, max-age=0, must-revalidate"),
)
_LASTING_SECONDS = 31_536_000
"""A year: the name of such a file is the hash of what it holds."""


class Handler:
    """Serves one connection: each request by an `Exchange` of its own."""

    def __init__(self, connection: HttpConnection, client: str, settings: ServerSettings, edge: Edge) -> None:
        self._connection = connection
        self._client = client
        self._settings = settings
        self._edge = edge

    def serve(self) -> None:
        """Answer requests until the connection ends. Raises OSError where it breaks."""
        connection = self._connection
        while True:
            connection.begin_request(self._settings.head_seconds, self._settings.idle_seconds)
            requester = Requester(self._client, namespace=self._settings.namespace)
            exchange = Exchange(connection, requester, self._settings, self._edge)
            try:
                request = connection.next_request()
            except HttpFault as fault:
                with suppress(OSError):
                    exchange.refuse(fault, connection.first_line)
                    connection.begin_request(self._settings.linger_seconds, self._settings.idle_seconds)
                    connection.drain()
                return
            if request is None:
                return
            exchange.serve(request)
            if not connection.goes_on:
                return


class Exchange:
    """One request and its answer, on whatever channel."""

    def __init__(
        self,
        connection: HttpChannel,
        requester: Requester,
        settings: ServerSettings,
        edge: Edge,
    ) -> None:
        self._connection = connection
        self._requester = requester
        self._client = requester.address
        self._settings = settings
        self._edge = edge
        self._words = words_about(settings.repositories.root)
        self._began = time.monotonic()
        self._status, self._sent_bytes, self._method = 0, 0, ""
        self._received_bytes, self._service = 0, ""
        self._session = Session(note=lambda key, value: self._notes.append(f" {key}={value}"))
        self._notes: list[str] = []
        """What the log's line has at its end."""

    def refuse(self, fault: HttpFault, first_line: str) -> None:
        """Answer what is no request."""
        self._connection.close_after_this()
        self._send_text(fault.status, str(fault), {})
        self._log(first_line)

    def serve(self, request: HttpRequest) -> None:
        """Answer a request, whatever becomes of it."""
        self._request, self._method = request, request.method
        connection = self._connection
        connection.deadline = time.monotonic() + self._settings.request_seconds
        cut_seconds = self._edge.simulation.idle_cut_seconds
        if cut_seconds is not None:
            connection.idle_seconds = cut_seconds
        is_there = True
        try:
            self._answer()
        except Refused as refusal:
            self._send_text(refusal.status, refusal.text, refusal.headers)
        except HttpFault as fault:
            connection.close_after_this()
            self._tell(str(fault))
            if not self._status:
                self._send_text(fault.status, str(fault), {})
        except (OSError, PackcoreError) as error:
            # The client went away, or the answer broke off: without its last chunk it is no answer.
            connection.close_after_this()
            self._tell(one_line(str(error) or type(error).__name__))
            is_there = not isinstance(error, (ConnectionError, TimeoutError))
            if is_there and not self._status:
                self._send_text(500, f"the repository can't be served: {self._words(error)}", {})
        finally:
            self._log(f"{request.method} {request.target} HTTP/{request.version}")
        if is_there:
            self._read_the_rest()

    def _read_the_rest(self) -> None:
        """Read what the client still sends, for a while: closing at once would take the answer from it."""
        connection = self._connection
        connection.gives_way = True
        connection.deadline = time.monotonic() + self._settings.linger_seconds
        try:
            connection.read_rest()
        except (OSError, HttpFault):
            connection.close_after_this()

    # The request

    def _answer(self) -> None:
        refusal = self._edge.refusal(self._request.headers)
        if refusal is not None:
            raise Refused(*refusal)
        self._authenticate()
        target = target_of(self._request)
        self._service = target.service
        settings = self._settings
        kind = self._requester.namespace.repository_type
        with kind.open(self._find(target), settings.limits, settings.views) as repository:
            if target.file:
                self._send_file(repository, target)
                return
            self._check_allowed(repository, target.service)
            if advertises_session_ids(repository.config):
                self._notes.append(f" sid={self._session.id}")
            server: LameReceivePack | LameUploadPack
            if target.service == "git-receive-pack":
                server = LameReceivePack(
                    repository,
                    limits=settings.limits,
                    keepalive_seconds=settings.keepalive_seconds,
                    request_limits=settings.request_limits,
                    signed=self._signed,
                    hooks=self._hooks(),
                    session=self._session,
                    unpack_limit=settings.unpack_limit,
                )
            else:
                server = LameUploadPack(
                    repository,
                    limits=settings.limits,
                    keepalive_seconds=settings.keepalive_seconds,
                    request_limits=settings.request_limits,
                    packs=settings.packs,
                    session=self._session,
                    on_unreadable=lambda words: self._tell(f"{target.repository}: {words}"),
                )
            server.simulation = settings.simulation
            version = self._version()
            if target.advertises:
                self._stream(f"application/x-{target.service}-advertisement", server.advertise(version))
                return
            pushes = target.service == "git-receive-pack"
            self._connection.gives_way = not pushes
            content = content_of(
                self._body(),
                self._request.header("content-encoding"),
                bytes_max=None if pushes else settings.request_limits.fetch_bytes,
            )
            with closing(content) as blocks:
                coming = self._edge.coming(not_empty(blocks))
                answer = self._telling(target.service, server.answer(coming, version))
                self._stream(f"application/x-{target.service}-result", answer)

    def _telling(self, service: str, answer: Generator[bytes, None, PackcoreError | None]) -> Iterator[bytes]:
        """Pass an answer on, and say which fault ended it."""
        fault = yield from answer
        if fault is not None:
            self._tell(f"{service}: {self._words(fault)}")

    def _tell(self, words: str) -> None:
        """Say what is wrong with a request or a repository."""
        if self._settings.tell is None:
            self._settings.log(f"{self._client} {words}")
        else:
            self._settings.tell(words)

    def _body(self) -> Iterator[bytes]:
        for block in self._connection.body():
            self._received_bytes += len(block)
            yield block

    def _signed(self) -> bytes:
        return signature_now(self._requester.identity)

    def _hooks(self) -> HookSettings | None:
        """Return how hooks are run, and what they are told of the client: as git http-backend tells it."""
        settings = self._settings.hooks
        return None if settings is None else replace(settings, of_client=self._requester.told_to_hooks())

    def _authenticate(self) -> None:
        passwords = self._settings.passwords
        if passwords is None:
            return
        scheme, _, text = self._request.header("authorization").partition(" ")
        if scheme.lower() == "basic":
            with suppress(binascii.Error, ValueError):
                user, _, password = base64.b64decode(text.strip(), validate=True).partition(b":")
                name = user.decode("utf-8", "replace")
                if passwords.admits(name, password):
                    self._requester.user = name
                    return
        if "sign-in" in self._edge.simulation.names:
            raise Refused(302, "sign in", {"Location": "/_signin?realm=packcore"})
        raise Refused(401, "credentials are needed", {"WWW-Authenticate": 'Basic realm="packcore"'})

    def _find(self, target: Target) -> Path:
        found = self._settings.repositories.find(target.repository)
        if found is None:
            raise Refused(404, "repository not found")
        return found

    def _check_allowed(self, repository: Repository, service: str) -> None:
        pushes = service == "git-receive-pack"
        default = True
        if pushes and self._settings.allow_push is None:
            default = self._requester.user is not None
        elif pushes and not self._settings.allow_push:
            raise Refused(403, "pushing is not allowed on this server")
        key = "http.receivepack" if pushes else "http.uploadpack"
        if not repository.config.get_bool(key, default=default):
            raise Refused(403, f"{service} is switched off for this repository")

    def _version(self) -> int:
        asked = named_version(self._request.header("git-protocol"))
        return min(asked, self._edge.simulation.version_max)

    # The answer

    def _send_file(self, repository: Repository, target: Target) -> None:
        """Answer the dumb protocol."""
        if not allows_static_files(repository, default=self._settings.static_files):
            raise Refused(403, "only the smart protocol of git is spoken here")
        file = static_file(repository, RepositoryView(repository, self._words), target.file)
        if file is None:
            raise Refused(404, "not found")
        with closing(file.blocks):
            # A cache that is shared must not give away what someone had to sign in for.
            shared = "public" if self._requester.user is None else "private"
            kept = (("Cache-Control", f"{shared}, max-age={_LASTING_SECONDS}"),)
            headers = {"Content-Type": file.content_type, "Content-Length": str(file.size)}
            self._send_head(200, headers, caching=_NO_CACHE if file.changes else kept)
            if self._method != "HEAD":
                for block in self._edge.going(file.blocks):
                    self._write(block)
            self._connection.end()

    def _stream(self, content_type: str, blocks: Iterator[bytes]) -> None:
        """Send the blocks as they come; the head waits for the first, so that a fault can still be a 500."""
        blocks = iter(self._edge.going(blocks))
        first = next(blocks, b"")
        self._send_head(200, {"Content-Type": content_type})
        waiting = bytearray(first)
        for block in blocks:
            waiting += block
            if waiting and (not block or len(waiting) >= _GATHER_BYTES):
                self._write(bytes(waiting))
                waiting.clear()
        if waiting:
            self._write(bytes(waiting))
        self._connection.end()

    def _write(self, data: bytes) -> None:
        self._connection.write(data)
        self._sent_bytes += len(data)

    def _send_text(self, status: int, text: str, headers: dict[str, str]) -> None:
        data = f"{text}\n".encode()
        of_text = {"Content-Type": "text/plain; charset=utf-8", "Content-Length": str(len(data))}
        self._send_head(status, {**of_text, **headers})
        if self._method != "HEAD":
            self._write(data)
        self._connection.end()

    def _send_head(
        self, status: int, headers: dict[str, str], *, caching: Sequence[tuple[str, str]] = _NO_CACHE
    ) -> None:
        self._status = status
        self._connection.respond(status, [("Server", agent()), *headers.items(), *caching])

    # The log

    def _log(self, asked: str) -> None:
        seconds = time.monotonic() - self._began
        # Clients put tokens into URLs, and a proxy hands on what they put there.
        words = one_line(redact_url(asked or "-"), limit=200)
        status = self._status or "-"
        user = self._requester.shown_user
        line = f'{self._client} {user} "{words}" {status} {self._sent_bytes} {seconds:.3f}s'
        self._settings.log(line + "".join(self._notes[:2]))
        self._settings.counts.answered(
            self._service,
            self._status,
            received=self._received_bytes,
            sent=self._sent_bytes,
            seconds=seconds,
        )
