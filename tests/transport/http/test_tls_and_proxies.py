"""TLS with good and bad certificates, and the way through proxies."""

from __future__ import annotations

import datetime
import socket
import ssl
import threading
from base64 import b64encode
from typing import TYPE_CHECKING

import pytest

from tests.support import certificate_authority
from tests.transport.http.scripted import Peer, Script, answer, scripted
from transport.base import Body
from transport.errors import AuthenticationRequired, HttpStatusError, NetworkError, TransportError
from transport.options import TransportOptions
from transport.schemes import open_transport

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import trustme

ADVERTISEMENT = b"001e# service=git-upload-pack\n0000"
OK = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/x-git-upload-pack-advertisement\r\n"
    b"Content-Length: %d\r\n\r\n%b" % (len(ADVERTISEMENT), ADVERTISEMENT)
)
RESULT = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/x-git-receive-pack-result\r\nContent-Length: 4\r\n\r\n0000"
)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return certificate_authority()


@pytest.fixture
def bundle(authority: trustme.CA, tmp_path: Path) -> str:
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    return str(tmp_path / "ca.pem")


def server_context(certificate: trustme.LeafCert, *, alpn: list[str] | None = None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    if alpn:
        context.set_alpn_protocols(alpn)
    return context


@pytest.fixture
def tls(authority: trustme.CA) -> ssl.SSLContext:
    return server_context(authority.issue_cert("127.0.0.1", "localhost"), alpn=["h2", "http/1.1"])


def advertised(url: str, options: TransportOptions) -> bytes:
    with open_transport(url, options).advertise("git-upload-pack", version=0) as blocks:
        return b"".join(blocks)


# -- TLS ------------------------------------------------------------------------------------------


def test_a_server_of_the_named_authority_is_trusted_and_the_trace_names_the_version(
    tls: ssl.SSLContext, bundle: str
) -> None:
    lines: list[str] = []
    with scripted(answer(OK), tls=tls) as server:
        options = TransportOptions(ca_bundle=bundle, trace=lines.append)
        assert advertised(f"{server.url}/x.git", options) == ADVERTISEMENT
    assert any("TLSv1.3" in line for line in lines)


def test_ssl_cert_file_of_the_environment_is_honoured(tls: ssl.SSLContext, bundle: str) -> None:
    with scripted(answer(OK), tls=tls) as server:
        options = TransportOptions(environment={"SSL_CERT_FILE": bundle})
        assert advertised(f"{server.url}/x.git", options) == ADVERTISEMENT


def test_the_host_name_is_sent_for_the_server_to_choose_a_certificate(
    tls: ssl.SSLContext, bundle: str
) -> None:
    names: list[str | None] = []
    tls.sni_callback = lambda _socket, name, _context: names.append(name)
    with scripted(answer(OK), tls=tls) as server:
        advertised(f"https://localhost:{server.port}/x.git", TransportOptions(ca_bundle=bundle))
    assert names == ["localhost"]


@pytest.mark.fault(42)
def test_http_1_1_is_agreed_on_where_the_server_would_rather_speak_another(
    tls: ssl.SSLContext, bundle: str
) -> None:
    chosen: list[str | None] = []

    def script(peer: Peer) -> None:
        assert isinstance(peer.sock, ssl.SSLSocket)
        chosen.append(peer.sock.selected_alpn_protocol())
        answer(OK)(peer)

    with scripted(script, tls=tls) as server:
        advertised(f"{server.url}/x.git", TransportOptions(ca_bundle=bundle))
    assert chosen == ["http/1.1"]


def test_a_large_body_is_streamed_over_tls(tls: ssl.SSLContext, bundle: str) -> None:
    block = bytes(range(256)) * 256

    def blocks() -> Iterator[bytes]:
        for _ in range(200):
            yield block

    with scripted(answer(RESULT), answer(RESULT), tls=tls) as server:
        transport = open_transport(f"{server.url}/x.git", TransportOptions(ca_bundle=bundle))
        with transport.request("git-receive-pack", Body(blocks), version=0) as answered:
            assert b"".join(answered) == b"0000"
    assert bytes(server.requests[1].body) == block * 200


@pytest.mark.fault(22)
def test_an_early_refusal_over_tls_is_read_after_the_connection_broke(
    tls: ssl.SSLContext, bundle: str
) -> None:
    def script(peer: Peer) -> None:
        peer.read_head()
        peer.read_chunk()
        peer.send(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")

    def blocks() -> Iterator[bytes]:
        for _ in range(4000):
            yield bytes(64 * 1024)

    with scripted(answer(RESULT), script, tls=tls) as server:
        transport = open_transport(f"{server.url}/x.git", TransportOptions(ca_bundle=bundle))
        with (
            pytest.raises(HttpStatusError, match="413"),
            transport.request("git-receive-pack", Body(blocks), version=0),
        ):
            pass


def _expired(authority: trustme.CA) -> trustme.LeafCert:
    long_ago = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    return authority.issue_cert("127.0.0.1", not_after=long_ago)


@pytest.mark.fault(42)
@pytest.mark.parametrize(
    ("certificate", "words"),
    [
        pytest.param(_expired, "certificate has expired", id="expired"),
        pytest.param(lambda ca: ca.issue_cert("example.org"), "not valid for '127.0.0.1'", id="wrong-host"),
        pytest.param(
            lambda _: certificate_authority().issue_cert("127.0.0.1"),
            "unable to get|self.signed",
            id="unknown",
        ),
    ],
)
def test_a_certificate_that_can_not_be_trusted_is_refused_with_its_reason(
    authority: trustme.CA, bundle: str, certificate: object, words: str
) -> None:
    assert callable(certificate)
    context = server_context(certificate(authority))
    with scripted(answer(OK), tls=context) as server:
        with pytest.raises(NetworkError, match=words) as caught:
            advertised(f"{server.url}/x.git", TransportOptions(ca_bundle=bundle))
    assert "ca_bundle" in (caught.value.hint or "")


@pytest.mark.fault(42)
def test_verification_is_left_out_only_when_asked() -> None:
    context = server_context(certificate_authority().issue_cert("example.org"))
    with scripted(answer(OK), tls=context) as server:
        options = TransportOptions(insecure_skip_tls_verify=True)
        assert advertised(f"{server.url}/x.git", options) == ADVERTISEMENT


@pytest.mark.fault(42)
def test_a_server_of_old_tls_only_is_refused(authority: trustme.CA, bundle: str) -> None:
    context = server_context(authority.issue_cert("127.0.0.1"))
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    with scripted(answer(OK), tls=context) as server:
        # Which of the two it is depends on who gives up first, and that on OpenSSL's configuration.
        reason = r"no TLS connection to 127\.0\.0\.1.*(protocol version|closed during the handshake)"
        with pytest.raises(NetworkError, match=reason):
            advertised(f"{server.url}/x.git", TransportOptions(ca_bundle=bundle))


@pytest.mark.fault(42)
def test_a_server_that_agrees_on_no_protocol_is_spoken_to_in_http_1_1(
    authority: trustme.CA, bundle: str
) -> None:
    context = server_context(authority.issue_cert("127.0.0.1"), alpn=["h2"])
    with scripted(answer(OK), tls=context) as server:
        assert advertised(f"{server.url}/x.git", TransportOptions(ca_bundle=bundle)) == ADVERTISEMENT


@pytest.mark.fault(42)
@pytest.mark.parametrize(
    ("script", "words"),
    [
        pytest.param(lambda peer: None, "TLS", id="closes"),
        pytest.param(lambda peer: peer.send(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "TLS", id="plain-http"),
        pytest.param(lambda peer: peer.linger(), "TLS handshake in time", id="silent"),
    ],
)
def test_a_handshake_that_fails_is_a_network_error(script: Script, words: str) -> None:
    with scripted(script) as server:
        with pytest.raises(NetworkError, match=words):
            advertised(f"https://127.0.0.1:{server.port}/x.git", TransportOptions(connect_timeout=0.3))


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_bundle_that_can_not_be_read_is_named(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "bundle.pem"
    if content is not None:
        path.write_text(content)
    with pytest.raises(TransportError, match=r"bundle\.pem"):
        advertised("https://127.0.0.1:1/x.git", TransportOptions(ca_bundle=str(path)))


# -- proxies --------------------------------------------------------------------------------------


def tunnelling(*, status: bytes = b"200 OK", before: bytes = b"") -> Script:
    """Return the script of a proxy that takes a CONNECT and passes bytes both ways."""

    def script(peer: Peer) -> None:
        head = peer.read_head()
        peer.send(before + b"HTTP/1.1 %b\r\nProxy-Authenticate: Basic\r\n\r\n" % status)
        if not status.startswith(b"2"):
            return
        host, _, port = head.line.split()[1].rpartition(":")
        with socket.create_connection((host, int(port))) as onward:
            back = threading.Thread(target=_pour, args=(onward, peer.sock))
            back.start()
            _pour(peer.sock, onward)
            back.join()

    return script


def _pour(source: socket.socket, sink: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        pass  # the other side was quicker to close


def proxied(proxy: str, **options: object) -> TransportOptions:
    environment = {"http_proxy": proxy, "https_proxy": proxy}
    return TransportOptions(environment=environment, **options)  # type: ignore[arg-type]


@pytest.mark.fault(41)
def test_plain_http_goes_to_the_proxy_in_absolute_form_with_the_proxys_own_credentials() -> None:
    with scripted(answer(OK)) as proxy:
        url = proxy.url.replace("//", "//me:p%40ss@")
        assert advertised("http://git.example/x.git", proxied(url)) == ADVERTISEMENT
    received = proxy.requests[0]
    assert received.line == "GET http://git.example/x.git/info/refs?service=git-upload-pack HTTP/1.1"
    assert received.headers["host"] == "git.example"
    assert received.headers["proxy-authorization"] == "Basic " + b64encode(b"me:p@ss").decode()


@pytest.mark.fault(41)
def test_credentials_of_the_origin_do_not_go_to_a_proxy_in_the_clear() -> None:
    with scripted(answer(OK)) as proxy:
        advertised("http://localhost/x.git", proxied(proxy.url, token="hush"))
    assert "authorization" not in proxy.requests[0].headers


@pytest.mark.fault(41)
@pytest.mark.parametrize("before", [b"", b"HTTP/1.1 100 Continue\r\n\r\n"])
def test_https_goes_through_a_tunnel_that_sees_no_credentials(
    tls: ssl.SSLContext, bundle: str, before: bytes
) -> None:
    lines: list[str] = []
    with scripted(answer(OK), tls=tls) as origin, scripted(tunnelling(before=before)) as proxy:
        options = proxied(
            proxy.url.replace("//", "//me:pw@"), ca_bundle=bundle, token="hush", trace=lines.append
        )
        assert advertised(f"{origin.url}/x.git", options) == ADVERTISEMENT
    received = proxy.requests[0]
    assert received.line == f"CONNECT 127.0.0.1:{origin.port} HTTP/1.1"
    assert received.headers["host"] == f"127.0.0.1:{origin.port}"
    assert received.headers["proxy-authorization"] == "Basic " + b64encode(b"me:pw").decode()
    assert "authorization" not in received.headers
    assert "authorization" in origin.requests[0].headers
    assert "proxy-authorization" not in origin.requests[0].headers
    assert not any(b64encode(b"me:pw").decode() in line for line in lines)


def test_https_goes_through_a_proxy_that_itself_speaks_tls(tls: ssl.SSLContext, bundle: str) -> None:
    def pass_on(peer: Peer) -> None:
        """Stand for proxy and origin: after the CONNECT, TLS begins again inside TLS."""
        peer.read_head()
        peer.send(b"HTTP/1.1 200 OK\r\n\r\n")
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        inner = tls.wrap_bio(incoming, outgoing, server_side=True)

        def until_done(step: object) -> bytes:
            assert callable(step)
            while True:
                try:
                    found: bytes = step()
                except ssl.SSLWantReadError:
                    if outgoing.pending:
                        peer.send(outgoing.read())
                    incoming.write(peer.sock.recv(65536))
                else:
                    if outgoing.pending:
                        peer.send(outgoing.read())
                    return found

        until_done(inner.do_handshake)
        assert until_done(lambda: inner.read(65536)).startswith(b"GET /x.git/info/refs")
        inner.write(OK)
        peer.send(outgoing.read())

    with scripted(pass_on, tls=tls) as proxy:
        assert advertised("https://localhost:1/x.git", proxied(proxy.url, ca_bundle=bundle)) == ADVERTISEMENT


@pytest.mark.fault(41)
@pytest.mark.parametrize(
    ("script", "error", "words"),
    [
        pytest.param(
            tunnelling(status=b"407 Auth"), AuthenticationRequired, "proxy .* wants credentials", id="407"
        ),
        pytest.param(tunnelling(status=b"502 Bad Gateway"), HttpStatusError, "502 Bad Gateway", id="502"),
        pytest.param(lambda peer: peer.read_head(), NetworkError, "closed", id="closes"),
        pytest.param(lambda peer: peer.linger(), NetworkError, "no tunnel within", id="hangs"),
        pytest.param(
            lambda peer: (peer.read_head(), peer.send(b"HTTP/1.1 200 OK\r\n\r\nbody")),
            NetworkError,
            "data of its own|TLS",
            id="200-with-a-body",
        ),
    ],
)
def test_a_proxy_that_opens_no_tunnel_is_a_clean_error(
    script: Script, error: type[TransportError], words: str
) -> None:
    with scripted(script) as proxy, pytest.raises(error, match=words):
        advertised("https://git.example/x.git", proxied(proxy.url, connect_timeout=0.5))


@pytest.mark.fault(41)
def test_refused_proxy_credentials_are_not_shown() -> None:
    with scripted(tunnelling(status=b"407 Auth")) as proxy:
        with pytest.raises(AuthenticationRequired, match="user and password in https_proxy") as caught:
            advertised("https://git.example/x.git", proxied(proxy.url.replace("//", "//me:hush@")))
    assert "hush" not in str(caught.value)


@pytest.mark.fault(41)
def test_a_407_to_a_plain_request_is_an_authentication_error() -> None:
    refusal = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"
    with scripted(answer(refusal)) as proxy, pytest.raises(AuthenticationRequired, match="407"):
        advertised("http://git.example/x.git", proxied(proxy.url))
