"""The kept inputs: `corpus/TARGET/` reaches what seeds don't, `reproducers/TARGET/` holds what once broke."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from tests.fuzz.target import FOLDER

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["CORPUS", "REPRODUCERS", "keep", "kept", "starting_inputs"]

CORPUS = FOLDER / "corpus"
REPRODUCERS = FOLDER / "reproducers"


def kept(folder: Path, name: str) -> list[Path]:
    """Return the files of a target, sorted by name."""
    return sorted(path for path in (folder / name).glob("*") if path.is_file())


def keep(folder: Path, data: bytes, prefix: str = "") -> Path:
    """Write an input to a folder, named by its digest."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{prefix}{hashlib.sha256(data).hexdigest()[:12]}"
    path.write_bytes(data)
    return path


def starting_inputs(name: str, seeds: list[bytes]) -> list[bytes]:
    """Return all that a target's run starts from."""
    files = kept(CORPUS, name) + kept(REPRODUCERS, name)
    return [*seeds, *(path.read_bytes() for path in files)]
