"""The events of one HTTP request as lines: what PACKCORE_HTTP_TRACE=1 prints.

    http 2: connection opened to 127.0.0.1:8443 (example.org)
    http 2: TLSv1.3 TLS_AES_256_GCM_SHA384
    http 2: > POST /x.git/git-receive-pack HTTP/1.1
    http 2: > Authorization: Basic <redacted>
    http 2: first body byte after 0.000 s
    http 2: last body byte after 1.912 s
    http 2: body of 21,334,007 bytes in 326 chunks, longest gap between two chunks 0.007 s,
            longest wait for the writer 0.001 s
    http 2: < HTTP/1.1 200 OK (after 1.950 s)
    http 2: < Content-Type: application/x-git-receive-pack-result
    http 2: closed after 2.101 s

Redacted are Authorization, Proxy-Authorization and cookies, every header that the user added (it may have a
token), user and password of URLs, and the values of query parameters other than `service`. Secrets of the
side are masked in all other lines too, because a server may send back what it received. Seconds count from
the request line. Text from the server is made safe to show.
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

from transport.safe_text import one_line, visible

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

__all__ = ["RequestTrace", "redact_url"]

_SECRET_HEADERS = frozenset(
    {
        "authorization",
        "proxy-authorization",
        "cookie",
        "set-cookie",
        "set-cookie2",
        "x-api-key",
        "private-token",
    }
)
_URL_HEADERS = frozenset({"location", "content-location", "referer", "link"})
_USERINFO = re.compile(r"(//)[^/?#\s]*@")
_QUERY_VALUE = re.compile(r"([?&;](?!service=)[^=&;\s]*=)[^&;\s]+")


def redact_url(text: str) -> str:
    """Return a URL or request target without userinfo and query values.

    >>> redact_url("https://me:pw@h/x?service=git-upload-pack&token=abc")
    'https://h/x?service=git-upload-pack&token=<redacted>'
    """
    return _QUERY_VALUE.sub(r"\1<redacted>", _USERINFO.sub(r"\1", text))


class RequestTrace:
    """Collects the times of one request and, if there is a sink, reports each event as one line."""

    def __init__(
        self,
        sink: Callable[[str], None] | None,
        number: int,
        secret_headers: Collection[str] = (),
        *,
        scheme: str = "http",
        mask: Callable[[str], str] = str,
    ) -> None:
        self._sink = sink
        self._mask = mask
        self._scheme = scheme
        self._number = number
        self._secret_headers = _SECRET_HEADERS | {name.lower() for name in secret_headers}
        self._started: float | None = None
        self._last_block: float | None = None
        self._room_since: float | None = None
        self.body_bytes = 0
        self.blocks = 0
        self.first_byte_seconds: float | None = None
        self.longest_gap_seconds: float | None = None
        """The longest time between two blocks, whatever the cause: a slow server makes gaps too."""
        self.longest_stall_seconds: float | None = None
        """The longest time with room to send but no block from the writer: a stall on our side."""

    def say(self, text: str) -> None:
        """Report one line, without secrets."""
        if self._sink is not None:
            self._sink(f"{self._scheme} {self._number}: {visible(self._mask(text))}")

    def _seconds(self) -> float:
        return 0.0 if self._started is None else time.monotonic() - self._started

    def opened(self, peer: str, host: str) -> None:
        """Report that the connection is open."""
        self.say(f"connection opened to {peer} ({host})")

    def tls(self, version: str, cipher: str) -> None:
        """Report that TLS is set up."""
        self.say(f"{version} {cipher}")

    def starts(self) -> None:
        """Start the clock."""
        self._started = time.monotonic()

    def request(self, method: str, target: str, headers: Sequence[tuple[str, str]]) -> None:
        """Report the head of the request; the clock starts here."""
        self.starts()
        if self._sink is None:
            return
        self.say(f"> {method} {redact_url(target)} HTTP/1.1")
        for name, value in headers:
            self.say(f"> {name}: {self._shown(name, value)}")

    def room_for_block(self) -> None:
        """Record that the connection would take a block now, so that any further wait is caused by us."""
        self._room_since = time.monotonic()

    def body_block(self, size: int) -> None:
        """Record that a block of the body was handed to the connection."""
        now = time.monotonic()
        if self._room_since is not None:
            self.longest_stall_seconds = max(self.longest_stall_seconds or 0.0, now - self._room_since)
        if self._last_block is None:
            self.first_byte_seconds = now - (self._started or now)
            self.longest_gap_seconds = 0.0
            self.say(f"first body byte after {self.first_byte_seconds:.3f} s")
        else:
            self.longest_gap_seconds = max(self.longest_gap_seconds or 0.0, now - self._last_block)
        self._last_block = now
        self.body_bytes += size
        self.blocks += 1

    def body_done(self, *, chunked: bool) -> None:
        """Report the size and gaps of the body, complete or not."""
        if not self.blocks:
            return
        unit = "chunk" if chunked else "block"
        plural = "" if self.blocks == 1 else "s"
        self.say(f"last body byte after {self._seconds():.3f} s")
        self.say(
            f"body of {self.body_bytes:,} bytes in {self.blocks} {unit}{plural}, "
            f"longest gap between two {unit}s {self.longest_gap_seconds or 0.0:.3f} s, "
            f"longest wait for the writer {self.longest_stall_seconds or 0.0:.3f} s"
        )

    def response(self, status_line: str, headers: Sequence[tuple[str, str]]) -> None:
        """Report the head of the answer."""
        if self._sink is None:
            return
        self.say(f"< {one_line(status_line)} (after {self._seconds():.3f} s)")
        for name, value in headers:
            self.say(f"< {one_line(name, limit=100)}: {self._shown(name, value)}")

    def closed(self) -> None:
        """Report that the connection is closed."""
        self.say(f"closed after {self._seconds():.3f} s")

    def _shown(self, name: str, value: str) -> str:
        lowered = name.lower()
        if lowered in self._secret_headers:
            scheme, blank, _ = value.partition(" ")
            shows_scheme = (
                lowered.endswith("authorization") and blank and scheme.lower() in ("basic", "bearer")
            )
            return f"{scheme} <redacted>" if shows_scheme else "<redacted>"
        return one_line(redact_url(value) if lowered in _URL_HEADERS else value)
