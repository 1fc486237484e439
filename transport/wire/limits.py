"""Bounds on what a peer may make us hold or read, in one value. Passing one is an `AnswerTooLarge`.

Each is far above what servers usually send, and far below what would hurt. A ref that is listed costs
`REF_BYTES` and its name; `listing_bytes` is what a whole listing may cost, so memory has a bound whatever the
names are. The bounds of a listing follow from the number of refs, which the user can set. What one answer may
take in time is another matter: `transport.schemes.patience`.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["REFS_MAX", "REF_BYTES", "WireLimits"]

_KIB = 1024
_MIB = 1024 * _KIB

REF_BYTES = 160
"""Memory of one listed ref beside its name: an id, two objects' overhead, an entry of a growing dict."""

REFS_MAX = 250_000
"""Lines of a listing unless the user sets `--max-refs`: read in about a second, kept in less than 64 MiB. The
branches and tags of the largest known projects are a third of that; with their pull requests, several forges
hold more."""

_NAME_BYTES = 72
_LINE_BYTES = 256
_LISTING_BYTES_MIN = _MIB
"""Room for one ref with the longest name that a line can hold, whatever the number of refs."""


@dataclass(frozen=True, slots=True)
class WireLimits:
    """Bounds of one conversation. Immutable; make a changed copy with `dataclasses.replace`."""

    advertisement_bytes: int = REFS_MAX * _LINE_BYTES
    """An advertisement or an ls-refs answer, framing included."""
    refs: int = REFS_MAX
    """Lines of an advertisement or an ls-refs answer."""
    listing_bytes: int = REFS_MAX * (REF_BYTES + _NAME_BYTES)
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

    @classmethod
    def of_refs(cls, count: int) -> WireLimits:
        """Return the bounds with room for `count` lines of refs, of usual length on average."""
        return cls(
            refs=count,
            listing_bytes=max(_LISTING_BYTES_MIN, count * (REF_BYTES + _NAME_BYTES)),
            advertisement_bytes=max(_LISTING_BYTES_MIN, count * _LINE_BYTES),
        )
