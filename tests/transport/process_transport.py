"""A Transport without a network: each request runs git's own server program, stateless, as HTTP would.

    ProcessTransport(path)      `git upload-pack --stateless-rpc`, `git receive-pack --stateless-rpc`
    ReplayTransport(text)       answers from a recorded transcript, in blocks of any size

A transcript is text: `advertise SERVICE VERSION` or `request SERVICE VERSION` opens an exchange, `>`
lines are what we sent and `<` lines what the server said, each a Python bytes literal of one pkt-line.
"""

from __future__ import annotations

import ast
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.support import git_environment, require
from transport.base import Body, Service, TransferStats
from transport.wire.limits import WireLimits

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from transport.wire.headway import Headway


def cut(data: bytes, size: int | None) -> Iterator[bytes]:
    """Yield data whole, or in blocks of `size` bytes."""
    step = size or max(1, len(data))
    return (data[start : start + step] for start in range(0, len(data), step))


class ProcessTransport:
    """git's server programs on a repository of this disk, one process a request."""

    stateless = True
    limits = WireLimits()

    def __init__(
        self,
        path: Path,
        *,
        block_bytes: int | None = None,
        configuration: Mapping[str, str] | None = None,
    ) -> None:
        require("git")
        self.url = str(path)
        self.stats = TransferStats()
        self.exchanges: list[tuple[str, bytes, bytes]] = []
        """(heading, request, answer) of each exchange so far."""
        self.sent_blocks: list[bytes] = []
        """The blocks of the last request body, as they came."""
        self._path = path
        self._block_bytes = block_bytes
        self._configuration = dict(configuration or {})

    @contextmanager
    def advertise(
        self, service: Service, *, version: int, headway: Headway | None = None
    ) -> Iterator[Iterator[bytes]]:
        answer = self._run(service, version, "--http-backend-info-refs", b"")
        if version < 2 or service == "git-receive-pack":
            line = f"# service={service}\n".encode()
            answer = b"%04x%b0000" % (len(line) + 4, line) + answer
        self.exchanges.append((f"advertise {service} {version}", b"", answer))
        yield cut(answer, self._block_bytes)

    @contextmanager
    def request(
        self, service: Service, body: Body, *, version: int, headway: Headway | None = None
    ) -> Iterator[Iterator[bytes]]:
        self.sent_blocks = list(body.blocks())
        sent = b"".join(self.sent_blocks)
        assert body.size in (None, len(sent))
        answer = self._run(service, version, None, sent)
        self.exchanges.append((f"request {service} {version}", sent, answer))
        yield cut(answer, self._block_bytes)

    def close(self) -> None:
        pass

    def _run(self, service: Service, version: int, flag: str | None, stdin: bytes) -> bytes:
        settings = [part for item in self._configuration.items() for part in ("-c", "=".join(item))]
        program = service.removeprefix("git-")
        command = ["git", *settings, program, "--stateless-rpc", *([flag] if flag else []), str(self._path)]
        protocol = {"GIT_PROTOCOL": f"version={version}"} if version else {}
        done = subprocess.run(
            command, input=stdin, capture_output=True, env=git_environment(protocol), check=False, timeout=60
        )
        self.stderr = done.stderr
        return done.stdout


class ReplayTransport:
    """Answers as a transcript recorded it, and insists on the same requests."""

    stateless = True
    limits = WireLimits()
    url = "replay"

    def __init__(self, transcript: str, *, block_bytes: int | None = None) -> None:
        self.stats = TransferStats()
        self._exchanges = load_transcript(transcript)
        self._position = 0
        self._block_bytes = block_bytes

    @contextmanager
    def advertise(
        self, service: Service, *, version: int, headway: Headway | None = None
    ) -> Iterator[Iterator[bytes]]:
        yield self._answer(f"advertise {service} {version}", b"")

    @contextmanager
    def request(
        self, service: Service, body: Body, *, version: int, headway: Headway | None = None
    ) -> Iterator[Iterator[bytes]]:
        yield self._answer(f"request {service} {version}", b"".join(body.blocks()))

    def close(self) -> None:
        pass

    @property
    def finished(self) -> bool:
        """Whether the whole transcript was played."""
        return self._position == len(self._exchanges)

    def _answer(self, heading: str, sent: bytes) -> Iterator[bytes]:
        recorded_heading, recorded_sent, answer = self._exchanges[self._position]
        self._position += 1
        assert (heading, sent) == (recorded_heading, recorded_sent)
        return cut(answer, self._block_bytes)


def dump_transcript(exchanges: list[tuple[str, bytes, bytes]]) -> str:
    """Return exchanges as text."""
    lines = []
    for heading, sent, answer in exchanges:
        lines += ["", heading]
        lines += [f"> {part!r}" for part in _pieces(sent)]
        lines += [f"< {part!r}" for part in _pieces(answer)]
    return "\n".join(lines[1:]) + "\n"


def load_transcript(text: str) -> list[tuple[str, bytes, bytes]]:
    """Read what `dump_transcript` wrote; lines that start with `#` are remarks."""
    exchanges: list[tuple[str, bytes, bytes]] = []
    for line in text.splitlines():
        if line.startswith(("> ", "< ")):
            heading, sent, answer = exchanges.pop()
            part = ast.literal_eval(line[2:])
            exchange = (heading, sent + part, answer) if line[0] == ">" else (heading, sent, answer + part)
            exchanges.append(exchange)
        elif line and not line.startswith("#"):
            exchanges.append((line, b"", b""))
    return exchanges


def _pieces(data: bytes) -> Iterator[bytes]:
    """Cut data at its pkt-lines for reading; what isn't framed stays one piece."""
    while data:
        try:
            length = max(4, int(data[:4], 16))
        except ValueError:
            length = len(data)
        yield data[:length]
        data = data[length:]
