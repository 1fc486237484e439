"""HttpTransport: the two kinds of request of smart HTTP, with redirects, authentication and retries.

    advertise   GET  <base>/info/refs?service=X     redirects are followed here alone, and change the base
    request     POST <base>/X                       never redirected; small bodies with Content-Length,
                                                    others chunked and after a probe

    401 on either     ask the sources for a credential for this origin, once, then retry
    the probe         POST of "0000" before a chunked body, so that a 401 comes before the 20 MB, not after
    411, 501          send the body again with Content-Length; also after a 400 that came too early

Each attempt opens a new connection.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING

from packcore._version import __version__
from transport.auth import CredentialSource, Keyring, NetrcSource
from transport.base import Body, Service, TransferStats
from transport.errors import AnswerTooLarge, NetworkError, RemoteStalled, TransportError
from transport.http_rules import redirects
from transport.http_rules.content import GZIP_REQUEST_BYTES_MIN, compress_request, media_type
from transport.http_rules.proxies import select_proxy
from transport.http_rules.retries import retry_delay
from transport.http_rules.statuses import header, status_error
from transport.safe_text import one_line
from transport.schemes.http.body import OutgoingBody
from transport.schemes.http.connect import open_stream, proxy_headers, proxy_refusal, tls_context
from transport.schemes.http.exchange import Exchange, NoAnswer, Request
from transport.schemes.http.git_credential import GitCredentialSource
from transport.schemes.http.heads import format_request_head
from transport.schemes.http.kind import check_advertisement, check_result
from transport.trace import RequestTrace

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator, Sequence

    from transport.endpoint import Endpoint
    from transport.options import TransportOptions
    from transport.schemes.http.stream import Stream
    from transport.wire.headway import Headway

__all__ = ["HttpTransport"]

_GZIP_BYTES_MAX = 1024 * 1024
_PROBE = b"0000"


def user_agent() -> str:
    """Return our User-Agent; it begins with "git/", because some hosts check for that."""
    return f"git/packcore-{__version__}"


class HttpTransport:
    """One remote repository over http or https."""

    stateless = True

    def __init__(
        self, endpoint: Endpoint, options: TransportOptions, sources: Sequence[CredentialSource] | None = None
    ) -> None:
        self._options = options
        self._typed = endpoint.origin
        self._base = endpoint.without_user().with_path(endpoint.path.removesuffix("/"))
        self.url = str(self._base)
        if sources is None:
            asked = GitCredentialSource(options.environment, may_ask=options.may_ask)
            sources = (NetrcSource(options.environment), asked)
        self._keyring = Keyring(endpoint, options, sources)
        self._proven: set[Service] = set()  # services that have accepted a POST
        self._number = 0
        self._open: set[Exchange] = set()
        self.stats = TransferStats()
        self.limits = options.wire_limits

    @contextmanager
    def advertise(
        self, service: Service, *, version: int, headway: Headway | None = None
    ) -> Iterator[Iterator[bytes]]:
        """Yield the blocks of the advertisement; see `Transport.advertise`."""
        with self._answering(lambda: self._info_refs(service, version, headway)) as blocks:
            yield blocks

    @contextmanager
    def request(
        self, service: Service, body: Body, *, version: int, headway: Headway | None = None
    ) -> Iterator[Iterator[bytes]]:
        """Send one request and yield the blocks of its answer; see `Transport.request`."""
        with self._answering(lambda: self._rpc(service, body, version, headway)) as blocks:
            yield blocks

    def open_post(self, service: Service, headers: list[tuple[str, str]]) -> Stream:
        """Open a connection and send the head of a POST alone; the caller goes on, and closes it."""
        url = self._base.with_path(redirects.rpc_path(self._base.path, service))
        proxy = select_proxy(url, self._options.environment)
        headers = [("Content-Type", f"application/x-{service}-request"), *headers]
        request = self._request("POST", url, headers, None, proxy=proxy)
        trace = RequestTrace(self._options.trace, 0, [], mask=self._options.secrets.mask)
        stream = open_stream(url, proxy, self._options, lambda: self._tls, trace, user_agent=user_agent())
        stream.write(format_request_head("POST", request.target, request.headers))
        return stream

    def close(self) -> None:
        """Close whatever is open. Idempotent."""
        for exchange in tuple(self._open):
            self._closed(exchange)

    @contextmanager
    def _answering(self, begin: Callable[[], Exchange]) -> Iterator[Iterator[bytes]]:
        # The server may quote what we sent, and so may errors raised while its answer is read.
        with self._options.secrets.masking_errors():
            exchange = begin()
            try:
                yield exchange.blocks()
                exchange.finish()
            finally:
                self._closed(exchange)

    # -- the advertisement ------------------------------------------------------------------------

    def _info_refs(self, service: Service, version: int, headway: Headway | None) -> Exchange:
        asked = self._base
        url = asked.with_path(redirects.info_refs_path(asked.path, service))
        headers = [("Pragma", "no-cache"), *_protocol_header(service, version)]
        followed = 0
        while True:
            exchange = self._get(url, headers, headway)
            head = exchange.head
            with self._closing_on_error(exchange):
                if head.status == 200:
                    check_advertisement(exchange, service)
                    if followed:
                        self._base = redirects.rebase(url, asked, service)
                        self.url = str(self._base)
                    return self._approved(exchange)
                location = header(head.headers, "location")
                redirect = head.status in redirects.REDIRECT_STATUSES
                if head.status == 401 or (redirect and redirects.is_login_page(location)):
                    self._find_credential(exchange)
                elif redirect and self._options.follow_redirects:
                    followed += 1
                    if followed > redirects.REDIRECTS_MAX:
                        raise AnswerTooLarge(
                            f"{asked} redirects more than {redirects.REDIRECTS_MAX} times",
                            limit=f"{redirects.REDIRECTS_MAX} redirects",
                            named=True,
                        )
                    url = redirects.redirected(url, location)
                    exchange.note(f"redirected to {url}")
                    self._closed(exchange)
                else:
                    raise self._refused(exchange)

    def _get(self, url: Endpoint, headers: list[tuple[str, str]], headway: Headway | None) -> Exchange:
        """GET, with a retry if a lost connection or a busy server makes that sensible."""
        tries_left, free_retry = self._options.retries, True
        while True:
            try:
                exchange = self._attempt("GET", url, headers, headway=headway)
            except NetworkError as error:
                # One silent close doesn't count, because the request can safely be repeated.
                if free_retry and isinstance(error, NoAnswer):
                    free_retry = False
                    continue
                if not tries_left or isinstance(error, RemoteStalled):
                    raise
                delay = 0.5
            else:
                wanted = retry_delay(exchange.head.status, header(exchange.head.headers, "retry-after"))
                if not tries_left or wanted is None:
                    return exchange
                self._closed(exchange)
                delay = wanted
            tries_left -= 1
            time.sleep(delay)

    # -- services ---------------------------------------------------------------------------------

    def _rpc(self, service: Service, body: Body, version: int, headway: Headway | None) -> Exchange:
        while True:
            pull_ahead = None if self.stats.chunks_refused else self._options.post_buffer
            outgoing = OutgoingBody(body, pull_ahead=pull_ahead)
            chunked = outgoing.length is None
            try:
                if chunked and service not in self._proven:
                    self._probe(service, version)
                exchange = self._post(service, version, outgoing, headway=headway)
            finally:
                # An exchange that started has sent the body to its end or given up on it.
                outgoing.close()
            with self._closing_on_error(exchange):
                if exchange.head.status == 200:
                    check_result(exchange, service)
                    self._proven.add(service)
                    return self._approved(exchange)
                if exchange.head.status == 401:
                    self._find_credential(exchange)
                elif chunked and _chunks_refused(exchange):
                    exchange.note("chunks are not accepted: sending again with Content-Length")
                    self._closed(exchange)
                    self.stats.chunks_refused = True
                else:
                    raise self._refused(exchange)

    def _probe(self, service: Service, version: int) -> None:
        """Authenticate with a body that costs nothing. Raises the error if the server refuses."""
        while True:
            probe = OutgoingBody(Body.of(_PROBE), pull_ahead=None)
            exchange = self._post(service, version, probe, streamed=False)
            with self._closing_on_error(exchange):
                if exchange.head.status == 200:
                    exchange.finish()
                    self._closed(self._approved(exchange))
                    return
                if exchange.head.status != 401:
                    raise self._refused(exchange)
                self._find_credential(exchange)

    def _post(
        self,
        service: Service,
        version: int,
        body: OutgoingBody,
        *,
        streamed: bool = True,
        headway: Headway | None = None,
    ) -> Exchange:
        url = self._base.with_path(redirects.rpc_path(self._base.path, service))
        headers = [
            ("Content-Type", f"application/x-{service}-request"),
            ("Accept", f"application/x-{service}-result"),
            *_protocol_header(service, version),
        ]
        length = body.length
        if length is None:
            headers.append(("Transfer-Encoding", "chunked"))
        elif service == "git-upload-pack" and GZIP_REQUEST_BYTES_MIN <= length <= _GZIP_BYTES_MAX:
            body = OutgoingBody(Body.of(compress_request(body.data())), pull_ahead=None)
            headers += [("Content-Encoding", "gzip"), ("Content-Length", str(body.length))]
        else:
            headers.append(("Content-Length", str(length)))
        return self._attempt("POST", url, headers, body, streamed=streamed, headway=headway)

    # -- one attempt ------------------------------------------------------------------------------

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return tls_context(self._options)

    def _attempt(
        self,
        method: str,
        url: Endpoint,
        headers: list[tuple[str, str]],
        body: OutgoingBody | None = None,
        *,
        streamed: bool = True,
        headway: Headway | None = None,
    ) -> Exchange:
        """Open a connection, send, and return the exchange after reading the head of its answer.

        The exchange owns the body from here on; if there is no exchange, the body is closed.
        """
        options = self._options
        self._number += 1
        self.stats.requests += 1
        names = [name for name, _ in options.headers]
        trace = RequestTrace(options.trace, self._number, names, mask=options.secrets.mask)
        proxy = select_proxy(url, options.environment)
        if proxy is not None:
            options.secrets.add_url(proxy.user, proxy.password)
        request = self._request(method, url, headers, body, proxy=proxy)
        try:
            stream = open_stream(url, proxy, options, lambda: self._tls, trace, user_agent=user_agent())
        except BaseException:
            if body is not None:
                body.close()
            raise
        exchange = Exchange(stream, request, trace, headway)
        self._open.add(exchange)
        try:
            exchange.run()
        except BaseException:
            self._closed(exchange)
            raise
        finally:
            if body is not None and streamed:
                self.stats.first_byte_seconds = trace.first_byte_seconds
                self.stats.longest_gap_seconds = trace.longest_gap_seconds
                self.stats.longest_stall_seconds = trace.longest_stall_seconds
        return exchange

    def _request(
        self,
        method: str,
        url: Endpoint,
        headers: list[tuple[str, str]],
        body: OutgoingBody | None,
        *,
        proxy: Endpoint | None,
    ) -> Request:
        own = self._options.headers if url.origin == self._typed else ()
        all_headers = [("Host", url.authority), ("User-Agent", user_agent())]
        if method == "GET":
            all_headers.append(("Accept", "*/*"))
        all_headers += [("Accept-Encoding", "deflate, gzip"), *headers]
        credential = self._keyring.credential(url, through_proxy=proxy is not None)
        if self._keyring.header_is_given(url):
            credential = None
        if credential is not None:
            all_headers.append(("Authorization", credential.header_value()))
        all_headers += own
        target = url.path
        if proxy is not None and url.scheme == "http":
            target = f"http://{url.authority}{url.path}"
            all_headers += proxy_headers(proxy)
        return Request(method, url, target, tuple(all_headers), body, credential)

    def _closed(self, exchange: Exchange) -> None:
        if exchange in self._open:
            self._open.remove(exchange)
            exchange.close()
            self.stats.bytes_sent += exchange.bytes_sent
            self.stats.bytes_received += exchange.bytes_received

    @contextmanager
    def _closing_on_error(self, exchange: Exchange) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self._closed(exchange)
            raise

    # -- answers that are not the wanted one ------------------------------------------------------

    def _refused(self, exchange: Exchange) -> TransportError:
        """Return the error for an answer, including its text; closes the exchange."""
        head, request = exchange.head, exchange.request
        if head.status == 403:
            self._keyring.refused(request.url, request.credential)  # some hosts do so for expired tokens
        text = exchange.error_text()
        sent = exchange.body_bytes_sent if request.body is not None and request.body.length is None else None
        self._closed(exchange)
        proxy = select_proxy(request.url, self._options.environment)
        if head.status == 407 and proxy is not None:
            return proxy_refusal(proxy, request.url, self._options)
        return status_error(
            method=request.method,
            url=str(request.url),
            status=head.status,
            reason=head.reason,
            headers=head.headers,
            text=text,
            body_bytes_sent=sent,
            credentials_from=self._keyring.origin(request.url, request.credential),
            side=self._options.side,
            credentials_by=self._options.credential_words,
            proxy=str(proxy) if proxy is not None and request.url.scheme == "http" else None,
        )

    def _find_credential(self, exchange: Exchange) -> None:
        """After a 401, find a credential for the next attempt, or raise AuthenticationRequired."""
        request, headers = exchange.request, exchange.head.headers
        text = exchange.error_text()
        self._closed(exchange)
        plain = media_type(header(headers, "content-type")) == "text/plain"
        self._keyring.renew(
            request.url.with_path(redirects.repository_path(request.url.path)),
            request.credential,
            challenges=[value for name, value in headers if name.lower() == "www-authenticate"],
            through_proxy=select_proxy(request.url, self._options.environment) is not None,
            said=one_line(text) if plain else "",
        )

    def _approved(self, exchange: Exchange) -> Exchange:
        url, sent = exchange.request.url, exchange.request.credential
        self._keyring.accepted(url, sent)
        self.stats.credentials_from = self._keyring.origin(url, sent)
        return exchange


def _chunks_refused(exchange: Exchange) -> bool:
    """Return whether the answer can mean that chunked bodies are not taken: 411, 501, and 400 of old proxies.

    A git server may say 400 for reasons of its own once it has read the body. That push is not made twice.
    """
    status = exchange.head.status
    return status in (411, 501) or (status == 400 and not exchange.body_sent_whole)


def _protocol_header(service: Service, version: int) -> list[tuple[str, str]]:
    # If version 2 is requested, receive-pack omits its service line, so git never requests it either.
    if version > 0 and service == "git-upload-pack":
        return [("Git-Protocol", f"version={version}")]
    return []
