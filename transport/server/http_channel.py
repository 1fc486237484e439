"""What an answer needs of the connection that it goes out on, whoever speaks HTTP there.

server.http_connection    a socket of our own
server.wsgi               a WSGI server
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["HttpChannel"]


class HttpChannel(Protocol):
    """One request's way in and out. Reading and writing raise OSError where it breaks."""

    gives_way: bool
    """Whether it may be closed for another's sake while it waits for bytes of its client."""
    deadline: float
    """On the monotonic clock: when the request must have ended."""
    idle_seconds: float
    """A bound on each silence, where the channel knows of them."""

    def body(self) -> Iterator[bytes]:
        """Yield the body, or what is left of it. Raises HttpFault if it is cut short or broken."""

    def read_rest(self) -> None:
        """Take what the client still sends."""

    def respond(self, status: int, headers: Sequence[tuple[str, str]]) -> None:
        """Send an answer's head."""

    def write(self, data: bytes) -> None:
        """Send a part of the answer's body."""

    def end(self) -> None:
        """End the answer."""

    def close_after_this(self) -> None:
        """Take no further request."""
