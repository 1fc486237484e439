r"""Format the heads of requests and parse the heads of answers, with `http.client`.

    GET /x.git/info/refs?service=git-upload-pack HTTP/1.1\r\n     HTTP/1.1 200 OK\r\n
    Host: example.org\r\n                                         Content-Type: ...\r\n
    ...\r\n                                                       ...\r\n
    \r\n                                                          \r\n

`http.client` never gets the socket: request heads are formatted into a buffer, and an answer's head is parsed
once it is complete. Interim answers (1xx) are skipped before, since `http.client` would return a 102 or 103
as the final answer.
"""

from __future__ import annotations

import http.client
import io
import re
from dataclasses import dataclass
from email.errors import MissingHeaderBodySeparatorDefect
from typing import TYPE_CHECKING, Any

from transport.errors import AnswerTooLarge, LocalProtocolError, RemoteProtocolError
from transport.safe_text import one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["HEAD_BYTES_MAX", "HeadParser", "ResponseHead", "format_request_head"]

HEAD_BYTES_MAX = 256 * 1024
INTERIM_ANSWERS_MAX = 100

_STATUS_LINE = re.compile(rb"HTTP/\d\.\d[ \t]+(\d{3})(?:[ \t\r\n]|\Z)")
_HEAD_END = re.compile(rb"\r?\n\r?\n")
_GREETING = b"HTTP/"


class _HeadFormatter(http.client.HTTPConnection):
    """An HTTPConnection whose only connection is a buffer."""

    def __init__(self) -> None:
        super().__init__("unused")
        self.head = b""

    def send(self, data: Any) -> None:
        """Store what would go to the socket."""
        self.head += data


def format_request_head(method: str, target: str, headers: Sequence[tuple[str, str]]) -> bytes:
    """Return the head of a request, including the final empty line.

    Raises LocalProtocolError for a target or header that HTTP can't carry, without quoting it.
    """
    formatter = _HeadFormatter()
    try:
        formatter.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
        for name, value in headers:
            formatter.putheader(name, value)
        formatter.endheaders()
    except (http.client.HTTPException, ValueError):
        raise LocalProtocolError("the request holds characters that an HTTP head can't carry") from None
    return formatter.head


@dataclass(frozen=True, slots=True)
class ResponseHead:
    """The status and headers of an answer."""

    version: int
    """10 or 11."""
    status: int
    reason: str
    headers: tuple[tuple[str, str], ...]

    @property
    def status_line(self) -> str:
        """The first line, for a trace."""
        return f"HTTP/{self.version // 10}.{self.version % 10} {self.status} {self.reason}".rstrip()


class HeadParser:
    """Takes the first bytes of an answer until its head is complete."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._interim = 0

    @property
    def empty(self) -> bool:
        """Whether no byte of an answer has arrived yet."""
        return not self._buffer and not self._interim

    def feed(self, data: bytes) -> tuple[ResponseHead, bytes] | None:
        """Return the head of the final answer and the bytes after it, or None if it isn't complete.

        Raises RemoteProtocolError for anything but HTTP/1.x, a head that is too long, or endless interim
        answers.
        """
        scan_from = max(0, len(self._buffer) - 3)
        self._buffer += data
        while True:
            self._check_greeting()
            end = _HEAD_END.search(self._buffer, scan_from)
            if end is None:
                if len(self._buffer) > HEAD_BYTES_MAX:
                    raise AnswerTooLarge(
                        "the answer's headers are too long", limit=f"{HEAD_BYTES_MAX // 1024} KiB of headers"
                    )
                return None
            head, rest = bytes(self._buffer[: end.end()]), bytes(self._buffer[end.end() :])
            status = self._status(head)
            if status == 101:
                raise RemoteProtocolError("the server switches to a protocol that was not requested")
            if status >= 200:
                return _parse(head), rest
            self._interim += 1
            if self._interim > INTERIM_ANSWERS_MAX:
                raise AnswerTooLarge(
                    f"more than {INTERIM_ANSWERS_MAX} interim answers, and no final one",
                    limit=f"{INTERIM_ANSWERS_MAX} interim answers",
                )
            self._buffer, scan_from = bytearray(rest), 0

    def _check_greeting(self) -> None:
        start = bytes(self._buffer[: len(_GREETING)])
        if not _GREETING.startswith(start):
            shown = one_line(bytes(self._buffer[:500]), limit=60)
            raise RemoteProtocolError(f"the answer is not HTTP/1.x; it begins {shown!r}")

    @staticmethod
    def _status(head: bytes) -> int:
        match = _STATUS_LINE.match(head)
        if not match:
            raise RemoteProtocolError(f"bad status line: {one_line(head.splitlines()[0], limit=80)!r}")
        return int(match.group(1))


class _Shim:
    """The part of a socket that HTTPResponse needs: `makefile`."""

    def __init__(self, head: bytes) -> None:
        self._head = head

    def makefile(self, *_: object, **__: object) -> io.BytesIO:
        return io.BytesIO(self._head)


def _parse(head: bytes) -> ResponseHead:
    response = http.client.HTTPResponse(_Shim(head))  # type: ignore[arg-type]
    try:
        response.begin()
        if any(isinstance(defect, MissingHeaderBodySeparatorDefect) for defect in response.headers.defects):
            raise RemoteProtocolError("can't parse the answer's headers (a line without a colon)")
        headers = tuple((name, str(value)) for name, value in response.headers.items())
        return ResponseHead(response.version, response.status, response.reason or "", headers)
    except (http.client.HTTPException, ValueError) as error:
        text = one_line(f"{type(error).__name__}: {error}", limit=120)
        raise RemoteProtocolError(f"can't parse the answer's headers ({text})") from None
    finally:
        response.close()
