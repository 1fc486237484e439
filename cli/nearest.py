"""Which known words come close to one that isn't known: what a message may propose.

--dry-rn   ->  --dry-run
--mirror   ->  nothing: what is nearest would delete, force or widen, and is never proposed
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["did_you_mean", "harmless", "nearest"]

_GRAVE = frozenset(
    {
        # These delete or overwrite,
        *("prune", "prune-limit", "force-with-lease", "force-blind", "replicate", "unpack-objects"),
        # these take in more than was asked for,
        *("all-refs", "tags", "include-ref-prefix", "include-pull-refs", "lfs-all", "export-all", "heads"),
        *("allow-empty-source", "all", "map"),
        # and these trust, or let in, more than before.
        *("source-insecure-skip-tls-verify", "target-insecure-skip-tls-verify", "allow-insecure-auth"),
        *("allow-push", "max-refs"),
    }
)
"""Options, keys and commands that no message proposes, without their dashes."""


_CLOSE = 0.72
"""Of words that share less, one is seldom meant for the other: --mirror for --record."""


def harmless(words: Sequence[str]) -> list[str]:
    """Return those of some words, the closest first, that a message may propose: none if the first may not.

    >>> harmless(["--dry-run", "--prune"]), harmless(["--prune", "--dry-run"])
    (['--dry-run'], [])
    """
    if words and words[0].lstrip("-") in _GRAVE:
        return []
    return [word for word in words if word.lstrip("-") not in _GRAVE]


def nearest(word: str, known: Iterable[str], *, count: int = 3) -> list[str]:
    """Return the known words that come close, the closest first, and none that is grave."""
    from difflib import SequenceMatcher, get_close_matches

    near = harmless(get_close_matches(word, known, n=3))
    return [each for each in near if SequenceMatcher(None, word, each).ratio() >= _CLOSE][:count]


def did_you_mean(words: Iterable[str]) -> str:
    """Return the end of a message that proposes words; nothing where there are none."""
    found = " or ".join(words)
    return f"; did you mean {found}?" if found else ""
