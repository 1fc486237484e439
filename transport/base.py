"""The interface of a scheme: advertise refs, and carry one request and its answer.

    transport = open_transport(endpoint, options)
    with transport.advertise("git-upload-pack", version=2) as answer:   blocks of the advertisement
        ...
    with transport.request("git-upload-pack", body, version=2) as answer:   blocks of the response
        ...

An answer is a context manager around an iterator of byte blocks; leaving it closes the connection. Over HTTP,
each call opens a new socket. `transport.wire` defines the formats inside the blocks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from packcore.history import History
    from transport.wire.advertisement import Advertisement
    from transport.wire.headway import Headway
    from transport.wire.limits import WireLimits

__all__ = ["Body", "Service", "TransferStats", "Transport"]

Service = Literal["git-upload-pack", "git-receive-pack"]


class Body(NamedTuple):
    """A request body that can be produced again, for a replay after 401, 411 or 501.

    `blocks` starts a new iteration over the same bytes. `size` is their number if it is known (then a small
    body is sent with Content-Length), else None (then it is sent chunked).
    """

    blocks: Callable[[], Iterator[bytes]]
    size: int | None = None

    @classmethod
    def of(cls, data: bytes) -> Body:
        """Wrap bytes."""
        return cls(lambda: iter((data,)), len(data))


@dataclass(slots=True)
class TransferStats:
    """What one transport has carried and found out so far; used by the sync result and `--stats`."""

    requests: int = 0
    bytes_sent: int = 0
    bytes_received: int = 0
    first_byte_seconds: float | None = None
    """For the last streamed request: the time from the request line to the first body byte."""
    longest_gap_seconds: float | None = None
    """For the last streamed request: the longest time between two of its body blocks, whatever the cause."""
    credentials_from: str | None = None
    """Where the credentials came from that the remote accepted last; None if none were sent."""
    chunks_refused: bool = False
    """Whether the remote accepts no body of unknown length: found out, or known from before."""
    pushes_begun: int = 0
    """The number of pushes whose commands were sent."""
    pushes_answered: int = 0
    """How many of those were answered by a report."""
    longest_stall_seconds: float | None = None
    """For the last streamed request: the longest time that the connection waited for a block."""

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
    """The connection to one remote repository."""

    url: str
    """For messages: without user, password or token."""
    stateless: bool
    """True if each request is a new conversation (HTTP), False on one persistent connection (ssh, git)."""
    stats: TransferStats
    limits: WireLimits
    """Limits on what this remote may make us store."""

    def advertise(
        self, service: Service, *, version: int, headway: Headway | None = None
    ) -> AbstractContextManager[Iterator[bytes]]:
        """Open the conversation: yield the blocks of the ref or capability advertisement.

        Over HTTP this is `GET info/refs?service=…`; `version` 0 sends no Git-Protocol. Handles redirects and
        authentication. The reader of the blocks counts `headway`; if that stops for the stall timeout,
        RemoteStalled is raised. None means that every byte counts. Raises TransportError and its subclasses.
        """
        ...

    def request(
        self, service: Service, body: Body, *, version: int, headway: Headway | None = None
    ) -> AbstractContextManager[Iterator[bytes]]:
        """Send one request and yield the blocks of its answer; `headway` as in `advertise`.

        Pulls the blocks of the body as the connection takes them, and sends them as they come. Over HTTP, up
        to a post buffer of them is pulled before connecting, to know whether that is all.
        """
        ...

    def close(self) -> None:
        """Close whatever is open. Idempotent."""


@runtime_checkable
class RefsAtHand(Protocol):
    """A transport to a repository on this disk, whose refs can be listed without a conversation."""

    def refs_at_hand(
        self, service: Service, prefixes: Sequence[str], limits: WireLimits
    ) -> Advertisement | None:
        """Return what the service would list, a source's below the prefixes in protocol v2.

        None if the service must be asked, since something is wrong: it says what.
        """
        ...


@runtime_checkable
class HistoryAtHand(Protocol):
    """A transport to a repository on this disk, whose commits can be read without asking for them."""

    def history(self) -> History | None:
        """Return the graph of its commits, good until `close`; None if it isn't at hand after all.

        Raises RepositoryError, CorruptData.
        """
        ...
