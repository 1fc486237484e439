"""Where redirects lead, and where credentials go and never go."""

from __future__ import annotations

import ssl
from base64 import b64encode
from contextlib import nullcontext
from typing import TYPE_CHECKING

import pytest

from tests.support import certificate_authority
from tests.transport.http.scripted import Script, answer, scripted
from transport.auth import Credential
from transport.base import Body
from transport.endpoint import Endpoint
from transport.errors import AuthenticationRequired, HttpStatusError, RemoteProtocolError, TransportError
from transport.options import TransportOptions
from transport.schemes import open_transport
from transport.schemes.http import HttpTransport

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

ADVERTISEMENT = b"001e# service=git-upload-pack\n0000"
OK = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/x-git-upload-pack-advertisement\r\n"
    b"Content-Length: %d\r\n\r\n%b" % (len(ADVERTISEMENT), ADVERTISEMENT)
)
RESULT = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/x-git-upload-pack-result\r\nContent-Length: 4\r\n\r\n0000"
)
REFUSAL = b"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n"
TAIL = "/info/refs?service=git-upload-pack"


def to(location: str, status: int = 302) -> Script:
    return answer(f"HTTP/1.1 {status} Moved\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode())


def advertised(url: str, options: TransportOptions | None = None) -> bytes:
    transport = open_transport(url, options or TransportOptions())
    with transport.advertise("git-upload-pack", version=2) as blocks:
        return b"".join(blocks)


def basic(text: str) -> str:
    return "Basic " + b64encode(text.encode()).decode()


# -- redirects ------------------------------------------------------------------------------------


@pytest.mark.fault(13)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("location", [f"/new/y.git{TAIL}", f"../../new/y.git{TAIL}"])
def test_a_redirect_of_the_advertisement_moves_the_base(status: int, location: str) -> None:
    with scripted(to(location, status), answer(OK), answer(RESULT)) as server:
        transport = open_transport(f"{server.url}/x.git")
        with transport.advertise("git-upload-pack", version=2) as blocks:
            assert b"".join(blocks) == ADVERTISEMENT
        assert transport.url == f"{server.url}/new/y.git"
        with transport.request("git-upload-pack", Body.of(b"0000"), version=2) as blocks:
            assert b"".join(blocks) == b"0000"
    assert server.requests[2].line == "POST /new/y.git/git-upload-pack HTTP/1.1"


@pytest.mark.fault(14)
def test_credentials_and_own_headers_do_not_follow_to_another_port() -> None:
    options = TransportOptions(token="hush", headers=(("X-Secret", "hush"), ("Cookie", "hush=1")))
    with scripted(answer(OK)) as elsewhere:
        with scripted(to(f"{elsewhere.url}/x.git{TAIL}")) as server:
            assert advertised(f"{server.url}/x.git", options) == ADVERTISEMENT
    assert server.requests[0].headers["authorization"] == basic("git:hush")
    assert server.requests[0].headers["x-secret"] == "hush"
    assert not {"authorization", "x-secret", "cookie"} & set(elsewhere.requests[0].headers)


@pytest.mark.fault(14)
def test_userinfo_of_a_location_is_not_used_and_not_shown() -> None:
    with scripted(answer(REFUSAL)) as elsewhere:
        location = f"{elsewhere.url}/x.git{TAIL}".replace("//", "//me:hush@")
        lines: list[str] = []
        with scripted(to(location)) as server, pytest.raises(AuthenticationRequired) as caught:
            advertised(f"{server.url}/x.git", TransportOptions(trace=lines.append))
    assert "authorization" not in elsewhere.requests[0].headers
    assert "hush" not in str(caught.value) + "".join(lines)


@pytest.mark.fault(14)
def test_a_401_elsewhere_asks_netrc_for_that_host_only(tmp_path: Path) -> None:
    (tmp_path / ".netrc").write_text(
        "machine 127.0.0.1 login typed password one\nmachine localhost login moved password two\n"
    )
    options = TransportOptions(environment={"HOME": str(tmp_path)})
    with scripted(answer(REFUSAL), answer(OK)) as elsewhere:
        location = f"http://localhost:{elsewhere.port}/x.git{TAIL}"
        with scripted(answer(REFUSAL), to(location)) as server:
            assert advertised(f"{server.url}/x.git", options) == ADVERTISEMENT
    assert server.requests[1].headers["authorization"] == basic("typed:one")
    assert "authorization" not in elsewhere.requests[0].headers
    assert elsewhere.requests[1].headers["authorization"] == basic("moved:two")


def test_the_default_entry_of_netrc_is_for_hosts_that_the_user_typed(tmp_path: Path) -> None:
    (tmp_path / "netrc").write_text("default login any password hush\n")
    options = TransportOptions(environment={"NETRC": str(tmp_path / "netrc")})
    with scripted(answer(REFUSAL), answer(OK)) as server:
        assert advertised(f"{server.url}/x.git", options) == ADVERTISEMENT
    with scripted(answer(REFUSAL)) as elsewhere:
        with scripted(to(f"{elsewhere.url}/x.git{TAIL}")) as server, pytest.raises(AuthenticationRequired):
            advertised(f"{server.url}/x.git", options)


@pytest.mark.fault(15)
@pytest.mark.parametrize(
    ("location", "words"),
    [
        ("ftp://example.org/x.git" + TAIL, "ftp"),
        ("file:///x.git" + TAIL, "file"),
        ("gopher://example.org/x.git" + TAIL, "gopher"),
        ("/x.git/info/refs", "not the same request"),
        ("/elsewhere", "not the same request"),
        ("/x.git/info/refs?service=git-receive-pack", "not the same request"),
        ("", "no Location"),
        ("http://[::1", "an invalid URL"),
        ("http://h\x01st/", "an invalid URL"),
        ("http://ex%0d%0aample.org/x.git" + TAIL, "an invalid URL"),
    ],
)
def test_a_redirect_that_leads_elsewhere_is_refused(location: str, words: str) -> None:
    with scripted(to(location), answer(OK)) as server:
        with pytest.raises(RemoteProtocolError, match=words):
            advertised(f"{server.url}/x.git")


@pytest.mark.fault(13)
def test_a_loop_of_redirects_ends() -> None:
    with scripted(*21 * [to(f"/x.git{TAIL}")]) as server:
        with pytest.raises(RemoteProtocolError, match="more than 20 times"):
            advertised(f"{server.url}/x.git")


def test_no_redirect_is_followed_when_that_is_asked() -> None:
    with scripted(to(f"/y.git{TAIL}")) as server, pytest.raises(HttpStatusError, match="302"):
        advertised(f"{server.url}/x.git", TransportOptions(follow_redirects=False))


@pytest.mark.fault(12)
def test_a_redirect_to_a_sign_in_page_wants_credentials() -> None:
    with scripted(to("https://spsprodeus.example/_signin?realm=dev.azure.example")) as server:
        with pytest.raises(AuthenticationRequired):
            advertised(f"{server.url}/x.git")


# -- credentials ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url_user", "options", "expected"),
    [
        ("", TransportOptions(token="t"), basic("git:t")),
        ("", TransportOptions(username="me", token="t"), basic("me:t")),
        ("me@", TransportOptions(token="t"), basic("me:t")),
        ("m%65:p%3aw@", TransportOptions(), basic("me:p:w")),
        ("me:pw@", TransportOptions(token="t", username="you"), basic("you:t")),
        ("", TransportOptions(bearer_token="abc?expires=1"), "Bearer abc?expires=1"),
        ("", TransportOptions(token="tökén"), basic("git:tökén")),
        ("me@", TransportOptions(), None),
    ],
)
def test_what_is_given_is_sent_from_the_first_request_on(
    url_user: str, options: TransportOptions, expected: str | None
) -> None:
    with scripted(answer(OK)) as server:
        advertised(f"http://{url_user}127.0.0.1:{server.port}/x.git", options)
    assert server.requests[0].headers.get("authorization") == expected


def test_a_user_given_authorization_header_is_sent_as_it_is() -> None:
    options = TransportOptions(token="t", headers=(("authorization", "Custom x"),))
    with scripted(answer(OK)) as server:
        advertised(f"{server.url}/x.git", options)
    assert server.requests[0].headers["authorization"] == "Custom x"


@pytest.mark.fault(17)
def test_refused_credentials_are_tried_once_and_named_by_their_source(tmp_path: Path) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password hush\n")
    options = TransportOptions(environment={"NETRC": str(tmp_path / "netrc")})
    with scripted(answer(REFUSAL), answer(REFUSAL)) as server:
        with pytest.raises(AuthenticationRequired, match="refused the credentials from netrc") as caught:
            advertised(f"{server.url}/x.git", options)
    assert len(server.requests) == 2
    assert "hush" not in str(caught.value)


class Helper:
    """A source of credentials that notes what it hears, as a credential helper would."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def fill(self, endpoint: Endpoint, *, challenges: Sequence[str], redirected: bool) -> Credential:
        self.heard.append("fill")
        return Credential("me", "hush", "a helper")

    def approve(self, endpoint: Endpoint, credential: Credential) -> None:
        self.heard.append("approve")

    def reject(self, endpoint: Endpoint, credential: Credential) -> None:
        self.heard.append("reject")


@pytest.mark.fault(17, 20)
@pytest.mark.parametrize(
    ("then", "error", "heard"),
    [
        (OK, None, ["fill", "approve"]),
        (REFUSAL, AuthenticationRequired, ["fill", "reject"]),
        (b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", HttpStatusError, ["fill", "reject"]),
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", HttpStatusError, ["fill"]),
    ],
)
def test_a_helper_is_asked_once_and_gets_the_outcome(
    then: bytes, error: type[TransportError] | None, heard: list[str]
) -> None:
    helper = Helper()
    with scripted(answer(REFUSAL), answer(then)) as server:
        transport = HttpTransport(Endpoint.parse(f"{server.url}/x.git"), TransportOptions(), [helper])
        with nullcontext() if error is None else pytest.raises(error):
            with transport.advertise("git-upload-pack", version=2) as blocks:
                assert b"".join(blocks) == ADVERTISEMENT
    assert helper.heard == heard


@pytest.mark.fault(20)
def test_a_403_to_a_given_credential_asks_no_helper() -> None:
    helper = Helper()
    refusal = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"
    with scripted(answer(refusal)) as server:
        options = TransportOptions(token="hush")
        transport = HttpTransport(Endpoint.parse(f"{server.url}/x.git"), options, [helper])
        with pytest.raises(HttpStatusError), transport.advertise("git-upload-pack", version=2):
            pass
    assert helper.heard == []


@pytest.mark.fault(15)
def test_a_redirect_from_https_to_http_is_refused() -> None:
    authority = certificate_authority()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with scripted() as plain, scripted(to(f"{plain.url}/x.git{TAIL}"), tls=context) as server:
        with pytest.raises(RemoteProtocolError, match="from https to http"):
            advertised(f"{server.url}/x.git", TransportOptions(insecure_skip_tls_verify=True))


@pytest.mark.fault(18)
def test_a_401_on_the_post_alone_is_settled_by_the_probe(tmp_path: Path) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password pw\n")
    options = TransportOptions(environment={"NETRC": str(tmp_path / "netrc")})
    result = RESULT.replace(b"upload", b"receive")
    with scripted(answer(REFUSAL), answer(result), answer(result)) as server:
        transport = open_transport(f"{server.url}/x.git", options)
        body = Body(lambda: iter([bytes(2_000_000)]))
        with transport.request("git-receive-pack", body, version=0) as blocks:
            assert b"".join(blocks) == b"0000"
    assert [len(received.body) for received in server.requests] == [4, 4, 2_000_000]
    assert "authorization" not in server.requests[0].headers


def test_credentials_are_not_sent_over_plain_http_to_another_machine() -> None:
    with scripted(answer(REFUSAL)) as server:
        options = TransportOptions(token="hush", environment={"http_proxy": server.url})
        with pytest.raises(AuthenticationRequired, match="not sent over plain http"):
            advertised("http://git.example/x.git", options)
    assert "authorization" not in server.requests[0].headers
    with scripted(answer(OK)) as server:
        options = TransportOptions(
            token="hush", environment={"http_proxy": server.url}, allow_insecure_auth=True
        )
        advertised("http://git.example/x.git", options)
    assert server.requests[0].headers["authorization"] == basic("git:hush")


@pytest.mark.parametrize("text", ['machine 127.0.0.1 password "hush', 'nonsense "hush'])
def test_a_broken_netrc_is_named_without_its_words(tmp_path: Path, text: str) -> None:
    (tmp_path / "netrc").write_text(text + "\n")
    options = TransportOptions(environment={"NETRC": str(tmp_path / "netrc")})
    with scripted(answer(REFUSAL)) as server, pytest.raises(TransportError, match="netrc") as caught:
        advertised(f"{server.url}/x.git", options)
    assert "hush" not in str(caught.value)


def test_no_secret_is_shown_in_trace_error_or_repr() -> None:
    lines: list[str] = []
    options = TransportOptions(
        token="hush1",
        username="hush2",
        headers=(("X-Token", "hush3"), ("Cookie", "hush4")),
        environment={"NETRC": "hush5"},
        trace=lines.append,
    )
    with scripted(answer(REFUSAL)) as server:
        transport = open_transport(f"http://hush6:hush7@127.0.0.1:{server.port}/x.git?key=hush8", options)
        with (
            pytest.raises(AuthenticationRequired) as caught,
            transport.advertise("git-upload-pack", version=0),
        ):
            pass
    shown = "\n".join(
        [*lines, str(caught.value), repr(caught.value), repr(options), repr(transport), transport.url]
    )
    assert "hush" not in shown
    assert b64encode(b"hush2:hush1").decode() not in shown
    assert "Basic <redacted>" in shown
    assert "hush8" in server.requests[0].line


def test_the_trace_shows_the_events_of_a_request() -> None:
    lines: list[str] = []
    with scripted(answer(RESULT.replace(b"upload", b"receive"))) as server:
        transport = open_transport(f"{server.url}/x.git", TransportOptions(trace=lines.append))
        body = Body(lambda: iter([b"a" * 70_000, b"b" * 10]))
        with transport.request("git-receive-pack", body, version=0) as blocks:
            b"".join(blocks)
    assert lines[0] == f"http 1: connection opened to 127.0.0.1:{server.port} (127.0.0.1:{server.port})"
    assert lines[1] == "http 1: > POST /x.git/git-receive-pack HTTP/1.1"
    assert "http 1: > Content-Length: 70010" in lines
    text = "\n".join(lines)
    for words in (
        "first body byte after",
        "last body byte after",
        "body of 70,010 bytes in 2 blocks",
        "longest gap",
    ):
        assert words in text
    assert any(line.startswith("http 1: < HTTP/1.1 200 OK") for line in lines)
    assert "http 1: < Content-Length: 4" in lines
    assert lines[-1].startswith("http 1: closed after")
