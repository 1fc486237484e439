"""Open a stream to an endpoint: tries addresses in turn, uses a proxy if there is one, starts TLS.

    http                     TCP                                        requests in origin form
    http  through a proxy    TCP (TLS) to the proxy                     requests in absolute form
    https                    TCP, TLS
    https through a proxy    TCP (TLS) to the proxy, CONNECT, TLS       a tunnel; the proxy sees no headers

The addresses of a name are tried one after another, each with its own timeout; if all fail, the error lists
them. CONNECT is implemented here, because `http.client` loses the headers of a refusal and can't do TLS
inside TLS.
"""

from __future__ import annotations

import socket
import ssl
import time
from typing import TYPE_CHECKING, Any

from transport.auth import url_credential
from transport.errors import AuthenticationRequired, HttpStatusError, InvalidOption, NetworkError
from transport.http_rules.proxies import proxy_variable
from transport.safe_text import one_line
from transport.schemes.http.heads import HeadParser, ResponseHead, format_request_head
from transport.schemes.http.stream import Stream
from transport.schemes.patience import Patience

if TYPE_CHECKING:
    from collections.abc import Callable

    from transport.endpoint import Endpoint
    from transport.options import TransportOptions
    from transport.trace import RequestTrace

__all__ = ["connect_socket", "open_stream", "proxy_headers", "proxy_refusal", "tls_context"]


def tls_context(options: TransportOptions) -> ssl.SSLContext:
    """Return the TLS settings of one side. Raises InvalidOption for a bundle that can't be read."""
    cafile = options.ca_bundle or options.environment.get("SSL_CERT_FILE") or None
    capath = None if cafile else options.environment.get("SSL_CERT_DIR") or None
    try:
        context = ssl.create_default_context(cafile=cafile, capath=capath)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "no certificate in it"
        raise InvalidOption(f"can't use the CA bundle {cafile or capath}: {reason}") from None
    if not (cafile or capath):
        context = _system_trust(context)
    if options.insecure_skip_tls_verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["http/1.1"])
    return context


def _system_trust(context: ssl.SSLContext) -> ssl.SSLContext:
    """Use the trust store of macOS or Windows if OpenSSL's own lookup finds nothing."""
    try:
        import truststore  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        return context
    return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # type: ignore[no-any-return,unused-ignore]


def proxy_headers(proxy: Endpoint) -> list[tuple[str, str]]:
    """Return the header that authenticates us to a proxy, if its URL has user and password."""
    credential = url_credential(proxy)
    return [("Proxy-Authorization", credential.header_value())] if credential else []


def proxy_refusal(proxy: Endpoint, endpoint: Endpoint, options: TransportOptions) -> AuthenticationRequired:
    """Return the error for a 407 of a proxy to a request for `endpoint`; it names the variable."""
    variable = proxy_variable(endpoint.scheme, options.environment)
    if url_credential(proxy):
        return AuthenticationRequired(
            f"the proxy {proxy} refused the user and password in {variable} (HTTP 407)"
        )
    return AuthenticationRequired(
        f"the proxy {proxy} wants credentials (HTTP 407)",
        hint=f"put them into {variable}, before the proxy's name: user, colon, password, @",
    )


def open_stream(
    endpoint: Endpoint,
    proxy: Endpoint | None,
    options: TransportOptions,
    context: Callable[[], ssl.SSLContext],
    trace: RequestTrace,
    *,
    user_agent: str,
) -> Stream:
    """Connect to an endpoint, through a proxy if given, including TLS.

    `context` is called only for TLS, because loading the system's certificates takes longer than connecting.

    Raises NetworkError, and AuthenticationRequired or HttpStatusError for answers of a proxy.
    """
    first_hop = proxy or endpoint
    # Before connecting, so that an unreadable bundle doesn't keep a server waiting.
    tls = context() if "https" in (first_hop.scheme, endpoint.scheme) else None
    stream = Stream(
        _connected(endpoint, proxy, options, trace),
        host=first_hop.authority,
        idle_timeout=options.idle_timeout,
        patience=Patience(options.stall_timeout, side=options.side),
    )
    try:
        if tls is not None and first_hop.scheme == "https":
            _start_tls(stream, first_hop, options, tls, trace)
        if tls is not None and proxy is not None and endpoint.scheme == "https":
            _tunnel(stream, endpoint, proxy, options, trace, user_agent=user_agent)
            _start_tls(stream, endpoint, options, tls, trace)
    except BaseException:
        stream.close()
        raise
    return stream


def _connected(
    endpoint: Endpoint, proxy: Endpoint | None, options: TransportOptions, trace: RequestTrace
) -> socket.socket:
    """Connect to the endpoint or the proxy; an error names the proxy as such."""
    if proxy is None:
        return connect_socket(endpoint, options, trace)
    try:
        return connect_socket(proxy, options, trace)
    except NetworkError as error:
        variable = proxy_variable(endpoint.scheme, options.environment)
        raise NetworkError(
            f"the proxy {proxy} for {endpoint.host}: {error}",
            hint=f"the proxy is set by {variable}; NO_PROXY={endpoint.host} goes around it",
        ) from None


def connect_socket(endpoint: Endpoint, options: TransportOptions, trace: RequestTrace) -> socket.socket:
    """Return a connected TCP socket. Raises NetworkError, which lists the addresses tried."""
    via = endpoint.authority
    try:
        found = socket.getaddrinfo(endpoint.host_alone, endpoint.effective_port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or "not a host name"
        raise NetworkError(f"can't resolve the name {endpoint.host}: {reason}") from None
    failures = []
    for family, kind, protocol, _, resolved in found:
        address = _through_interface(endpoint, resolved)
        numeric = _numeric(family, address)
        try:
            sock = socket.socket(family, kind, protocol)
        except OSError as error:
            failures.append(f"{numeric}: {error.strerror or error}")
            continue
        try:
            sock.settimeout(options.connect_timeout)
            sock.connect(address)
        except TimeoutError:
            failures.append(f"{numeric}: no answer within {options.connect_timeout:g} seconds")
            sock.close()
        except OSError as error:
            failures.append(f"{numeric}: {error.strerror or error}")
            sock.close()
        except BaseException:
            sock.close()
            raise
        else:
            trace.opened(numeric, via)
            return sock
    raise NetworkError(f"can't connect to {via} ({'; '.join(failures)})")


def _through_interface(endpoint: Endpoint, address: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the address with the interface of its zone id. Raises NetworkError if there is none."""
    _, percent, zone = endpoint.host.partition("%")
    if not percent or ":" not in endpoint.host:
        return address
    try:
        index = int(zone) if zone.isdecimal() else socket.if_nametoindex(zone)
    except OSError:
        raise NetworkError(f"this machine has no network interface {zone}, which {endpoint} names") from None
    return (*address[:3], index)


def _numeric(family: int, address: tuple[object, ...]) -> str:
    host, port = address[:2]
    return f"[{host}]:{port}" if family == socket.AF_INET6 else f"{host}:{port}"


def _start_tls(
    stream: Stream,
    endpoint: Endpoint,
    options: TransportOptions,
    context: ssl.SSLContext,
    trace: RequestTrace,
) -> None:
    layer = stream.start_tls(
        context, endpoint.host_alone, host=endpoint.authority, timeout=options.connect_timeout
    )
    trace.tls(*layer.description())


def _tunnel(
    stream: Stream,
    endpoint: Endpoint,
    proxy: Endpoint,
    options: TransportOptions,
    trace: RequestTrace,
    *,
    user_agent: str,
) -> None:
    host = f"[{endpoint.host_alone}]" if ":" in endpoint.host else endpoint.host
    target = f"{host}:{endpoint.effective_port}"
    headers = [("Host", target), ("User-Agent", user_agent), *proxy_headers(proxy)]
    trace.request("CONNECT", target, headers)
    stream.write(format_request_head("CONNECT", target, headers))
    head = _read_proxy_head(stream, proxy, options.connect_timeout)
    trace.response(head.status_line, head.headers)
    if head.status == 407:
        raise proxy_refusal(proxy, endpoint, options)
    if not 200 <= head.status < 300:
        variable = proxy_variable(endpoint.scheme, options.environment)
        raise HttpStatusError(
            f"the proxy {proxy} refused a tunnel to {target}: "
            f"HTTP {head.status} {one_line(head.reason, limit=80)}".rstrip(),
            status=head.status,
            url=str(proxy),
            hint=f"the proxy is set by {variable}; NO_PROXY={endpoint.host} goes around it",
        )


def _read_proxy_head(stream: Stream, proxy: Endpoint, timeout: float) -> ResponseHead:
    parser = HeadParser()
    deadline = time.monotonic() + timeout
    while True:
        left = deadline - time.monotonic()
        data = stream.receive(max(0.0, left))
        if not data and stream.ended:
            raise NetworkError(f"the proxy {proxy} closed the connection instead of opening a tunnel")
        if not data:
            raise NetworkError(f"the proxy {proxy} opened no tunnel within {timeout:g} seconds")
        parsed = parser.feed(data)
        if parsed is None:
            continue
        head, rest = parsed
        if rest and 200 <= head.status < 300:
            raise NetworkError(f"the proxy {proxy} sent data of its own into the tunnel")
        return head
