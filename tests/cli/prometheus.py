"""A strict reader of Prometheus' text format (0.0.4), as far as a file of samples may use it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

__all__ = ["Exposition", "parse"]

_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
_HELP = re.compile(rf"# HELP ({_NAME}) ((?:[^\\\n]|\\\\|\\n)+)\Z")
_TYPE = re.compile(rf"# TYPE ({_NAME}) (counter|gauge)\Z")
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(,|\Z)')
_SAMPLE = re.compile(rf"({_NAME})(?:\{{(.*)\}})? ([+-]?[0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?)\Z")
_ESCAPES = {r"\\": "\\", r"\"": '"', r"\n": "\n"}


@dataclass
class Exposition:
    """The samples of one file."""

    samples: dict[str, dict[frozenset[tuple[str, str]], float]] = field(default_factory=dict)

    def value(self, name: str, **labels: str) -> float:
        """Return the only sample of that name which has these labels, whatever else it has."""
        (value,) = self.values(name, **labels)
        return value

    def values(self, name: str, **labels: str) -> list[float]:
        found = self.samples.get(name, {})
        return [value for names, value in found.items() if set(labels.items()) <= names]


def parse(text: str) -> Exposition:
    """Read a file. Each family has HELP, TYPE and its samples in one group; no series is there twice."""
    assert text.endswith("\n")
    found = Exposition()
    helped, typed = "", ""
    for line in text.removesuffix("\n").split("\n"):
        if match := _HELP.match(line):
            assert helped == typed, f"{helped} has no TYPE"
            helped = match[1]
            assert helped not in found.samples, f"{helped} is told twice"
        elif match := _TYPE.match(line):
            typed = match[1]
            assert typed == helped, f"TYPE of {typed} does not follow its HELP"
            found.samples[typed] = {}
        else:
            match = _SAMPLE.match(line)
            assert match, f"no sample: {line!r}"
            assert match[1] == typed, f"{match[1]} is outside its group"
            labels = _labels(match[2] or "")
            assert labels not in found.samples[typed], f"twice: {line}"
            found.samples[typed][labels] = float(match[3])
    assert all(found.samples.values()), "a family has no sample"
    return found


def _labels(text: str) -> frozenset[tuple[str, str]]:
    labels: dict[str, str] = {}
    at = 0
    while at < len(text):
        match = _LABEL.match(text, at)
        assert match, f"no label: {text[at:]!r}"
        assert match[1] not in labels
        labels[match[1]] = re.sub(r"\\.", lambda escape: _ESCAPES[escape[0]], match[2])
        at = match.end()
    return frozenset(labels.items())
