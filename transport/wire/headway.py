"""What an answer has brought so far, counted by the parsers that read it. Knows no clock.

    payload     whole lines of a list, acknowledgments, pack bytes (band 1), a push's report
    pending     the part of a side-band packet of pack data that has come, before the packet is whole
    news        progress that moves on (band 2), the head of an HTTP answer
    nothing     keep-alives, repeated progress, framing, empty members, interim answers

The transport that waits for the bytes compares two readings: if `total` and `news` stand still, so does the
answer, however many bytes arrive (`transport.schemes.patience`).
"""

from __future__ import annotations

__all__ = ["Headway"]


class Headway:
    """Counters of one answer; they only grow, apart from `pending_bytes`."""

    __slots__ = ("news", "payload_bytes", "pending_bytes")

    def __init__(self) -> None:
        self.payload_bytes = 0
        self.pending_bytes = 0
        self.news = 0

    @property
    def total(self) -> int:
        """Bytes of payload, whole packets or not."""
        return self.payload_bytes + self.pending_bytes

    def bring(self, size: int) -> None:
        """Count bytes of payload."""
        self.payload_bytes += size

    def tell(self) -> None:
        """Count a sign that the remote gets on, though it brings no payload yet."""
        self.news += 1
