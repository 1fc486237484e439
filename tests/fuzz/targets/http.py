"""Readers of HTTP answers, of redirects, and of what says where to go and as whom."""

from __future__ import annotations

import gzip
import zlib
from typing import TYPE_CHECKING

from tests.fuzz.shapes import CHUNKS, GZIP, HEAD_AND_CHUNKS, LINES
from tests.fuzz.target import agree, pieces, scratch, target
from transport.credentials import encode_question, encode_verdict, parse_answer
from transport.endpoint import Endpoint
from transport.http_rules.content import content_decoder
from transport.http_rules.framing import body_reader
from transport.http_rules.proxies import select_proxy
from transport.http_rules.redirects import is_login_page, rebase, redirected
from transport.http_rules.retries import retry_delay
from transport.http_rules.statuses import header, status_error
from transport.netrc import find_entry, parse_netrc
from transport.safe_text import one_line, sanitise
from transport.schemes.http.heads import HeadParser, format_request_head
from transport.server.faults import Simulation
from transport.server.htpasswd import Passwords
from transport.ssh_rules import ssh_error, ssh_program

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_HERE = Endpoint.parse("https://me:secret@example.com:8443/team/x.git")
_HEADERS = (
    b"Content-Length: ", b"Transfer-Encoding: chunked\r\n", b"Content-Encoding: gzip\r\n", b"HTTP/1.1 ",
    b"HTTP/1.0 ", b"100 Continue\r\n\r\n", b"101 ", b"204 ", b"304 ", b"401 ", b"Location: ",
    b"Retry-After: ", b"WWW-Authenticate: Basic", b"\r\n\r\n", b"\n\n", b"\r\n ", b": ",
    b"Content-Type: text/plain",
)  # fmt: skip
_CHUNKED = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n"


@target(
    seeds=lambda: [
        _CHUNKED + b"4\r\nWiki\r\n6\r\npedia \r\n0\r\n\r\n",
        (
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 503 Busy\r\nRetry-After: 7\r\n"
            b"Content-Length: 4\r\nContent-Type: text/plain\r\n\r\nlate"
        ),
        b"HTTP/1.0 301 Moved\r\nLocation: /y.git/info/refs?service=git-upload-pack\r\n\r\nx",
    ],
    shape=HEAD_AND_CHUNKS,
    words=_HEADERS,
)
def http_answer(data: bytes) -> None:
    """Read an answer's head, then its body; make of its status what a user is told."""

    def read(blocks: Iterable[bytes]) -> object:
        parser, found, body, text = HeadParser(), None, None, b""
        decoder = content_decoder("")
        for block in blocks:
            if body is None:
                found = parser.feed(block)
                if found is None:
                    continue
                head, block = found
                body = body_reader(head.headers, head.status)
                decoder = content_decoder(header(head.headers, "content-encoding"))
            for piece in body.feed(block):
                text += b"".join(decoder.feed(piece))
        if found is None or body is None:
            return None
        body.end()
        decoder.end()
        return found[0], text, _told(found[0].status, found[0].reason, found[0].headers, text)

    agree(lambda: read([data]), lambda: read(pieces(data)))


def _told(status: int, reason: str, headers: tuple[tuple[str, str], ...], text: bytes) -> str:
    retry_delay(status, header(headers, "retry-after"), now=1e9)
    error = status_error(
        method="GET", url=str(_HERE), status=status, reason=reason, headers=headers, text=text
    )
    assert sanitise(str(error)) == str(error), "an error shows what a terminal obeys"
    return str(error)


@target(
    seeds=lambda: [b"4\r\nWiki\r\n7;ext=1\r\npedia i\r\n0\r\nTrailer: x\r\n\r\n"],
    shape=CHUNKS,
    words=(b"\r\n", b"0\r\n\r\n", b";a=b", b"0x4", b"-1"),
)
def http_chunks(data: bytes) -> None:
    """Read a chunked body."""

    def read(blocks: Iterable[bytes]) -> bytes:
        reader = body_reader([("Transfer-Encoding", "chunked")], 200)
        text = b"".join(piece for block in blocks for piece in reader.feed(block))
        reader.end()
        return text

    agree(lambda: read([data]), lambda: read(pieces(data)))


def _streams() -> Iterator[bytes]:
    yield gzip.compress(b"some text, some text", mtime=0) + gzip.compress(b"more", mtime=0)
    yield zlib.compress(b"some text, some text")
    yield zlib.compress(b"some text, some text")[2:-4]


@target(seeds=_streams, shape=GZIP)
def http_content(data: bytes) -> None:
    """Decode a compressed body as gzip and as deflate."""

    def read(coding: str, blocks: Iterable[bytes]) -> bytes:
        decoder = content_decoder(coding)
        text = b"".join(piece for block in blocks for piece in decoder.feed(block))
        decoder.end()
        return text

    coding = "gzip" if data[:1] == b"\x1f" else "deflate"
    agree(lambda: read(coding, [data]), lambda: read(coding, pieces(data)))


_URLS = (
    b"https://", b"http://", b"ssh://", b"git+ssh://", b"git://", b"file://", b"ext::", b"@", b":",
    b"[::1]", b"[fe80::1%25eth0]", b"%00", b"%0a", b"%2e%2e", b"..", b"?service=git-upload-pack",
    b"/info/refs", b"#", b"//", b"-oProxyCommand=", b"\xff", b"%ff", "\u0130".encode(), b"xn--", b"65536",
    b"/_signin", b"\xed\xa0\x80",
)  # fmt: skip


def _places() -> list[bytes]:
    return [
        b"https://user:secret@host:8443/team/x.git", b"ssh://git@[::1]:22/x.git", b"[git@host:22]:x.git",
        b"git@host:x.git", b"git://host/x.git", b"file:///srv/x.git", b"./x.git", b"other::anything",
        b"other://host/path", b"https://[fe80::1%25eth0]/x?y=z",
    ]  # fmt: skip


def _text(data: bytes) -> str:
    """Return bytes as text, as Python does with a command line; JSON's surrogates may be among them."""
    try:
        return data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return data.decode("utf-8", "surrogateescape")


@target(seeds=_places, words=_URLS, bytes_max=512)
def endpoint(data: bytes) -> None:
    """Parse an endpoint; what is shown of it holds no password, and an HTTP head can be made of it."""
    found = Endpoint.parse(_text(data))
    _ = found.origin.is_loopback, found.authority, found.url_authority, repr(found), found.secrets
    assert not found.password or found.scheme in ("ssh", "git") or found.with_user(None).password is None
    if found.is_http:
        format_request_head("GET", found.path or "/", [("Host", found.authority)])
        select_proxy(found, {"http_proxy": _text(data), "no_proxy": _text(data)})
        encode_question(found, ["Basic"])


@target(
    seeds=lambda: [
        b"/y.git/info/refs?service=git-upload-pack",
        b"https://other.example/x.git/info/refs?service=git-upload-pack",
    ],
    words=_URLS,
    bytes_max=512,
)
def redirect(data: bytes) -> None:
    """Follow a Location header, as http.client hands it over."""
    location = data.decode("iso-8859-1")
    is_login_page(location)
    found = redirected(_HERE.with_path("/team/x.git/info/refs?service=git-upload-pack"), location)
    assert found.user is None
    assert found.password is None
    rebase(found, _HERE, "git-upload-pack")


@target(
    seeds=lambda: [b"proxy.example:3128", b"http://me:pw@[::1]:80", b"https://proxy.example/"],
    words=_URLS,
    bytes_max=512,
)
def proxy(data: bytes) -> None:
    """Choose a proxy by the variables of an environment."""
    value, _, excluded = _text(data).partition("\n")
    select_proxy(_HERE, {"https_proxy": value, "NO_PROXY": excluded})


@target(
    seeds=lambda: [
        (
            b'machine example.com login me password "a \\" b"\n'
            b"default login x password y\nmacdef init\nbye\n\nmachine z\n"
        )
    ],
    shape=LINES,
    words=(b"machine ", b"login ", b"password ", b"default", b"macdef ", b'"', b"\\", b"#", b"account "),
)
def netrc(data: bytes) -> None:
    """Parse a .netrc file and look a host up."""
    entries = parse_netrc(_text(data))
    for entry in entries:
        find_entry(entries, entry.machine or "example.com", user=entry.login, with_default=True)


@target(
    seeds=lambda: [
        b"protocol=https\nhost=example.com:8443\nusername=me\npassword=secret\npassword_expiry_utc=1\n\n"
    ],
    shape=LINES,
    words=(
        b"username=",
        b"password=",
        b"host=",
        b"protocol=",
        b"quit=1",
        b"oauth_refresh_token=",
        b"\xff",
        b"\r",
    ),
)
def credential_answer(data: bytes) -> None:
    """Read what `git credential` says, and make the header and the verdict of it."""
    here = _HERE.with_user(None)
    filled = parse_answer(data, here)
    if filled is not None:
        filled.credential.header_value()
        encode_verdict(here, filled)


@target(
    seeds=lambda: [
        b"me:{SHA}" + b"A" * 27 + b"=\n# c\nyou:$apr1$xxxxxxxx$dxHfLAsjHkDRmG83UXe8K0\n",
        b"s:{SSHA}" + b"A" * 31 + b"=\n",
    ],
    shape=LINES,
    words=(b"{SHA}", b"{SSHA}", b"$apr1$", b":", b"=", b"$2y$"),
    bytes_max=512,
)
def htpasswd(data: bytes) -> None:
    """Read a password file, and try a password on its first user."""
    path = scratch("htpasswd")
    path.write_bytes(data)
    passwords = Passwords.read(path)
    user = data.decode("utf-8", "replace").partition(":")[0].strip()
    assert passwords.admits(user, b"wrong") in (True, False)


@target(
    seeds=lambda: [b"idle-cut=3s,no-chunked,body-limit=1M,status=503:2", b"no-v2,late-status=400"],
    words=(b"=", b",", b"body-limit=", b"slow=", b"status=", b"refs-limit=", b"cut-after=", b"99999999999"),
    bytes_max=256,
)
def simulate(data: bytes) -> None:
    """Read what `serve --simulate` is to do wrong."""
    Simulation.parse(_text(data))


@target(
    seeds=lambda: [b"Permission denied (publickey).\r\n", b"plain\n\x1b[31mred\x1b[0m \xff"],
    words=(b"\x1b[2J", b"\r", b"\xc2\x9b", b"Host key verification failed", "\u202e".encode()),
)
def remote_text(data: bytes) -> None:
    """Make text of a remote fit to be shown: nothing is left that a terminal obeys."""
    shown = [sanitise(data), sanitise(_text(data)), one_line(data), one_line(_text(data))]
    assert all(sanitise(text) == text for text in shown)
    assert all("\n" not in text for text in shown[2:])
    ssh_error("ssh://h/x", 255, shown[0])


@target(
    seeds=lambda: [b"ssh -i 'my key' -p 22", b"plink", b"sh -c 'exec ssh \"$@\"' x"],
    words=(b"'", b'"', b"\\", b"$", b"#", b"sh ", b"=", b";"),
    bytes_max=256,
)
def ssh_command(data: bytes) -> None:
    """Read what the environment says of ssh."""
    for variables in ({"GIT_SSH_COMMAND": _text(data)}, {"GIT_SSH": _text(data), "GIT_SSH_VARIANT": "auto"}):
        ssh_program(variables)
