"""What a fuzz target is, and the one law that each must keep.

A target hands bytes from outside to one reader. The reader returns or raises PackcoreError, or what `also`
lists (click's UsageError for the texts of options). Anything else that it raises is a finding. So is an
AssertionError of the target itself, which says that two ways to read the same bytes disagree.

    @target(seeds=lambda: [b"[core]\n\tbare = true\n"], shape=LINES)
    def config(data: bytes) -> None:
        GitConfig.parse(data.decode("utf-8", "surrogateescape")).keys()
"""

from __future__ import annotations

import importlib
import pkgutil
import tempfile
import zlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from packcore.errors import LimitExceeded, PackcoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tests.fuzz.shapes import Shape

__all__ = [
    "FOLDER",
    "Target",
    "agree",
    "all_targets",
    "any_of",
    "obey",
    "outcome",
    "pieces",
    "scratch",
    "target",
]

FOLDER = Path(__file__).resolve().parent

_TARGETS: dict[str, Target] = {}


@dataclass(frozen=True, slots=True)
class Target:
    """One reader under test."""

    name: str
    run: Callable[[bytes], object]
    seeds: Callable[[], Iterable[bytes]]
    """Valid inputs, made from real bytes: each must be accepted, so that mutations start from inside."""
    shape: Shape | None
    """How to take an input apart and put it together again with its lengths and checksums right."""
    words: tuple[bytes, ...]
    """What the format is made of; the mutator inserts these."""
    also: tuple[type[Exception], ...]
    """What may be raised beside PackcoreError."""
    bytes_max: int


def target(
    *,
    seeds: Callable[[], Iterable[bytes]],
    shape: Shape | None = None,
    words: Iterable[bytes] = (),
    also: tuple[type[Exception], ...] = (),
    bytes_max: int = 2048,
) -> Callable[[Callable[[bytes], object]], Callable[[bytes], object]]:
    """Register the decorated function as a target, under its name with hyphens."""

    def register(run: Callable[[bytes], object]) -> Callable[[bytes], object]:
        name = run.__name__.replace("_", "-")
        assert name not in _TARGETS, f"two targets are called {name}"
        _TARGETS[name] = Target(name, run, seeds, shape, tuple(words), also, bytes_max)
        return run

    return register


def all_targets() -> dict[str, Target]:
    """Import every module below `targets`, and return the targets by name."""
    for module in pkgutil.iter_modules([str(FOLDER / "targets")]):
        importlib.import_module(f"tests.fuzz.targets.{module.name}")
    return dict(sorted(_TARGETS.items()))


def obey(one: Target, data: bytes) -> bool:
    """Run a target under the law; return whether the reader accepted the bytes. A finding is raised."""
    try:
        one.run(data)
    except PackcoreError:
        return False
    except Exception as error:
        if isinstance(error, one.also):
            return False
        raise
    return True


def outcome(read: Callable[[], object]) -> tuple[str, object]:
    """Return what a reader returned, or the kind of PackcoreError that it raised."""
    try:
        return "returned", read()
    except PackcoreError as error:
        return "raised", type(error).__name__


def agree(*reads: Callable[[], object]) -> None:
    """Read the same bytes in several ways, which must agree; then let their common error pass on."""
    first, *others = [outcome(read) for read in reads]
    for other in others:
        # One way may reach a limit before it comes to a fault that another finds first.
        limited = LimitExceeded.__name__ in (first[1], other[1]) and first[0] == other[0]
        assert other == first or limited, f"{other!r:.500} is not {first!r:.500}"
    if first[0] == "raised":
        reads[0]()


def any_of(*reads: Callable[[], object]) -> None:
    """Read bytes that may be one of several things; let the last error pass on if they are none."""
    if all(kind == "raised" for kind, _ in [outcome(read) for read in reads]):
        reads[-1]()


def pieces(data: bytes) -> Iterator[bytes]:
    """Yield the bytes as a slow peer sends them: of one input in sixteen one at a time, else in three pieces.

    Where they are cut depends on the bytes alone, so that each finding can be had again.
    """
    chance = zlib.crc32(data)
    if chance % 16 == 0:
        yield from (data[at : at + 1] for at in range(len(data)))
        return
    first, second = sorted(((chance >> 4) % (len(data) + 1), (chance >> 16) % (len(data) + 1)))
    yield from (data[:first], data[first:second], data[second:])


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="packcore-fuzz-")


def scratch(name: str) -> Path:
    """Return a path for a file of this process, in a folder that is there until the process ends."""
    path = Path(_folder().name, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    return path
