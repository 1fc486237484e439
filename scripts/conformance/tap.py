"""What a script of git's test suite prints (TAP, with -v), as tests; and the calls of a stand-in, by test.

    expecting success of 5300.7 'unpack works':     the test begins
    ok 7 - unpack works                             passed
    not ok 7 - unpack works                         failed
    ok 7 # skip unpack works (missing SANITY)       did not run
    not ok 7 - unpack works # TODO known breakage   expected to fail: tells nothing about us

A stand-in notes how long the output was when it was called: it belongs to the last test begun before.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["Call", "Outcome", "Test", "by_test", "read_output"]

_BEGINS = re.compile(rb"^(?:expecting success|checking known breakage) of \d+\.(\d+) ", re.MULTILINE)
_RESULT = re.compile(r"(?:\A|\S)(not )?ok (\d+)(?: - (.*?))?( # (?:skip|TODO).*)?\Z")
"""Behind other text, too: a program's last line may lack its end."""


@dataclass(frozen=True, slots=True)
class Test:
    """One test of a script; `counts` is False for one that was skipped or is known to fail."""

    number: int
    title: str
    passed: bool
    counts: bool = True


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a stand-in: what was asked, the options that packcore doesn't offer, the exit code."""

    at: int
    """Bytes of the script's output when it was called."""
    arguments: tuple[str, ...]
    not_offered: tuple[str, ...] = ()
    exit_code: int = 0


@dataclass(slots=True)
class Outcome:
    """What a script printed: its tests by number, where each begins, and whether it came to its end."""

    tests: dict[int, Test] = field(default_factory=dict)
    begins: list[tuple[int, int]] = field(default_factory=list)
    complete: bool = False

    @property
    def passed(self) -> set[int]:
        """Return the numbers of the tests that passed."""
        return {test.number for test in self.tests.values() if test.passed and test.counts}


def read_output(output: bytes) -> Outcome:
    """Read what a script printed. A line is a result only if its number is the next one: tests print too."""
    outcome = Outcome(begins=[(found.start(), int(found[1])) for found in _BEGINS.finditer(output)])
    for line in output.decode(errors="replace").splitlines():
        if line.startswith("1.."):
            outcome.complete = True
        found = _RESULT.search(line)
        if found is None or int(found[2]) != len(outcome.tests) + 1:
            continue
        note = found[4] or ""
        test = Test(int(found[2]), found[3] or note[3:], passed=not found[1], counts=not note)
        outcome.tests[test.number] = test
    return outcome


def by_test(outcome: Outcome, calls: Iterable[Call]) -> Mapping[int, list[Call]]:
    """Return the calls of each test; those before the first test are under 0."""
    starts = [at for at, _ in outcome.begins]
    found: dict[int, list[Call]] = {}
    for call in calls:
        place = bisect_right(starts, call.at)
        found.setdefault(outcome.begins[place - 1][1] if place else 0, []).append(call)
    return found
