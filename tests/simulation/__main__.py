"""`make simulate SEEDS=…`: run seeds, print the counts, and tell each failure so that it can be replayed.

SEEDS=2000        seeds 0 to 1999; a single number above 9999 is one seed, which is replayed
SEEDS=100-200     these
SEEDS=@12345      seed 12345 alone
"""

from __future__ import annotations

import os
import sys

from tests.simulation.campaign import Tally, campaign, explain

_TOLD_MAX = 3
_ALL_REACHED_FROM = 10_000
"""Of fewer runs it can't be asked that they meet everything."""


def main(arguments: list[str]) -> int:
    """Run the seeds of the first argument; return the exit code."""
    seeds = _seeds(arguments[0] if arguments else "2000")
    tally = Tally()
    for part in campaign(seeds, len(os.sched_getaffinity(0))):
        tally.join(part)
        if sys.stderr.isatty():
            print(
                f"\r{tally.runs:,} of {len(seeds):,} runs, {len(tally.failed)} failed",
                end="",
                file=sys.stderr,
            )
    print("\n".join(tally.table()))
    for seed in sorted(tally.failed)[:_TOLD_MAX]:
        print(f"\nseed {seed} fails; again: make simulate SEEDS=@{seed}")
        print("\n".join(explain(seed)))
    if len(tally.failed) > _TOLD_MAX:
        print(f"\nfailing seeds: {' '.join(map(str, sorted(tally.failed)))}")
    unreached = tally.unreached() if len(seeds) >= _ALL_REACHED_FROM else []
    if unreached:
        print(f"\nnever reached: {', '.join(unreached)}")
    return 1 if tally.failed or unreached else 0


def _seeds(text: str) -> range:
    if text.startswith("@"):
        return range(int(text[1:]), int(text[1:]) + 1)
    first, dash, last = text.partition("-")
    return range(int(first), int(last) + 1) if dash else range(int(first))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
