"""What several tests note of a sync, in the same words: its memory, its pack, the gaps on the wire."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.e2e.command import Outcome
    from tests.e2e.recorder import Exchange

    Figures = Callable[[str, object], None]

__all__ = ["note_gaps", "note_pack", "note_peak"]


def note_peak(figures: Figures, outcome: Outcome, *, megabytes_max: int) -> None:
    """Note the peak memory of a run, and hold it to its goal."""
    figures("peak memory:", f"{outcome.peak_bytes / 1e6:.0f} MB (goal: below {megabytes_max})")
    assert outcome.peak_bytes < megabytes_max * 1_000_000


def note_pack(figures: Figures, pack: dict[str, Any]) -> None:
    """Note the size of the pack that was sent, and how long it took, from a run's `--json`."""
    figures("pack:", f"{pack['bytes']:,} bytes in {pack['objects']:,} objects")
    figures("deltas, reused:", f"{pack['deltas']:,}, {pack['reused']:,}")
    figures("selected, written in:", f"{pack['selectSeconds']:.2f} s, {pack['writeSeconds']:.2f} s")
    figures(
        "first byte, longest gap:", f"{pack['firstByteSeconds']:.4f} s, {pack['longestGapSeconds']:.4f} s"
    )


def note_gaps(figures: Figures, post: Exchange) -> None:
    """Note when the body of a push came, and what was between its pieces, as seen on the wire."""
    figures("request line to first body byte, on the wire:", f"{post.first_body_seconds() * 1000:.1f} ms")
    figures("longest gap between body pieces, on the wire:", f"{post.longest_gap_seconds() * 1000:.1f} ms")
    figures("of it, waiting for packcore:", f"{post.longest_wait * 1000:.1f} ms")
