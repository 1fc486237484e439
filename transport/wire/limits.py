"""Bounds on what a peer may make us hold or read, in one value. Passing one is an `AnswerTooLarge`.

Each is far above what any server is known to send, and far below what would hurt. A ref that is listed costs
`REF_BYTES` and its name; `listing_bytes` is what a whole listing may cost, so memory has a bound whatever the
names are. What one answer may take in time is another matter: `transport.schemes.patience`.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["REF_BYTES", "WireLimits"]

_KIB = 1024
_MIB = 1024 * _KIB

REF_BYTES = 200
"""Memory of one listed ref beside its name: an id, two objects' overhead, an entry of a growing dict."""


@dataclass(frozen=True, slots=True)
class WireLimits:
    """Bounds of one conversation. Immutable; make a changed copy with `dataclasses.replace`."""

    advertisement_bytes: int = 256 * _MIB
    """An advertisement or an ls-refs answer, framing included."""
    refs: int = 1_000_000
    """Lines of an advertisement or an ls-refs answer."""
    listing_bytes: int = 256 * _MIB
    """Memory that the refs of one listing may take, by the reckoning of `REF_BYTES`."""
    metadata_lines: int = 64
    """Lines beside `# service=` that are skipped, and lines of a v2 capability advertisement."""
    acknowledgments: int = 200_000
    """ACK and NAK lines, and shallow and unshallow lines, of one fetch answer."""
    progress_line_bytes: int = 4 * _KIB
    """A longer progress line is delivered in parts."""
    progress_bytes: int = 2 * _MIB
    """Progress text of one answer that is shown; the rest is read and dropped."""
    progress_bytes_read: int = 16 * _MIB
    """Progress text of one answer, shown or not."""
    packets_without_data: int = 100_000
    """Packets of progress and keep-alives in a row: with git's one a second, more than a day."""
    report_bytes: int = 64 * _MIB
    """A receive-pack status report."""
    warnings: int = 100
    """Oddities that are kept for the user; the rest is counted."""
