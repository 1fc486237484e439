"""Bounds on what a peer may make us hold, in one value. Passing one is a `RemoteProtocolError`.

Each is far above what any server is known to send, and far below what would hurt.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["WireLimits"]

_KIB = 1024
_MIB = 1024 * _KIB


@dataclass(frozen=True, slots=True)
class WireLimits:
    """Bounds of one conversation. Immutable; make a changed copy with `dataclasses.replace`."""

    advertisement_bytes: int = 1024 * _MIB
    """An advertisement or an ls-refs answer, framing included."""
    refs: int = 4_000_000
    """Lines of an advertisement or an ls-refs answer."""
    metadata_lines: int = 64
    """Lines beside `# service=` that are skipped, and lines of a v2 capability advertisement."""
    acknowledgments: int = 200_000
    """ACK, shallow, unshallow and wanted-ref lines of one fetch answer."""
    progress_line_bytes: int = 4 * _KIB
    """A longer progress line is delivered in parts."""
    progress_bytes: int = 8 * _MIB
    """Progress text of one answer that is shown; the rest is read and dropped."""
    report_bytes: int = 64 * _MIB
    """A receive-pack status report."""
    warnings: int = 100
    """Oddities that are kept for the user; the rest is counted."""
