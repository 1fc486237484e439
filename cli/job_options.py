"""--jobs: how many processes work.

SEARCH_JOBS       search for deltas             part of `selection_options`
jobs_options      the same, one by default      bench
check_jobs(…)     check packs                   fsck index-pack verify-pack
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cli.command import FunctionT, group, option

if TYPE_CHECKING:
    from collections.abc import Callable


__all__ = ["SEARCH_JOBS", "check_jobs", "jobs_options", "process_count"]

PACKING = "Making the pack"


def _jobs_option(section: str, text: str, default: int | None = None) -> Callable[[FunctionT], FunctionT]:
    return option(
        "--jobs",
        type=click.IntRange(0, 256),
        default=default,
        section=section,
        metavar="N",
        help=text,
    )


SEARCH_JOBS = _jobs_option(
    PACKING,
    "Search with N processes; 0 means one per CPU. The pack is the same for any N. Default: one per CPU if "
    "the work is worth it and memory allows.",
)
_BENCH_JOBS = _jobs_option(
    PACKING, "Search with N processes; 0 means one per CPU. The pack is the same for any N. Default: 1.", 1
)


def process_count(jobs: int | None) -> int | None:
    """Return how many processes work; 0 means one per CPU that this process may use."""
    if jobs != 0:
        return jobs
    from packcore.processes import cpu_count

    return cpu_count()


jobs_options = group("jobs", process_count, _BENCH_JOBS)


def check_jobs(section: str) -> Callable[[FunctionT], FunctionT]:
    """Add --jobs for a check of packs; the function gets `jobs`."""
    text = (
        "Work with N processes; 0 means one per CPU. The result is the same for any N. Default: one per CPU "
        "if a pack is worth it and memory allows."
    )
    return group("jobs", process_count, _jobs_option(section, text))
