"""What one request may cost before it is answered, in one place, and the count that is kept while it is read.

A request of a few bytes can unpack to millions of lines, and each line asks for a lookup, or for an object
that is kept. So nothing is kept twice, ids that aren't here are not kept at all, and these bounds hold. Each
is far above what git sends. Passing one is a `BadRequest`.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from transport.errors import RemoteProtocolError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["BadRequest", "Budget", "RequestLimits"]

_KIB = 1024
_MIB = 1024 * _KIB
_CLOCK_EVERY = 1024
"""Lines between two looks at the clock."""


class BadRequest(RemoteProtocolError):
    """A client asks for what it must not, or in a way that isn't the protocol; it is told the text."""


@dataclass(frozen=True, slots=True)
class RequestLimits:
    """Bounds of one request. Immutable; make a changed copy with `dataclasses.replace`."""

    fetch_bytes: int = 64 * _MIB
    """A fetch's request, unpacked: more than a million wants and haves."""
    lines: int = 1_500_000
    """Lines of a fetch's request."""
    repeated_lines: int = 10_000
    """Lines of a fetch's request that say what another one said. git sends none."""
    absent_ids: int = 200_000
    """Ids in a fetch's request that aren't here. git's largest request names a tenth of its commits."""
    cpu_seconds: float = 5
    """CPU time for reading a request and looking up what it names."""
    ref_prefixes: int = 65_536
    """Distinct prefixes of an ls-refs. With more, all refs are listed, as git does."""
    ref_prefix_bytes: int = 4 * _MIB
    """Those prefixes together."""
    push_commands: int = 200_000
    """Ref updates of one push, and as many cut points of the client."""
    push_bytes: int = 32 * _MIB
    """All that comes before a push's pack."""
    push_options: int = 1000
    """Push options of one push; git sets no bound."""
    push_option_bytes: int = 64 * _KIB
    """All push options together. A hook gets them in its environment, which has a bound as well."""


@dataclass(slots=True)
class Budget:
    """What one request has used up. The clock is CPU time, of the thread that reads."""

    limits: RequestLimits = field(default_factory=RequestLimits)
    clock: Callable[[], float] = time.thread_time
    lines: int = 0
    repeated_lines: int = 0
    absent_ids: int = 0
    _began: float = field(init=False)

    def __post_init__(self) -> None:
        """Start the clock."""
        self._began = self.clock()

    def line(self) -> None:
        """Count a line. Raises BadRequest if it is one too many, or if reading took too much time."""
        self.lines += 1
        if self.lines > self.limits.lines:
            raise BadRequest("too many lines")
        if not self.lines % _CLOCK_EVERY and self.clock() - self._began > self.limits.cpu_seconds:
            raise BadRequest("this request takes too much work")

    def repeated(self) -> None:
        """Count a line that says what another one said. Raises BadRequest if it is one too many."""
        self.repeated_lines += 1
        if self.repeated_lines > self.limits.repeated_lines:
            raise BadRequest("too many lines that are equal")

    def absent(self) -> None:
        """Count an id that isn't here. Raises BadRequest if it is one too many."""
        self.absent_ids += 1
        if self.absent_ids > self.limits.absent_ids:
            raise BadRequest("too many ids of objects that aren't here")
