"""How long an answer may arrive without progress: the clock behind `--stall-timeout`.

    no bytes                    idle timeout     in the stream
    bytes, but no payload       stall timeout    here

Only time spent waiting for the remote counts, not a slow reader or a body that takes time to produce. The
clock restarts when payload arrives at `BYTES_PER_SECOND_MIN` or more, and when there is news
(`transport.wire.headway`). News alone can't delay the end forever: see `NEWS_SECONDS_MAX`.

While a body is sent, the bytes that the remote accepts count as payload: a silent remote that reads doesn't
stall.

>>> patience = Patience(60.0)
>>> patience.wait(50.0), patience.wait(20.0)
(True, False)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transport.wire.headway import Headway

__all__ = ["BYTES_PER_SECOND_MIN", "NEWS_SECONDS_MAX", "Patience"]

BYTES_PER_SECOND_MIN = 8
"""A lower rate of payload doesn't count: a modem of 1962 was faster, and one byte per second never ends."""

NEWS_SECONDS_MAX = 6 * 3600.0
"""The longest wait for payload, whatever progress is reported: longer than git takes to repack the largest
known repositories."""


class Patience:
    """Adds up the waiting time of one exchange. `seconds` is the stall timeout, `side` is for messages."""

    def __init__(self, seconds: float, *, side: str = "") -> None:
        self.seconds = seconds
        self.side = side
        self._headway: Headway | None = None
        self._waited = 0.0
        self._waited_on_news = 0.0
        self._mark = 0
        self._news = 0

    @property
    def left(self) -> float:
        """The seconds of waiting that are left."""
        return max(0.0, self.seconds - self._waited)

    def follow(self, headway: Headway | None) -> None:
        """Begin an exchange. The reader of its answer counts `headway`; None means that every byte counts."""
        self._headway = headway
        self._mark = 0
        self._news = 0
        self._waited_on_news = 0.0
        self.restart()

    def restart(self) -> None:
        """Begin a part of the exchange, such as the answer after the request."""
        self._waited = 0.0

    def wait(self, seconds: float, *, sent: int = 0, received: int = 0) -> bool:
        """Add time spent waiting; return whether there is patience left.

        `sent` and `received` are the byte counts of the connection so far.
        """
        headway = self._headway
        total = sent + (received if headway is None else headway.total)
        news = 0 if headway is None else headway.news
        if total - self._mark >= max(1.0, BYTES_PER_SECOND_MIN * self.seconds):
            self._waited_on_news = 0.0
            self._goes_on(total, news)
        elif news > self._news and self._waited_on_news <= max(NEWS_SECONDS_MAX, self.seconds):
            self._goes_on(total, news)
        self._waited += seconds
        self._waited_on_news += seconds
        return self._waited < self.seconds

    def _goes_on(self, total: int, news: int) -> None:
        self._mark = total
        self._news = news
        self._waited = 0.0
