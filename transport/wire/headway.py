"""How far an answer has come, counted by the parsers that read it. Knows no clock.

    payload     whole lines of a list, acknowledgments, pack bytes (band 1), the report on a push
    pending     the received part of a side-band packet of pack data that is still incomplete
    news        progress that advances (band 2), the head of an HTTP answer
    nothing     keep-alives, repeated progress, framing, empty members, interim answers

The transport that waits for the bytes compares two readings: if neither `total` nor `news` grows, the answer
has stalled, however many bytes arrive (`transport.schemes.patience`).
"""

from __future__ import annotations

__all__ = ["Headway"]


class Headway:
    """Counters for one answer; all but `pending_bytes` only grow."""

    __slots__ = ("news", "payload_bytes", "pending_bytes")

    def __init__(self) -> None:
        self.payload_bytes = 0
        self.pending_bytes = 0
        self.news = 0

    @property
    def total(self) -> int:
        """The bytes of payload, including incomplete packets."""
        return self.payload_bytes + self.pending_bytes

    def bring(self, size: int) -> None:
        """Count bytes of payload."""
        self.payload_bytes += size

    def tell(self) -> None:
        """Count a sign that the remote makes progress, although there is no payload yet."""
        self.news += 1
