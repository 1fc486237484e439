"""What a scheme must do: advertise refs, and carry one request and its answer.

    transport = open_transport(endpoint, options)
    with transport.advertise("git-upload-pack", version=2) as answer:   blocks of the advertisement
        ...
    with transport.request("git-upload-pack", body, version=2) as answer:   blocks of the response
        ...

An answer is a context manager around an iterator of byte blocks; leaving it closes the connection.
Over HTTP each call opens a socket of its own. The wire formats inside the blocks are `transport.wire`'s.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from contextlib import AbstractContextManager

    from packcore.history import History
    from transport.wire.headway import Headway
    from transport.wire.limits import WireLimits

__all__ = ["Body", "Service", "TransferStats", "Transport"]

Service = Literal["git-upload-pack", "git-receive-pack"]


@dataclass(frozen=True, slots=True)
class Body:
    """A request body that can be produced again, for a replay after 401, 411 or 501.

    `blocks` starts a new iteration over the same bytes; `size` is their number where it is known
    (then a small body travels with Content-Length), else None (then it is sent chunked).
    """

    blocks: Callable[[], Iterator[bytes]]
    size: int | None = None

    @classmethod
    def of(cls, data: bytes) -> Body:
        """Wrap bytes that are at hand."""
        return cls(lambda: iter((data,)), len(data))


@dataclass(slots=True)
class TransferStats:
    """What one transport carried so far, and found out; the sync result and `--stats` read it."""

    requests: int = 0
    bytes_sent: int = 0
    bytes_received: int = 0
    first_byte_seconds: float | None = None
    """Of the last streamed request: from the request line to the first body byte."""
    longest_gap_seconds: float | None = None
    """Of the last streamed request: the longest time between two of its body blocks, whoever caused it."""
    chunks_refused: bool = False
    """The remote takes no body of unknown length: set when that is found out, or known from before."""
    pushes_begun: int = 0
    """Pushes whose commands were handed over."""
    pushes_answered: int = 0
    """Those of them of which the report came."""
    longest_stall_seconds: float | None = None
    """Of the last streamed request: the longest time that the connection had to wait for a block."""

    def counting_received(self, blocks: Iterable[bytes]) -> Iterator[bytes]:
        """Pass blocks on, and count their bytes as received."""
        for block in blocks:
            self.bytes_received += len(block)
            yield block

    def counting_sent(self, blocks: Iterable[bytes]) -> Iterator[bytes]:
        """Pass blocks on, and count their bytes as sent."""
        for block in blocks:
            self.bytes_sent += len(block)
            yield block


class Transport(Protocol):
    """A way to one remote repository."""

    url: str
    """For messages: without user, password or token."""
    stateless: bool
    """True where each request is a new conversation (HTTP); False on one lasting connection (ssh, git)."""
    stats: TransferStats
    limits: WireLimits
    """What this remote may make us hold."""

    def advertise(
        self, service: Service, *, version: int, headway: Headway | None = None
    ) -> AbstractContextManager[Iterator[bytes]]:
        """Open the conversation: yield the blocks of the ref or capability advertisement.

        Over HTTP this is `GET info/refs?service=…`; `version` 0 sends no Git-Protocol. Settles
        redirects and authentication. `headway` is counted by the reader of the blocks: where it stands still
        for the stall timeout, RemoteStalled is raised; None: every byte counts. Raises TransportError and its
        kinds.
        """
        ...

    def request(
        self, service: Service, body: Body, *, version: int, headway: Headway | None = None
    ) -> AbstractContextManager[Iterator[bytes]]:
        """Send one request and yield the blocks of its answer; `headway` as in `advertise`.

        The body's blocks are pulled as the connection takes them, and sent as they come. Over HTTP up to
        a post buffer of them is pulled before the connection opens, to know whether that is all.
        """
        ...

    def close(self) -> None:
        """Close whatever is open. Idempotent."""


@runtime_checkable
class HistoryAtHand(Protocol):
    """A transport to a repository on this disk, whose commits can be read without asking for them."""

    def history(self) -> History | None:
        """Return the graph of its commits, good until `close`; None if it isn't at hand after all.

        Raises RepositoryError, CorruptData.
        """
        ...
