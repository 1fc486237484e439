"""Keeps of a grown corpus the few small inputs that run lines of ours which nothing smaller runs."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from tests.fuzz.corpus import CORPUS, keep, kept
from tests.fuzz.target import FOLDER, obey

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.fuzz.target import Target

__all__ = ["minimise"]

KEPT_BYTES_MAX = 8 * 1024
"""Of one target."""
INPUT_BYTES_MAX = 2048
_OURS = tuple(str(FOLDER.parent.parent / name) for name in ("packcore", "transport", "cli"))
Lines = set[tuple[str, int, int]]


def lines_run(run: Callable[[], object]) -> Lines:
    """Run, and return the steps from line to line of our own files."""
    found: Lines = set()

    def enter(frame: Any, event: str, argument: Any) -> Any:
        name = frame.f_code.co_filename
        if not name.startswith(_OURS):
            return None
        last = 0

        def step(frame: Any, event: str, argument: Any) -> Any:
            nonlocal last
            if event == "line":
                found.add((name, last, frame.f_lineno))
                last = frame.f_lineno
            return step

        return step

    before = sys.gettrace()
    sys.settrace(enter)
    try:
        run()
    finally:
        sys.settrace(before)
    return found


def minimise(one: Target, grown: Path) -> None:
    """Rewrite the kept corpus of a target from itself and a grown one. Inputs with findings are left out."""
    seen: Lines = set()
    for seed in one.seeds():
        seen |= _reached(one, seed)
    paths = [*kept(CORPUS, one.name), *(grown.glob("*") if grown.is_dir() else ())]
    inputs = sorted({path.read_bytes() for path in paths}, key=lambda data: (len(data), data))
    chosen, size = [], 0
    for data in inputs:
        new = _reached(one, data) - seen if len(data) <= INPUT_BYTES_MAX else set()
        if new and size + len(data) <= KEPT_BYTES_MAX:
            seen |= new
            size += len(data)
            chosen.append(data)
    for path in kept(CORPUS, one.name):
        path.unlink()
    for data in chosen:
        keep(CORPUS / one.name, data)


def _reached(one: Target, data: bytes) -> Lines:
    def run() -> None:
        try:
            obey(one, data)
        except Exception:  # a finding: its place is among the reproducers
            lost.append(data)

    lost: list[bytes] = []
    found = lines_run(run)
    return set() if lost else found
