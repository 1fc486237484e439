"""Which known words come close to one that isn't known: what a message may propose.

--dry-rn   ->  --dry-run
--mirror   ->  nothing: what is nearest would delete, force or widen, and is never proposed
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["did_you_mean", "elsewhere", "harmless", "nearest"]

_ELSEWHERE = {
    "ls-remote": "ls-refs",
    "mirror": "sync",
    "pull": "fetch",
    "gc": "repack",
    "log": "rev-list",
    "show": "cat-file",
    "verify": "verify-pack",
    "ls-tree": "cat-file",
    "daemon": "serve",
}
"""Commands of git and of other programs, and what does the same here."""

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
    """Return the known words that come close, the closest first, and none that is grave.

    >>> nearest("--token", ["--source-token", "--target-token", "--tags"])
    ['--source-token', '--target-token']
    """
    from difflib import SequenceMatcher, get_close_matches

    known = list(known)
    near = harmless(get_close_matches(word, known, n=3))
    close = [each for each in near if SequenceMatcher(None, word, each).ratio() >= _CLOSE]
    if not close and word.startswith("--"):
        # An option that each side has for itself.
        close = harmless(sorted(each for each in known if each.endswith(word[1:]) and len(word) > 3))
    return close[:count]


def elsewhere(word: str) -> list[str]:
    """Return the command that does here what a command of git or of another program does."""
    return [_ELSEWHERE[word]] if word in _ELSEWHERE else []


def did_you_mean(words: Iterable[str]) -> str:
    """Return the end of a message that proposes words; nothing where there are none."""
    found = " or ".join(words)
    return f"; did you mean {found}?" if found else ""
