"""Limits on what a peer may make us store or read, in one value. Exceeding one raises `AnswerTooLarge`.

Each is far above what servers usually send, and far below what would hurt. A listed ref costs `REF_BYTES`
plus its name, and `listing_bytes` bounds the cost of a whole listing, so memory is bounded whatever the names
are. The limits of a listing are derived from the number of refs, which the user can set.
`transport.schemes.patience` limits the time that an answer may take.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["REFS_MAX", "REF_BYTES", "WireLimits"]

_KIB = 1024
_MIB = 1024 * _KIB

REF_BYTES = 160
"""Memory for one listed ref besides its name: an id, two object headers, an entry of a growing dict."""

REFS_MAX = 250_000
"""The most lines in a listing unless the user sets `--max-refs`: read in about a second, stored in less than
64 MiB. The branches and tags of the largest known projects are a third of that; with pull requests, several
forges have more."""

_NAME_BYTES = 72
_LINE_BYTES = 256
_LISTING_BYTES_MIN = _MIB
"""Room for one ref with the longest name that fits in a line, however few refs are allowed."""


@dataclass(frozen=True, slots=True)
class WireLimits:
    """The limits of one conversation. Immutable; make a changed copy with `dataclasses.replace`."""

    advertisement_bytes: int = REFS_MAX * _LINE_BYTES
    """Bytes of an advertisement or an ls-refs answer, including framing."""
    refs: int = REFS_MAX
    """Lines of an advertisement or an ls-refs answer."""
    listing_bytes: int = REFS_MAX * (REF_BYTES + _NAME_BYTES)
    """Memory for the refs of one listing, as estimated with `REF_BYTES`."""
    metadata_lines: int = 64
    """Lines besides `# service=` that are skipped, and lines of a v2 capability advertisement."""
    acknowledgments: int = 200_000
    """ACK and NAK lines, and shallow and unshallow lines, of one fetch answer."""
    progress_line_bytes: int = 4 * _KIB
    """A longer progress line is delivered in parts."""
    progress_bytes: int = 2 * _MIB
    """Bytes of progress text of one answer that are shown; the rest is read and dropped."""
    progress_bytes_read: int = 16 * _MIB
    """Bytes of progress text of one answer, shown or not."""
    packets_without_data: int = 100_000
    """Packets of progress and keep-alives in a row: at git's rate of one per second, more than a day."""
    report_bytes: int = 64 * _MIB
    """Bytes of a receive-pack status report."""
    warnings: int = 100
    """Warnings that are kept for the user; the rest is only counted."""

    @classmethod
    def of_refs(cls, count: int) -> WireLimits:
        """Return limits with room for `count` lines of refs of usual average length."""
        return cls(
            refs=count,
            listing_bytes=max(_LISTING_BYTES_MIN, count * (REF_BYTES + _NAME_BYTES)),
            advertisement_bytes=max(_LISTING_BYTES_MIN, count * _LINE_BYTES),
        )
