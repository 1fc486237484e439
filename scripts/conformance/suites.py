"""What is run (`suites.toml`), and why a test fails if we know (`reasons.toml`)."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = [
    "ConformanceError",
    "Family",
    "Reason",
    "load_families",
    "load_reasons",
    "pick",
    "reason_for",
    "stale_reasons",
]

_HERE = Path(__file__).parent


class ConformanceError(Exception):
    """What was asked for can't be done; the message says why."""


@dataclass(frozen=True, slots=True)
class Family:
    """Commands of git that packcore takes the place of, and the scripts of git's suite about them."""

    name: str
    about: str
    commands: tuple[str, ...]
    scripts: tuple[str, ...]
    inside: bool = False
    """Whether git's own calls of the commands are answered too, not only those of the scripts."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why some tests of a script fail with packcore."""

    family: str
    script: str
    tests: frozenset[str]
    why: str


def load_families(path: Path = _HERE / "suites.toml") -> list[Family]:
    """Read the families. Raises ConformanceError for one that lacks a key."""
    read: Mapping[str, Mapping[str, Any]] = tomllib.loads(path.read_text())["git"]
    try:
        return [
            Family(
                name,
                keys["about"],
                tuple(keys["commands"]),
                tuple(keys["scripts"]),
                inside=keys.get("inside", False),
            )
            for name, keys in read.items()
        ]
    except KeyError as missing:
        raise ConformanceError(f"{path}: a family lacks {missing}") from missing


def load_reasons(path: Path = _HERE / "reasons.toml") -> list[Reason]:
    """Read the reasons: `[[FAMILY.SCRIPT]]` with `tests` (numbers, ranges "7-9", or names) and `why`."""
    read: Mapping[str, Mapping[str, Sequence[Mapping[str, Any]]]] = tomllib.loads(path.read_text())
    return [
        Reason(family, script, frozenset(_numbers(entry["tests"])), entry["why"])
        for family, scripts in read.items()
        for script, entries in scripts.items()
        for entry in entries
    ]


def reason_for(reasons: Iterable[Reason], family: str, script: str, test: str) -> str:
    """Return why a test fails, or "" if no reason is known. `t5300` names a script by its number."""
    about = (reason for reason in reasons if _is_about(reason, family, script))
    return next((reason.why for reason in about if test in reason.tests), "")


def stale_reasons(reasons: Iterable[Reason], family: str, script: str, passed: Iterable[str]) -> list[str]:
    """Return those of the tests that passed which have a reason to fail."""
    known = {test for reason in reasons if _is_about(reason, family, script) for test in reason.tests}
    return sorted(known.intersection(passed), key=lambda name: (len(name), name))


def _is_about(reason: Reason, family: str, script: str) -> bool:
    return reason.family == family and reason.script in {script, script.partition("-")[0]}


def pick(names: Iterable[str], patterns: str) -> list[str]:
    """Return the names that match one of the patterns, which commas separate; without patterns, all names.

    `t5300` matches `t5300-pack-object`. Raises ConformanceError for a pattern that matches nothing.
    """
    names = list(names)
    if not patterns:
        return names
    wanted: set[str] = set()
    for pattern in patterns.split(","):
        found = {name for name in names if fnmatch(name, pattern) or name.startswith(f"{pattern}-")}
        if not found:
            raise ConformanceError(f"nothing is named {pattern}; --list shows what there is")
        wanted |= found
    return [name for name in names if name in wanted]


def _numbers(entries: Iterable[int | str]) -> Iterable[str]:
    for entry in entries:
        first, dash, last = str(entry).partition("-")
        if dash and first.isdecimal() and last.isdecimal():
            yield from map(str, range(int(first), int(last) + 1))
        else:
            yield str(entry)
