"""Reading a file of locks/: what is pinned, under which marker, and what requires it.

    click==8.5.1 ; sys_platform == 'linux' \\
        --hash=sha256:0123… \\
        --hash=sha256:4567…
        # via
        #   -c locks/dev.txt
        #   packcore (pyproject.toml)
"""

from __future__ import annotations

import re
from dataclasses import dataclass

PROJECT = "packcore"
_PIN = re.compile(r"^(?P<name>[a-z0-9.-]+)==(?P<version>[^ \\]+)(?: ; (?P<marker>[^\\\n]+))?", re.MULTILINE)
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")
_VIA = re.compile(r"^ +# +(?:via +)?(?P<who>[a-z0-9][a-z0-9.-]*)(?: \(pyproject\.toml.*\))?$", re.MULTILINE)


@dataclass(frozen=True)
class Pin:
    """One package that a lock pins."""

    name: str
    version: str
    marker: str
    """Where the pin holds, as an environment marker; empty: everywhere."""
    sha256: tuple[str, ...]
    """The hashes of its files: one of them is installed."""
    asked_for_by: tuple[str, ...]
    """Names of packages; PROJECT for what pyproject.toml asks for."""


def read_pins(text: str) -> list[Pin]:
    """Return the pins of a lock, in its order."""
    starts = [match.start() for match in _PIN.finditer(text)]
    return [_pin(text[start:end]) for start, end in zip(starts, [*starts[1:], len(text)], strict=True)]


def _pin(block: str) -> Pin:
    match = _PIN.match(block)
    assert match
    return Pin(
        name=match["name"],
        version=match["version"],
        marker=(match["marker"] or "").strip(),
        sha256=tuple(_HASH.findall(block)),
        asked_for_by=tuple(via["who"] for via in _VIA.finditer(block) if via["who"] != "via"),
    )
