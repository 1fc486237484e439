"""A Transport over C git itself, one `--stateless-rpc` process a request: real servers without a socket.

    source = GitTransport(path)             upload-pack and receive-pack of the repository at `path`
    source.requests                         what was asked, in order: ("advertise", "git-upload-pack"), ...
    GitTransport(path, before=hook)         `hook(kind, service)` runs before each request is served

The advertisement is as `git http-backend` sends it, with its `# service` line.
"""

from __future__ import annotations

import subprocess
import tempfile
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.support import git_environment, require
from transport.base import Body, Service, TransferStats
from transport.errors import NetworkError
from transport.wire.limits import WireLimits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from transport.wire.headway import Headway

__all__ = ["GitTransport"]

BLOCK_BYTES = 8192


class GitTransport:
    """Talks to the repository at `path` through git's own programs."""

    stateless = True
    limits = WireLimits()

    def __init__(
        self,
        path: Path,
        *,
        before: Callable[[str, Service], None] | None = None,
        environment: Mapping[str, str] | None = None,
        cut_answer_of: Service | None = None,
    ) -> None:
        require("git")
        self.path = path
        self.url = str(path)
        self.stats = TransferStats()
        self.requests: list[tuple[str, Service]] = []
        self.closed = False
        self._before = before
        self._environment = environment or {}
        self._cut_answer_of = cut_answer_of

    @contextmanager
    def advertise(
        self, service: Service, *, version: int, headway: Headway | None = None
    ) -> Iterator[Iterator[bytes]]:
        """Yield the advertisement, as http-backend sends it."""
        self._begin("advertise", service)
        arguments = ["--advertise-refs" if service == "git-receive-pack" else "--http-backend-info-refs"]
        answer = self._run(service, arguments, version, b"")
        if not answer.startswith(b"000eversion 2\n"):
            line = b"# service=%s\n" % service.encode()
            answer = b"%04x%s0000%s" % (len(line) + 4, line, answer)
        yield self._blocks(answer)

    @contextmanager
    def request(
        self, service: Service, body: Body, *, version: int, headway: Headway | None = None
    ) -> Iterator[Iterator[bytes]]:
        """Serve one request; the body is taken whole before git sees it, as a spooling proxy would."""
        self._begin("request", service)
        sent = b"".join(body.blocks())
        self.stats.bytes_sent += len(sent)
        answer = self._run(service, [], version, sent)
        if self._cut_answer_of == service:
            raise NetworkError(f"{self.url}: the connection was lost")
        yield self._blocks(answer)

    def close(self) -> None:
        """Remember that it was closed."""
        self.closed = True

    def _begin(self, kind: str, service: Service) -> None:
        self.requests.append((kind, service))
        self.stats.requests += 1
        if self._before is not None:
            self._before(kind, service)

    def _run(self, service: Service, arguments: list[str], version: int, body: bytes) -> bytes:
        extra = {"GIT_PROTOCOL": f"version={version}"} if version else {}
        with tempfile.TemporaryFile() as sent:
            sent.write(body)
            sent.seek(0)
            done = subprocess.run(
                ["git", service.removeprefix("git-"), "--stateless-rpc", *arguments, str(self.path)],
                stdin=sent,
                capture_output=True,
                env=git_environment({**self._environment, **extra}),
                check=False,
                timeout=120,
            )
        self.stats.bytes_received += len(done.stdout)
        return done.stdout

    @staticmethod
    def _blocks(answer: bytes) -> Iterator[bytes]:
        for start in range(0, len(answer), BLOCK_BYTES):
            yield answer[start : start + BLOCK_BYTES]
